"""The pipeline: moderate the prompt, generate, moderate each image, and tell of it as it happens.

`run()` is one async generator of the stream's events. Every image goes through `_judge()`, the only place that makes an
event with image bytes, and only from a verdict on just those bytes. Whatever fails raises and ends the stream: an image
without a verdict has no way out. Images are moderated while the generator makes the next one; the last one when the
generator is done, so that for a single image the stages follow one another.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from safelight.common.v1 import finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.generator.v1 import generator_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from services.common import errors
from services.gateway.events import GENERATION, IMAGE, TEXT, Event, Journal
from services.gateway.policy import ImageAction, Policy, PromptAction, attempt_seed, is_flagged

_PROMPT = generator_pb2.REFUSAL_SUBJECT_PROMPT


class Upstreams(Protocol):
    """What the pipeline calls. Each raises a SafelightError when it cannot answer."""

    async def moderate_text(
        self, request: text_moderation_pb2.ModerateTextRequest
    ) -> text_moderation_pb2.ModerateTextResponse:
        """A verdict that at least one detector has given."""
        ...

    def generate_images(
        self, request: generator_pb2.GenerateImagesRequest
    ) -> AsyncGenerator[generator_pb2.GenerateImagesResponse, None]:
        """Progress and images; closing it stops the work."""
        ...

    async def moderate_image(
        self, request: image_moderation_pb2.ModerateImageRequest
    ) -> image_moderation_pb2.ModerateImageResponse:
        """A verdict that at least one detector has given."""
        ...


async def run(
    request: pb.GenerateImagesRequest, *, policy: Policy, upstreams: Upstreams, journal: Journal, max_image_bytes: int
) -> AsyncGenerator[Event, None]:
    """Yields the stream's events, the terminal one last, for a request whose fields are valid.

    Raises a SafelightError when a stage fails; the events before it stand.
    """
    # 1. The prompt.
    yield journal.stage_started(TEXT)
    verdict = None
    try:
        with journal.timing(TEXT):
            verdict = await upstreams.moderate_text(_text_moderation(request, policy))
    except (errors.InvalidArgument, errors.DeadlineExceeded):
        raise  # The request's own fault, or no time left to go on: no policy makes up for these.
    except errors.SafelightError:
        if not policy.passes_when_text_moderation_fails():
            raise
    yield journal.prompt_moderated(verdict)
    if verdict is None:
        yield journal.warning(TEXT, pb.WARNING_REASON_MODERATION_SKIPPED)
    findings = verdict.findings if verdict else ()
    action = policy.prompt_action(verdict is not None and is_flagged(verdict))
    plan = _dry_run_plan(request, policy, accepted=action is not PromptAction.REJECT)
    if action is PromptAction.WARN:
        yield journal.warning(TEXT, pb.WARNING_REASON_PROMPT_FLAGGED, findings)
    if action is PromptAction.REJECT:
        yield journal.rejected(findings, plan=plan)
        return
    if plan is not None:
        yield journal.dry_run_accepted(plan)
        return

    # 2. The images: made and moderated one by one, and the unsafe ones made anew while the policy says so.
    attempt = _Attempt(number=0, unsafe=list(range(request.count or 1)))
    found: list[int] = []  # the categories that images were flagged for so far
    while attempt.unsafe:
        attempt = _Attempt(attempt.number + 1, pending=attempt.unsafe, missing=set(range(len(attempt.unsafe))))
        to_come, last = len(attempt.pending), None
        yield journal.stage_started(GENERATION, attempt=attempt.number)
        backend, completed = generator_pb2.GenerationStarted(), generator_pb2.GenerationCompleted()
        generation = upstreams.generate_images(_generation(request, policy, attempt, found))
        async with aclosing(generation), aclosing(journal.timing_each(GENERATION, generation)) as events:
            async for event in events:
                match event.WhichOneof("event"):
                    case "started":
                        backend = event.started
                    case "progress":
                        index = attempt.pending[event.progress.image_index]
                        yield journal.progress(event.progress, attempt.number, index)
                    case "notice":
                        yield journal.adjusted(event.notice, attempt.number)
                    case "refused":
                        attempt.refusals.append(event.refused)
                        to_come -= 1 if event.refused.HasField("image_index") else to_come
                    case "completed":
                        completed = event.completed
                    case "image":
                        to_come -= 1
                        attempt.missing.remove(event.image.image_index)
                        if not to_come:
                            last = event.image  # moderated below, once the generator has said that it is done
                            continue
                        async for told in _moderate(event.image, attempt, policy, upstreams, journal, max_image_bytes):
                            yield told
        yield journal.generated(backend, attempt.number, completed.usage, attempt.why_refused)
        if attempt.prompt_refused:
            yield journal.rejected(attempt.why_refused)
            return
        for refused in attempt.refusals:
            for told in _refuse(refused, attempt, policy, journal):
                yield told
        if last is not None:
            async for told in _moderate(last, attempt, policy, upstreams, journal, max_image_bytes):
                yield told
        found += attempt.found
    yield journal.completed(attempts=attempt.number)


@dataclass
class _Attempt:
    """One round of generation."""

    number: int
    """From 1."""
    pending: list[int] = field(default_factory=list)
    """Which images of the request it makes, in the generator's order."""
    unsafe: list[int] = field(default_factory=list)
    """Which of them are to be made anew."""
    found: list[int] = field(default_factory=list)
    """The categories that those were flagged for."""
    missing: set[int] = field(default_factory=set)
    """The places in `pending` of those that have not been made."""
    refusals: list[generator_pb2.GenerationRefused] = field(default_factory=list)
    """What the provider that makes them refused to make or to hand over."""

    @property
    def why_refused(self) -> list[finding_pb2.Finding]:
        """All that the refusals rest on."""
        return [finding for refused in self.refusals for finding in refused.findings]

    @property
    def prompt_refused(self) -> bool:
        """Whether the provider refused the prompt itself, before anything was made of it."""
        untouched = self.number == 1 and len(self.missing) == len(self.pending)
        return untouched and any(refused.subject == _PROMPT for refused in self.refusals)


