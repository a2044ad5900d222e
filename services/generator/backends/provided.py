"""What backends with a provider behind them share: the stream of one generation, an image at a time.

Each image is asked for on its own, from seed + its index: a model that makes several at once makes them from one seed,
and the contract promises that each can be made again by itself. So each is sent as soon as it is there, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from safelight.common.v1 import finding_pb2, provider_usage_pb2
from safelight.generator.v1 import generator_pb2 as pb
from services.common import errors
from services.common.aws.api import Api
from services.common.executor import BoundedExecutor, Place
from services.common.moderation import as_duration
from services.generator import pictures
from services.generator.backends import Defaults
from services.generator.dialects import Asked, Dialect, Failed, Made, Notice, Options, Refused, Sent, Unreadable
from services.generator.formats import FORMATS

NEAR = 0.8
"""An answer of more than this share of the largest is worth a notice."""
PROGRESS_S = 1.0


@dataclass(frozen=True)
class Delivered:
    """An image as it is sent on."""

    data: bytes
    pil_format: str
    """What the model gave; "" for bare pixels."""
    width: int
    height: int
    seed: int | None
    """What the model says it was made from, if it does."""
    answer_bytes: int


Result = Delivered | Refused | Failed


@dataclass(frozen=True)
class Answer:
    """What came of asking for one image."""

    result: Result
    usage: Sequence[provider_usage_pb2.ProviderUsage]
    seconds: float
    """How long the provider worked, the wait for a free worker not counted."""


Reader = Callable[[bytes, str], Result]
"""Makes a result of an answer's body and content type. Takes a while: called in a worker thread. Raises
ModelResponseInvalid."""

Asking = Callable[[Place, Sent, Reader], Awaitable[Answer]]
"""Asks the provider for one image."""


@dataclass(frozen=True)
class Model:
    """A model behind a provider."""

    backend: str
    version: str
    dialect: Dialect
    options: Options
    api: Api
    """For what goes wrong: it knows the names."""
    progress_s: float = PROGRESS_S
    """How often progress is told."""


@dataclass
class _Told:
    """The notices of one call, each once."""

    seen: set[tuple[int, str]] = field(default_factory=set)

    def new(self, notices: Iterable[Notice]) -> Iterator[pb.GenerateImagesResponse]:
        for notice in notices:
            if (notice.reason, notice.field) not in self.seen:
                self.seen.add((notice.reason, notice.field))
                message = pb.GenerationNotice(reason=notice.reason, field=notice.field, message=notice.message)
                yield pb.GenerateImagesResponse(notice=message)


async def generate(
    request: pb.GenerateImagesRequest, model: Model, executor: BoundedExecutor, ask: Asking
) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
    """See Backend.generate."""
    asked = [_asked(request, index) for index in range(request.count)]
    sent = [model.dialect.request(each, model.options) for each in asked]
    async with executor.place() as place:
        yield pb.GenerateImagesResponse(started=pb.GenerationStarted(backend=model.backend, version=model.version))
        told, made, seconds = _Told(), 0, 0.0
        usage: list[provider_usage_pb2.ProviderUsage] = []
        for index, (wanted, out) in enumerate(zip(asked, sent, strict=True)):
            for response in told.new(out.notices):
                yield response
            answer: Answer | None = None
            waiting = _wait(ask(place, out, _reader(model, wanted)), model.progress_s)
            async with contextlib.aclosing(waiting) as steps:
                async for step in steps:
                    if isinstance(step, Answer):
                        answer = step
                    else:
                        progress = pb.GenerationProgress(image_index=index)
                        progress.elapsed.CopyFrom(as_duration(round((seconds + step) * 1e9)))
                        yield pb.GenerateImagesResponse(progress=progress)
            assert answer is not None  # noqa: S101 # _wait() ends with one
            usage += answer.usage
            seconds += answer.seconds
            match answer.result:
                case Failed():
                    raise _failed(model)
                case Refused() as refused:
                    yield _refusal(refused, model, index, wanted.seed)
                    if refused.subject == pb.REFUSAL_SUBJECT_PROMPT:
                        break
                case Delivered() as image:
                    for response in told.new(_differences(image, wanted, out, model.options)):
                        yield response
                    yield _image(image, wanted, out, index)
                    made += 1
        completed = pb.GenerationCompleted(image_count=made, usage=usage)
        completed.duration.CopyFrom(as_duration(round(seconds * 1e9)))
        yield pb.GenerateImagesResponse(completed=completed)


async def _wait(asking: Awaitable[Answer], every_s: float) -> AsyncGenerator[float | Answer, None]:
    """The seconds that have passed, every so often; then the answer. Closing it gives up the work."""
    task = asyncio.ensure_future(asking)
    began = time.monotonic()
    try:
        while not (await asyncio.wait({task}, timeout=every_s))[0]:
            yield time.monotonic() - began
        yield task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _asked(request: pb.GenerateImagesRequest, index: int) -> Asked:
    # A proto float has 32 bits; as many digits as these hold are what the caller wrote.
    guidance = float(f"{request.guidance_scale:.7g}") if request.HasField("guidance_scale") else None
    return Asked(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        seed=(request.seed + index) % 2**32,
        width=request.width,
        height=request.height,
        steps=request.steps,
        guidance_scale=guidance,
        image_format=request.output_format,
    )


def _reader(model: Model, wanted: Asked) -> Reader:
    def read(body: bytes, content_type: str) -> Result:
        try:
            found = model.dialect.images(body, content_type)
            if not found:
                raise Unreadable("holds no image")
            item = found[0]
            if not isinstance(item, Made):
                return item
            made = item.image
            picture = pictures.from_file(made) if isinstance(made, bytes) else pictures.from_rows(made)
        except Unreadable as error:
            raise model.api.nonsense(f"gave an answer that {error}") from None
        if model.dialect.BLACK_IS_REFUSED and picture.is_black:
            return Refused(pb.REFUSAL_SUBJECT_IMAGE, "black image")
        pil_format, _ = FORMATS[wanted.image_format]
        return Delivered(
            picture.encoded(pil_format),
            picture.format,
            picture.pixels.width,
            picture.pixels.height,
            item.seed,
            len(body),
        )

    return read


def _differences(image: Delivered, wanted: Asked, sent: Sent, options: Options) -> Iterator[Notice]:
    """What only the answer shows not to be as it was asked for."""
    if (image.width, image.height) != (wanted.width, wanted.height):
        yield Notice(
            pb.NOTICE_REASON_SIZE_CHANGED,
            "width" if image.width != wanted.width else "height",
            f"the model makes {image.width} x {image.height} pixels and not {wanted.width} x {wanted.height}",
        )
    pil_format, media_type = FORMATS[wanted.image_format]
    if image.pil_format and image.pil_format != pil_format:
        yield Notice(
            pb.NOTICE_REASON_FORMAT_CHANGED,
            "output_format",
            f"the model gives {image.pil_format}; it was encoded anew as {media_type}",
        )
    if image.seed is not None and image.seed != sent.seed:
        yield Notice(
            pb.NOTICE_REASON_SETTING_IGNORED, "seed", "the model used a seed of its own, which the image carries"
        )
    if image.answer_bytes > NEAR * options.most_response_bytes:
        yield Notice(
            pb.NOTICE_REASON_NEAR_LIMIT,
            "width",
            f"the answer has {image.answer_bytes:,} bytes of at most {options.most_response_bytes:,};"
            " larger images may fail",
        )


def _image(image: Delivered, wanted: Asked, sent: Sent, index: int) -> pb.GenerateImagesResponse:
    _, media_type = FORMATS[wanted.image_format]
    generated = pb.GeneratedImage(
        image_index=index,
        image=image.data,
        media_type=media_type,
        width=image.width,
        height=image.height,
        seed=wanted.seed if image.seed in (None, sent.seed) else image.seed,
    )
    return pb.GenerateImagesResponse(image=generated)


def _refusal(refused: Refused, model: Model, index: int, seed: int) -> pb.GenerateImagesResponse:
    finding = finding_pb2.Finding(
        category=refused.category, label=refused.label, confidence=1, flagged=True, detector=model.backend
    )
    message = pb.GenerationRefused(subject=refused.subject, findings=[finding])
    # A refused prompt stands for all images that are missing.
    if refused.subject == pb.REFUSAL_SUBJECT_IMAGE:
        message.image_index, message.seed = index, seed
    return pb.GenerateImagesResponse(refused=message)


def _failed(model: Model) -> errors.ProviderUnavailable:
    origin = model.api.origin
    return errors.ProviderUnavailable(
        f"{origin.provider}'s model failed to make an image; try again shortly",
        metadata={"stage": origin.stage, "provider": origin.provider},
    )


class Provided:
    """The part of a backend that its model decides."""

    def __init__(self, model: Model, executor: BoundedExecutor) -> None:
        """The executor's threads wait for the provider."""
        self.model = model
        self.executor = executor

    @property
    def name(self) -> str:
        """See Backend.name."""
        return self.model.backend

    @property
    def version(self) -> str:
        """See Backend.version."""
        return self.model.version

    @property
    def defaults(self) -> Defaults:
        """See Backend.defaults."""
        return self.model.dialect.DEFAULTS

    async def close(self) -> None:
        """See Backend.close."""
