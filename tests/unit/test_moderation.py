"""What text and image moderation share: order of detectors, thresholds, and why a detector was skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from services.common.errors import ModelResponseInvalid, ProviderUnavailable
from services.common.moderation import Moderation, Thresholds, as_duration

NUDITY, ALCOHOL, HATE = category_pb2.CATEGORY_NUDITY, category_pb2.CATEGORY_ALCOHOL, category_pb2.CATEGORY_HATE
RAN, SKIPPED = detector_run_pb2.DETECTOR_RUN_STATUS_RAN, detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED
ALREADY = detector_run_pb2.DETECTOR_SKIP_REASON_ALREADY_FLAGGED
NOT_REQUESTED = detector_run_pb2.DETECTOR_SKIP_REASON_NOT_REQUESTED


@dataclass
class Sees:
    """A detector that always finds the same."""

    name: str
    found: Iterable[tuple[int, float]] = ()
    version: str = "v1"
    subjects: list[str] = field(default_factory=list)

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        self.subjects.append(subject)
        return [
            finding_pb2.Finding(category=c, label=self.name, confidence=v, detector=self.name) for c, v in self.found
        ]


def moderation(*detectors: Sees, **by_name: float | None) -> Moderation[str]:
    return Moderation(detectors, Thresholds.from_names(0.5, by_name))


def override(category: int, threshold: float = 0, *, ignored: bool = False) -> finding_pb2.CategoryThreshold:
    return finding_pb2.CategoryThreshold(category=category, threshold=threshold, ignored=ignored)


@pytest.mark.parametrize(
    ("confidence", "threshold", "flagged"),
    [(0.5, 0.5, True), (0.49, 0.5, False), (0.0, 0.0, True), (1.0, 1.0, True), (0.1, 0.1, True), (0.3, 0.7, False)],
)
def test_a_finding_counts_from_its_threshold_on(confidence: float, threshold: float, flagged: bool):
    """At the threshold is enough, also where 32-bit floats are not the number that was written."""
    verdict = moderation(Sees("a", [(NUDITY, confidence)])).judge("x", thresholds=[override(NUDITY, threshold)])
    assert verdict.flagged is flagged
    assert verdict.findings[0].flagged is flagged
    assert verdict.runs[0].flagged is flagged
    assert verdict.findings[0].threshold == pytest.approx(threshold)


@settings(deadline=None)
@given(confidence=st.floats(0, 1, width=32), threshold=st.floats(0, 1, width=32))
def test_any_confidence_against_any_threshold(confidence: float, threshold: float):
    verdict = moderation(Sees("a", [(NUDITY, confidence)])).judge("x", thresholds=[override(NUDITY, threshold)])
    assert verdict.flagged == (confidence >= threshold)


def test_the_requests_thresholds_go_before_the_services_and_these_before_the_default():
    it = moderation(Sees("a", [(NUDITY, 0.6), (ALCOHOL, 0.6), (HATE, 0.6)]), nudity=0.9, alcohol=0.9)
    verdict = it.judge("x", thresholds=[override(NUDITY, 0.1)])
    assert {f.category: f.flagged for f in verdict.findings} == {NUDITY: True, ALCOHOL: False, HATE: True}
    assert it.judge("x").findings[0].category == HATE  # the override was that request's alone


def test_an_ignored_category_is_reported_and_never_flagged():
    verdict = moderation(Sees("a", [(ALCOHOL, 1.0)]), alcohol=None).judge("x")
    assert not verdict.flagged
    assert (verdict.findings[0].confidence, verdict.findings[0].threshold) == (1.0, 0)
    assert not moderation(Sees("a", [(NUDITY, 1.0)])).judge("x", thresholds=[override(NUDITY, ignored=True)]).flagged
    assert moderation(Sees("a", [(ALCOHOL, 1.0)]), alcohol=None).judge("x", thresholds=[override(ALCOHOL)]).flagged


def test_detectors_run_in_order_until_one_flags():
    first, second, third = Sees("a"), Sees("b", [(NUDITY, 0.9)]), Sees("c", [(HATE, 0.9)])
    verdict = moderation(first, second, third).judge("subject")
    assert [(r.detector, r.version, r.status, r.skip_reason) for r in verdict.runs] == [
        ("a", "v1", RAN, 0),
        ("b", "v1", RAN, 0),
        ("c", "v1", SKIPPED, ALREADY),
    ]
    assert first.subjects == second.subjects == ["subject"]
    assert not third.subjects
    assert [r.HasField("duration") for r in verdict.runs] == [True, True, False]
    assert [r.flagged for r in verdict.runs] == [False, True, False]


def test_a_finding_below_its_threshold_stops_nothing():
    second = Sees("b")
    moderation(Sees("a", [(NUDITY, 0.4)]), second).judge("x")
    assert second.subjects


def test_all_run_when_that_is_asked_for():
    last = Sees("b", [(HATE, 0.9)])
    verdict = moderation(Sees("a", [(NUDITY, 0.9)]), last).judge("x", run_all=True)
    assert [r.status for r in verdict.runs] == [RAN, RAN]
    assert {f.category for f in verdict.findings} == {NUDITY, HATE}


def test_only_those_named_run():
    first = Sees("a", [(NUDITY, 0.9)])
    verdict = moderation(first, Sees("b"), Sees("c")).judge("x", only=["c", "b"])
    assert [(r.status, r.skip_reason) for r in verdict.runs] == [(SKIPPED, NOT_REQUESTED), (RAN, 0), (RAN, 0)]
    assert not first.subjects
    assert not verdict.flagged


def test_what_is_flagged_comes_first():
    """Then by place in the text, then by confidence."""
    it = moderation(Sees("a", [(NUDITY, 0.1), (HATE, 0.7), (ALCOHOL, 0.9), (NUDITY, 0.3)]))
    assert [round(f.confidence, 1) for f in it.judge("x").findings] == [0.9, 0.7, 0.3, 0.1]


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -math.inf, 1.5, -0.1])
def test_a_confidence_that_is_none_fails_closed(confidence: float):
    """Not a number is below every threshold: what a broken model finds must not pass for safe."""
    with pytest.raises(ModelResponseInvalid, match="broken"):
        moderation(Sees("broken", [(NUDITY, confidence)])).judge("x")


def test_a_detector_that_fails_fails_the_moderation():
    class Down(Sees):
        def detect(self, subject: str) -> list[finding_pb2.Finding]:
            raise ProviderUnavailable("down")

    with pytest.raises(ProviderUnavailable):
        moderation(Sees("a"), Down("b")).judge("x")


def test_thresholds_by_name_are_checked():
    assert Thresholds.from_names(0.5, {"Nudity": 0.1}).of(NUDITY) == 0.1
    with pytest.raises(ValueError, match="nudty"):
        Thresholds.from_names(0.5, {"nudty": 0.1})
    with pytest.raises(ValueError, match="unspecified"):
        Thresholds.from_names(0.5, {"unspecified": 0.1})
    for wrong in (1.1, -0.1, math.nan):
        with pytest.raises(ValueError, match="not between 0 and 1"):
            Thresholds.from_names(0.5, {"nudity": wrong})


@settings(deadline=None)
@given(st.integers(0, 10**15))
def test_durations_keep_every_nanosecond(nanoseconds: int):
    assert as_duration(nanoseconds).ToNanoseconds() == nanoseconds
