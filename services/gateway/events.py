"""Builds the events of one stream: numbers them, dates them, and keeps the account that the terminal event gives."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from safelight.common.v1 import finding_pb2, provider_usage_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.generator.v1 import generator_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from services.common.moderation import as_duration
from services.gateway.costs import Bill, PriceList
from services.gateway.policy import Policy, category_name, is_flagged

TEXT = pb.STAGE_TEXT_MODERATION
GENERATION = pb.STAGE_GENERATION
IMAGE = pb.STAGE_IMAGE_MODERATION

Event = pb.GenerateImagesResponse
T = TypeVar("T")

_WARNINGS: dict[pb.WarningReason.ValueType, str] = {
    pb.WARNING_REASON_PROMPT_FLAGGED: "the prompt is flagged ({kinds}); the policy only warns",
    pb.WARNING_REASON_IMAGE_REGENERATING: "image {index} is flagged ({kinds}) and will be made anew",
    pb.WARNING_REASON_IMAGE_FLAGGED: "image {index} is flagged ({kinds}); the policy only warns",
    pb.WARNING_REASON_IMAGE_BLURRED: "image {index} is flagged ({kinds}) and was blurred",
    pb.WARNING_REASON_IMAGE_WITHHELD: "image {index} is flagged ({kinds}) and is withheld",
    pb.WARNING_REASON_IMAGE_REENCODED: "image {index} was too large for the stream and was encoded anew with loss",
    pb.WARNING_REASON_IMAGE_REFUSED: "image {index} was refused by the provider that makes the images ({kinds})",
    pb.WARNING_REASON_MODERATION_SKIPPED: "text moderation could not answer; the policy lets the prompt pass",
}

_OUTCOMES: dict[pb.Outcome.ValueType, str] = {
    pb.OUTCOME_DELIVERED: "every image was sent as generated",
    pb.OUTCOME_DELIVERED_FLAGGED: "images were flagged because of {kinds}; the policy only warns",
    pb.OUTCOME_DELIVERED_BLURRED: "unsafe images were blurred because of {kinds}",
    pb.OUTCOME_PARTIALLY_WITHHELD: "some images were withheld because of {kinds}",
    pb.OUTCOME_WITHHELD: "every image was withheld because of {kinds}",
    pb.OUTCOME_PROMPT_REJECTED: "the prompt was refused because of {kinds}",
    pb.OUTCOME_DRY_RUN_ACCEPTED: "the prompt would be accepted; nothing was generated",
}


class Journal:
    """The account of one request: every event passes through it, and it times the stages."""

    def __init__(self, policy: Policy, *, decision_id: str, prices: PriceList) -> None:
        """The clock starts now."""
        self._policy = policy
        self._bill = Bill(prices)
        self._decision_id = decision_id
        self._started = time.perf_counter_ns()
        self._sequence = 0
        self._spent: dict[pb.Stage.ValueType, int] = {}
        self._unreported: dict[pb.Stage.ValueType, int] = {}
        self._dispositions: list[pb.ImageDisposition.ValueType] = []
        self._decisive: list[finding_pb2.Finding] = []
        self.running: pb.Stage.ValueType = TEXT
        """The stage that was entered last; an error is put down to it."""
        self.outcome: pb.Outcome.ValueType = pb.OUTCOME_UNSPECIFIED
        """How the request ended; unspecified until it has."""

    def cost(self) -> pb.CostEstimate:
        """What providers bill for what has been told so far."""
        return self._bill.estimate()

    @contextmanager
    def timing(self, stage: pb.Stage.ValueType) -> Iterator[None]:
        """Counts the time within as the stage's."""
        self.running = stage
        started = time.perf_counter_ns()
        try:
            yield
        finally:
            self._count(stage, time.perf_counter_ns() - started)

    async def timing_each(self, stage: pb.Stage.ValueType, items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
        """Passes items on and counts the wait for each, but not what is done with it, as the stage's."""
        while True:
            # Not `with self.timing(stage)`: a stream has many items, and a context manager costs more than the rest.
            self.running = stage
            started = time.perf_counter_ns()
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
            finally:
                self._count(stage, time.perf_counter_ns() - started)
            yield item

    def _count(self, stage: pb.Stage.ValueType, spent: int) -> None:
        self._spent[stage] = self._spent.get(stage, 0) + spent
        self._unreported[stage] = self._unreported.get(stage, 0) + spent

    def stage_started(self, stage: pb.Stage.ValueType, *, attempt: int = 0, image_index: int | None = None) -> Event:
        """A stage begins."""
        return self._event(stage_started=pb.StageStarted(stage=stage, attempt=attempt, image_index=image_index))

    def progress(self, done: generator_pb2.GenerationProgress, attempt: int, image_index: int) -> Event:
        """The generator has done a step."""
        event = self._event()
        progress = event.stage_progress
        progress.stage, progress.attempt, progress.image_index = GENERATION, attempt, image_index
        progress.step, progress.total_steps = done.step, done.total_steps
        if done.HasField("elapsed"):
            progress.elapsed.CopyFrom(done.elapsed)
        return event

    def prompt_moderated(self, verdict: text_moderation_pb2.ModerateTextResponse | None) -> Event:
        """Text moderation ends, with its verdict, or with None if it failed and the policy lets that pass."""
        return self._finished(pb.StageFinished(stage=TEXT), verdict)

    def image_moderated(
        self, verdict: image_moderation_pb2.ModerateImageResponse, attempt: int, image_index: int
    ) -> Event:
        """Image moderation ends for one image, with its verdict."""
        return self._finished(pb.StageFinished(stage=IMAGE, attempt=attempt, image_index=image_index), verdict)

    def generated(
        self,
        backend: generator_pb2.GenerationStarted,
        attempt: int,
        usage: Iterable[provider_usage_pb2.ProviderUsage] = (),
        refusals: Iterable[finding_pb2.Finding] = (),
    ) -> Event:
        """Generation ends for one attempt; `refusals` say why the provider refused images, if it did."""
        finished = pb.StageFinished(
            stage=GENERATION,
            attempt=attempt,
            backend=backend.backend,
            backend_version=backend.version,
            usage=usage,
            findings=refusals,
        )
        finished.flagged = bool(finished.findings)
        return self._finished(finished)

    def adjusted(self, notice: generator_pb2.GenerationNotice, attempt: int) -> Event:
        """The generator says what is not as it was asked for."""
        return self._event(
            warning=pb.Warning(
                stage=GENERATION,
                reason=pb.WARNING_REASON_GENERATION_ADJUSTED,
                message=notice.message,
                attempt=attempt,
            )
        )

    def warning(
        self,
        stage: pb.Stage.ValueType,
        reason: pb.WarningReason.ValueType,
        findings: Iterable[finding_pb2.Finding] = (),
        *,
        attempt: int = 0,
        image_index: int | None = None,
    ) -> Event:
        """Something the caller should know."""
        flagged = [finding for finding in findings if finding.flagged]
        message = _WARNINGS[reason].format(kinds=_kinds(flagged), index=image_index)
        return self._event(
            warning=pb.Warning(
                stage=stage,
                reason=reason,
                message=message,
                findings=flagged,
                attempt=attempt,
                image_index=image_index,
            )
        )

    def image_produced(self, image: pb.ImageProduced) -> Event:
        """The final word on one image."""
        self._dispositions.append(image.disposition)
        if image.disposition != pb.IMAGE_DISPOSITION_CLEARED:
            self._decisive += [finding for finding in image.findings if finding.flagged]
        return self._event(image_produced=image)

    def rejected(self, findings: Iterable[finding_pb2.Finding], *, plan: pb.DryRunPlan | None = None) -> Event:
        """Terminal: the prompt is refused."""
        self._decisive += [finding for finding in findings if finding.flagged]
        return self._completed(pb.OUTCOME_PROMPT_REJECTED, attempts=0, plan=plan)

    def dry_run_accepted(self, plan: pb.DryRunPlan) -> Event:
        """Terminal: the prompt would have been accepted."""
        return self._completed(pb.OUTCOME_DRY_RUN_ACCEPTED, attempts=0, plan=plan)

    def completed(self, *, attempts: int) -> Event:
        """Terminal: every image has had its final word."""
        withheld = self._dispositions.count(pb.IMAGE_DISPOSITION_WITHHELD)
        if withheld == len(self._dispositions):
            outcome = pb.OUTCOME_WITHHELD
        elif withheld:
            outcome = pb.OUTCOME_PARTIALLY_WITHHELD
        elif pb.IMAGE_DISPOSITION_BLURRED in self._dispositions:
            outcome = pb.OUTCOME_DELIVERED_BLURRED
        elif pb.IMAGE_DISPOSITION_FLAGGED in self._dispositions:
            outcome = pb.OUTCOME_DELIVERED_FLAGGED
        else:
            outcome = pb.OUTCOME_DELIVERED
        return self._completed(outcome, attempts=attempts)

    def _completed(self, outcome: pb.Outcome.ValueType, *, attempts: int, plan: pb.DryRunPlan | None = None) -> Event:
        self.outcome = outcome
        total = time.perf_counter_ns() - self._started
        moderation = self._spent.get(TEXT, 0) + self._spent.get(IMAGE, 0)
        return self._event(
            completed=pb.Completed(
                outcome=outcome,
                message=_OUTCOMES[outcome].format(kinds=_kinds(self._decisive)),
                findings=self._decisive,
                attempts=attempts,
                stage_durations=[
                    pb.StageDuration(stage=stage, duration=as_duration(spent)) for stage, spent in self._spent.items()
                ],
                total_duration=as_duration(total),
                moderation_share=moderation / total if total else 0,
                policy=self._policy.name,
                policy_version=self._policy.version,
                decision_id=self._decision_id,
                plan=plan,
                cost_estimate=self.cost(),
            )
        )

    def _finished(
        self,
        finished: pb.StageFinished,
        verdict: text_moderation_pb2.ModerateTextResponse | image_moderation_pb2.ModerateImageResponse | None = None,
    ) -> Event:
        finished.duration.CopyFrom(as_duration(self._unreported.pop(finished.stage, 0)))
        if verdict is not None:
            finished.flagged = is_flagged(verdict)
            finished.findings.extend(verdict.findings)
            finished.detector_runs.extend(verdict.detector_runs)
        of_detectors = (usage for run in finished.detector_runs for usage in run.usage)
        self._bill.count(finished.stage, (*finished.usage, *of_detectors))
        return self._event(stage_finished=finished)

    def _event(self, **member: object) -> Event:
        self._sequence += 1
        event = Event(sequence=self._sequence, **member)  # type: ignore[arg-type] # one oneof member, named by callers
        # Set in place: an event is made of every step, and copying messages into it takes twice as long.
        event.event_time.seconds, event.event_time.nanos = divmod(time.time_ns(), 1_000_000_000)
        return event


def _kinds(findings: Iterable[finding_pb2.Finding]) -> str:
    names = (category_name(finding.category).replace("_", " ") or "unknown" for finding in findings)
    return ", ".join(dict.fromkeys(names)) or "no finding named"
