"""One way to run a service: server, health, reflection, TLS, logs, errors, and an orderly stop.

`serve()` runs services until SIGTERM or SIGINT and is all that a `__main__` calls; `running()` is the same for tests
and for the demo, without signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.common import telemetry
from services.common.channels import check_tls_files, read_pem
from services.common.health import HealthServicer, Parts
from services.common.interceptors import CallInterceptor
from services.common.settings import ServiceSettings, SettingsError

log = telemetry.logger("server")


# How long threads that have nothing left to do may take to end.
_THREADS_END_S = 1.0


class StartError(Exception):
    """A service cannot start; the message says why and what to do."""


async def _nothing() -> None:
    return None


@dataclass
class Service:
    """What `serve()` needs to know of a service. Built by each service's `build()`."""

    name: str
    """Short name, such as "text_moderation": in logs and in error metadata."""
    settings: ServiceSettings
    full_names: Sequence[str]
    """The gRPC services it offers, for reflection and health."""
    register: Callable[[grpc.aio.Server], None]
    """Adds the servicers."""
    load: Callable[[], Awaitable[None]] = _nothing
    """Loads models; the service is NOT_SERVING and answers NOT_READY until this returns."""
    close: Callable[[], Awaitable[None]] = _nothing
    """Frees what it holds, once no call runs any more."""
    watch_ready: Callable[[Callable[[bool], Awaitable[None]]], Coroutine[Any, Any, None]] | None = None
    """Runs as long as the service does and reports whether what it depends on is up. Without it, loaded is ready."""
    parts: Parts | None = None
    """Parts whose health is told under names of their own."""


