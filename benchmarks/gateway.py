"""The gateway's throughput and latency beside those of a bare chain, in turns, so that noise meets both alike."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks import child
from benchmarks.bare_chain import METHOD, OPTIONS, REQUEST
from safelight.gateway.v1 import gateway_pb2

IMAGE_SIZES = {"1 kB": 1_000, "500 kB": 500_000}
CALLERS = (1, 16)
SIDES = {"safelight": "benchmarks.instant", "bare": "benchmarks.bare_chain"}


@dataclass
class Round:
    """What one stretch of calls came to."""

    latencies: list[float]
    """Of each stream, from the call to the last message, in seconds."""
    elapsed: float
    """In seconds."""
    cpu: float
    """CPU time of the server process, in seconds."""

    @property
    def throughput(self) -> float:
        """Streams a second."""
        return len(self.latencies) / self.elapsed

    @property
    def cpu_per_stream(self) -> float:
        """In seconds."""
        return self.cpu / len(self.latencies)


@dataclass
class Cell:
    """All rounds of one image size and one number of callers, by side."""

    image: str
    callers: int
    rounds: dict[str, list[Round]] = field(default_factory=lambda: {side: [] for side in SIDES})

    def throughput(self, side: str) -> float:
        """Streams a second, the median of the rounds."""
        return statistics.median(each.throughput for each in self.rounds[side])

    def latency(self, side: str, percent: int) -> float:
        """Seconds, over all rounds."""
        values = sorted(value for each in self.rounds[side] for value in each.latencies)
        return values[min(len(values) - 1, len(values) * percent // 100)]

    def cpu(self, side: str) -> float:
        """CPU seconds of the servers for one stream, the median of the rounds."""
        return statistics.median(each.cpu_per_stream for each in self.rounds[side])

    @property
    def ratio(self) -> float:
        """Safelight's throughput by the bare chain's: the median over pairs of neighbouring rounds."""
        pairs = zip(self.rounds["safelight"], self.rounds["bare"], strict=True)
        return statistics.median(ours.throughput / theirs.throughput for ours, theirs in pairs)

    @property
    def cpu_ratio(self) -> float:
        """The bare chain's CPU time for a stream by Safelight's, median over the same pairs."""
        pairs = zip(self.rounds["safelight"], self.rounds["bare"], strict=True)
        return statistics.median(theirs.cpu_per_stream / ours.cpu_per_stream for ours, theirs in pairs)


def measure(*, rounds: int, seconds: float) -> Iterator[Cell]:
    """Each cell, as it is done."""
    with tempfile.TemporaryDirectory() as folder:
        for name, size in IMAGE_SIZES.items():
            with ExitStack() as stack:
                servers = {
                    side: stack.enter_context(child.started(module, str(size), log=Path(folder) / f"{side}.log"))
                    for side, module in SIDES.items()
                }
                for callers in CALLERS:
                    yield asyncio.run(_measure_cell(Cell(name, callers), servers, rounds, seconds))


async def _measure_cell(cell: Cell, servers: dict[str, child.Child], rounds: int, seconds: float) -> Cell:
    async with (
        grpc.aio.insecure_channel(servers["safelight"].address, options=OPTIONS) as safelight,
        grpc.aio.insecure_channel(servers["bare"].address, options=OPTIONS) as bare,
    ):
        channels = {"safelight": safelight, "bare": bare}
        for channel in channels.values():
            await _check(channel)
            await _call(channel, cell.callers, seconds / 4)
        for number in range(rounds):
            # Who goes first changes, so that a drift of the machine favours neither.
            for side in sorted(SIDES, reverse=bool(number % 2)):
                cpu = servers[side].cpu_seconds()
                latencies, elapsed = await _call(channels[side], cell.callers, seconds)
                cell.rounds[side].append(Round(latencies, elapsed, servers[side].cpu_seconds() - cpu))
    return cell


async def _call(channel: grpc.aio.Channel, callers: int, seconds: float) -> tuple[list[float], float]:
    """Streams for so long, `callers` at a time. The client reads bytes, so that it costs the same on both sides."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(METHOD)
    latencies: list[float] = []
    began = time.perf_counter()

    async def caller() -> None:
        while (start := time.perf_counter()) < began + seconds:
            async for _ in method(REQUEST):
                pass
            latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return latencies, time.perf_counter() - began


async def _check(channel: grpc.aio.Channel) -> None:
    """Both sides must end their stream with an image delivered."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(METHOD)
    *_, last = [message async for message in method(REQUEST, wait_for_ready=True, timeout=30)]
    event = gateway_pb2.GenerateImagesResponse.FromString(last)
    if event.completed.outcome != gateway_pb2.OUTCOME_DELIVERED:
        raise RuntimeError("a stream did not end with its image delivered")
