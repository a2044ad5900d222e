"""The three services behind the gateway: their stubs, with deadlines and retries, and their errors as ours."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.generator.v1 import generator_pb2, generator_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common import errors, telemetry
from services.common.channels import ChannelTls, open_channel
from services.gateway import policy
from services.gateway.settings import Settings

log = telemetry.logger("gateway.upstreams")

TEXT_SERVICE = text_moderation_pb2.DESCRIPTOR.services_by_name["TextModerationService"].full_name
IMAGE_SERVICE = image_moderation_pb2.DESCRIPTOR.services_by_name["ImageModerationService"].full_name
GENERATOR_SERVICE = generator_pb2.DESCRIPTOR.services_by_name["GeneratorService"].full_name

# Asking again gives the same answer and costs little; a generation is not repeated, it may have begun.
RETRIED = ((TEXT_SERVICE, "ModerateText"), (IMAGE_SERVICE, "ModerateImage"))

HEALTH_RETRY_S = 0.5

# gRPC ends a call a little before or after its deadline, and a provider is waited for a little less.
CLOCK_TOLERANCE_S = 0.25


def stage_name(stage: pb.Stage.ValueType) -> str:
    """A stage as error metadata and logs name it: "text_moderation"."""
    return pb.Stage.Name(stage).removeprefix("STAGE_").lower()


@dataclass(frozen=True)
class Upstream:
    """One service behind the gateway."""

    stage: pb.Stage.ValueType
    target: str
    channel: grpc.aio.Channel
    service: str
    """Full gRPC name, for health."""
    target_setting: str
    """The variable that names its target."""
    timeout: float
    """Longest wait for one call, in seconds."""


@dataclass
class Upstreams:
    """The channels to all three, open for the gateway's whole life."""

    text_moderation: Upstream
    generator: Upstream
    image_moderation: Upstream
    deadline_reserve_s: float
    text: text_moderation_pb2_grpc.TextModerationServiceAsyncStub = field(init=False)
    images: image_moderation_pb2_grpc.ImageModerationServiceAsyncStub = field(init=False)
    generation: generator_pb2_grpc.GeneratorServiceAsyncStub = field(init=False)

    def __post_init__(self) -> None:
        """Makes the stubs."""
        self.text = text_moderation_pb2_grpc.TextModerationServiceStub(self.text_moderation.channel)
        self.images = image_moderation_pb2_grpc.ImageModerationServiceStub(self.image_moderation.channel)
        self.generation = generator_pb2_grpc.GeneratorServiceStub(self.generator.channel)

    @classmethod
    def connect(cls, settings: Settings) -> Upstreams:
        """Opens the channels; they connect when first used. Raises SettingsError for a TLS file that cannot be read."""
        tls = None
        if settings.upstream_tls_ca_file is not None:
            tls = ChannelTls(
                ca_file=settings.upstream_tls_ca_file,
                cert_file=settings.upstream_tls_cert_file,
                key_file=settings.upstream_tls_key_file,
                server_name=settings.upstream_tls_server_name,
            )

        def upstream(stage: pb.Stage.ValueType, service: str, setting: str, timeout: float) -> Upstream:
            target = getattr(settings, setting)
            channel = open_channel(target, tls=tls, max_message_mib=settings.max_receive_mib, retry_methods=RETRIED)
            return Upstream(stage, target, channel, service, settings.variable(setting), timeout)

        return cls(
            upstream(
                pb.STAGE_TEXT_MODERATION,
                TEXT_SERVICE,
                "text_moderation_target",
                settings.text_moderation_timeout_s,
            ),
            upstream(pb.STAGE_GENERATION, GENERATOR_SERVICE, "generator_target", settings.generation_timeout_s),
            upstream(
                pb.STAGE_IMAGE_MODERATION,
                IMAGE_SERVICE,
                "image_moderation_target",
                settings.image_moderation_timeout_s,
            ),
            settings.deadline_reserve_s,
        )

    @property
    def all(self) -> tuple[Upstream, ...]:
        """In the order of the pipeline."""
        return self.text_moderation, self.generator, self.image_moderation

    def deadline(self, context: Any) -> float | None:
        """When the calls made for a caller must have ended, by time.monotonic(); None for a caller without deadline.

        That is a little before the caller's own, so that the caller hears which stage was too slow.
        """
        left: float | None = context.time_remaining()
        return None if left is None else time.monotonic() + left - min(self.deadline_reserve_s, left / 4)

    def calls(self, *, deadline: float | None) -> UpstreamCalls:
        """The calls that one request makes. `deadline` is a time.monotonic() value, None for none."""
        return UpstreamCalls(self, deadline)

    async def close(self) -> None:
        """Closes the channels."""
        for upstream in self.all:
            await upstream.channel.close()

    async def watch(self, report: Callable[[bool], Awaitable[None]]) -> None:
        """Follows the health of all three until cancelled and reports whether all serve, at each change."""
        serving: dict[str, bool | None] = {upstream.service: None for upstream in self.all}

        async def changed(upstream: Upstream, is_serving: bool) -> None:
            if serving[upstream.service] != is_serving:
                was_serving, serving[upstream.service] = serving[upstream.service], is_serving
                stage = stage_name(upstream.stage)
                if is_serving:
                    log.info("upstream.serving", stage=stage, target=upstream.target)
                elif was_serving:
                    log.warning("upstream.not_serving", stage=stage, target=upstream.target)
                else:
                    log.info("upstream.awaited", stage=stage, target=upstream.target)
                await report(all(serving.values()))

        async with asyncio.TaskGroup() as tasks:
            for upstream in self.all:
                tasks.create_task(_watch_one(upstream, changed))


