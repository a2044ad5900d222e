"""Wires the generator: settings to a backend to the servicer."""

from __future__ import annotations

from safelight.generator.v1 import generator_pb2, generator_pb2_grpc
from services.common.executor import BoundedExecutor
from services.common.server import Service
from services.generator.backends import Backend
from services.generator.backends.sketch import SketchBackend
from services.generator.service import GeneratorServicer
from services.generator.settings import Settings

# The stage's name in error metadata.
STAGE = "generation"


def build(settings: Settings, *, backend: Backend | None = None, executor: BoundedExecutor | None = None) -> Service:
    """The generator service, ready for `serve()`. `backend` and `executor` replace what the settings would give."""
    executor = executor or BoundedExecutor(STAGE, workers=settings.workers, queue=settings.queue)
    if backend is None:
        match settings.backend:
            case "sketch":
                backend = SketchBackend(executor)
    servicer = GeneratorServicer(backend, settings)

    async def close() -> None:
        executor.close()

    return Service(
        name="generator",
        settings=settings,
        full_names=[generator_pb2.DESCRIPTOR.services_by_name["GeneratorService"].full_name],
        register=lambda server: generator_pb2_grpc.add_GeneratorServiceServicer_to_server(servicer, server),
        close=close,
    )
