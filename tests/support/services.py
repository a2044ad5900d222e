"""Small real implementations of the three services behind the gateway, for tests: they answer as they are told.

They speak the real contracts over real sockets; only what decides is scripted. `suite()` runs them, with a real gateway
in front, on free ports.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Never

import grpc

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2, provider_usage_pb2
from safelight.gateway.v1 import gateway_pb2_grpc
from safelight.generator.v1 import generator_pb2, generator_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common.server import RunningService, Service, running
from services.common.settings import ServiceSettings
from services.gateway import app
from services.gateway.policy import Policy
from services.gateway.settings import Settings
from services.gateway.upstreams import GENERATOR_SERVICE, IMAGE_SERVICE, TEXT_SERVICE


def ran(
    name: str, *, flagged: bool = False, usage: Sequence[provider_usage_pb2.ProviderUsage] = ()
) -> detector_run_pb2.DetectorRun:
    """A detector run that took a millisecond."""
    run = detector_run_pb2.DetectorRun(
        detector=name, version="1", status=detector_run_pb2.DETECTOR_RUN_STATUS_RAN, flagged=flagged, usage=usage
    )
    run.duration.FromMilliseconds(1)
    return run


def finding(category: str, *, detector: str = "scripted", confidence: float = 0.9) -> finding_pb2.Finding:
    """A finding that crossed a threshold of 0.5."""
    return finding_pb2.Finding(
        category=category_pb2.Category.Value(f"CATEGORY_{category.upper()}"),
        label=category,
        confidence=confidence,
        threshold=0.5,
        flagged=True,
        detector=detector,
    )


@dataclass
class Live:
    """Counts the calls that run just now; `busy` is set while any does, `idle` while none does."""

    live: int = 0
    busy: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.idle.set()

    @contextmanager
    def call(self) -> Iterator[None]:
        self.live += 1
        self.busy.set()
        self.idle.clear()
        try:
            yield
        finally:
            self.live -= 1
            if not self.live:
                self.busy.clear()
                self.idle.set()


async def hang(*_: Any) -> Never:
    """Never returns; cancelled with its call."""
    await asyncio.Event().wait()
    raise AssertionError("nothing sets that event")


@dataclass
class ScriptedText(Live, text_moderation_pb2_grpc.TextModerationServiceServicer):
    """Flags a prompt that holds one of the words; `before` runs first and may hang or raise."""

    flags: Mapping[str, str] = field(default_factory=lambda: {"forbidden": "violence"})
    before: Callable[[Any], Awaitable[None]] | None = None
    usage: Sequence[provider_usage_pb2.ProviderUsage] = ()
    requests: list[text_moderation_pb2.ModerateTextRequest] = field(default_factory=list)

    async def ModerateText(
        self, request: text_moderation_pb2.ModerateTextRequest, context: Any
    ) -> text_moderation_pb2.ModerateTextResponse:
        self.requests.append(request)
        with self.call():
            if self.before:
                await self.before(context)
        found = [finding(category) for word, category in self.flags.items() if word in request.text]
        return text_moderation_pb2.ModerateTextResponse(
            flagged=bool(found), findings=found, detector_runs=[ran("scripted", flagged=bool(found), usage=self.usage)]
        )


# What a scripted image says of itself is what the scripted moderator finds in it. None is part of another.
SAFE, UNSAFE, BLURRED = b"<safe>", b"<unsafe>", b"<blurred>"


@dataclass
class ScriptedGenerator(Live, generator_pb2_grpc.GeneratorServiceServicer):
    """Makes, or refuses, what `image(attempt, index)` gives, after two steps; `before_image` may hang or raise.

    `index` is the image's place in this call; each call is an attempt.
    """

    image: Callable[[int, int], bytes | generator_pb2.GenerationRefused] = lambda attempt, index: SAFE
    notices: Sequence[generator_pb2.GenerationNotice] = ()
    usage: Sequence[provider_usage_pb2.ProviderUsage] = ()
    before_image: Callable[[Any], Awaitable[None]] | None = None
    requests: list[generator_pb2.GenerateImagesRequest] = field(default_factory=list)

    async def GenerateImages(
        self, request: generator_pb2.GenerateImagesRequest, context: Any
    ) -> AsyncIterator[generator_pb2.GenerateImagesResponse]:
        response = generator_pb2.GenerateImagesResponse
        self.requests.append(request)
        attempt = len(self.requests)
        with self.call():
            yield response(started=generator_pb2.GenerationStarted(backend="scripted", version="1"))
            for notice in self.notices:
                yield response(notice=notice)
            for index in range(request.count):
                for step in (1, 2):
                    yield response(
                        progress=generator_pb2.GenerationProgress(image_index=index, step=step, total_steps=2)
                    )
                if self.before_image:
                    await self.before_image(context)
                made = self.image(attempt, index)
                if isinstance(made, generator_pb2.GenerationRefused):
                    yield response(refused=made)
                    if made.HasField("image_index"):
                        continue
                    break
                yield response(
                    image=generator_pb2.GeneratedImage(
                        image_index=index,
                        image=made,
                        media_type="image/png",
                        width=64,
                        height=64,
                        seed=(request.seed + index) % 2**32,
                    )
                )
            completed = generator_pb2.GenerationCompleted(image_count=request.count, usage=self.usage)
            yield response(completed=completed)


@dataclass
class ScriptedImages(Live, image_moderation_pb2_grpc.ImageModerationServiceServicer):
    """Flags an image whose bytes begin with UNSAFE; in a redacted copy BLURRED stands in its place."""

    category: str = "nudity"
    before: Callable[[Any], Awaitable[None]] | None = None
    usage: Sequence[provider_usage_pb2.ProviderUsage] = ()
    alter: Callable[[image_moderation_pb2.ModerateImageResponse], None] = lambda response: None
    requests: list[image_moderation_pb2.ModerateImageRequest] = field(default_factory=list)

    async def ModerateImage(
        self, request: image_moderation_pb2.ModerateImageRequest, context: Any
    ) -> image_moderation_pb2.ModerateImageResponse:
        self.requests.append(request)
        with self.call():
            if self.before:
                await self.before(context)
        flagged = request.image.startswith(UNSAFE)
        response = image_moderation_pb2.ModerateImageResponse(
            flagged=flagged,
            findings=[finding(self.category)] if flagged else [],
            detector_runs=[ran("scripted", flagged=flagged, usage=self.usage)],
            width=64,
            height=64,
            media_type="image/png",
        )
        if flagged and request.redaction != image_moderation_pb2.REDACTION_UNSPECIFIED:
            response.delivery_copy.CopyFrom(
                image_moderation_pb2.DeliveryCopy(
                    image=BLURRED + request.image.removeprefix(UNSAFE),
                    media_type="image/png",
                    width=64,
                    height=64,
                    redacted=True,
                )
            )
        self.alter(response)
        return response


def as_service(
    name: str, full_name: str, register: Callable[[grpc.aio.Server], None], settings: ServiceSettings | None = None
) -> Service:
    """A servicer run the way the real services are."""
    return Service(name=name, settings=settings or ServiceSettings(), full_names=(full_name,), register=register)


def scripted_services(
    text: ScriptedText,
    generator: ScriptedGenerator,
    images: ScriptedImages,
    settings: ServiceSettings | None = None,
) -> tuple[Service, Service, Service]:
    """The three services behind the gateway, in the pipeline's order."""
    return (
        as_service(
            "text_moderation",
            TEXT_SERVICE,
            lambda server: text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server(text, server),
            settings,
        ),
        as_service(
            "generator",
            GENERATOR_SERVICE,
            lambda server: generator_pb2_grpc.add_GeneratorServiceServicer_to_server(generator, server),
            settings,
        ),
        as_service(
            "image_moderation",
            IMAGE_SERVICE,
            lambda server: image_moderation_pb2_grpc.add_ImageModerationServiceServicer_to_server(images, server),
            settings,
        ),
    )


