"""The settings of the generator service: every variable, its default and its meaning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.common.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from `SAFELIGHT_GENERATOR_<NAME>`; what all services share also from `SAFELIGHT_<NAME>`.

    The limits can be lowered here; their upper bounds are those of the contract (generator.proto).
    """

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_GENERATOR_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    port: int = Field(50053, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    backend: Literal["sketch"] = Field("sketch", description="What makes the images.")
    max_characters: int = Field(
        10_000,
        ge=1,
        le=10_000,
        description="Longest prompt, in Unicode code points. A negative prompt may be twice as long.",
    )
    max_side: int = Field(2048, ge=64, le=2048, description="Longest side of an image, in pixels.")
    max_steps: int = Field(150, ge=1, le=150, description="Most steps a request may ask for.")
    max_count: int = Field(8, ge=1, le=8, description="Most images a request may ask for.")
    default_side: int = Field(
        512, ge=64, le=2048, multiple_of=8, description="Width or height where a request sets none, in pixels."
    )
    default_steps: int = Field(20, ge=1, le=150, description="Steps where a request sets none.")
