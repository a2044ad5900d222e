"""Wires the generator: settings to a backend to the servicer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, runtime_checkable

from safelight.generator.v1 import generator_pb2, generator_pb2_grpc
from services.common.executor import BoundedExecutor
from services.common.server import Service
from services.generator.backends import Backend
from services.generator.service import GeneratorServicer
from services.generator.settings import STAGE, Settings

__all__ = ["STAGE", "build"]


@runtime_checkable
class CheckedBackend(Backend, Protocol):
    """A backend with a provider behind it: see checks.Checked."""

    def check(self) -> None:
        """Looks whether the provider can be called. Blocks. Raises ProviderRejected if not."""


def build(settings: Settings, *, backend: Backend | None = None, executor: BoundedExecutor | None = None) -> Service:
    """The generator service, ready for `serve()`. `backend` and `executor` replace what the settings would give."""
    executor = executor or BoundedExecutor(STAGE, workers=settings.workers, queue=settings.queue)
    made = backend or _backend(settings, executor)
    servicer = GeneratorServicer(made, settings)

    async def close() -> None:
        await made.close()
        executor.close()

    return Service(
        name="generator",
        settings=settings,
        full_names=[generator_pb2.DESCRIPTOR.services_by_name["GeneratorService"].full_name],
        register=lambda server: generator_pb2_grpc.add_GeneratorServiceServicer_to_server(servicer, server),
        close=close,
        watch_ready=_watching(made, settings) if isinstance(made, CheckedBackend) else None,
    )


def _backend(settings: Settings, executor: BoundedExecutor) -> Backend:
    # Imported where chosen, so that a service without it need not have it installed.
    match settings.backend:
        case "sketch":
            from services.generator.backends.sketch import SketchBackend

            return SketchBackend(executor)
        case "sagemaker":
            from services.generator.backends.sagemaker import SageMakerBackend
            from services.generator.dialects.known import CONTAINERS

            return SageMakerBackend(settings, executor, CONTAINERS[settings.sagemaker_dialect])
        case "sagemaker_async":
            from services.generator.backends.sagemaker_async import SageMakerAsyncBackend
            from services.generator.dialects.known import CONTAINERS

            return SageMakerAsyncBackend(settings, executor, CONTAINERS[settings.sagemaker_dialect])
        case "bedrock":
            from services.generator.backends.bedrock import BedrockBackend
            from services.generator.dialects.known import FAMILIES

            return BedrockBackend(settings, executor, FAMILIES[settings.family])


def _watching(
    backend: CheckedBackend, settings: Settings
) -> Callable[[Callable[[bool], Awaitable[None]]], Coroutine[Any, Any, None]]:
    from services.common.aws import checks

    return lambda report: checks.watch([backend], settings.aws_check_interval_s, report)
