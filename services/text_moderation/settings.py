"""The settings of text moderation: every variable, its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.common.moderation import Thresholds
from services.common.settings import ProviderSettings, split_list

DetectorName = Literal[
    "terms", "classifier", "onnx", "comprehend_classifier", "comprehend_toxicity", "bedrock_guardrail"
]
Activation = Literal["auto", "softmax", "sigmoid", "none"]


NEEDED_BY: dict[str, DetectorName] = {
    "onnx_model": "onnx",
    "onnx_tokenizer": "onnx",
    "onnx_labels": "onnx",
    "comprehend_endpoint_arn": "comprehend_classifier",
    "bedrock_guardrail_id": "bedrock_guardrail",
}
"""Settings that have to be set for a detector."""

# The stage's name in error metadata.
STAGE = "text_moderation"


class Settings(ProviderSettings):
    """Read from SAFELIGHT_TEXT_MODERATION_*. Lists are comma separated or JSON."""

    model_config = SettingsConfigDict(
        env_prefix="SAFELIGHT_TEXT_MODERATION_", frozen=True, extra="forbid", env_ignore_empty=True
    )

    port: int = Field(50051, ge=0, le=65535, description="Port to listen on. 0 takes a free one.")
    detectors: Annotated[tuple[DetectorName, ...], NoDecode] = Field(
        ("terms", "classifier"),
        min_length=1,
        description="Detectors to run, in order: terms, classifier, onnx, comprehend_classifier, comprehend_toxicity, "
        "bedrock_guardrail.",
    )
    default_threshold: float = Field(
        0.5, ge=0, le=1, description="Confidence from which a finding counts, where nothing else says so."
    )
    thresholds: dict[str, float | None] = Field(
        default_factory=dict,
        description='The same by category, as JSON: {"profanity": 0.8, "drugs": null}; null: never counts.',
    )
    max_characters: int = Field(10_000, ge=1, le=1_000_000, description="Longest text, in Unicode code points.")
    lexicon: Path | None = Field(
        None, description="YAML file, or folder of *.yaml, in place of the lexicon that comes with the service."
    )
    term_files: Annotated[tuple[Path, ...], NoDecode] = Field((), description="YAML files of more forbidden terms.")
    allow_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="YAML files of phrases in which forbidden terms are harmless."
    )
    name_terms: bool = Field(
        False, description="Findings of the detector terms name the forbidden word itself, besides its entry's id."
    )
    model: Path | None = Field(
        None, description="Model file of the classifier, in place of the one that comes with it."
    )
    reload_interval_s: float = Field(
        2,
        ge=0,
        description="Seconds between looks at the files of terms and models, which are read anew. 0: at start only.",
    )
    shadow_detectors: Annotated[tuple[DetectorName, ...], NoDecode] = Field(
        (), description="Detectors of the shadow; unset: the same. Any shadow_ setting but the queue turns it on."
    )
    shadow_lexicon: Path | None = Field(None, description="What the shadow has in place of lexicon.")
    shadow_term_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="What the shadow has in place of term_files."
    )
    shadow_allow_files: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="What the shadow has in place of allow_files."
    )
    shadow_model: Path | None = Field(None, description="What the shadow has in place of model.")
    shadow_thresholds: dict[str, float | None] = Field(
        default_factory=dict,
        description="Thresholds by category, as JSON, that the shadow has in place of the service's and the request's.",
    )
    shadow_queue: int = Field(
        64, ge=1, le=100_000, description="Texts that may wait for the shadow before the rest is left out."
    )
    onnx_model: Path | None = Field(
        None, validate_default=True, description="ONNX model of the detector onnx: a text classifier."
    )
    onnx_tokenizer: Path | None = Field(
        None, validate_default=True, description="Its tokenizer: a tokenizer.json of Hugging Face tokenizers."
    )
    onnx_labels: dict[str, str | None] = Field(
        default_factory=dict,
        validate_default=True,
        description='Its labels and the category of each, as JSON: {"toxic": "toxicity", "LABEL_1": "hate"}; '
        "what is null or left out is not reported.",
    )
    onnx_activation: Activation = Field(
        "auto",
        description="What makes its outputs probabilities: softmax, sigmoid, none, or auto: found out at start.",
    )
    onnx_max_tokens: int = Field(
        512, ge=8, le=1_000_000, description="Most tokens it takes at a time. Longer texts are read in windows."
    )
    onnx_threads: int = Field(1, ge=1, le=256, description="Threads for each of its calls.")
    comprehend_endpoint_arn: str | None = Field(
        None,
        validate_default=True,
        description="ARN of the endpoint of a custom classifier, for the detector comprehend_classifier.",
    )
    comprehend_labels: dict[str, str | None] = Field(
        default_factory=dict,
        description='Its labels and the category of each, as JSON: {"bad": "toxicity", "fine": null}; null: harmless. '
        "Names of categories, safe, Toxic and Not Toxic need not be in it; any other label is toxicity.",
    )
    bedrock_guardrail_id: str | None = Field(
        None,
        validate_default=True,
        description="Id or ARN of the guardrail that the detector bedrock_guardrail applies.",
    )
    bedrock_guardrail_version: str = Field(
        "DRAFT", pattern=r"^([1-9][0-9]{0,7}|DRAFT)$", description="Version of that guardrail: a number, or DRAFT."
    )

    @field_validator(
        "detectors",
        "term_files",
        "allow_files",
        "shadow_detectors",
        "shadow_term_files",
        "shadow_allow_files",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("thresholds", "shadow_thresholds")
    @classmethod
    def _known_categories(cls, value: dict[str, float | None]) -> dict[str, float | None]:
        Thresholds.from_names(0.5, value)
        return value

    @field_validator("onnx_labels", "comprehend_labels")
    @classmethod
    def _categories_of_labels(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        Thresholds.from_names(0.5, {category: None for category in value.values() if category is not None})
        return value

    @field_validator("detectors", "shadow_detectors")
    @classmethod
    def _each_once(cls, value: tuple[DetectorName, ...]) -> tuple[DetectorName, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"has one twice; there are {', '.join(get_args(DetectorName))}")
        return value

    @field_validator(*NEEDED_BY)
    @classmethod
    def _needed(cls, value: Any, info: ValidationInfo) -> Any:
        detector = NEEDED_BY[str(info.field_name)]
        if not value and detector in (*info.data.get("detectors", ()), *info.data.get("shadow_detectors", ())):
            raise ValueError(f"must be set for the detector {detector}")
        return value

    @property
    def shadow(self) -> Self | None:
        """The settings of the shadow's detectors, or None where no setting asks for a shadow."""
        replaced = {
            name: value
            for name in ("detectors", "lexicon", "term_files", "allow_files", "model")
            if (field := f"shadow_{name}") in self.model_fields_set
            # No files is a choice like any other, no detectors is not.
            and ((value := getattr(self, field)) or name.endswith("_files"))
        }
        if not replaced and not self.shadow_thresholds:
            return None
        return self.model_copy(update=replaced)
