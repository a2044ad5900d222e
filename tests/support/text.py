"""Text moderation over small files of a test's own: the real service on a free port, watched through health."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from safelight.text_moderation.v1 import text_moderation_pb2 as pb
from safelight.text_moderation.v1 import text_moderation_pb2_grpc as pb_grpc
from services.common.server import running
from services.common.telemetry import configure_logging
from services.text_moderation.app import FULL_NAME, build
from services.text_moderation.settings import Settings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

Logged = Callable[[str], list[dict[str, Any]]]


def entries(*terms: str, category: str = "denied_topic", strength: float = 1) -> str:
    """A lexicon file with one entry for each term, whose id is `acme.` and the term."""
    lines = [f"  - {{id: acme.{term}, category: {category}, term: {term}, strength: {strength}}}" for term in terms]
    return "\n".join(["entries:", *lines, ""])


def write(path: Path, content: str | bytes) -> Path:
    """Replaces a file at once, as an editor or a deployment does."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    return beside.rename(path)


def remove(path: Path) -> None:
    """Deletes a file."""
    path.unlink()


@dataclass
class Running:
    """A service and its clients."""

    stub: pb_grpc.TextModerationServiceAsyncStub
    health: Any

    async def moderate(self, text: str, **fields: Any) -> pb.ModerateTextResponse:
        return await self.stub.ModerateText(pb.ModerateTextRequest(text=text, **fields))

    async def version(self, detector: int = 0) -> str:
        """Of a detector, by its place in order."""
        response = await self.moderate("a text", run_all_detectors=True)
        return response.detector_runs[detector].version

    async def until_replaced(self, old: str, detector: int = 0) -> str:
        """Asks until another version answers; returns that."""
        while (new := await self.version(detector)) == old:
            pass
        return new

    async def until(self, part: str, state: int) -> None:
        """Watches the health of a part, or of the whole service for "", until it is in that state."""
        name = f"{FULL_NAME}/{part}" if part else ""
        async for response in self.health.Watch(health_pb2.HealthCheckRequest(service=name)):
            if response.status == state:
                return

    async def state(self, part: str = "") -> int:
        """The health of a part now."""
        name = f"{FULL_NAME}/{part}" if part else ""
        response = await self.health.Check(health_pb2.HealthCheckRequest(service=name))
        return int(response.status)


@asynccontextmanager
async def serving(*, wait_ready: bool = True, **settings: Any) -> AsyncIterator[Running]:
    """The service with detector `terms` alone, which looks at its files all the time, unless `settings` say else."""
    chosen = Settings(**{"port": 0, "detectors": ("terms",), "reload_interval_s": 0.01} | settings)
    async with (
        running(build(chosen), wait_ready=wait_ready) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        yield Running(pb_grpc.TextModerationServiceStub(channel), health_pb2_grpc.HealthStub(channel))


@contextmanager
def logging_to(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """What is logged from here on: `logged(event)` gives the lines of an event so far."""
    parts: list[str] = []

    def logged(event: str) -> list[dict[str, Any]]:
        parts.append(capsys.readouterr().err)
        return [line for line in map(json.loads, "".join(parts).splitlines()) if line["event"] == event]

    configure_logging("info", "json")
    try:
        yield logged
    finally:
        configure_logging("error", "json")