TARGETS = ("text_moderation_target", "generator_target", "image_moderation_target")


@dataclass
class Suite:
    """A gateway and the three services behind it, running."""

    text: ScriptedText
    generator: ScriptedGenerator
    images: ScriptedImages
    gateway: RunningService
    upstreams: Sequence[RunningService]
    channel: grpc.aio.Channel
    stub: gateway_pb2_grpc.GatewayServiceAsyncStub


@asynccontextmanager
async def suite(
    *,
    text: ScriptedText | None = None,
    generator: ScriptedGenerator | None = None,
    images: ScriptedImages | None = None,
    policies: Mapping[str, Policy] | None = None,
    targets: Mapping[str, str] | None = None,
    wait_ready: bool = True,
    upstream_settings: ServiceSettings | None = None,
    credentials: grpc.ChannelCredentials | None = None,
    **settings: Any,
) -> AsyncIterator[Suite]:
    """Runs scripted services and a real gateway.

    `targets` replaces the targets of some, as settings name them; `credentials` are those of the client; `settings` are
    the gateway's.
    """
    text, generator, images = text or ScriptedText(), generator or ScriptedGenerator(), images or ScriptedImages()
    async with running(*scripted_services(text, generator, images, upstream_settings)) as upstreams:
        addresses = dict(zip(TARGETS, (each.address for each in upstreams), strict=True))
        gateway = app.build(Settings(port=0, **{**addresses, **(targets or {}), **settings}), policies=policies)
        async with (
            running(gateway, wait_ready=wait_ready) as (front,),
            open_client(front.address, credentials) as channel,
        ):
            yield Suite(
                text, generator, images, front, upstreams, channel, gateway_pb2_grpc.GatewayServiceStub(channel)
            )


def open_client(address: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A client's channel with gRPC's defaults."""
    return grpc.aio.secure_channel(address, credentials) if credentials else grpc.aio.insecure_channel(address)
