"""Text moderation as a service: a real server on a free port, the real lexicon and the real model."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from safelight.text_moderation.v1 import text_moderation_pb2_grpc as pb_grpc
from services.common.errors import STATUS_DETAILS_KEY
from services.common.server import StartError, running
from services.common.settings import SettingsError, load
from services.text_moderation.app import build
from services.text_moderation.classifier import model
from services.text_moderation.settings import Settings
from tests.support.onnx_models import network, tokenizer

RAN = detector_run_pb2.DETECTOR_RUN_STATUS_RAN
SKIPPED = detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED

Stub = pb_grpc.TextModerationServiceStub

# What no list of terms holds: hate and threats in ordinary words.
WITHOUT_TERMS = "those people are filthy animals and should be driven out of our country"


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with (
        running(build(Settings(port=0))) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        yield pb_grpc.TextModerationServiceStub(channel)


def violations(error: grpc.aio.AioRpcError) -> dict[str, str]:
    metadata = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata[STATUS_DETAILS_KEY])  # type: ignore[arg-type]
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    return {v.field: v.description for v in bad.field_violations}


async def test_a_term_in_disguise_is_flagged_and_the_classifier_is_spared(stub: Stub) -> None:
    """The finding has the span of the original text, and the classifier's run says why it was skipped."""
    text = "a drawing of a n4k3d lady"
    response = await stub.ModerateText(pb.ModerateTextRequest(text=text))
    assert response.flagged
    [finding] = response.findings
    assert text[finding.text_span.start : finding.text_span.end] == "n4k3d"
    assert (finding.category, finding.detector) == (category_pb2.CATEGORY_NUDITY, "terms")
    assert finding.flagged
    assert finding.threshold == 0.5
    assert list(finding.respellings) == ["leetspeak"]
    assert [(r.detector, r.status, r.skip_reason) for r in response.detector_runs] == [
        ("terms", RAN, detector_run_pb2.DETECTOR_SKIP_REASON_UNSPECIFIED),
        ("classifier", SKIPPED, detector_run_pb2.DETECTOR_SKIP_REASON_ALREADY_FLAGGED),
    ]
    assert all(r.version for r in response.detector_runs)
    assert response.detector_runs[0].HasField("duration")
    assert not response.detector_runs[1].HasField("duration")


async def test_a_text_without_terms_is_flagged_by_the_classifier_alone(stub: Stub) -> None:
    response = await stub.ModerateText(pb.ModerateTextRequest(text=WITHOUT_TERMS))
    assert response.flagged
    assert {f.detector for f in response.findings} == {"classifier"}
    assert [r.status for r in response.detector_runs] == [RAN, RAN]
    assert [r.flagged for r in response.detector_runs] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "A boxer dancing on a table",
        "A lady on the beach in swimming wear, water color style",
        "A dog in a suit",
    ],
)
async def test_an_ordinary_prompt_passes_both(stub: Stub, text: str) -> None:
    response = await stub.ModerateText(pb.ModerateTextRequest(text=text))
    assert not response.flagged
    assert not any(f.flagged for f in response.findings)
    assert [r.status for r in response.detector_runs] == [RAN, RAN]


async def test_a_request_may_run_all_or_name_its_detectors(stub: Stub) -> None:
    both = await stub.ModerateText(pb.ModerateTextRequest(text="a nude lady", run_all_detectors=True))
    assert [r.status for r in both.detector_runs] == [RAN, RAN]
    one = await stub.ModerateText(pb.ModerateTextRequest(text="a nude lady", detectors=["classifier"]))
    assert [r.skip_reason for r in one.detector_runs] == [
        detector_run_pb2.DETECTOR_SKIP_REASON_NOT_REQUESTED,
        detector_run_pb2.DETECTOR_SKIP_REASON_UNSPECIFIED,
    ]


async def test_thresholds_of_the_request_decide(stub: Stub) -> None:
    """A mild word is below the default threshold, counts below its own, and never when its category is ignored."""

    async def flagged(*thresholds: finding_pb2.CategoryThreshold) -> bool:
        request = pb.ModerateTextRequest(text="damn", thresholds=thresholds, detectors=["terms"])
        response = await stub.ModerateText(request)
        assert len(response.findings) == 1
        return response.flagged

    profanity = category_pb2.CATEGORY_PROFANITY
    assert not await flagged()
    assert await flagged(finding_pb2.CategoryThreshold(category=profanity, threshold=0.1))
    assert not await flagged(finding_pb2.CategoryThreshold(category=profanity, ignored=True))


