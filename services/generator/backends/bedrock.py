"""Backend `bedrock`: an image model of Stability AI or Amazon on Amazon Bedrock, asked with InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html. A refusal comes as an answer, or,
from Amazon's own models, as a ValidationException whose message says so; either is an answer to us.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any

from safelight.generator.v1 import generator_pb2 as pb
from services.common import records, telemetry
from services.common.aws import checks
from services.common.aws.api import Api
from services.common.executor import BoundedExecutor, Place
from services.generator.backends import provided
from services.generator.backends.provided import Answer, Delivered, Model, Provided, Reader
from services.generator.dialects import JSON, Dialect, Options, Sent, amazon
from services.generator.settings import STAGE, Settings

log = telemetry.logger("generator")

# InvokeModelResponse.body in the API's model.
MOST_RESPONSE_BYTES = 25_000_000

_FOUNDATION_MODEL = re.compile(r"arn:aws[a-z\-]*:bedrock:[a-z0-9\-]*::foundation-model/(?P<id>.+)")
# "us." in the id of an inference profile, which calls the model in any of several regions.
_GEOGRAPHY = re.compile(r"[a-z\-]+\.(?=[a-z0-9\-]+\.)")


class BedrockBackend(Provided):
    """Waits for each image in one of the executor's threads."""

    def __init__(
        self,
        settings: Settings,
        executor: BoundedExecutor,
        dialect: Dialect,
        *,
        progress_s: float = provided.PROGRESS_S,
    ) -> None:
        """`dialect` is that of the model that the settings name."""
        self._model_id = settings.bedrock_model
        self._api = _api("bedrock-runtime", settings)
        self._control = _api("bedrock", settings)
        self._warned = False
        options = Options(quality=settings.bedrock_quality, most_response_bytes=MOST_RESPONSE_BYTES)
        version = base_id(self._model_id) or settings.family
        super().__init__(Model("bedrock", version, dialect, options, self._api, progress_s), executor)

    def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        """See Backend.generate."""
        return provided.generate(request, self.model, self.executor, self._ask)

    def check(self) -> None:
        """See checks.Checked."""
        self._api.connect()
        self._control.connect()
        if self._model_id.startswith("arn:"):
            checks.require_arn(self._api, self._model_id, service="bedrock", resource="")
        name = foundation_model(self._model_id)
        if name is None:
            return
        described = checks.describe(self._control, "GetFoundationModel", modelIdentifier=name)
        if described is not None:
            self._look_at(described.get("modelDetails", {}))

    def _look_at(self, details: Mapping[str, Any]) -> None:
        kinds = details.get("outputModalities") or ["IMAGE"]
        if "IMAGE" not in kinds:
            raise self._control.reject("has a model of that id that makes no images")
        life = details.get("modelLifecycle", {})
        ends = life.get("endOfLifeTime")
        # Not refused: some have access by arrangement, and for the others each call will say.
        if not self._warned and (life.get("status") == "LEGACY" or (ends and ends <= datetime.now(UTC))):
            self._warned = True
            log.warning("bedrock.model_near_its_end", model=self.version, ends=ends.date().isoformat() if ends else "")

    async def _ask(self, place: Place, sent: Sent, read: Reader) -> Answer:
        return await place.run(self._invoke, sent, read)

    def _invoke(self, sent: Sent, read: Reader) -> Answer:
        began = time.perf_counter()
        with records.recording() as record:
            response = self._api.call(
                "InvokeModel",
                unit=unit(self._model_id, sent.variant),
                quantity=1,
                expect=("body",),
                tolerate=_is_refusal,
                modelId=self._model_id,
                body=sent.body,
                contentType=JSON,
                accept=JSON,
            )
        refused = amazon.refusal(_message(response)) if "Error" in response else None
        seconds = time.perf_counter() - began
        result = refused or read(response["body"], response.get("contentType", ""))
        if not isinstance(result, Delivered):
            # What is paid is for images. Whether one that was kept back is paid for is not documented.
            for usage in record.usage:
                usage.unit, usage.quantity = "", 0
        return Answer(result, record.usage, seconds)


def _api(service: str, settings: Settings) -> Api:
    return Api.of(service, settings, provider="bedrock", stage=STAGE, setting="bedrock_model", field="prompt")


def _is_refusal(response: Mapping[str, Any]) -> bool:
    code = response.get("Error", {}).get("Code")
    return code == "ValidationException" and amazon.refusal(_message(response)) is not None


def _message(response: Mapping[str, Any]) -> str:
    return str(response.get("Error", {}).get("Message", ""))


def foundation_model(model_id: str) -> str | None:
    """What GetFoundationModel knows the model by; None for an inference profile and whatever else there is."""
    if match := _FOUNDATION_MODEL.fullmatch(model_id):
        return match["id"]
    return None if model_id.startswith("arn:") or _GEOGRAPHY.match(model_id) else model_id


def base_id(model_id: str) -> str:
    """The model's own id, also of an inference profile; "" where an ARN does not tell."""
    if model_id.startswith("arn:"):
        return foundation_model(model_id) or ""
    return _GEOGRAPHY.sub("", model_id, count=1)


def unit(model_id: str, variant: str) -> str:
    """What a price file calls an image of the model; "" where its price is not one for images."""
    name = base_id(model_id)
    return f"bedrock.{name}.image{f'.{variant}' if variant else ''}" if name else ""
