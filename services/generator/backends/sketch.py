"""Backend `sketch`: a deterministic renderer that stands in for a diffusion model, in process and without a download.

The same prompt, negative prompt, seed and size give the same picture. The number of steps only says how finely the
work is divided and reported.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from typing import ParamSpec, TypeVar

from google.protobuf import duration_pb2

from safelight.common.v1 import image_format_pb2
from safelight.generator.v1 import generator_pb2 as pb
from services.common.executor import BoundedExecutor
from services.generator.sketch import VERSION
from services.generator.sketch.encoding import encode
from services.generator.sketch.painting import Painting

P = ParamSpec("P")
T = TypeVar("T")

# A hop to a worker thread costs about as much as a small layer of the drawing; cancelling takes effect between hops.
HOPS_PER_IMAGE = 5

FORMATS = {
    image_format_pb2.IMAGE_FORMAT_PNG: ("PNG", "image/png"),
    image_format_pb2.IMAGE_FORMAT_JPEG: ("JPEG", "image/jpeg"),
    image_format_pb2.IMAGE_FORMAT_WEBP: ("WEBP", "image/webp"),
}


class SketchBackend:
    """Draws in the executor's threads, a few steps at a time."""

    name = "sketch"
    version = VERSION

    def __init__(self, executor: BoundedExecutor, *, painting: Callable[..., Painting] = Painting) -> None:
        """`painting` makes what draws one picture, from the arguments of Painting."""
        self._executor = executor
        self._painting = painting

    async def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See Backend.generate. Raises Overloaded when no worker is free."""
        worked = 0.0
        yield pb.GenerateImagesResponse(started=pb.GenerationStarted(backend=self.name, version=self.version))
        pil_format, media_type = FORMATS[request.output_format]
        for index in range(request.count):
            seed = (request.seed + index) % 2**32
            painting = self._painting(
                prompt=request.prompt,
                negative_prompt=request.negative_prompt,
                seed=seed,
                width=request.width,
                height=request.height,
                steps=request.steps,
            )
            for last_step in _ends_of_hops(request.steps):
                before = painting.steps_done
                seconds, _ = await self._executor.run(_timed, painting.draw_until, last_step)
                worked += seconds
                for step in range(before + 1, last_step + 1):
                    progress = pb.GenerationProgress(image_index=index, step=step, total_steps=request.steps)
                    yield pb.GenerateImagesResponse(progress=progress)
            seconds, encoded = await self._executor.run(_timed, encode, painting.image, pil_format)
            worked += seconds
            yield pb.GenerateImagesResponse(
                image=pb.GeneratedImage(
                    image_index=index,
                    image=encoded,
                    media_type=media_type,
                    width=request.width,
                    height=request.height,
                    seed=seed,
                )
            )
        duration = duration_pb2.Duration()
        duration.FromMicroseconds(round(worked * 1e6))
        yield pb.GenerateImagesResponse(completed=pb.GenerationCompleted(image_count=request.count, duration=duration))


def _timed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, T]:
    """What `function` returns, after the seconds it took in its thread, the wait for one not counted."""
    began = time.perf_counter()
    result = function(*args, **kwargs)
    return time.perf_counter() - began, result


def _ends_of_hops(steps: int) -> list[int]:
    """The last step of each hop: [4, 8, 12, 16, 20] for 20 steps."""
    hops = min(HOPS_PER_IMAGE, steps)
    return [steps * hop // hops for hop in range(1, hops + 1)]
