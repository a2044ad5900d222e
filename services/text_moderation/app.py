"""Wires text moderation: settings to detectors to servicer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common.executor import BoundedExecutor
from services.common.moderation import Detector, Moderation, Thresholds
from services.common.server import Service
from services.text_moderation.detectors.classifier import Classifier
from services.text_moderation.detectors.terms import Terms
from services.text_moderation.service import TextModerationServicer
from services.text_moderation.settings import DetectorName, Settings

NAME = "text_moderation"


def load_detector(name: DetectorName, settings: Settings) -> Detector[str]:
    """The detector of that name, ready. Raises StartError with the file that is wrong. Blocks for a moment."""
    match name:
        case "terms":
            return Terms.load(settings.term_files, settings.allow_files)
        case "classifier":
            return Classifier.load()


def build(settings: Settings, *, detectors: Sequence[Detector[str]] | None = None) -> Service:
    """The service; `detectors` take the place of those that the settings name."""
    executor = BoundedExecutor(NAME, workers=settings.workers, queue=settings.queue)
    thresholds = Thresholds.from_names(settings.default_threshold, settings.thresholds)
    loaded: list[Moderation[str]] = []
    servicer = TextModerationServicer(
        lambda: loaded[0] if loaded else None,
        executor,
        max_characters=settings.max_characters,
        log_prompts=settings.log_prompts,
    )

    def register(server: grpc.aio.Server) -> None:
        text_moderation_pb2_grpc.add_TextModerationServiceServicer_to_server(servicer, server)

    async def load() -> None:
        chosen = detectors
        if chosen is None:
            chosen = await asyncio.to_thread(lambda: [load_detector(name, settings) for name in settings.detectors])
        loaded.append(Moderation(chosen, thresholds))

    async def close() -> None:
        executor.close()

    full_name = text_moderation_pb2.DESCRIPTOR.services_by_name["TextModerationService"].full_name
    return Service(NAME, settings, [full_name], register, load=load, close=close)