def _refuse(
    refused: generator_pb2.GenerationRefused, attempt: _Attempt, policy: Policy, journal: Journal
) -> Iterator[Event]:
    """What a provider's refusal leads to: there is nothing to look at or to blur, so another attempt, or no image."""
    places = [refused.image_index] if refused.HasField("image_index") else sorted(attempt.missing)
    attempt.missing.difference_update(places)
    for index in [attempt.pending[place] for place in places]:

        def warning(reason: pb.WarningReason.ValueType, index: int = index) -> Event:
            return journal.warning(GENERATION, reason, refused.findings, attempt=attempt.number, image_index=index)

        yield warning(pb.WARNING_REASON_IMAGE_REFUSED)
        again = policy.image_action(True, attempt=attempt.number) is ImageAction.REGENERATE
        if again and refused.subject != _PROMPT:
            attempt.unsafe.append(index)
            attempt.found += [finding.category for finding in refused.findings]
            yield warning(pb.WARNING_REASON_IMAGE_REGENERATING)
            continue
        yield warning(pb.WARNING_REASON_IMAGE_WITHHELD)
        yield journal.image_produced(
            pb.ImageProduced(
                image_index=index,
                disposition=pb.IMAGE_DISPOSITION_WITHHELD,
                seed=refused.seed,
                attempt=attempt.number,
                findings=refused.findings,
            )
        )


async def _moderate(
    image: generator_pb2.GeneratedImage,
    attempt: _Attempt,
    policy: Policy,
    upstreams: Upstreams,
    journal: Journal,
    max_image_bytes: int,
) -> AsyncGenerator[Event, None]:
    """Has one image moderated and tells what that leads to."""
    index = attempt.pending[image.image_index]
    yield journal.stage_started(IMAGE, attempt=attempt.number, image_index=index)
    with journal.timing(IMAGE):
        seen = await upstreams.moderate_image(_image_moderation(image, policy, attempt, max_image_bytes))
    yield journal.image_moderated(seen, attempt.number, index)
    for told in _judge(image, seen, policy, journal, attempt, max_image_bytes):
        yield told


