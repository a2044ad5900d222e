"""The settings of the generator service: every variable, its default and its meaning."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.settings import ProviderSettings

STAGE = "generation"
"""The stage's name in error metadata."""

BackendName = Literal["sketch", "sagemaker", "sagemaker_async", "bedrock"]
ContainerDialect = Literal["stable_diffusion_2", "sdxl", "stable_diffusion_3_5", "raw_image"]
BedrockFamily = Literal["stability_image", "nova_canvas", "titan_image", "sdxl"]

# By what a model's id holds.
_FAMILIES: dict[str, BedrockFamily] = {
    "stability.stable-image-core": "stability_image",
    "stability.stable-image-ultra": "stability_image",
    "stability.sd3": "stability_image",
    "stability.stable-diffusion-xl": "sdxl",
    "amazon.nova-canvas": "nova_canvas",
    "amazon.titan-image-generator": "titan_image",
}
# As in the API's model.
_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"


class Settings(ProviderSettings):
    """Read from `SAFELIGHT_GENERATOR_<NAME>`; what all services share also from `SAFELIGHT_<NAME>`.

    The limits can be lowered here; their upper bounds are those of the contract (generator.proto).
    """

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_GENERATOR_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    port: int = Field(50053, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    backend: BackendName = Field("sketch", description="What makes the images: see [generator.md](generator.md).")
    max_characters: int = Field(
        10_000,
        ge=1,
        le=10_000,
        description="Longest prompt, in Unicode code points. A negative prompt may be twice as long.",
    )
    max_side: int = Field(2048, ge=64, le=2048, description="Longest side of an image, in pixels.")
    max_steps: int = Field(150, ge=1, le=150, description="Most steps a request may ask for.")
    max_count: int = Field(8, ge=1, le=8, description="Most images a request may ask for.")
    default_side: int | None = Field(
        None,
        ge=64,
        le=2048,
        multiple_of=8,
        description="Width or height where a request sets none, in pixels. Unset: what the model makes best "
        "(sketch: 512).",
    )
    default_steps: int | None = Field(
        None, ge=1, le=150, description="Steps where a request sets none. Unset: the model's own (sketch: 20)."
    )
    # The API's documentation wants more than the 60 seconds that a container may take.
    aws_read_timeout_s: float = Field(
        70, gt=0, le=3600, description="Longest silence of an AWS service, seconds. The caller's deadline cuts it."
    )

    sagemaker_endpoint: str | None = Field(
        None, pattern=_NAME, description="Name of the SageMaker endpoint, for the backends sagemaker, sagemaker_async."
    )
    sagemaker_dialect: ContainerDialect = Field(
        "stable_diffusion_2", description="What the endpoint's container takes and gives."
    )
    sagemaker_instance_type: str | None = Field(
        None,
        pattern=r"^ml\.[a-z0-9\-]+\.[a-z0-9]+$",
        description="Type of the endpoint's instances, such as ml.g5.2xlarge, for cost estimates. Unset: none is made.",
    )
    sagemaker_target_variant: str | None = Field(
        None, pattern=_NAME, description="The endpoint's variant to ask. Unset: as the endpoint's weights have it."
    )
    sagemaker_inference_component: str | None = Field(
        None, pattern=_NAME, description="The endpoint's inference component to ask, where it has any."
    )
    sagemaker_pixels: bool = Field(
        False,
        description="Ask Stable Diffusion 2 for pixels in place of JPEG files: nothing is lost, and an answer is some "
        "twenty times as large. What would not fit is asked for as JPEG.",
    )
    sagemaker_max_response_mib: float = Field(
        6, gt=0, le=1024, description="Largest answer of the endpoint, in MiB: images near it carry a notice."
    )
    sagemaker_async_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$",
        description="S3 bucket through which sagemaker_async sends requests; the endpoint has to put its answers there "
        "too.",
    )
    sagemaker_async_prefix: str = Field(
        "safelight", max_length=512, description="Folder of the bucket in which the requests lie, in input/."
    )
    sagemaker_async_poll_s: float = Field(
        1, gt=0, le=60, description="Seconds between looks at whether an answer is in the bucket."
    )
    sagemaker_async_timeout_s: int = Field(
        900, ge=1, le=3600, description="Longest that an image may take, seconds. The caller's deadline cuts it."
    )

    bedrock_model: str = Field(
        "stability.stable-image-core-v1:1",
        min_length=1,
        max_length=2048,
        description="Id of the model on Bedrock, of an inference profile, or the ARN of either.",
    )
    bedrock_family: BedrockFamily | None = Field(
        None, description="What the model takes and gives. Unset: as its id tells, which some ARNs do not."
    )
    bedrock_quality: Literal["standard", "premium"] = Field(
        "standard", description="Quality of Amazon's own models, on which their price hangs."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.backend in ("sagemaker", "sagemaker_async") and self.sagemaker_endpoint is None:
            raise ValueError(f"sagemaker_endpoint must be set where backend is {self.backend}")
        if self.backend == "sagemaker_async":
            if self.sagemaker_async_bucket is None:
                raise ValueError("sagemaker_async_bucket must be set where backend is sagemaker_async")
            if self.sagemaker_target_variant or self.sagemaker_inference_component:
                raise ValueError(
                    "sagemaker_target_variant and sagemaker_inference_component are not for async endpoints"
                )
        if self.backend == "bedrock":
            self.family  # noqa: B018 # raises
        return self

    @property
    def family(self) -> BedrockFamily:
        """The kind of the model on Bedrock. Raises ValueError where no setting tells."""
        kinds = (kind for part, kind in _FAMILIES.items() if part in self.bedrock_model)
        known = self.bedrock_family or next(kinds, None)
        if known is None:
            raise ValueError("bedrock_family must be set: bedrock_model does not tell what the model takes")
        return known
