"""Safelight with everything on, around moderators and a generator that answer at once.

The four services are the real servers (interceptors, logs, request ids, trace context, health, reflection) in one
process, as `make serve` runs them. Only what moderates and draws is replaced, by answers made once beforehand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from benchmarks import child
from safelight.common.v1 import detector_run_pb2
from safelight.generator.v1 import generator_pb2, generator_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common import telemetry
from services.common.server import RunningService, Service, running
from services.common.settings import ServiceSettings
from services.gateway import app
from services.gateway.settings import Settings
from services.gateway.upstreams import GENERATOR_SERVICE, IMAGE_SERVICE, TEXT_SERVICE

STEPS = 20
"""Progress messages in a stream: what the generator sends for an image by default."""


def _ran(detector: str) -> detector_run_pb2.DetectorRun:
    run = detector_run_pb2.DetectorRun(detector=detector, version="1", status=detector_run_pb2.DETECTOR_RUN_STATUS_RAN)
    run.duration.FromMicroseconds(1)
    return run


class InstantText(text_moderation_pb2_grpc.TextModerationServiceServicer):
    """Clears every prompt. The last request is kept, for the bare chain to replay."""

    request: text_moderation_pb2.ModerateTextRequest
    response = text_moderation_pb2.ModerateTextResponse(detector_runs=[_ran("terms"), _ran("classifier")])

    async def ModerateText(self, request: Any, context: Any) -> Any:
        """See the proto."""
        self.request = request
        return self.response


class InstantImages(image_moderation_pb2_grpc.ImageModerationServiceServicer):
    """Clears every image, without looking at it."""

    request: image_moderation_pb2.ModerateImageRequest
    response = image_moderation_pb2.ModerateImageResponse(
        detector_runs=[_ran("nudenet")], width=512, height=512, media_type="image/png"
    )

    async def ModerateImage(self, request: Any, context: Any) -> Any:
        """See the proto."""
        self.request = request
        return self.response


class InstantGenerator(generator_pb2_grpc.GeneratorServiceServicer):
    """Sends the same progress and the same image, of as many bytes as told, to everybody."""

    request: generator_pb2.GenerateImagesRequest

    def __init__(self, image_bytes: int) -> None:
        """The bytes are random, so that nothing on the way can compress them."""
        response = generator_pb2.GenerateImagesResponse
        image = generator_pb2.GeneratedImage(
            image=os.urandom(image_bytes), media_type="image/png", width=512, height=512, seed=7
        )
        self.responses = [
            response(started=generator_pb2.GenerationStarted(backend="instant", version="1")),
            *(
                response(progress=generator_pb2.GenerationProgress(step=step, total_steps=STEPS))
                for step in range(1, STEPS + 1)
            ),
            response(image=image),
            response(completed=generator_pb2.GenerationCompleted(image_count=1)),
        ]

    async def GenerateImages(self, request: Any, context: Any) -> Any:
        """See the proto."""
        self.request = request
        for response in self.responses:
            yield response


class Suite:
    """The four services, each with its instant part."""

    def __init__(self, image_bytes: int) -> None:
        """Not yet running; see `serving()`."""
        self.text = InstantText()
        self.images = InstantImages()
        self.generator = InstantGenerator(image_bytes)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Runs all four on free loopback ports; gives the gateway's address."""

        def service(name: str, full_name: str, add: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> Service:
            return Service(
                name=name,
                settings=ServiceSettings(),
                full_names=(full_name,),
                register=lambda server: add(servicer, server),
            )

        add_text = text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server
        add_images = image_moderation_pb2_grpc.add_ImageModerationServiceServicer_to_server
        add_generator = generator_pb2_grpc.add_GeneratorServiceServicer_to_server
        async with (
            running(
                service("text_moderation", TEXT_SERVICE, add_text, self.text),
                service("image_moderation", IMAGE_SERVICE, add_images, self.images),
                service("generator", GENERATOR_SERVICE, add_generator, self.generator),
            ) as (text, images, generator),
            running(app.build(_gateway_settings(text, images, generator))) as (gateway,),
        ):
            yield gateway.address


def _gateway_settings(text: RunningService, images: RunningService, generator: RunningService) -> Settings:
    return Settings(
        port=0,
        text_moderation_target=text.address,
        image_moderation_target=images.address,
        generator_target=generator.address,
    )


if __name__ == "__main__":
    telemetry.configure_logging("info", "json")
    child.serve(Suite(int(sys.argv[1])).serving())
