"""The generator with Amazon's services behind it, on a free port, and what its callers see of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from safelight.generator.v1 import generator_pb2 as pb
from safelight.generator.v1 import generator_pb2_grpc
from services.common.executor import BoundedExecutor
from services.common.server import running
from services.generator.app import STAGE, build
from services.generator.backends import Backend
from services.generator.settings import Settings
from tests.support.streams import detail, status_of

# None of this suite's images is larger.
OPTIONS = [("grpc.max_receive_message_length", 33 << 20)]


@dataclass(frozen=True)
class Ended:
    """How a call ended that failed."""

    code: str
    reason: str
    setting: str = ""
    retry: bool = False


@dataclass
class Call:
    """Everything that came of one call."""

    responses: list[pb.GenerateImagesResponse] = field(default_factory=list)
    ended: Ended | None = None
    status: Any = None

    @property
    def kinds(self) -> list[str]:
        """The events in order, without progress, which comes when it comes."""
        kinds = [str(response.WhichOneof("event")) for response in self.responses]
        return [kind for kind in kinds if kind != "progress"]

    def _all(self, kind: str) -> list[Any]:
        return [getattr(response, kind) for response in self.responses if response.WhichOneof("event") == kind]

    @property
    def images(self) -> list[pb.GeneratedImage]:
        return self._all("image")

    @property
    def refusals(self) -> list[pb.GenerationRefused]:
        return self._all("refused")

    @property
    def notices(self) -> list[tuple[str, str]]:
        """Reason and field of each."""
        return [(pb.NoticeReason.Name(n.reason).removeprefix("NOTICE_REASON_"), n.field) for n in self._all("notice")]

    @property
    def completed(self) -> pb.GenerationCompleted:
        assert self.ended is None, self.status
        (completed,) = self._all("completed")
        assert isinstance(completed, pb.GenerationCompleted)
        return completed

    @property
    def usage(self) -> list[tuple[str, str, float]]:
        """Operation, unit and quantity of each call to a provider."""
        return [(each.operation, each.unit, each.quantity) for each in self.completed.usage]


@dataclass
class Generator:
    """A running generator."""

    stub: generator_pb2_grpc.GeneratorServiceAsyncStub
    health: Any
    executor: BoundedExecutor

    def begin(self, timeout: float | None = 30, **fields: Any) -> Any:
        """A call of 64 x 64 pixels unless `fields` say otherwise."""
        asked = {"prompt": "a dog", "width": 64, "height": 64, "seed": 7, **fields}
        return self.stub.GenerateImages(pb.GenerateImagesRequest(**asked), timeout=timeout)

    async def call(self, timeout: float | None = 30, **fields: Any) -> Call:
        """As begin(), to its end."""
        call, made = self.begin(timeout, **fields), Call()
        try:
            async for response in call:
                made.responses.append(response)
        except grpc.aio.AioRpcError as error:
            made.status = status_of(error)
            info = detail(made.status, error_details_pb2.ErrorInfo)
            made.ended = Ended(
                error.code().name,
                info.reason if info else "",
                info.metadata.get("setting", "") if info else "",
                detail(made.status, error_details_pb2.RetryInfo) is not None,
            )
        return made

    async def until(self, serving: bool) -> None:
        """Returns once health says so."""
        wanted = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        async for response in self.health.Watch(health_pb2.HealthCheckRequest(), timeout=30):
            if response.status == wanted:
                return


@asynccontextmanager
async def generator(
    *,
    made_by: Callable[[Settings, BoundedExecutor], Backend] | None = None,
    wait_ready: bool = True,
    **settings: Any,
) -> AsyncIterator[Generator]:
    """Runs one. `settings` are the service's; where a maker of a backend is given, its takes the place of theirs."""
    read = Settings(**{"port": 0, "aws_max_attempts": 1, "aws_connect_timeout_s": 5, **settings})
    executor = BoundedExecutor(STAGE, workers=read.workers, queue=read.queue)
    service = build(read, executor=executor, backend=made_by(read, executor) if made_by else None)
    async with (
        running(service, wait_ready=wait_ready) as [started],
        grpc.aio.insecure_channel(started.address, options=OPTIONS) as channel,
    ):
        yield Generator(
            generator_pb2_grpc.GeneratorServiceStub(channel),  # type: ignore[arg-type]
            health_pb2_grpc.HealthStub(channel),
            executor,
        )
