"""docs/categories.md against what it documents: the enum, the detectors, botocore's service models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from nudenet import nudenet

from safelight.common.v1 import category_pb2
from services.common.aws import guardrails
from services.image_moderation.detectors import rekognition
from services.image_moderation.detectors.nudenet import CATEGORIES, NEVER_A_FINDING
from services.text_moderation.detectors import comprehend_toxicity

DOCUMENT = Path(__file__).parents[2] / "docs" / "categories.md"
NUMBERS = dict(category_pb2.Category.items())
NEVER = "never a finding"

# The heading of each mapping table's section, and the header of its first column.
MAPPING_TABLES = [
    ("NudeNet", "Class"),
    ("Amazon Rekognition", "Label"),
    ("Amazon Rekognition", "Label of version 6"),
    ("Amazon Comprehend", "Label"),
    ("Amazon Bedrock Guardrails", "Filter"),
    ("Amazon Bedrock Guardrails", "Policy"),
    ("OpenAI moderation", "Label"),
]


def table(section: str, first_column: str) -> list[dict[str, str]]:
    """The rows of one table of the document, as header -> cell without backticks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    for block in re.findall(r"(?:^\|.*\|\n)+", body, re.MULTILINE):
        lines = [[cell.strip().strip("`") for cell in line[1:-1].split("|")] for line in block.splitlines()]
        header, rule, *rows = lines
        if header[0] == first_column:
            assert all(set(cell) == {"-"} for cell in rule)
            return [dict(zip(header, row, strict=True)) for row in rows]
    raise AssertionError(f"no table under {section!r} begins with a column {first_column!r}")


def mapping(section: str, first_column: str) -> dict[str, str]:
    """A mapping table as label -> category name or NEVER; a label that stands twice fails."""
    rows = table(section, first_column)
    labels = Counter(row[first_column] for row in rows)
    assert max(labels.values()) == 1, [label for label, times in labels.items() if times > 1]
    return {row[first_column]: row["Category"] for row in rows}


def named(categories: Mapping[str, int]) -> dict[str, str]:
    """A detector's table as the document writes it."""
    return {label: category_pb2.Category.Name(category) for label, category in categories.items()}


def shapes(service: str) -> dict[str, Any]:
    """The shapes of a service's model, from the data files inside botocore."""
    loaded: dict[str, Any] = Loader().load_service_model(service, "service-2")["shapes"]
    return loaded


def test_the_vocabulary_table_lists_every_value_once_in_order_with_its_number_and_a_meaning() -> None:
    """A value that is added to the enum has to be explained here."""
    rows = table("The vocabulary", "Theme")
    assert [(row["Value"], int(row["Number"])) for row in rows] == list(NUMBERS.items())
    assert all(row["What a finding of it is about"] for row in rows)