async def test_everything_that_is_wrong_is_reported_at_once(stub: Stub) -> None:
    request = pb.ModerateTextRequest(
        text=" ",
        thresholds=[
            finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_HATE, threshold=1.5),
            finding_pb2.CategoryThreshold(category=category_pb2.CATEGORY_HATE, threshold=0.5),
            finding_pb2.CategoryThreshold(threshold=0.5),
        ],
        detectors=["terms", "oracle"],
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ModerateText(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert set(violations(caught.value)) == {
        "text",
        "thresholds[0].threshold",
        "thresholds[1].category",
        "thresholds[2].category",
        "detectors[1]",
    }


async def test_a_text_that_is_too_long_is_refused_with_its_size_and_not_its_words(stub: Stub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ModerateText(pb.ModerateTextRequest(text="lantern " * 2000))
    assert violations(caught.value) == {"text": "must have at most 10,000 characters; has 16,000"}
    assert "lantern" not in repr(caught.value)


async def test_the_longest_text_is_taken(stub: Stub) -> None:
    response = await stub.ModerateText(pb.ModerateTextRequest(text="n a k e d " * 1000))
    assert response.flagged


async def test_any_text_gets_an_answer_with_spans_inside_it(stub: Stub) -> None:
    """Texts of any Unicode: an answer, or INVALID_ARGUMENT for white space alone."""
    drawn: list[str] = []

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    @given(st.text(max_size=300))
    def draw(text: str) -> None:
        drawn.append(text)

    draw()
    for text in drawn:
        if not text.strip():
            continue
        response = await stub.ModerateText(pb.ModerateTextRequest(text=text, run_all_detectors=True))
        for finding in response.findings:
            if finding.HasField("text_span"):
                assert finding.text_span.start < finding.text_span.end <= len(text)


async def test_operators_files_and_thresholds_are_used(tmp_path: Path) -> None:
    terms = tmp_path / "terms.yaml"
    terms.write_text("entries: [{id: acme.001, category: denied_topic, term: zorblax, strength: 0.6}]\n")
    allow = tmp_path / "allow.yaml"
    allow.write_text("allow: [naked gardener]\n")
    settings = Settings(port=0, term_files=(terms,), allow_files=(allow,), thresholds={"denied_topic": 0.7})
    async with running(build(settings)) as [service], grpc.aio.insecure_channel(service.address) as channel:
        moderate = pb_grpc.TextModerationServiceStub(channel).ModerateText
        response = await moderate(pb.ModerateTextRequest(text="Z.O.R.B.L.A.X and the naked gardener"))
    assert not response.flagged
    assert [(f.label, f.flagged) for f in response.findings if f.detector == "terms"] == [("acme.001", False)]


async def test_a_lexicon_and_a_model_of_the_operators_own_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon"
    lexicon.mkdir()
    (lexicon / "own.yaml").write_text("entries: [{id: acme.001, category: denied_topic, term: zorblax}]\n")
    trained = shutil.copy(model.SHIPPED, tmp_path / "model.npz")
    settings = Settings(port=0, lexicon=lexicon, model=trained)
    async with running(build(settings)) as [service], grpc.aio.insecure_channel(service.address) as channel:
        moderate = pb_grpc.TextModerationServiceStub(channel).ModerateText
        response = await moderate(pb.ModerateTextRequest(text="a naked zorblax", detectors=["terms"]))
        assert [f.label for f in response.findings] == ["acme.001"]
        assert (await moderate(pb.ModerateTextRequest(text=WITHOUT_TERMS))).flagged


@pytest.mark.parametrize(("name_terms", "expected"), [(False, ""), (True, "zorblax")])
async def test_the_term_itself_is_named_where_the_operator_asks_for_it(
    tmp_path: Path, name_terms: bool, expected: str
) -> None:
    """As the lexicon has it, whatever the text does to it; findings of rules and of other detectors have none."""
    lexicon = tmp_path / "own.yaml"
    lexicon.write_text(
        "entries: [{id: acme.001, category: denied_topic, terms: [quux, Zorblax]}]\n"
        "sets: {places: [garden]}\n"
        "rules: [{id: acme.002, category: violence, all: [acme.001, places]}]\n"
    )
    settings = Settings(port=0, lexicon=lexicon, name_terms=name_terms)
    async with running(build(settings)) as [service], grpc.aio.insecure_channel(service.address) as channel:
        moderate = pb_grpc.TextModerationServiceStub(channel).ModerateText
        text = f"a Z.O.R.8.L.A.X in the garden, {WITHOUT_TERMS}"
        response = await moderate(pb.ModerateTextRequest(text=text, run_all_detectors=True))
    found = {(finding.label, finding.term) for finding in response.findings if finding.detector == "terms"}
    assert found == {("acme.001", expected), ("acme.002", "")}
    assert {finding.term for finding in response.findings if finding.detector == "classifier"} == {""}


async def test_an_operators_own_model_is_one_more_detector(tmp_path: Path) -> None:
    settings = Settings(
        port=0,
        detectors=("terms", "onnx"),
        onnx_model=network(tmp_path / "model.onnx"),
        onnx_tokenizer=tokenizer(tmp_path / "tokenizer.json"),
        onnx_labels={"LABEL_1": "toxicity", "LABEL_2": "hate"},
        onnx_activation="sigmoid",
    )
    async with running(build(settings)) as [service], grpc.aio.insecure_channel(service.address) as channel:
        moderate = pb_grpc.TextModerationServiceStub(channel).ModerateText
        response = await moderate(pb.ModerateTextRequest(text="a rude text"))
    assert [(run.detector, run.flagged) for run in response.detector_runs] == [("terms", False), ("onnx", True)]
    assert response.detector_runs[1].version.startswith("onnx-")
    assert [(f.label, f.category) for f in response.findings] == [("LABEL_1", category_pb2.CATEGORY_TOXICITY)]


async def test_a_broken_term_file_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text("entries:\n  - {id: a, category: hate, term: x}\n  - {id: b, category: hate, term: [}\n")
    with pytest.raises(StartError, match=re.escape(f"{path}:3: is not YAML")):
        async with running(build(Settings(port=0, term_files=(path,)))):
            pytest.fail("started all the same")


def test_what_the_detector_onnx_needs_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the shadow too."""
    for variable in ("DETECTORS", "SHADOW_DETECTORS"):
        with monkeypatch.context() as environment:
            environment.setenv(f"SAFELIGHT_TEXT_MODERATION_{variable}", "terms,onnx")
            environment.setenv("SAFELIGHT_TEXT_MODERATION_ONNX_TOKENIZER", "tokenizer.json")
            with pytest.raises(SettingsError) as caught:
                load(Settings)
        assert str(caught.value).splitlines() == [
            "SAFELIGHT_TEXT_MODERATION_ONNX_MODEL=None: must be set for the detector onnx",
            "SAFELIGHT_TEXT_MODERATION_ONNX_LABELS={}: must be set for the detector onnx",
        ]


def test_the_shadow_is_on_where_a_setting_of_its_own_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not name is as in force; no files at all are a choice too."""
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_TERM_FILES", "a.yaml")
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_ALLOW_FILES", "b.yaml")
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_SHADOW_QUEUE", "9")
    assert load(Settings).shadow is None
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_SHADOW_TERM_FILES", "[]")
    shadow = load(Settings).shadow
    assert shadow is not None
    assert (shadow.term_files, shadow.allow_files) == ((), (Path("b.yaml"),))
    assert shadow.detectors == ("terms", "classifier")


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists may be comma separated or JSON."""
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_DETECTORS", "classifier, terms")
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_TERM_FILES", '["a, b.yaml"]')
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_ALLOW_FILES", "c.yaml,d.yaml")
    monkeypatch.setenv("SAFELIGHT_TEXT_MODERATION_THRESHOLDS", '{"profanity": 0.8, "drugs": null}')
    read = load(Settings)
    assert read.detectors == ("classifier", "terms")
    assert read.term_files == (Path("a, b.yaml"),)
    assert read.allow_files == (Path("c.yaml"), Path("d.yaml"))
    assert read.thresholds == {"profanity": 0.8, "drugs": None}


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DETECTORS", "terms,oracle", "classifier"),
        ("DETECTORS", "terms,terms", "twice"),
        ("DETECTORS", "[]", "at least 1 item"),
        ("THRESHOLDS", '{"rudeness": 0.5}', "no category is named 'rudeness'"),
        ("THRESHOLDS", '{"hate": 2}', "2.0 is not between 0 and 1"),
        ("TERM_FILES", "[a", "is not a JSON list"),
        ("MAX_CHARACTERS", "0", "greater than or equal to 1"),
        ("RELOAD_INTERVAL_S", "-1", "greater than or equal to 0"),
        ("NAME_TERMS", "perhaps", "boolean"),
        ("SHADOW_DETECTORS", "terms,terms", "twice"),
        ("SHADOW_THRESHOLDS", '{"rudeness": 0.5}', "no category is named 'rudeness'"),
        ("SHADOW_QUEUE", "0", "greater than or equal to 1"),
        ("ONNX_LABELS", '{"toxic": "rudeness"}', "no category is named 'rudeness'"),
        ("ONNX_ACTIVATION", "tanh", "'auto', 'softmax', 'sigmoid' or 'none'"),
        ("ONNX_MAX_TOKENS", "7", "greater than or equal to 8"),
    ],
)
def test_a_wrong_setting_is_reported_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(f"SAFELIGHT_TEXT_MODERATION_{variable}", value)
    with pytest.raises(SettingsError, match=reason) as caught:
        load(Settings)
    assert f"SAFELIGHT_TEXT_MODERATION_{variable}" in str(caught.value)
