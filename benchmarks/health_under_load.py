"""How long health takes to answer while image moderation works at full load: `python -m benchmarks.health_under_load`.

The service runs in a process of its own, with its default settings; sixteen callers here send it pictures of 512x512
pixels without a pause, and one asks for its health every ten milliseconds.
"""

from __future__ import annotations

import asyncio
import io
import random
import statistics
import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image

from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from services.generator.sketch import ellipses

CALLERS = 16
SECONDS = 10.0
SERVICE = "safelight.image_moderation.v1.ImageModerationService"


def picture(seed: int) -> bytes:
    """A PNG that is flagged, so that redaction is part of the work."""
    image = Image.new("RGB", (512, 512))
    ellipses.draw(image, random.Random(seed))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


async def start() -> tuple[asyncio.subprocess.Process, str]:
    """The service as an operator starts it, on a free port, which its log names."""
    service = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.image_moderation"),
        env={"SAFELIGHT_IMAGE_MODERATION_PORT": "0", "SAFELIGHT_LOG_FORMAT": "json", "PATH": ""},
        stderr=asyncio.subprocess.PIPE,
    )
    assert service.stderr is not None
    while line := (await service.stderr.readline()).decode():
        if "service.serving" in line:
            return service, line.split('"address": "')[1].split('"')[0]
    raise RuntimeError("the service did not start")


async def drain(stream: asyncio.StreamReader) -> None:
    """Reads the log away, so that the service is never held up by a full pipe."""
    while await stream.read(65536):
        pass


async def measure() -> tuple[list[float], list[float]]:
    """Milliseconds of each health check and of each moderation."""
    service, address = await start()
    assert service.stderr is not None
    draining = asyncio.create_task(drain(service.stderr))
    requests = [
        image_moderation_pb2.ModerateImageRequest(
            image=picture(seed), redaction=image_moderation_pb2.REDACTION_BLUR_IMAGE, prepare_delivery=True
        )
        for seed in range(CALLERS)
    ]
    health_ms: list[float] = []
    moderation_ms: list[float] = []
    end = time.perf_counter() + SECONDS
    async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(address) as other:
        stub = image_moderation_pb2_grpc.ImageModerationServiceStub(channel)
        health = health_pb2_grpc.HealthStub(other)

        async def moderate(request: image_moderation_pb2.ModerateImageRequest) -> None:
            while time.perf_counter() < end:
                started = time.perf_counter()
                await stub.ModerateImage(request)
                moderation_ms.append((time.perf_counter() - started) * 1000)

        async def check() -> None:
            while time.perf_counter() < end:
                started = time.perf_counter()
                await health.Check(health_pb2.HealthCheckRequest(service=SERVICE))
                health_ms.append((time.perf_counter() - started) * 1000)
                await asyncio.sleep(0.01)

        await asyncio.gather(check(), *(moderate(r) for r in requests))
    service.terminate()
    await service.wait()
    await draining
    return health_ms, moderation_ms


def main() -> None:
    """Prints p50, p99 and the longest."""
    health_ms, moderation_ms = asyncio.run(measure())
    print(f"{CALLERS} callers, {SECONDS:g} s: {len(moderation_ms) / SECONDS:.1f} flagged and blurred pictures a second")
    for name, values in (("health", health_ms), ("moderation", moderation_ms)):
        p99 = statistics.quantiles(values, n=100)[98]
        print(f"{name:>10}: p50 {statistics.median(values):.1f} ms, p99 {p99:.1f} ms, max {max(values):.1f} ms")


if __name__ == "__main__":
    main()
