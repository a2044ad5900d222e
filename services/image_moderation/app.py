"""Puts the service together: settings, detectors, servicer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import grpc
from PIL import Image

from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from services.common.aws import checks
from services.common.executor import BoundedExecutor
from services.common.moderation import Detector, Moderation, Thresholds
from services.common.server import Service
from services.image_moderation.service import ImageModerationServicer, ImageModerator
from services.image_moderation.settings import STAGE, DetectorName, Settings
from services.image_moderation.subjects import InS3

NAME = STAGE


def build(settings: Settings, *, detectors: Sequence[Detector[Image.Image]] | None = None) -> Service:
    """The service, not yet started. `detectors`, already loaded, take the place of those that the settings name."""
    executor = BoundedExecutor(NAME, workers=settings.workers, queue=settings.queue)
    servicer = ImageModerationServicer(executor)
    thresholds = Thresholds.from_names(settings.default_threshold, settings.thresholds)
    checked: list[checks.Checked] = []

    async def load() -> None:
        loaded = detectors
        if loaded is None:
            loaded = [await asyncio.to_thread(_load_detector, name, settings) for name in settings.detectors]
        checked.extend(one for one in loaded if isinstance(one, checks.Checked))
        in_s3 = InS3.of(loaded, thresholds, settings.s3_buckets)
        servicer.moderator = ImageModerator(Moderation(loaded, thresholds), settings.limits, in_s3=in_s3)

    async def watch_ready(report: Callable[[bool], Awaitable[None]]) -> None:
        if checked:
            await checks.watch(checked, settings.aws_check_interval_s, report)
        else:
            await report(True)

    async def close() -> None:
        executor.close()

    def register(server: grpc.aio.Server) -> None:
        image_moderation_pb2_grpc.add_ImageModerationServiceServicer_to_server(servicer, server)

    return Service(
        name=NAME,
        settings=settings,
        full_names=[image_moderation_pb2.DESCRIPTOR.services_by_name["ImageModerationService"].full_name],
        register=register,
        load=load,
        close=close,
        watch_ready=watch_ready,
    )


def _load_detector(name: DetectorName, settings: Settings) -> Detector[Image.Image]:
    # Imported where chosen, so that a service without it need not have it installed.
    match name:
        case "nudenet":
            from services.image_moderation.detectors.nudenet import NudeNet

            return NudeNet(threads=settings.onnx_threads)
        case "rekognition":
            from services.image_moderation.detectors.rekognition import Rekognition

            return Rekognition(settings)
        case "bedrock_guardrail":
            from services.image_moderation.detectors.bedrock_guardrail import BedrockGuardrail

            return BedrockGuardrail(settings)