class UpstreamCalls:
    """The calls of one request, each cut to the request's deadline. Every failure comes out as a SafelightError."""

    def __init__(self, upstreams: Upstreams, deadline: float | None) -> None:
        """See Upstreams.calls."""
        self._upstreams = upstreams
        self._deadline = deadline

    async def moderate_text(
        self, request: text_moderation_pb2.ModerateTextRequest
    ) -> text_moderation_pb2.ModerateTextResponse:
        """The prompt's verdict, which at least one detector has given."""
        upstream = self._upstreams.text_moderation
        try:
            with _translated(upstream, self._deadline):
                response = await self._upstreams.text.ModerateText(
                    request, timeout=self._timeout(upstream), metadata=telemetry.outgoing_metadata()
                )
        except errors.InvalidArgument as error:
            # What is `text` there is `prompt` to the gateway's caller.
            raise errors.InvalidArgument(
                [replace(v, field="prompt") if v.field == "text" else v for v in error.violations]
            ) from None
        require_answer(response, upstream)
        return response

    async def moderate_image(
        self, request: image_moderation_pb2.ModerateImageRequest
    ) -> image_moderation_pb2.ModerateImageResponse:
        """An image's verdict, which at least one detector has given."""
        upstream = self._upstreams.image_moderation
        try:
            with _translated(upstream, self._deadline):
                response = await self._upstreams.images.ModerateImage(
                    request, timeout=self._timeout(upstream), metadata=telemetry.outgoing_metadata()
                )
        except errors.ImageUnreadable:
            raise _nonsense(self._upstreams.generator.stage, "made an image that cannot be read") from None
        except errors.InvalidArgument as error:
            raise _nonsense(upstream.stage, f"does not take the gateway's request: {error.message}") from None
        require_answer(response, upstream)
        return response

    async def generate_images(
        self, request: generator_pb2.GenerateImagesRequest
    ) -> AsyncGenerator[generator_pb2.GenerateImagesResponse, None]:
        """The generator's events. Closing the iteration cancels the call and with it the work."""
        upstream = self._upstreams.generator
        stream = _ExpectedStream(request.count)
        with _translated(upstream, self._deadline):
            call = self._upstreams.generation.GenerateImages(
                request, timeout=self._timeout(upstream), metadata=telemetry.outgoing_metadata()
            )
            try:
                async for event in call:
                    stream.check(event)
                    yield event
            finally:
                call.cancel()
        stream.check_end()

    def _timeout(self, upstream: Upstream) -> float:
        return stage_timeout(upstream, self._deadline)


def stage_timeout(upstream: Upstream, deadline: float | None) -> float:
    """Seconds a call may take by the stage's own limit and the deadline. Raises DeadlineExceeded if none are left."""
    if deadline is None:
        return upstream.timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise _out_of_time(upstream, deadline)
    return min(left, upstream.timeout)


@contextlib.contextmanager
def _translated(upstream: Upstream, deadline: float | None) -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise translate(error, upstream, deadline) from None


def translate(error: grpc.aio.AioRpcError, upstream: Upstream, deadline: float | None) -> errors.SafelightError:
    """An upstream's failure as the gateway's own: what the upstream says of itself, with the stage added.

    `deadline` is the request's, as for stage_timeout().
    """
    stage = stage_name(upstream.stage)
    said = _domain_error(error)
    if isinstance(said, errors.DeadlineExceeded):
        return _out_of_time(upstream, deadline)  # its deadline may be the stage's limit, of which callers know nothing
    if said is not None:
        said.metadata.setdefault("stage", stage)
        return said
    match error.code():
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return _out_of_time(upstream, deadline)
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return errors.Overloaded(f"{stage} is overloaded; try again later", metadata={"stage": stage})
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED | grpc.StatusCode.UNIMPLEMENTED:
            return errors.ProviderRejected(
                f"what {upstream.target_setting} names does not accept the gateway's calls ({error.code().name})",
                metadata={"stage": stage, "setting": upstream.target_setting},
            )
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED | grpc.StatusCode.ABORTED:
            return errors.UpstreamUnavailable(
                f"{stage} cannot be reached; try again shortly", metadata={"stage": stage}
            )
        case _:
            return errors.ModelResponseInvalid(
                f"{stage} answered with something that makes no sense ({error.code().name})",
                metadata={"stage": stage},
            )