def test_a_theme_is_one_group_of_ten() -> None:
    """The page promises that the theme can be told from the number."""
    by_theme: dict[str, set[int]] = {}
    for row in table("The vocabulary", "Theme"):
        by_theme.setdefault(row["Theme"], set()).add(int(row["Number"]) // 10)
    groups = [group for groups in by_theme.values() for group in groups]
    assert len(groups) == len(set(groups)) == len(by_theme)


def test_every_category_that_the_page_names_exists() -> None:
    """No sentence or cell names a value that the enum lacks."""
    named = set(re.findall(r"CATEGORY_[A-Z_]+", DOCUMENT.read_text(encoding="utf-8")))
    assert named == set(NUMBERS)


@pytest.mark.parametrize(("section", "first_column"), MAPPING_TABLES)
def test_every_row_maps_to_a_value_that_a_finding_may_carry(section: str, first_column: str) -> None:
    """A row's category is a set value of the enum, or the words for a label that is dropped."""
    allowed = {*NUMBERS, NEVER} - {"CATEGORY_UNSPECIFIED"}
    rows = mapping(section, first_column)
    assert rows
    assert {label: category for label, category in rows.items() if category not in allowed} == {}


def test_the_values_that_no_table_gives_are_named_as_such() -> None:
    """The last section lists exactly the values that appear in no mapping table."""
    given = {category for where in MAPPING_TABLES for category in mapping(*where).values()}
    listed = [row["Value"] for row in table("Values that no table gives", "Value")]
    assert sorted(listed) == sorted(set(NUMBERS) - given - {"CATEGORY_UNSPECIFIED"})


def test_the_nudenet_table_has_exactly_the_classes_of_the_model() -> None:
    """The 18 class names that the nudenet package gives its detections are all there, and no other."""
    classes = vars(nudenet)["__labels"]
    assert len(classes) == 18
    assert sorted(mapping("NudeNet", "Class")) == sorted(classes)


def test_the_nudenet_table_says_what_the_detector_does() -> None:
    """The page and the detector's own tables agree class by class."""
    assert mapping("NudeNet", "Class") == named(CATEGORIES) | dict.fromkeys(NEVER_A_FINDING, NEVER)


def test_the_rekognition_table_is_a_whole_taxonomy_of_three_levels() -> None:
    """10, 20 and 22 labels, each but the first level's under a parent of the level above it."""
    rows = table("Amazon Rekognition", "Label")
    level = {row["Label"]: int(row["Level"]) for row in rows}
    assert Counter(level.values()) == {1: 10, 2: 20, 3: 22}
    assert len(level) == len(rows)
    for row in rows:
        above = level[row["Parent"]] if row["Parent"] else 0
        assert int(row["Level"]) == above + 1, row["Label"]


def test_the_rekognition_tables_say_what_the_detector_does() -> None:
    """The page and the detector's own table agree label by label, in the same order, those of version 6 last."""
    current = mapping("Amazon Rekognition", "Label")
    former = mapping("Amazon Rekognition", "Label of version 6")
    assert not {name.casefold() for name in current} & {name.casefold() for name in former}
    assert list((current | former).items()) == list(named(rekognition.LABELS).items())


def test_the_labels_of_version_6_are_under_parents_that_it_has() -> None:
    """Each parent is in one of the tables, and at the first level there."""
    levels = {row["Label"]: row["Level"] for row in table("Amazon Rekognition", "Label")}
    rows = table("Amazon Rekognition", "Label of version 6")
    top = {row["Label of version 6"] for row in rows if not row["Parent"]}
    # A parent in version 6, and of the second level in version 7.
    top |= {label for label, level in levels.items() if level == "1"} | {"Explicit Nudity"}
    assert {row["Parent"] for row in rows} - {""} <= top


def test_the_comprehend_table_has_exactly_the_labels_of_the_api() -> None:
    """Compared with ToxicContentType in botocore's model of Comprehend."""
    labels = shapes("comprehend")["ToxicContentType"]["enum"]
    assert len(labels) == 7
    assert sorted(mapping("Amazon Comprehend", "Label")) == sorted(labels)


def test_the_comprehend_table_says_what_the_detector_does() -> None:
    """The page and the detector's own table agree label by label."""
    assert mapping("Amazon Comprehend", "Label") == named(comprehend_toxicity.CATEGORIES)


def test_the_guardrail_filter_table_has_exactly_the_filters_of_the_api() -> None:
    """Compared with GuardrailContentFilterType in botocore's model of the Bedrock runtime."""
    filters = shapes("bedrock-runtime")["GuardrailContentFilterType"]["enum"]
    assert sorted(mapping("Amazon Bedrock Guardrails", "Filter")) == sorted(filters)


def test_the_guardrail_tables_say_what_the_detectors_do() -> None:
    """The page and the code agree, filter by filter and policy by policy, and on what the words are worth."""
    assert mapping("Amazon Bedrock Guardrails", "Filter") == named(guardrails.FILTERS)
    policies = named(guardrails.POLICIES) | dict.fromkeys(guardrails.NEVER_A_FINDING, NEVER)
    assert mapping("Amazon Bedrock Guardrails", "Policy") == policies
    text = DOCUMENT.read_text(encoding="utf-8")
    low, medium, high = (guardrails.CONFIDENCES[word] for word in ("LOW", "MEDIUM", "HIGH"))
    assert f"`LOW` is {low} here, `MEDIUM` {medium}, `HIGH` {high}, and `NONE`\nnothing" in text


def test_the_guardrail_policy_table_has_every_other_policy_that_an_assessment_can_report() -> None:
    """Each list inside each policy of GuardrailAssessment, but for the content filters, which have their own table."""
    model = shapes("bedrock-runtime")
    reported = {
        f"{policy}.{member}"
        for policy, reference in model["GuardrailAssessment"]["members"].items()
        if policy.endswith("Policy") and policy != "contentPolicy"
        for member, value in model[reference["shape"]]["members"].items()
        if model[value["shape"]]["type"] == "list"
    }
    assert sorted(mapping("Amazon Bedrock Guardrails", "Policy")) == sorted(reported)


def test_the_openai_table_has_exactly_the_thirteen_categories() -> None:
    """The names as the moderations endpoint spells them; no package here carries them, so they stand in this test."""
    assert sorted(mapping("OpenAI moderation", "Label")) == [
        "harassment",
        "harassment/threatening",
        "hate",
        "hate/threatening",
        "illicit",
        "illicit/violent",
        "self-harm",
        "self-harm/instructions",
        "self-harm/intent",
        "sexual",
        "sexual/minors",
        "violence",
        "violence/graphic",
    ]


def test_the_pages_own_links_lead_somewhere() -> None:
    """Each anchor is a heading of the page, and each relative path a file of the repository."""
    text = DOCUMENT.read_text(encoding="utf-8")
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        else:
            assert (DOCUMENT.parent / target).is_file(), target
