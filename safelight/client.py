"""The clients: `Client`, and `AsyncClient` for asyncio. They differ in `await` alone.

Both talk to one gateway, which also serves the moderation services. A call is not repeated when it fails, beyond what
gRPC does by itself for a request that never left: `SafelightError.retry_after` says when another try makes sense.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib import metadata as distributions
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc
from google.protobuf import wrappers_pb2

from safelight import _requests
from safelight._generation import AsyncGeneration, Generation
from safelight._requests import Image, Thresholds
from safelight.common.v1 import image_format_pb2
from safelight.errors import from_rpc_error
from safelight.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc

DEFAULT_TARGET = "localhost:50050"
"""Where the gateway listens unless it was told otherwise."""

GENERATE_TIMEOUT = 300.0
"""Seconds that a generation may take unless the client or the call says otherwise."""

UNARY_TIMEOUT = 30.0
"""Seconds that any other call may take unless the client or the call says otherwise."""

MAX_RECEIVE_BYTES = 4 << 20
"""gRPC's own default for the largest message that a client accepts. The gateway keeps its messages below it."""

_HEALTH_METHOD = "/grpc.health.v1.Health/Check"

R = TypeVar("R")


class Default(enum.Enum):
    """Stands for "not given", where None has a meaning of its own."""

    DEFAULT = "default"


DEFAULT = Default.DEFAULT
"""As a timeout: the client's, and where that has none, the method's."""

Timeout = float | Default | None
"""Seconds for a call, streaming included; None for no deadline; DEFAULT for the default."""


class Health(enum.IntEnum):
    """What a server says of itself: grpc.health.v1.HealthCheckResponse.ServingStatus."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


@dataclass(frozen=True)
class Tls:
    """How to connect with TLS. All files are PEM."""

    ca_file: str | os.PathLike[str] | None = None
    """The roots to trust. None: those that come with gRPC."""
    cert_file: str | os.PathLike[str] | None = None
    """Our own certificate chain, for mutual TLS, with key_file."""
    key_file: str | os.PathLike[str] | None = None
    """The private key of that certificate."""
    server_name: str | None = None
    """The name to expect in the server's certificate. None: the host of the target."""

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files. Raises OSError, and ValueError when one of cert_file and key_file is missing."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("tls: cert_file and key_file go together")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca_file),
            private_key=_read(self.key_file),
            certificate_chain=_read(self.cert_file),
        )


def _read(path: str | os.PathLike[str] | None) -> bytes | None:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class _Settings:
    """What both clients are told, and what they make of it without touching the network."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tls: Tls | None = None,
        timeout: Timeout = DEFAULT,
        api_key: str | None = None,
        max_receive_bytes: int = MAX_RECEIVE_BYTES,
        channel: Any = None,
    ) -> None:
        if channel is not None and tls is not None:
            raise ValueError("tls: has no effect on a channel that is given; give one or the other")
        if not 1 << 16 <= max_receive_bytes < 1 << 31:
            raise ValueError(
                f"max_receive_bytes: must be between {1 << 16} and {(1 << 31) - 1}; is {max_receive_bytes}"
            )
        if target.startswith(("http://", "https://")):
            raise ValueError("target: must be host:port or another gRPC target, without http:// or https://")
        self.target = target
        """The gateway's address."""
        self._credentials = tls.credentials() if tls is not None else None
        self._timeout = timeout if isinstance(timeout, Default) else _requests.timeout(timeout)
        self._api_key = _requests.api_key(api_key)
        self._max_receive_bytes = max_receive_bytes
        self._given = channel
        self._closed = False
        self._options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", max_receive_bytes),
            ("grpc.primary_user_agent", f"safelight-python/{version()}"),
        ]
        if tls is not None and tls.server_name:
            self._options.append(("grpc.ssl_target_name_override", tls.server_name))

    def _call(self, timeout: Timeout, request_id: str | None, default: float) -> _Call:
        if self._closed:
            raise RuntimeError("the client is closed")
        if isinstance(timeout, Default):
            timeout = self._timeout
        seconds = default if isinstance(timeout, Default) else _requests.timeout(timeout)
        identity = _requests.request_id(request_id)
        return _Call(self.target, seconds, identity, _requests.metadata(self._api_key, identity))


