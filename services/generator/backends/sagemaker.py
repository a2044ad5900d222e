"""Backend `sagemaker`: a model behind a real-time endpoint of Amazon SageMaker, asked with InvokeEndpoint.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html: a container has 60 seconds to
answer. An answer may have 6 MiB by the API's model and 25 MB by the hosting FAQ of the developer guide; which of them
holds for an endpoint is a setting.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from safelight.generator.v1 import generator_pb2 as pb
from services.common import errors, records, telemetry
from services.common.aws import checks
from services.common.aws.api import Api
from services.common.executor import BoundedExecutor, Place
from services.generator.backends import provided
from services.generator.backends.provided import Answer, Model, Provided, Reader
from services.generator.dialects import Dialect, Options, Sent
from services.generator.settings import STAGE, Settings

log = telemetry.logger("generator")

# Of DescribeEndpoint's states those in which it answers. It is not said of all; where it is not, calls will tell.
_SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})

# What model servers built on multi-model-server say with status 400 when it is the model's code that failed.
_SERVER_FAULT = "InternalServerException"


class SageMakerBackend(Provided):
    """Waits for each image in one of the executor's threads."""

    def __init__(
        self,
        settings: Settings,
        executor: BoundedExecutor,
        dialect: Dialect,
        *,
        progress_s: float = provided.PROGRESS_S,
    ) -> None:
        """`dialect` is the one that the settings name."""
        self._settings = settings
        self._api = runtime_api(settings)
        self._control = control_api(settings)
        most = round(settings.sagemaker_max_response_mib * 2**20)
        super().__init__(
            model("sagemaker", settings, dialect, self._api, progress_s, most_response_bytes=most), executor
        )

    def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See Backend.generate."""
        return provided.generate(request, self.model, self.executor, self._ask)

    def check(self) -> None:
        """See checks.Checked."""
        self._api.connect()
        self._control.connect()
        check_endpoint(self._control, self._settings)

    async def _ask(self, place: Place, sent: Sent, read: Reader) -> Answer:
        return await place.run(self._invoke, sent, read)

    def _invoke(self, sent: Sent, read: Reader) -> Answer:
        settings, began = self._settings, time.perf_counter()
        optional: dict[str, Any] = {
            "TargetVariant": settings.sagemaker_target_variant,
            "InferenceComponentName": settings.sagemaker_inference_component,
        }
        with records.recording() as record:
            response = self._api.call(
                "InvokeEndpoint",
                unit=unit(settings),
                quantity=lambda _, seconds: seconds,
                expect=("Body",),
                tolerate=is_model_error,
                EndpointName=settings.sagemaker_endpoint,
                Body=sent.body,
                ContentType=sent.content_type,
                Accept=sent.accept,
                **{name: value for name, value in optional.items() if value},
            )
        if "Error" in response:
            status, message = int(response.get("OriginalStatusCode") or 0), str(response.get("OriginalMessage", ""))
            raise container_error(self._api, settings, status, message)
        seconds = time.perf_counter() - began
        return Answer(read(response["Body"], response.get("ContentType", "")), record.usage, seconds)


def runtime_api(settings: Settings) -> Api:
    """What images are asked of."""
    return Api.of(
        "sagemaker-runtime", settings, provider="sagemaker", stage=STAGE, setting="sagemaker_endpoint", field="prompt"
    )


def control_api(settings: Settings) -> Api:
    """What tells of endpoints."""
    return Api.of("sagemaker", settings, provider="sagemaker", stage=STAGE, setting="sagemaker_endpoint", pool=1)


def model(
    name: str, settings: Settings, dialect: Dialect, api: Api, progress_s: float, *, most_response_bytes: int
) -> Model:
    """The model behind the endpoint, as the settings describe it."""
    options = Options(pixels=settings.sagemaker_pixels, most_response_bytes=most_response_bytes)
    return Model(name, settings.sagemaker_dialect, dialect, options, api, progress_s)


def unit(settings: Settings) -> str:
    """What a price file calls a second of the endpoint's instance; "" where the settings do not tell its type."""
    kind = settings.sagemaker_instance_type
    return f"sagemaker.{kind}.second" if kind else ""


def check_endpoint(control: Api, settings: Settings) -> Mapping[str, Any] | None:
    """What SageMaker says of the endpoint; None where it does not let us look. Raises ProviderRejected if it cannot be
    called.
    """
    described = checks.describe(control, "DescribeEndpoint", EndpointName=settings.sagemaker_endpoint)
    if described is None:
        return None
    state = described.get("EndpointStatus", "")
    if state not in _SERVING:
        raise control.reject(f"has this endpoint in the state {state}, in which it does not answer")
    return described


def is_model_error(response: Mapping[str, Any]) -> bool:
    """Whether an error's answer is one of the model's container, and not of SageMaker's."""
    return bool(response.get("Error", {}).get("Code") == "ModelError")


def container_error(api: Api, settings: Settings, status: int, message: str) -> errors.SafelightError:
    """Our error for what a container answered: its HTTP status, and its message, which is only looked at."""
    metadata = {"stage": STAGE, "provider": api.origin.provider}
    log.warning("container.failed", status=status, **metadata)
    if status == 429:
        return errors.ProviderThrottled("the model's container is overloaded; try again later", metadata=metadata)
    if 400 <= status < 500 and status != 408 and _SERVER_FAULT not in message:
        return api.reject(
            f"has a container that does not take our request (HTTP {status}): it speaks another dialect, or does not"
            " make such an image",
            settings.variable("sagemaker_dialect"),
        )
    return errors.ProviderUnavailable(f"the model's container failed (HTTP {status}); try again", metadata=metadata)
