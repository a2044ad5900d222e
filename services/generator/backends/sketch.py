"""Backend `sketch`: a deterministic renderer that stands in for a diffusion model, in process and without a download.

The same prompt, negative prompt, seed and size give the same picture. The number of steps only says how finely the
work is divided and reported.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from google.protobuf import duration_pb2

from safelight.generator.v1 import generator_pb2 as pb
from services.common.executor import BoundedExecutor, Place
from services.generator.backends import Defaults
from services.generator.formats import FORMATS
from services.generator.sketch import VERSION
from services.generator.sketch.encoding import encode
from services.generator.sketch.painting import Painting

# To tell the event loop of progress costs about as much as a small layer of the drawing; cancelling takes effect
# between parts.
PARTS_OF_AN_IMAGE = 5


@dataclass(frozen=True)
class _Drawn:
    encoded: bytes
    seconds: float
    """How long it took in its thread, the wait for one not counted."""


class SketchBackend:
    """Draws in the executor's threads, an image at a time."""

    name = "sketch"
    version = VERSION
    defaults = Defaults(width=512, height=512, steps=20)

    def __init__(self, executor: BoundedExecutor, *, painting: Callable[..., Painting] = Painting) -> None:
        """`painting` makes what draws one picture, from the arguments of Painting."""
        self._executor = executor
        self._painting = painting

    async def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See Backend.generate."""
        async with self._executor.place() as place:
            worked = 0.0
            yield pb.GenerateImagesResponse(started=pb.GenerationStarted(backend=self.name, version=self.version))
            _, media_type = FORMATS[request.output_format]
            for index in range(request.count):
                seed = (request.seed + index) % 2**32
                async with contextlib.aclosing(self._draw(place, request, seed)) as drawing:
                    async for drawn in drawing:
                        if isinstance(drawn, int):
                            progress = pb.GenerationProgress(image_index=index, step=drawn, total_steps=request.steps)
                            yield pb.GenerateImagesResponse(progress=progress)
                            continue
                        worked += drawn.seconds
                        image = pb.GeneratedImage(
                            image_index=index,
                            image=drawn.encoded,
                            media_type=media_type,
                            width=request.width,
                            height=request.height,
                            seed=seed,
                        )
                        yield pb.GenerateImagesResponse(image=image)
            duration = duration_pb2.Duration()
            duration.FromMicroseconds(round(worked * 1e6))
            completed = pb.GenerationCompleted(image_count=request.count, duration=duration)
            yield pb.GenerateImagesResponse(completed=completed)

    async def close(self) -> None:
        """See Backend.close."""

    async def _draw(
        self, place: Place, request: pb.GenerateImagesRequest, seed: int
    ) -> AsyncGenerator[int | _Drawn, None]:
        """Each step's number as it is done, then the image."""
        loop = asyncio.get_running_loop()
        ends: asyncio.Queue[int | None] = asyncio.Queue()
        abandoned = threading.Event()

        def report(last_step: int) -> None:
            loop.call_soon_threadsafe(ends.put_nowait, last_step)

        # One job for the whole image, so that there are never more canvases than workers.
        job = asyncio.create_task(place.run(self._draw_in_thread, request, seed, report, abandoned))
        job.add_done_callback(lambda _: ends.put_nowait(None))
        try:
            done = 0
            while (last_step := await ends.get()) is not None:
                for step in range(done + 1, last_step + 1):
                    yield step
                done = last_step
            yield await job
        finally:
            abandoned.set()
            job.cancel()

    def _draw_in_thread(
        self,
        request: pb.GenerateImagesRequest,
        seed: int,
        report: Callable[[int], None],
        abandoned: threading.Event,
    ) -> _Drawn:
        """Draws one image. Calls `report` with the last step of each part; stops between parts once `abandoned`."""
        began = time.perf_counter()
        painting = self._painting(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            seed=seed,
            width=request.width,
            height=request.height,
            steps=request.steps,
        )
        for last_step in _ends_of_parts(request.steps):
            if abandoned.is_set():
                return _Drawn(b"", time.perf_counter() - began)
            painting.draw_until(last_step)
            report(last_step)
        pil_format, _ = FORMATS[request.output_format]
        encoded = encode(painting.image, pil_format)
        return _Drawn(encoded, time.perf_counter() - began)


def _ends_of_parts(steps: int) -> list[int]:
    """The last step of each part: [4, 8, 12, 16, 20] for 20 steps."""
    parts = min(PARTS_OF_AN_IMAGE, steps)
    return [steps * part // parts for part in range(1, parts + 1)]
