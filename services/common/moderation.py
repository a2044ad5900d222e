"""What text and image moderation share: detectors run in order, and thresholds make findings count."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, runtime_checkable

from google.protobuf import duration_pb2

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from services.common import errors, records

Subject = TypeVar("Subject", contravariant=True)
AnySubject = TypeVar("AnySubject")


class Detector(Protocol[Subject]):
    """What finds things in a subject. One file under detectors/ for each."""

    @property
    def name(self) -> str:
        """The name that findings and runs carry, such as "terms"."""
        ...

    @property
    def version(self) -> str:
        """Which lexicon, model or API version it is."""
        ...

    def detect(self, subject: Subject) -> list[finding_pb2.Finding]:
        """Everything it sees, with category, label, confidence and location; thresholds are applied by the caller.

        Called in a worker thread, by several threads at a time. Raises a SafelightError when it cannot answer.
        """
        ...


@dataclass(frozen=True)
class Thresholds:
    """From which confidence on a finding counts, by category; None for a category that never does."""

    default: float
    by_category: Mapping[int, float | None]

    @classmethod
    def from_names(cls, default: float, by_name: Mapping[str, float | None]) -> Thresholds:
        """From names without their prefix, in any case: {"nudity": 0.5, "alcohol": None}. Raises ValueError."""
        by_category: dict[int, float | None] = {}
        for name, threshold in by_name.items():
            full = f"CATEGORY_{name.upper()}"
            if full not in category_pb2.Category.keys() or full == "CATEGORY_UNSPECIFIED":  # noqa: SIM118 # no dict
                raise ValueError(f"no category is named {name!r}")
            if threshold is not None and not 0 <= threshold <= 1:
                raise ValueError(f"{name}: {threshold} is not between 0 and 1")
            by_category[category_pb2.Category.Value(full)] = threshold
        return cls(default, by_category)

    def overridden(self, requested: Iterable[finding_pb2.CategoryThreshold]) -> Thresholds:
        """These, with those of a request in their place where it names them."""
        named: dict[int, float | None] = {t.category: None if t.ignored else t.threshold for t in requested}
        return Thresholds(self.default, {**self.by_category, **named}) if named else self

    def of(self, category: int) -> float | None:
        """The threshold of a category, or None when it never counts."""
        return self.by_category.get(category, self.default)


@runtime_checkable
class ThresholdAware(Protocol[Subject]):
    """A detector that has its provider leave out what no threshold lets count. It is asked in this way only."""

    def detect_above(self, subject: Subject, thresholds: Thresholds) -> list[finding_pb2.Finding]:
        """As Detector.detect; may leave out findings that stay below their thresholds."""
        ...


@dataclass
class Verdict:
    """What a moderation came to, in the proto's own terms."""

    flagged: bool = False
    findings: list[finding_pb2.Finding] = field(default_factory=list)
    runs: list[detector_run_pb2.DetectorRun] = field(default_factory=list)


class Moderation(Generic[AnySubject]):
    """A list of detectors, run in order, cheap before dear."""

    def __init__(self, detectors: Sequence[Detector[AnySubject]], thresholds: Thresholds) -> None:
        """`thresholds` apply where a request names none."""
        self._detectors = tuple(detectors)
        self._thresholds = thresholds

    @property
    def names(self) -> tuple[str, ...]:
        """The detectors' names, in order."""
        return tuple(d.name for d in self._detectors)

    def judge(
        self,
        subject: AnySubject,
        *,
        thresholds: Iterable[finding_pb2.CategoryThreshold] = (),
        only: Collection[str] = (),
        run_all: bool = False,
    ) -> Verdict:
        """Runs the detectors (`only` those named, if any are) until one flags the subject, or all if `run_all`.

        A detector that fails raises: half a moderation is none.
        """
        limits, verdict = self._thresholds.overridden(thresholds), Verdict()
        for detector in self._detectors:
            run = detector_run_pb2.DetectorRun(
                detector=detector.name,
                version=detector.version,
                status=detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED,
            )
            verdict.runs.append(run)
            if only and detector.name not in only:
                run.skip_reason = detector_run_pb2.DETECTOR_SKIP_REASON_NOT_REQUESTED
            elif verdict.flagged and not run_all:
                run.skip_reason = detector_run_pb2.DETECTOR_SKIP_REASON_ALREADY_FLAGGED
            else:
                started = time.perf_counter_ns()
                with records.recording() as record:
                    if isinstance(detector, ThresholdAware):
                        findings = detector.detect_above(subject, limits)
                    else:
                        findings = detector.detect(subject)
                run.usage.extend(record.usage)
                run.remarks.extend(record.remarks)
                _require_confidences(findings, detector.name)
                # A provider says with each answer which model gave it.
                run.version = detector.version
                run.duration.CopyFrom(as_duration(time.perf_counter_ns() - started))
                run.status = detector_run_pb2.DETECTOR_RUN_STATUS_RAN
                for finding in findings:
                    _apply(limits, finding)
                run.flagged = any(f.flagged for f in findings)
                verdict.findings += findings
                verdict.flagged |= run.flagged
        verdict.findings.sort(key=lambda f: (not f.flagged, f.text_span.start, -f.confidence))
        return verdict


def _require_confidences(findings: Iterable[finding_pb2.Finding], detector: str) -> None:
    # Not a number is below any threshold: a broken model's findings would all pass.
    if not all(0 <= finding.confidence <= 1 for finding in findings):
        raise errors.ModelResponseInvalid(
            f"{detector} gave a confidence that is not between 0 and 1", metadata={"detector": detector}
        )


def _apply(limits: Thresholds, finding: finding_pb2.Finding) -> None:
    threshold = limits.of(finding.category)
    if threshold is not None:
        finding.threshold = threshold
        # Compared as the floats that the caller sees: proto floats have 32 bits.
        finding.flagged = finding.confidence >= finding.threshold


def surest_where_they_overlap(found: Iterable[finding_pb2.Finding]) -> list[finding_pb2.Finding]:
    """By falling confidence; of those with one category and label whose spans share a character, the surest alone.

    For detectors that see a text in overlapping parts. A finding without a span is about all of the text.
    """
    kept: list[finding_pb2.Finding] = []
    for finding in sorted(found, key=lambda each: -each.confidence):
        same = (each for each in kept if (each.category, each.label) == (finding.category, finding.label))
        if not any(_overlap(surer, finding) for surer in same):
            kept.append(finding)
    return kept


def _overlap(one: finding_pb2.Finding, other: finding_pb2.Finding) -> bool:
    if not one.HasField("text_span") or not other.HasField("text_span"):
        return True
    return one.text_span.start < other.text_span.end and other.text_span.start < one.text_span.end


def as_duration(nanoseconds: int) -> duration_pb2.Duration:
    """A protobuf Duration from nanoseconds."""
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return duration_pb2.Duration(seconds=seconds, nanos=nanos)
