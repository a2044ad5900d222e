"""A second set of detectors beside the one in force: it sees the same texts and logs only where it differs.

It runs after the answer has gone out, in a thread of its own that gives way to all others, and never has a say in it.
"""

from __future__ import annotations

import contextvars
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from services.common import deadline, telemetry
from services.common.moderation import Moderation, Verdict

# A detector in the cloud gets this long, whatever time the call had that was answered meanwhile.
LONGEST_S = 30.0
# What goes wrong is counted, and told once in so many seconds.
SILENCE_S = 60.0
_LOWEST_PRIORITY = 19

log = telemetry.logger("shadow")


class _Job(NamedTuple):
    context: contextvars.Context
    moderation: Moderation[str]
    request: pb.ModerateTextRequest
    verdict: Verdict


class Shadow:
    """Compares what other detectors say with what was answered."""

    def __init__(
        self,
        moderation: Callable[[], Moderation[str] | None],
        thresholds: Collection[int],
        *,
        queue_size: int,
        log_prompts: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`moderation()` is None while its detectors cannot be loaded.

        For the categories of `thresholds` those of a request have no say. `clock` gives seconds.
        """
        self._moderation = moderation
        self._thresholds = thresholds
        self._log_prompts = log_prompts
        self._jobs: queue.Queue[_Job | None] = queue.Queue(queue_size)
        self._closed = False
        self._dropped = _Counter("shadow.dropped", clock)
        self._failed = _Counter("shadow.failed", clock)
        self._thread: threading.Thread | None = None

    def follow(self, call: Any, request: pb.ModerateTextRequest, verdict: Verdict) -> None:
        """Has the shadow look at the text and the verdict on it once `call`, a servicer's context, is answered."""
        moderation = self._moderation()
        if moderation is not None:
            # With the handler's context, so that what is logged carries the call's ids.
            job = _Job(contextvars.copy_context(), moderation, request, verdict)
            call.add_done_callback(lambda _: self._put(job))

    def _put(self, job: _Job) -> None:
        if self._closed:
            return
        if self._thread is None:
            # Not one that Python waits for at its end.
            self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._dropped.add(queue=self._jobs.maxsize)

    def close(self) -> None:
        """Drops what waits. Does not wait for what runs."""
        self._closed = True
        self._dropped.tell()
        self._failed.tell()
        try:
            while True:
                self._jobs.get_nowait()
        except queue.Empty:
            self._jobs.put_nowait(None)

    def _work(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        while (job := self._jobs.get()) is not None:
            job.context.run(self._compare, job.moderation, job.request, job.verdict)

    def _compare(self, moderation: Moderation[str], request: pb.ModerateTextRequest, old: Verdict) -> None:
        try:
            with deadline.bound(LONGEST_S):
                new = moderation.judge(
                    request.text,
                    thresholds=[each for each in request.thresholds if each.category not in self._thresholds],
                    only=frozenset(request.detectors),
                    run_all=request.run_all_detectors,
                )
            for difference in differences(old, new):
                text = {"text": request.text} if self._log_prompts else {}
                log.info("shadow.differs", characters=len(request.text), **difference, **text)
        except Exception as error:
            # Its text may quote the prompt.
            self._failed.add(kind=type(error).__name__)


def differences(old: Verdict, new: Verdict) -> Iterator[dict[str, Any]]:
    """What to log of each detector that flags something in one verdict that it does not flag in the other.

    A detector that was spared in either, because one before it had flagged the text, is not compared. One that there
    is in one of them only is compared with one that finds nothing. A confidence that moves and crosses no threshold is
    no difference, nor is a finding that does not count.
    """
    old_runs, new_runs = ({run.detector: run for run in verdict.runs} for verdict in (old, new))
    for name in dict.fromkeys((*old_runs, *new_runs)):
        runs = (old_runs.get(name), new_runs.get(name))
        if any(run is not None and run.status != detector_run_pb2.DETECTOR_RUN_STATUS_RAN for run in runs):
            continue
        before, after = _by_place(old, name), _by_place(new, name)
        differing = [
            key
            for key in dict.fromkeys((*before, *after))
            if (key in before and before[key].flagged) != (key in after and after[key].flagged)
        ]
        if differing:
            yield {
                "detector": name,
                "version_old": runs[0].version if runs[0] else None,
                "version_new": runs[1].version if runs[1] else None,
                "flagged_old": old.flagged,
                "flagged_new": new.flagged,
                "findings": [_describe(key, before.get(key), after.get(key)) for key in differing],
            }


_Place = tuple[int, str, int, int]


def _by_place(verdict: Verdict, detector: str) -> dict[_Place, finding_pb2.Finding]:
    """Findings by category, label and span; (0, 0) where there is none."""
    return {
        (finding.category, finding.label, finding.text_span.start, finding.text_span.end): finding
        for finding in verdict.findings
        if finding.detector == detector
    }


def _describe(
    place: _Place, old: finding_pb2.Finding | None, new: finding_pb2.Finding | None
) -> dict[str, str | bool | float | list[int] | None]:
    category, label, start, end = place
    return {
        "category": category_pb2.Category.Name(category).removeprefix("CATEGORY_").lower(),  # type: ignore[arg-type]
        "label": label,
        "span": [start, end] if end else None,
        "confidence_old": round(old.confidence, 4) if old else None,
        "confidence_new": round(new.confidence, 4) if new else None,
        "flagged_old": bool(old and old.flagged),
        "flagged_new": bool(new and new.flagged),
    }


class _Counter:
    """Counts what happens, and logs the count at once and then no more often than every SILENCE_S seconds."""

    def __init__(self, event: str, clock: Callable[[], float]) -> None:
        self._event = event
        self._clock = clock
        self._count = 0
        self._fields: dict[str, Any] = {}
        self._told = float("-inf")

    def add(self, **fields: Any) -> None:
        self._count += 1
        self._fields = fields
        if self._clock() - self._told >= SILENCE_S:
            self.tell()

    def tell(self) -> None:
        if self._count:
            log.warning(self._event, texts=self._count, **self._fields)
            self._count, self._told = 0, self._clock()
