"""What the answers of Comprehend and of a guardrail mean for a text: pure parts, without a network."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from safelight.common.v1 import category_pb2, finding_pb2
from services.common import errors
from services.common.moderation import surest_where_they_overlap
from services.text_moderation.detectors.bedrock_guardrail import _place
from services.text_moderation.detectors.comprehend_classifier import category_of, is_known, scores
from services.text_moderation.detectors.comprehend_toxicity import CATEGORIES, ComprehendToxicity
from services.text_moderation.segments import Segment
from services.text_moderation.settings import Settings


def answer(member: str, **found: float) -> dict[str, Any]:
    return {member: [{"Name": name.replace("__", " "), "Score": score} for name, score in found.items()]}


def test_every_label_of_the_model_is_mapped() -> None:
    """botocore's model lists them, so a new one shows here."""
    model = botocore.session.get_session().get_service_model("comprehend")
    assert set(CATEGORIES) == set(model.shape_for("ToxicContentType").enum)


@pytest.mark.parametrize(
    ("label", "category", "known"),
    [
        ("Toxic", "toxicity", True),
        ("TOXIC", "toxicity", True),
        ("Not Toxic", None, True),
        ("not_toxic", None, True),
        ("NotToxic", None, True),
        ("non-toxic", None, True),
        ("safe", None, True),
        ("hate", "hate", True),
        ("Sexual-Explicit", "sexual_explicit", True),
        ("toxicity", "toxicity", True),
        ("unspecified", "toxicity", False),
        ("spam", "toxicity", False),
        ("", "toxicity", False),
    ],
)
def test_labels_mean_something_out_of_the_box(label: str, category: str | None, known: bool) -> None:
    """Two-class classifiers and those of category names need no setting; what is unknown counts."""
    assert (category_of(label, {}), is_known(label, {})) == (category, known)


def test_the_setting_wins() -> None:
    """Also over what a label would mean by itself."""
    labels = {"spam": None, "hate": "harassment"}
    assert (category_of("spam", labels), category_of("hate", labels), category_of("Hate", labels)) == (
        None,
        "harassment",
        "hate",
    )


def test_categories_of_the_setting_are_one_in_any_case() -> None:
    """Else the scores of two labels of one category would not add up."""
    labels = {"slur": "Hate", "dogwhistle": "hate", "fine": None}
    assert scores(answer("Classes", slur=0.5, dogwhistle=0.25, fine=0.25), labels) == {"hate": 0.75}


@pytest.mark.parametrize(
    ("match", "text", "expected"),
    [
        ("ass", "a massive ass", "ass"),
        ("ACME", "says Acme.", "Acme"),
        ("ann@example.org", "to ann@example.org!", "ann@example.org"),
        ("a.b", "axb a.b", "a.b"),
        ("bird", "bluebirds", "bird"),
        ("fish", "a bird", None),
    ],
)
def test_a_match_is_found_as_words_of_its_own_first(match: str, text: str, expected: str | None) -> None:
    """In any case of letters, and without what has a meaning in patterns."""
    place = _place(match, text)
    assert (text[slice(*place)] if place else None) == expected
    assert match != "ass" or place == (10, 13)


def test_two_classes() -> None:
    """The confidence is the toxic class's score."""
    assert scores(answer("Classes", Toxic=0.8, Not__Toxic=0.2), {}) == {"toxicity": 0.8}


def test_classes_of_one_category_add_up_and_labels_do_not() -> None:
    """A text has one class, and any number of labels."""
    labels = {"slur": "hate", "dogwhistle": "hate", "fine": None}
    assert scores(answer("Classes", slur=0.5, dogwhistle=0.25, fine=0.25), labels) == {"hate": 0.75}
    assert scores(answer("Labels", slur=0.5, dogwhistle=0.25, fine=0.25), labels) == {"hate": 0.5}


def test_a_text_that_is_unsafe_in_one_of_several_ways_is_unsafe() -> None:
    """Three classes of 0.3 each are no class for sure, and 0.9 that the text is not harmless."""
    found = scores(answer("Classes", hate=0.3125, insult=0.3125, violence=0.25, safe=0.125), {})
    assert found == {"hate": 0.3125, "insult": 0.3125, "violence": 0.25, "toxicity": 0.875}
    assert "toxicity" not in scores(answer("Labels", hate=0.3, insult=0.3, safe=0.1), {})


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"Classes": []},
        {"Labels": [{"Name": "hate"}]},
        {"Labels": [{"Score": 0.5}]},
        answer("Labels", hate=1.5),
        answer("Classes", hate=float("nan")),
        {"Classes": [{"Name": "hate", "Score": "sure"}]},
        {"Classes": [{"Name": "hate", "Score": [0.5]}]},
        {"Classes": [None]},
    ],
)
def test_an_answer_that_makes_no_sense_is_no_verdict(response: dict[str, Any]) -> None:
    """Nothing found is not the same as nothing there."""
    with pytest.raises(errors.ModelResponseInvalid):
        scores(response, {})


def test_a_label_of_comprehends_that_is_new_counts() -> None:
    """It is toxicity under its own name, and is not dropped; what is next to nothing is left out."""
    labels = [
        {"Name": "PROFANITY", "Score": 0.25},
        {"Name": "BRAND_NEW", "Score": 0.875},
        {"Name": "SEXUAL", "Score": 0.01},
    ]
    result = {"Labels": labels, "Toxicity": 0.5}
    found = ComprehendToxicity(Settings())._findings(result, Segment("x", 3, 4), whole=False)
    assert [(f.label, f.category, f.confidence, f.text_span.start, f.text_span.end) for f in found] == [
        ("PROFANITY", category_pb2.CATEGORY_PROFANITY, 0.25, 3, 4),
        ("BRAND_NEW", category_pb2.CATEGORY_TOXICITY, 0.875, 3, 4),
        ("Toxicity", category_pb2.CATEGORY_TOXICITY, 0.5, 3, 4),
    ]


def finding(label: str, confidence: float, *span: int) -> finding_pb2.Finding:
    found = finding_pb2.Finding(label=label, confidence=confidence)
    if span:
        found.text_span.start, found.text_span.end = span
    return found


def test_what_two_parts_saw_of_one_thing_is_told_once() -> None:
    """The surest of those that overlap; others of the label elsewhere stay, and so do other labels."""
    found = [
        finding("a", 0.5, 0, 10),
        finding("a", 0.75, 8, 20),
        finding("a", 0.25, 19, 30),
        finding("a", 0.625, 20, 30),
        finding("b", 0.125, 0, 10),
        finding("c", 0.5),
        finding("c", 0.875),
    ]
    kept = [(each.label, each.confidence) for each in surest_where_they_overlap(found)]
    assert kept == [("c", 0.875), ("a", 0.75), ("a", 0.625), ("b", 0.125)]


def test_a_topic_that_is_named_like_a_filter_does_not_hide_it() -> None:
    """Names are the operator's to choose; what they mean is told apart by the category."""
    topic = finding_pb2.Finding(label="VIOLENCE", confidence=1, category=category_pb2.CATEGORY_DENIED_TOPIC)
    filtered = finding_pb2.Finding(label="VIOLENCE", confidence=0.95, category=category_pb2.CATEGORY_VIOLENCE)
    assert surest_where_they_overlap([filtered, topic]) == [topic, filtered]
