"""What is said of request fields that are wrong: the field, the limit and the value's size, never the value."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2, finding_pb2, image_format_pb2
from services.common import errors
from services.common.validation import Violations

# What a gRPC client takes as metadata with its defaults, of which a status is a part; binary values grow by a third.
METADATA_LIMIT = 8192


def told(violations: Violations) -> list[tuple[str, str]]:
    try:
        violations.raise_if_any()
    except errors.InvalidArgument as error:
        return [(v.field, v.description) for v in error.violations]
    return []


@pytest.mark.parametrize(
    ("value", "required", "expected"),
    [
        ("", False, None),
        ("", True, "must be set"),
        (" \t\u3000", True, "must be set and hold more than white space"),
        ("x" * 10, True, None),
        ("\U0001f600" * 10, True, None),
        ("x" * 11, False, "must have at most 10 characters; has 11"),
        ("x" * 12345, True, "must have at most 10 characters; has 12,345"),
    ],
)
def test_texts(value: str, required: bool, expected: str | None):
    """Lengths count code points."""
    wrong = Violations()
    wrong.text("prompt", value, most=10, required=required)
    assert told(wrong) == ([("prompt", expected)] if expected else [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (64, None),
        (2048, None),
        (63, "must be between 64 and 2048; is 63"),
        (2049, "must be between 64 and 2048; is 2049"),
        (100, "must be a multiple of 8; is 100"),
        (math.nan, "must be between 64 and 2048; is nan"),
        (math.inf, "must be between 64 and 2048; is inf"),
        (-math.inf, "must be between 64 and 2048; is -inf"),
    ],
)
def test_numbers(value: float, expected: str | None):
    """Both ends are allowed; what is not a number is out of any range."""
    wrong = Violations()
    wrong.number("width", value, least=64, most=2048, multiple_of=8)
    assert told(wrong) == ([("width", expected)] if expected else [])


def test_enums():
    wrong = Violations()
    for value in (*image_format_pb2.ImageFormat.values(), 99, -1):
        wrong.enum("output_format", value, image_format_pb2.ImageFormat)
    assert told(wrong) == [("output_format", f"has no value {value}; it has 0 to 3") for value in (99, -1)]


def test_names_are_not_quoted():
    """An unknown name may be anything, also something private: only its length is told."""
    wrong = Violations()
    wrong.names("detectors", ["terms", "secret-name", ""], ["terms", "classifier"])
    assert told(wrong) == [
        ("detectors[1]", "must be one of classifier, terms; has 11 characters"),
        ("detectors[2]", "must be one of classifier, terms; has 0 characters"),
    ]


def test_thresholds():
    wrong = Violations()
    threshold = finding_pb2.CategoryThreshold
    wrong.thresholds(
        "thresholds",
        [
            threshold(category=category_pb2.CATEGORY_NUDITY, threshold=0.5),
            threshold(category=category_pb2.CATEGORY_NUDITY, threshold=0.5),
            threshold(threshold=0.5),
            threshold(category=987, threshold=0.5),  # type: ignore[arg-type] # the point of the test
            threshold(category=category_pb2.CATEGORY_HATE, threshold=1.5),
            threshold(category=category_pb2.CATEGORY_DRUGS, threshold=math.nan),
            threshold(category=category_pb2.CATEGORY_WEAPON, threshold=0.5, ignored=True),
            threshold(category=category_pb2.CATEGORY_ALCOHOL, ignored=True),
            threshold(category=category_pb2.CATEGORY_TOBACCO),
        ],
    )
    assert [field for field, _ in told(wrong)] == [
        "thresholds[1].category",
        "thresholds[2].category",
        "thresholds[3].category",
        "thresholds[4].threshold",
        "thresholds[5].threshold",
        "thresholds[6].threshold",
    ]


def test_everything_is_told_at_once():
    wrong = Violations()
    wrong.text("prompt", "", most=1, required=True)
    wrong.number("steps", 0, least=1, most=2)
    with pytest.raises(errors.InvalidArgument) as caught:
        wrong.raise_if_any()
    assert str(caught.value) == "prompt: must be set; steps: must be between 1 and 2; is 0"
    assert caught.value.metadata == {"fields": "prompt,steps"}


def test_nothing_wrong_raises_nothing():
    Violations().raise_if_any()


@pytest.mark.parametrize("count", [1, 50, 10_000])
def test_an_error_about_any_number_of_fields_fits_into_a_status(count: int):
    """A caller that gets everything wrong still gets an answer that its client accepts."""
    wrong = Violations()
    wrong.thresholds("thresholds", [finding_pb2.CategoryThreshold(threshold=2)] * count)
    with pytest.raises(errors.InvalidArgument) as caught:
        wrong.raise_if_any()
    status = errors.to_status(caught.value)
    assert len(status.SerializeToString()) * 4 / 3 + len(status.message) < METADATA_LIMIT
    assert caught.value.violations[0].field == "thresholds[0].category"


@settings(deadline=None)
@given(st.text(min_size=1))
def test_a_value_is_never_part_of_what_is_told(value: str):
    wrong, marked = Violations(), f"zqx{value}zqx"
    wrong.text("prompt", marked, most=1)
    wrong.names("detectors", [marked], ["terms"])
    assert all("zqx" not in description for _, description in told(wrong))
