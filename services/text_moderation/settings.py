"""The settings of text moderation: every variable, its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.moderation import Thresholds
from services.common.settings import ServiceSettings, split_list

DetectorName = Literal["terms", "classifier"]


class Settings(ServiceSettings):
    """Read from SAFELIGHT_TEXT_MODERATION_*. Lists are comma separated or JSON."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_TEXT_MODERATION_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    port: int = Field(50051, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    detectors: Annotated[tuple[DetectorName, ...], NoDecode] = Field(
        ("terms", "classifier"), min_length=1, description="Detectors to run, in order: terms, classifier."
    )
    default_threshold: float = Field(
        0.5, ge=0, le=1, description="Confidence from which a finding counts, where nothing else says so."
    )
    thresholds: dict[str, float | None] = Field(
        default_factory=dict,
        description='The same by category, as JSON: {"profanity": 0.8, "drugs": null}; null: never counts.',
    )
    max_characters: int = Field(10_000, ge=1, le=1_000_000, description="Longest text, in Unicode code points.")
    term_files: Annotated[tuple[Path, ...], NoDecode] = Field((), description="YAML files of more forbidden terms.")
    allow_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="YAML files of phrases in which forbidden terms are harmless."
    )

    @field_validator("detectors", "term_files", "allow_files", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("thresholds")
    @classmethod
    def _known_categories(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        Thresholds.from_names(0.5, value)
        return value

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.detectors)) < len(self.detectors):
            raise ValueError(f"detectors has one twice; there are {', '.join(get_args(DetectorName))}")
        return self