@dataclass(frozen=True)
class _Call:
    """What goes with one request."""

    target: str
    timeout: float | None
    request_id: str
    metadata: list[tuple[str, str]]

    def error(self, cause: grpc.RpcError) -> Exception:
        return from_rpc_error(cause, target=self.target, request_id=self.request_id, timeout=self.timeout)


def version() -> str:
    """The installed version of this package."""
    try:
        return distributions.version("safelight")
    except distributions.PackageNotFoundError:  # Used from a folder that was never installed.
        return "0"


class _Stubs:
    """The methods of a gateway, over a channel of either kind."""

    def __init__(self, channel: Any) -> None:
        gateway: Any = gateway_pb2_grpc.GatewayServiceStub(channel)
        text: Any = text_moderation_pb2_grpc.TextModerationServiceStub(channel)
        image: Any = image_moderation_pb2_grpc.ImageModerationServiceStub(channel)
        self.generate_images = gateway.GenerateImages
        self.list_policies = gateway.ListPolicies
        self.moderate_text = text.ModerateText
        self.moderate_image = image.ModerateImage
        # HealthCheckRequest has one string and HealthCheckResponse one enum, both with number 1: on the wire they are
        # a StringValue and an Int32Value. So a client does without the package grpcio-health-checking, and a process
        # that has it does not get two definitions of the same messages.
        self.check_health = channel.unary_unary(
            _HEALTH_METHOD,
            request_serializer=wrappers_pb2.StringValue.SerializeToString,
            response_deserializer=wrappers_pb2.Int32Value.FromString,
        )


def _health(response: wrappers_pb2.Int32Value) -> Health:
    try:
        return Health(response.value)
    except ValueError:  # A value that a later version of the protocol may bring.
        return Health.UNKNOWN


