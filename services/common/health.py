"""The health checking protocol: what a service answers, and how to ask one on this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.channels import ChannelTls, open_channel
from services.common.settings import LOOPBACK, ServiceSettings, SettingsError

TIMEOUT_S = 5.0

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Parts:
    """The health of parts of a service, each under a name of its own. They have no say in the service's."""

    def __init__(self) -> None:
        """None yet."""
        self._states: dict[str, int] = {}
        self._on_change: Callable[[], None] = lambda: None

    def add(self, name: str) -> Callable[[bool], None]:
        """Adds one, which is NOT_SERVING until what this returns is called, in the event loop, with True."""
        self._states[name] = NOT_SERVING

        def report(ready: bool) -> None:
            self._states[name] = SERVING if ready else NOT_SERVING
            self._on_change()

        return report

    def watch(self, on_change: Callable[[], None]) -> Mapping[str, int]:
        """The states, which go on changing; `on_change` is called after each change."""
        self._on_change = on_change
        return self._states


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # published without types
    """The health checking protocol, with watches that end when the service does.

    Those of grpcio-health-checking go on for as long as somebody watches, which a graceful stop would wait for.
    https://github.com/grpc/grpc/blob/master/doc/health-checking.md
    """

    def __init__(self, names: Sequence[str], parts: Parts | None = None) -> None:
        """All of `names` are NOT_SERVING; `parts` report for themselves."""
        self._states = dict.fromkeys(names, NOT_SERVING)
        self._changed = asyncio.Event()
        self._parts = (parts or Parts()).watch(self._wake)
        self._stopping = self._ended = False

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:  # noqa: N802 # grpc's name
        """The state of a service; NOT_FOUND for one that is not known."""
        state = self._state(request.service)
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health_pb2.HealthCheckResponse(status=state)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """The state of a service now and at each change; SERVICE_UNKNOWN for one that is not known."""
        told = None
        while True:
            changed = self._changed  # taken before the state is read, so that no change is missed
            state = self._state(request.service)
            if state is None:
                state = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if state != told:
                told = state
                yield health_pb2.HealthCheckResponse(status=state)
            elif self._ended:
                return
            else:
                await changed.wait()

    def _state(self, name: str) -> int | None:
        if name in self._parts:
            return NOT_SERVING if self._stopping else self._parts[name]
        return self._states.get(name)

    def report(self, ready: bool) -> None:
        """Sets the state of all services; in vain once the service stops."""
        if not self._stopping:
            self._states = dict.fromkeys(self._states, SERVING if ready else NOT_SERVING)
            self._wake()

    def stop(self) -> None:
        """NOT_SERVING from now on."""
        self.report(False)
        self._stopping = True
        self._wake()

    def end_watches(self) -> None:
        """Ends every watch once it has told the last state."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def check_health(settings: ServiceSettings, *, server_name: str) -> int:
    """0 if the service that listens as `settings` say is serving; else 1, and why on stderr.

    With TLS on, the service's own certificate is taken for the root to trust and, with mutual TLS, shown as ours.
    """
    tls = None
    if settings.tls_cert_file is not None:
        tls = ChannelTls(settings.tls_cert_file, settings.tls_cert_file, settings.tls_key_file, server_name)
    target = f"{LOOPBACK}:{settings.port}"
    try:
        async with open_channel(target, tls=tls) as channel:
            response = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S
            )
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except grpc.aio.AioRpcError as error:
        sys.stderr.write(f"{target}: {error.code().name}: {error.details()}\n")
        return 1
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    sys.stderr.write(f"{target}: {status}\n")
    return 0 if response.status == SERVING else 1