@dataclass
class RunningService:
    """A service whose port is open."""

    service: Service
    server: grpc.aio.Server
    port: int
    """The port it listens on, which matters where the settings ask for 0."""
    _health: HealthServicer
    _loaded: bool = False
    _stopping: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        """host:port for clients on this machine."""
        host = self.service.settings.host
        return f"{'127.0.0.1' if host in ('0.0.0.0', '::', '[::]') else host}:{self.port}"  # noqa: S104

    def is_ready(self) -> bool:
        """Whether calls are answered: loaded, whatever its upstreams say (they answer for themselves)."""
        return self._loaded

    async def until_ready(self) -> None:
        """Returns once health says SERVING; raises what loading raised."""
        ready = asyncio.ensure_future(self._ready.wait())
        try:
            await asyncio.wait([ready, *self._tasks[:1]], return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                self._tasks[0].result()
                await ready
        finally:
            ready.cancel()

    async def _load(self) -> None:
        await self.service.load()
        self._loaded = True
        if self.service.watch_ready is None:
            await self._report(True)
        else:
            self._tasks.append(asyncio.create_task(self.service.watch_ready(self._report)))

    async def _report(self, ready: bool) -> None:
        if self._stopping:
            return
        self._health.report(ready)
        if ready and not self._ready.is_set():
            log.info("service.serving", service=self.service.name, address=self.address)
        (self._ready.set if ready else self._ready.clear)()

    async def stop(self, grace: float | None = None) -> None:
        """NOT_SERVING, then no new calls, then waits for running ones up to `grace` seconds (default: settings)."""
        settings = self.service.settings
        self._stopping = True
        self._health.stop()
        if grace is None:
            await asyncio.sleep(settings.drain_delay_s)
        self._health.end_watches()
        await self.server.stop(settings.grace_period_s if grace is None else grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.service.close()


async def start(service: Service) -> RunningService:
    """Opens the service's port and begins to load it. Raises StartError or SettingsError."""
    settings = service.settings
    state: dict[str, RunningService] = {}
    server = grpc.aio.server(
        interceptors=[CallInterceptor(service.name, lambda: state["running"].is_ready())],
        options=_server_options(settings),
        maximum_concurrent_rpcs=settings.max_concurrent_rpcs,
    )
    health_servicer = HealthServicer(("", *service.full_names), service.parts)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    service.register(server)
    if settings.reflection:
        names = (*service.full_names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    port = _bind(server, service)
    running = state["running"] = RunningService(service, server, port, health_servicer)
    await server.start()
    log.info("service.listening", service=service.name, address=running.address, tls=settings.tls_cert_file is not None)
    running._tasks.append(asyncio.create_task(running._load()))
    return running


def _bind(server: grpc.aio.Server, service: Service) -> int:
    settings = service.settings
    address = f"{settings.host}:{settings.port}"
    try:
        if settings.tls_cert_file and settings.tls_key_file:
            check_tls_files(
                cert_file=settings.tls_cert_file,
                key_file=settings.tls_key_file,
                ca_file=settings.tls_client_ca_file,
            )
            client_ca = read_pem(settings.tls_client_ca_file) if settings.tls_client_ca_file else None
            credentials = grpc.ssl_server_credentials(
                [(read_pem(settings.tls_key_file), read_pem(settings.tls_cert_file))],
                root_certificates=client_ca,
                require_client_auth=client_ca is not None,
            )
            port = server.add_secure_port(address, credentials)
        else:
            port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        variables = " or ".join(settings.variable(f) for f in ("port", "host"))
        raise StartError(
            f"{service.name} cannot listen on {address}: the port is taken, or the address is not this machine's. "
            f"Stop what uses it (see: ss -ltnp 'sport = :{settings.port}') or set {variables}."
        )
    return int(port)


def _server_options(settings: ServiceSettings) -> list[tuple[str, Any]]:
    options: list[tuple[str, Any]] = [
        # Without this two servers may share a port in silence.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_receive_mib << 20),
        ("grpc.max_send_message_length", settings.max_send_mib << 20),
        ("grpc.keepalive_time_ms", round(settings.keepalive_time_s * 1000)),
        ("grpc.keepalive_timeout_ms", round(settings.keepalive_timeout_s * 1000)),
        ("grpc.http2.min_ping_interval_without_data_ms", round(settings.keepalive_min_client_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    if settings.max_connection_age_s:
        options += [
            ("grpc.max_connection_age_ms", round(settings.max_connection_age_s * 1000)),
            ("grpc.max_connection_age_grace_ms", round(settings.max_connection_age_grace_s * 1000)),
        ]
    return options


@contextlib.asynccontextmanager
async def running(
    *services: Service, grace: float | None = 0, wait_ready: bool = True
) -> AsyncIterator[list[RunningService]]:
    """The services, ready unless not `wait_ready`, for the length of a `with`; then stopped, the last one first."""
    started: list[RunningService] = []
    try:
        for service in services:
            started.append(await start(service))
        if wait_ready:
            for each in started:
                await each.until_ready()
        yield started
    finally:
        for each in reversed(started):
            await each.stop(grace)


async def run_until_signal(
    builders: Sequence[Callable[[], Service]],
    *,
    on_ready: Callable[[Sequence[RunningService]], None] = lambda _: None,
) -> None:
    """Runs the services until SIGTERM or SIGINT, then stops them in order, callers before what they call."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    started: list[RunningService] = []
    try:
        for service in [build() for build in builders]:
            started.append(await start(service))
        ready: asyncio.Future[Any] = asyncio.gather(*(each.until_ready() for each in started))
        stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        ready.add_done_callback(lambda done: None if done.cancelled() or done.exception() else on_ready(started))
        await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
        await stopped
        log.info("server.stopping", services=[each.service.name for each in started])
    finally:
        # A second signal during the grace period ends it at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        for each in reversed(started):
            await each.stop()
    log.info("server.stopped")


def serve(
    settings: ServiceSettings,
    *builders: Callable[[], Service],
    on_ready: Callable[[Sequence[RunningService]], None] = lambda _: None,
) -> None:
    """Runs the services until SIGTERM or SIGINT. Exits 0 then, 1 with a message when they cannot start.

    `settings` say how to log. List what is called before what calls it: the gateway last; they are stopped in the
    opposite order. The builders are called inside the event loop, where channels can be opened.
    """
    telemetry.configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(run_until_signal(builders, on_ready=on_ready))
    except (StartError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    _leave_stuck_threads()


def _leave_stuck_threads() -> None:
    """Ends the process where a thread still waits for a provider: nothing can stop it, and Python would wait for it."""
    ends = time.monotonic() + _THREADS_END_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, ends - time.monotonic()))
            if thread.is_alive():
                log.warning("server.left_waiting", thread=thread.name)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(0)