class Client(_Settings):
    """A connection to a Safelight gateway. Safe to share between threads; close it, or use it in a `with` block.

        with safelight.Client() as client:
            result = client.generate("A dog in a suit").result()
            for image in result.images:
                image.save("out/")

    It connects at its first call, not before, and again by itself after the gateway was away.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tls: Tls | None = None,
        timeout: Timeout = DEFAULT,
        api_key: str | None = None,
        max_receive_bytes: int = MAX_RECEIVE_BYTES,
        channel: grpc.Channel | None = None,
    ) -> None:
        """Remembers where the gateway is.

        Args:
            target: any gRPC target, such as `host:port` or `dns:///gateway:50050`.
            tls: how to connect with TLS. None: plaintext.
            timeout: seconds for every call of this client, None for no deadline. Default: 300 for generate(), 30 for
                the rest.
            api_key: sent as `authorization: Bearer <key>` with every call. Over plaintext anyone on the way can read
                it.
            max_receive_bytes: the largest message accepted, 64 KiB to 2 GiB - 1.
            channel: a channel of your own, used instead of a new one. The client does not close it; `target` is then
                only what messages call it.

        Raises:
            ValueError: an argument is out of range, or cannot be combined with another.
            OSError: a TLS file cannot be read.
        """
        super().__init__(
            target,
            tls=tls,
            timeout=timeout,
            api_key=api_key,
            max_receive_bytes=max_receive_bytes,
            channel=channel,
        )
        if channel is not None:
            self._channel = channel
        elif self._credentials is not None:
            self._channel = grpc.secure_channel(target, self._credentials, options=self._options)
        else:
            self._channel = grpc.insecure_channel(target, options=self._options)
        self._stubs = _Stubs(self._channel)

    def generate(
        self,
        prompt: str,
        *,
        negative_prompt: str = "",
        width: int = 0,
        height: int = 0,
        steps: int = 0,
        guidance_scale: float | None = None,
        seed: int | None = None,
        count: int = 0,
        output_format: str | image_format_pb2.ImageFormat.ValueType | None = None,
        policy: str = "",
        dry_run: bool = False,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> Generation:
        """Moderates the prompt, generates, and moderates each image.

        Returns at once. Iterate over what it returns for the events as they happen, or call its result(). Both raise
        SafelightError when the call fails; a refusal by policy is an outcome and no error.

        Args:
            prompt: what the images should show, 1 to 10,000 code points.
            negative_prompt: what they should not show, up to 10,000 code points.
            width: in pixels, 64 to 2,048, a multiple of 8. 0: 512.
            height: in pixels, 64 to 2,048, a multiple of 8. 0: 512.
            steps: denoising steps, 1 to 150. 0: the generator's default.
            guidance_scale: how closely to follow the prompt, 0 to 30. None: the generator's default.
            seed: where the randomness starts, 0 to 2^32 - 1. None: drawn at random.
            count: how many images, 1 to 8. 0: 1.
            output_format: "png", "jpeg" or "webp", or the enum's value. None: PNG.
            policy: the policy's name. Empty: the default one; see list_policies().
            dry_run: moderate the prompt and say what would happen, but generate nothing.
            timeout: seconds for the whole stream, None for no deadline.
            request_id: 1 to 128 of the characters A-Z a-z 0-9 . _ - for the services' logs. None: drawn at random.

        Raises:
            ValueError: an argument cannot be written into a request. Ranges are checked by the gateway, which reports
                all that is wrong at once as InvalidArgument.
        """
        request = _requests.generate_images(
            prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
            count=count,
            output_format=output_format,
            policy=policy,
            dry_run=dry_run,
        )
        call = self._call(timeout, request_id, GENERATE_TIMEOUT)
        stream = self._stubs.generate_images(request, timeout=call.timeout, metadata=call.metadata)
        return Generation(stream, target=call.target, request_id=call.request_id, timeout=call.timeout)

    def moderate_text(
        self,
        text: str,
        *,
        thresholds: Thresholds | None = None,
        detectors: Sequence[str] = (),
        run_all_detectors: bool = False,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> text_moderation_pb2.ModerateTextResponse:
        """Says whether a text breaks the thresholds, and where.

        Args:
            text: 1 to 10,000 code points.
            thresholds: from category ("sexual_explicit", or the enum's value) to the confidence from which a finding
                counts, 0 to 1, or None for "never". A category that is not listed has the service's own threshold.
            detectors: the names of the detectors to run. Empty: all.
            run_all_detectors: do not stop at the first detector that flags the text.
            timeout: seconds, None for no deadline.
            request_id: as in generate().

        Raises:
            SafelightError: the call failed; the text then counts as not moderated.
            ValueError: an argument cannot be written into a request.
        """
        request = _requests.moderate_text(
            text, thresholds=thresholds, detectors=detectors, run_all_detectors=run_all_detectors
        )
        response = self._unary(self._stubs.moderate_text, request, timeout, request_id)
        return cast("text_moderation_pb2.ModerateTextResponse", response)

    def moderate_image(
        self,
        image: Image,
        *,
        media_type: str = "",
        thresholds: Thresholds | None = None,
        detectors: Sequence[str] = (),
        run_all_detectors: bool = False,
        redaction: str | image_moderation_pb2.Redaction.ValueType | None = None,
        prepare_delivery: bool = False,
        max_delivery_bytes: int | None = None,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> image_moderation_pb2.ModerateImageResponse:
        """Says whether an image breaks the thresholds, and where; on request with a copy that may be shown.

        Args:
            image: PNG, JPEG or WebP: its bytes, or the path of its file (a str is a path). 32 to 10,000 pixels a side,
                up to 32 MiB. Or "s3://bucket/key", which the service's provider reads there, where the service allows
                that bucket; without a copy then.
            media_type: what it claims to be, such as "image/png"; another type is refused. Empty: not checked.
            thresholds: as in moderate_text().
            detectors: as in moderate_text().
            run_all_detectors: as in moderate_text().
            redaction: "blur_image" or "blur_regions", or the enum's value: the copy wanted if the image is flagged.
                None: no copy.
            prepare_delivery: also return a copy when the original carries metadata, needs turning, or is too large.
            max_delivery_bytes: the largest copy, at least 16,384; a larger one is re-encoded, then scaled down. 0: no
                limit. None: what this client can receive.
            timeout: seconds, None for no deadline.
            request_id: as in generate().

        Raises:
            SafelightError: the call failed; the image then counts as not moderated.
            ValueError: an argument cannot be written into a request.
            OSError: the file cannot be read.
        """
        request = _requests.moderate_image(
            image,
            media_type=media_type,
            thresholds=thresholds,
            detectors=detectors,
            run_all_detectors=run_all_detectors,
            redaction=redaction,
            prepare_delivery=prepare_delivery,
            max_delivery_bytes=max_delivery_bytes,
            receive_limit=self._max_receive_bytes,
        )
        response = self._unary(self._stubs.moderate_image, request, timeout, request_id)
        return cast("image_moderation_pb2.ModerateImageResponse", response)

    def list_policies(
        self, *, timeout: Timeout = DEFAULT, request_id: str | None = None
    ) -> gateway_pb2.ListPoliciesResponse:
        """The policies that this caller may name, and what each does. Raises SafelightError when the call fails."""
        response = self._unary(self._stubs.list_policies, gateway_pb2.ListPoliciesRequest(), timeout, request_id)
        return cast("gateway_pb2.ListPoliciesResponse", response)

    def health(self, service: str = "", *, timeout: Timeout = DEFAULT) -> Health:
        """What the gateway says of itself: SERVING once it and everything behind it can do its work.

        `service` is a full gRPC service name, such as "safelight.gateway.v1.GatewayService". Empty: the whole.
        Raises SafelightError when the call fails, NotFound among them for a service that it does not have.
        """
        request = wrappers_pb2.StringValue(value=service)
        return _health(self._unary(self._stubs.check_health, request, timeout, None))

    def close(self) -> None:
        """Closes the connection, which cancels what still runs on it. A channel that was given is left open."""
        self._closed = True
        if self._given is None:
            self._channel.close()

    def __enter__(self) -> Self:
        """Closes the connection on leaving."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        self.close()

    def _unary(self, method: Callable[..., Any], request: Any, timeout: Timeout, request_id: str | None) -> Any:
        call = self._call(timeout, request_id, UNARY_TIMEOUT)
        try:
            return method(request, timeout=call.timeout, metadata=call.metadata)
        except grpc.RpcError as error:
            raise call.error(error) from error


class AsyncClient(_Settings):
    """A connection to a Safelight gateway for asyncio. Close it, or use it in an `async with` block.

        async with safelight.AsyncClient() as client:
            async for event in client.generate("A dog in a suit"):
                print(event.WhichOneof("event"))

    It belongs to the event loop in which its first call is made. It connects at that call, not before, and again by
    itself after the gateway was away. Cancelling a task cancels the call that it waits for.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tls: Tls | None = None,
        timeout: Timeout = DEFAULT,
        api_key: str | None = None,
        max_receive_bytes: int = MAX_RECEIVE_BYTES,
        channel: grpc.aio.Channel | None = None,
    ) -> None:
        """Remembers where the gateway is. Arguments and errors are those of Client."""
        super().__init__(
            target,
            tls=tls,
            timeout=timeout,
            api_key=api_key,
            max_receive_bytes=max_receive_bytes,
            channel=channel,
        )
        self._channel = channel
        self._connected: _Stubs | None = None

    @property
    def _stubs(self) -> _Stubs:
        # A grpc.aio channel takes the running event loop when it is made, so it is not made before there is one.
        if self._connected is None:
            if self._channel is None and self._credentials is not None:
                self._channel = grpc.aio.secure_channel(self.target, self._credentials, options=self._options)
            elif self._channel is None:
                self._channel = grpc.aio.insecure_channel(self.target, options=self._options)
            self._connected = _Stubs(self._channel)
        return self._connected

    def generate(
        self,
        prompt: str,
        *,
        negative_prompt: str = "",
        width: int = 0,
        height: int = 0,
        steps: int = 0,
        guidance_scale: float | None = None,
        seed: int | None = None,
        count: int = 0,
        output_format: str | image_format_pb2.ImageFormat.ValueType | None = None,
        policy: str = "",
        dry_run: bool = False,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> AsyncGeneration:
        """Like Client.generate: call it without await, then iterate with `async for`, or await its result()."""
        request = _requests.generate_images(
            prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
            count=count,
            output_format=output_format,
            policy=policy,
            dry_run=dry_run,
        )
        call = self._call(timeout, request_id, GENERATE_TIMEOUT)
        stream = self._stubs.generate_images(request, timeout=call.timeout, metadata=call.metadata)
        return AsyncGeneration(stream, target=call.target, request_id=call.request_id, timeout=call.timeout)

    async def moderate_text(
        self,
        text: str,
        *,
        thresholds: Thresholds | None = None,
        detectors: Sequence[str] = (),
        run_all_detectors: bool = False,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> text_moderation_pb2.ModerateTextResponse:
        """Like Client.moderate_text."""
        request = _requests.moderate_text(
            text, thresholds=thresholds, detectors=detectors, run_all_detectors=run_all_detectors
        )
        response = await self._unary(self._stubs.moderate_text, request, timeout, request_id)
        return cast("text_moderation_pb2.ModerateTextResponse", response)

    async def moderate_image(
        self,
        image: Image,
        *,
        media_type: str = "",
        thresholds: Thresholds | None = None,
        detectors: Sequence[str] = (),
        run_all_detectors: bool = False,
        redaction: str | image_moderation_pb2.Redaction.ValueType | None = None,
        prepare_delivery: bool = False,
        max_delivery_bytes: int | None = None,
        timeout: Timeout = DEFAULT,
        request_id: str | None = None,
    ) -> image_moderation_pb2.ModerateImageResponse:
        """Like Client.moderate_image. A file is read at once, in the event loop."""
        request = _requests.moderate_image(
            image,
            media_type=media_type,
            thresholds=thresholds,
            detectors=detectors,
            run_all_detectors=run_all_detectors,
            redaction=redaction,
            prepare_delivery=prepare_delivery,
            max_delivery_bytes=max_delivery_bytes,
            receive_limit=self._max_receive_bytes,
        )
        response = await self._unary(self._stubs.moderate_image, request, timeout, request_id)
        return cast("image_moderation_pb2.ModerateImageResponse", response)

    async def list_policies(
        self, *, timeout: Timeout = DEFAULT, request_id: str | None = None
    ) -> gateway_pb2.ListPoliciesResponse:
        """Like Client.list_policies."""
        response = await self._unary(self._stubs.list_policies, gateway_pb2.ListPoliciesRequest(), timeout, request_id)
        return cast("gateway_pb2.ListPoliciesResponse", response)

    async def health(self, service: str = "", *, timeout: Timeout = DEFAULT) -> Health:
        """Like Client.health."""
        request = wrappers_pb2.StringValue(value=service)
        return _health(await self._unary(self._stubs.check_health, request, timeout, None))

    async def close(self) -> None:
        """Closes the connection, which cancels what still runs on it. A channel that was given is left open."""
        self._closed = True
        if self._given is None and self._channel is not None:
            await self._channel.close()

    async def __aenter__(self) -> Self:
        """Closes the connection on leaving."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        await self.close()

    async def _unary(
        self, method: Callable[..., Awaitable[Any]], request: Any, timeout: Timeout, request_id: str | None
    ) -> Any:
        call = self._call(timeout, request_id, UNARY_TIMEOUT)
        try:
            return await method(request, timeout=call.timeout, metadata=call.metadata)
        except grpc.RpcError as error:
            raise call.error(error) from error