def _judge(
    image: generator_pb2.GeneratedImage,
    seen: image_moderation_pb2.ModerateImageResponse,
    policy: Policy,
    journal: Journal,
    attempt: _Attempt,
    max_image_bytes: int,
) -> Iterator[Event]:
    """What a moderated image leads to: another attempt, or its final word, with the warnings that go before it."""
    index = attempt.pending[image.image_index]

    def warning(reason: pb.WarningReason.ValueType) -> Event:
        return journal.warning(IMAGE, reason, seen.findings, attempt=attempt.number, image_index=index)

    produced = pb.ImageProduced(image_index=index, seed=image.seed, attempt=attempt.number, findings=seen.findings)
    match policy.image_action(is_flagged(seen), attempt=attempt.number):
        case ImageAction.REGENERATE:
            attempt.unsafe.append(index)
            attempt.found += [finding.category for finding in seen.findings if finding.flagged]
            yield warning(pb.WARNING_REASON_IMAGE_REGENERATING)
            return
        case ImageAction.WITHHOLD:
            yield warning(pb.WARNING_REASON_IMAGE_WITHHELD)
            produced.disposition = pb.IMAGE_DISPOSITION_WITHHELD
            yield journal.image_produced(produced)
            return
        case ImageAction.BLUR:
            if not seen.delivery_copy.redacted or seen.delivery_copy.image == image.image:
                raise _nonsense("flagged an image and sent no redacted copy of it")
            yield warning(pb.WARNING_REASON_IMAGE_BLURRED)
            produced.disposition = pb.IMAGE_DISPOSITION_BLURRED
        case ImageAction.WARN:
            yield warning(pb.WARNING_REASON_IMAGE_FLAGGED)
            produced.disposition = pb.IMAGE_DISPOSITION_FLAGGED
        case ImageAction.CLEAR:
            produced.disposition = pb.IMAGE_DISPOSITION_CLEARED
    # The copy that image moderation made for handing out, or the very bytes that it has seen.
    if seen.HasField("delivery_copy"):
        copy = seen.delivery_copy
        produced.image, produced.media_type = copy.image, copy.media_type
        produced.width, produced.height = copy.width, copy.height
        if copy.reencoded_to_fit:
            yield warning(pb.WARNING_REASON_IMAGE_REENCODED)
    else:
        produced.image, produced.media_type = image.image, seen.media_type
        produced.width, produced.height = seen.width, seen.height
    if not 0 < len(produced.image) <= max_image_bytes:
        raise _nonsense(f"left an image of {len(produced.image):,} bytes to send; at most {max_image_bytes:,} fit")
    yield journal.image_produced(produced)


def _text_moderation(request: pb.GenerateImagesRequest, policy: Policy) -> text_moderation_pb2.ModerateTextRequest:
    return text_moderation_pb2.ModerateTextRequest(
        text=request.prompt,
        thresholds=policy.text_thresholds(),
        run_all_detectors=policy.prompt.run_all_detectors,
    )


def _generation(
    request: pb.GenerateImagesRequest, policy: Policy, attempt: _Attempt, found: list[int]
) -> generator_pb2.GenerateImagesRequest:
    return generator_pb2.GenerateImagesRequest(
        prompt=request.prompt,
        negative_prompt=policy.negative_prompt(request.negative_prompt, attempt=attempt.number, found=found),
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance_scale=request.guidance_scale if request.HasField("guidance_scale") else None,
        seed=attempt_seed(request.seed if request.HasField("seed") else None, attempt=attempt.number),
        count=len(attempt.pending),
        output_format=request.output_format,
    )


def _image_moderation(
    image: generator_pb2.GeneratedImage, policy: Policy, attempt: _Attempt, max_image_bytes: int
) -> image_moderation_pb2.ModerateImageRequest:
    return image_moderation_pb2.ModerateImageRequest(
        image=image.image,
        media_type=image.media_type,
        thresholds=policy.image_thresholds(),
        run_all_detectors=policy.image.run_all_detectors,
        redaction=policy.redaction(attempt=attempt.number),
        prepare_delivery=True,
        max_delivery_bytes=max_image_bytes,
    )


def _dry_run_plan(request: pb.GenerateImagesRequest, policy: Policy, *, accepted: bool) -> pb.DryRunPlan | None:
    if not request.dry_run:
        return None
    return pb.DryRunPlan(
        prompt_accepted=accepted,
        negative_prompt=policy.negative_prompt(request.negative_prompt),
        max_attempts=policy.max_attempts,
        on_unsafe_image=policy.unsafe_image_action(),
    )


def _nonsense(what: str) -> errors.ModelResponseInvalid:
    return errors.ModelResponseInvalid(f"image_moderation {what}", metadata={"stage": "image_moderation"})
