"""Every setting of the image moderation service. Each is read from SAFELIGHT_IMAGE_MODERATION_<NAME>."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.moderation import Thresholds
from services.common.settings import ProviderSettings, split_list
from services.image_moderation.decode import Limits

DetectorName = Literal["nudenet", "rekognition", "bedrock_guardrail"]
ContentClassifier = Literal["FreeOfPersonallyIdentifiableInformation", "FreeOfAdultContent"]

# The stage's name in error metadata.
STAGE = "image_moderation"


class Settings(ProviderSettings):
    """What the service can be told. The defaults need no account and no network."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_IMAGE_MODERATION_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    port: int = Field(50052, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    detectors: Annotated[tuple[DetectorName, ...], NoDecode] = Field(
        ("nudenet",), description="The detectors to run, in this order: comma separated or a JSON list."
    )
    default_threshold: float = Field(
        0.5, ge=0, le=1, description="Confidence from which a finding counts, where neither request nor thresholds say."
    )
    thresholds: dict[str, float | None] = Field(
        {"nudity_partial": None, "swimwear_or_underwear": None},
        description='The same by category, as JSON, such as {"nudity": 0.4, "weapon": null}; null never counts.',
    )
    min_side: int = Field(32, ge=1, le=1000, description="Fewest pixels a side.")
    max_side: int = Field(10_000, ge=32, le=16_383, description="Most pixels a side.")
    max_pixels: int = Field(
        50_000_000, ge=1024, le=80_000_000, description="Most pixels in all; each takes up to 17 bytes in each worker."
    )
    max_image_mib: int = Field(
        32, ge=1, le=256, description="Largest encoded image, in MiB; keep below max_receive_mib."
    )
    onnx_threads: int = Field(1, ge=1, le=64, description="Threads that one worker's inference uses.")
    rekognition_project_version: str | None = Field(
        None, description="ARN of a version of a project: the adapter that Rekognition is to use."
    )
    rekognition_flow_definition_arn: str | None = Field(
        None, description="ARN of an Augmented AI flow definition: has people review what its conditions single out."
    )
    rekognition_content_classifiers: Annotated[tuple[ContentClassifier, ...], NoDecode] = Field(
        (),
        description="What images that people review are declared to be free of: "
        "FreeOfPersonallyIdentifiableInformation, FreeOfAdultContent.",
    )
    s3_buckets: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="S3 buckets whose images may be moderated where they lie. Empty: none."
    )
    bedrock_guardrail_id: str | None = Field(
        None, description="Id or ARN of the guardrail that bedrock_guardrail applies. Required by it."
    )
    bedrock_guardrail_version: str = Field(
        "DRAFT", pattern=r"^([1-9][0-9]{0,7}|DRAFT)$", description="Version of that guardrail: a number, or DRAFT."
    )

    @field_validator("detectors", "rekognition_content_classifiers", "s3_buckets", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("detectors")
    @classmethod
    def _each_once(cls, value: tuple[DetectorName, ...]) -> tuple[DetectorName, ...]:
        if not value:
            raise ValueError("name at least one detector")
        if len(set(value)) < len(value):
            raise ValueError("a detector is listed twice")
        return value

    @field_validator("thresholds")
    @classmethod
    def _known_categories(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        Thresholds.from_names(0, value)
        return value

    @model_validator(mode="after")
    def _guardrail_named(self) -> Self:
        if "bedrock_guardrail" in self.detectors and not self.bedrock_guardrail_id:
            raise ValueError("the detector bedrock_guardrail needs bedrock_guardrail_id")
        return self

    @property
    def limits(self) -> Limits:
        """How large an image may be."""
        return Limits(self.max_image_mib << 20, self.min_side, self.max_side, self.max_pixels)