def _domain_error(error: grpc.aio.AioRpcError) -> errors.SafelightError | None:
    for key, value in error.trailing_metadata() or ():
        if key == errors.STATUS_DETAILS_KEY:
            with contextlib.suppress(Exception):  # details that cannot be parsed are no details
                return errors.from_status(status_pb2.Status.FromString(value))
    return None


def _out_of_time(upstream: Upstream, deadline: float | None) -> errors.SafelightError:
    stage = stage_name(upstream.stage)
    if deadline is None or time.monotonic() < deadline - CLOCK_TOLERANCE_S:
        # The caller has time left; it is the stage that does not answer.
        return errors.UpstreamUnavailable(
            f"{stage} did not end within its limit of {upstream.timeout:g} seconds", metadata={"stage": stage}
        )
    return errors.DeadlineExceeded(f"time ran out during {stage}", metadata={"stage": stage})


def require_answer(response: policy.Moderated | None, upstream: Upstream) -> None:
    """Raises ModelResponseInvalid for a response that is no moderation, such as an empty one."""
    # grpc gives None for bytes that are not the message they should be.
    if response is None or not policy.is_answer(response):
        raise _nonsense(upstream.stage, "answered without having run a detector")


class _ExpectedStream:
    """Holds a generator to its contract: every image, or its refusal, once; `completed` last; nothing else."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._missing = set(range(count))
        self._completed = False

    def check(self, event: generator_pb2.GenerateImagesResponse | None) -> None:
        """Raises ModelResponseInvalid for an event that has no place in the stream."""
        if event is None:  # grpc's word for bytes that are not the message they should be
            raise _nonsense(pb.STAGE_GENERATION, "sent what cannot be read")
        if self._completed:
            raise _nonsense(pb.STAGE_GENERATION, "went on after its completed event")
        match event.WhichOneof("event"):
            case "progress" if event.progress.image_index >= self._count:
                raise _nonsense(pb.STAGE_GENERATION, "reported progress on an image that was not asked for")
            case "image":
                if event.image.image_index not in self._missing:
                    raise _nonsense(pb.STAGE_GENERATION, "sent an image twice, or one that was not asked for")
                if not event.image.image or not event.image.media_type.startswith("image/"):
                    raise _nonsense(pb.STAGE_GENERATION, "sent an image without bytes, or without a media type")
                self._missing.remove(event.image.image_index)
            case "refused":
                self._check_refusal(event.refused)
            case "completed":
                self._completed = True

    def _check_refusal(self, refused: generator_pb2.GenerationRefused) -> None:
        missing = {refused.image_index} if refused.HasField("image_index") else set(self._missing)
        if not missing or not missing <= self._missing:
            raise _nonsense(pb.STAGE_GENERATION, "refused an image that was not missing")
        if not refused.findings or not all(finding.flagged for finding in refused.findings):
            raise _nonsense(pb.STAGE_GENERATION, "refused an image without saying why")
        self._missing -= missing

    def check_end(self) -> None:
        """Raises ModelResponseInvalid for a stream that ended too early."""
        if self._missing or not self._completed:
            raise _nonsense(
                pb.STAGE_GENERATION,
                f"ended with {len(self._missing)} of {self._count} images missing"
                if self._missing
                else "ended without its completed event",
            )


def _nonsense(stage: pb.Stage.ValueType, what: str) -> errors.ModelResponseInvalid:
    name = stage_name(stage)
    return errors.ModelResponseInvalid(f"{name} {what}", metadata={"stage": name})


async def _watch_one(upstream: Upstream, changed: Callable[[Upstream, bool], Awaitable[None]]) -> None:
    stub = health_pb2_grpc.HealthStub(upstream.channel)
    while True:
        try:
            states: AsyncIterator[health_pb2.HealthCheckResponse] = stub.Watch(
                health_pb2.HealthCheckRequest(service=upstream.service)
            )
            async for state in states:
                await changed(upstream, state.status == health_pb2.HealthCheckResponse.SERVING)
        except grpc.aio.AioRpcError as error:
            log.debug("upstream.health", stage=stage_name(upstream.stage), code=error.code().name)
        await changed(upstream, False)
        await asyncio.sleep(HEALTH_RETRY_S)
