"""Policies: what verdicts lead to. Pure decisions, no I/O but reading the YAML files they are written in.

A policy says which confidences count (thresholds), what an unsafe prompt and an unsafe image lead to, how unsafe images
are generated anew first, and what is always kept out by negative prompts. docs/policies.md describes the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from services.gateway.documents import DocumentError, load_document, shown

SHIPPED = Path(__file__).parent / "policies"

# How far apart the seeds of two attempts lie: image i of a request uses seed + i, and no request has so many images.
SEED_STRIDE = 1_000_003

Moderated = text_moderation_pb2.ModerateTextResponse | image_moderation_pb2.ModerateImageResponse


class PolicyError(Exception):
    """A policy file is wrong. The message gives file, line and reason, one problem to a line."""


class PromptAction(Enum):
    """What to do with a moderated prompt."""

    PASS = "pass"  # noqa: S105 # not a password
    WARN = "warn"
    REJECT = "reject"


class ImageAction(Enum):
    """What to do with a moderated image."""

    CLEAR = "clear"
    REGENERATE = "regenerate"
    WARN = "warn"
    BLUR = "blur"
    WITHHOLD = "withhold"


def _category(name: str) -> str:
    if name == "unspecified" or f"CATEGORY_{name.upper()}" not in category_pb2.Category.keys():  # noqa: SIM118
        raise ValueError(f"no category is named {name!r}; docs/categories.md lists them")
    return name


def _threshold(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "ignore" or (is_number and 0 <= value <= 1):
        return value
    raise ValueError(f"must be a number from 0 to 1 or the word ignore; is {shown(value)}")


CategoryName = Annotated[str, AfterValidator(_category)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Threshold = Annotated[float | Literal["ignore"], BeforeValidator(_threshold)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PromptRules(_Part):
    """What holds for the prompt."""

    thresholds: dict[CategoryName, Threshold] = {}
    run_all_detectors: bool = False
    on_unsafe: Literal["warn", "reject"]
    on_moderator_failure: Literal["closed", "open"] = "closed"


class ImageRules(_Part):
    """What holds for each image."""

    thresholds: dict[CategoryName, Threshold] = {}
    run_all_detectors: bool = False
    regenerate: tuple[Literal["new_seed", "add_negative_prompts"], ...] = Field((), max_length=10)
    on_unsafe: Literal["warn", "blur", "withhold"]
    blur: Literal["image", "regions"] = "image"
    # An image that could not be moderated never leaves, so there is nothing else to choose.
    on_moderator_failure: Literal["closed"] = "closed"


class NegativePrompts(_Part):
    """What is kept out of the images."""

    always: tuple[Text, ...] = ()
    by_category: dict[CategoryName, tuple[Text, ...]] = {}


class Policy(_Part):
    """One policy, as its YAML document has it."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    description: Text
    prompt: PromptRules
    image: ImageRules
    negative_prompts: NegativePrompts = NegativePrompts()

    @property
    def max_attempts(self) -> int:
        """How often images are generated at most."""
        return 1 + len(self.image.regenerate)

    @property
    def sends_flagged_images(self) -> bool:
        """Whether an image may leave that image moderation has flagged and nobody has redacted."""
        return self.image.on_unsafe == "warn"

    def prompt_action(self, flagged: bool) -> PromptAction:
        """What a prompt's verdict leads to."""
        if not flagged:
            return PromptAction.PASS
        return PromptAction(self.prompt.on_unsafe)

    def image_action(self, flagged: bool, *, attempt: int) -> ImageAction:
        """What an image's verdict leads to on this attempt, from 1."""
        if not flagged:
            return ImageAction.CLEAR
        if attempt < self.max_attempts:
            return ImageAction.REGENERATE
        return ImageAction(self.image.on_unsafe)

    def redaction(self, *, attempt: int) -> image_moderation_pb2.Redaction.ValueType:
        """The redacted copy to ask image moderation for: none while the image would be generated anew."""
        if self.image_action(True, attempt=attempt) is not ImageAction.BLUR:
            return image_moderation_pb2.REDACTION_UNSPECIFIED
        if self.image.blur == "regions":
            return image_moderation_pb2.REDACTION_BLUR_REGIONS
        return image_moderation_pb2.REDACTION_BLUR_IMAGE

    def negative_prompt(self, callers: str, *, attempt: int = 1, found: Iterable[int] = ()) -> str:
        """The caller's negative prompt joined with the policy's, and with those for the categories found so far."""
        parts = [callers.strip().rstrip(","), *self.negative_prompts.always]
        if attempt > 1 and "add_negative_prompts" in self.image.regenerate[: attempt - 1]:
            for category in found:
                parts += self.negative_prompts.by_category.get(category_name(category), ())
        return ", ".join(dict.fromkeys(part for part in parts if part))

    def text_thresholds(self) -> list[finding_pb2.CategoryThreshold]:
        """The prompt's thresholds for text moderation."""
        return list(_thresholds(tuple(self.prompt.thresholds.items())))

    def image_thresholds(self) -> list[finding_pb2.CategoryThreshold]:
        """The images' thresholds for image moderation."""
        return list(_thresholds(tuple(self.image.thresholds.items())))

    def passes_when_text_moderation_fails(self) -> bool:
        """Whether a prompt passes, with a warning, when text moderation cannot answer."""
        return self.prompt.on_moderator_failure == "open"

    def to_proto(self) -> pb.Policy:
        """What ListPolicies says of it."""
        return pb.Policy(
            name=self.name,
            version=self.version,
            description=self.description,
            text_thresholds=self.text_thresholds(),
            image_thresholds=self.image_thresholds(),
            on_unsafe_prompt=pb.UnsafePromptAction.Value(f"UNSAFE_PROMPT_ACTION_{self.prompt.on_unsafe.upper()}"),
            regenerations=[pb.Regeneration.Value(f"REGENERATION_{step.upper()}") for step in self.image.regenerate],
            on_unsafe_image=self.unsafe_image_action(),
            negative_prompts=self.negative_prompts.always,
            category_negative_prompts=[
                pb.CategoryNegativePrompts(
                    category=category_pb2.Category.Value(f"CATEGORY_{name.upper()}"), negative_prompts=prompts
                )
                for name, prompts in self.negative_prompts.by_category.items()
            ],
            on_text_moderation_failure=pb.ModeratorFailureAction.Value(
                f"MODERATOR_FAILURE_ACTION_{self.prompt.on_moderator_failure.upper()}"
            ),
        )

    def unsafe_image_action(self) -> pb.UnsafeImageAction.ValueType:
        """What becomes of an image that is unsafe to the last, in the proto's terms."""
        return pb.UnsafeImageAction.Value(f"UNSAFE_IMAGE_ACTION_{self.image.on_unsafe.upper()}")


def is_answer(response: Moderated) -> bool:
    """Whether a moderator's response is a moderation at all: an empty message is not a clean bill."""
    return any(run.status == detector_run_pb2.DETECTOR_RUN_STATUS_RAN for run in response.detector_runs)


def is_flagged(response: Moderated) -> bool:
    """Whether a moderated subject is unsafe. Where the parts of a response disagree, the worst of them counts."""
    return (
        response.flagged
        or any(finding.flagged for finding in response.findings)
        or any(run.flagged for run in response.detector_runs)
    )


def attempt_seed(first: int | None, *, attempt: int) -> int | None:
    """The seed of an attempt, from 1: another for each, the same each time. None (random) if the caller gave none."""
    return None if first is None else (first + (attempt - 1) * SEED_STRIDE) % 2**32


def load_policies(files: Sequence[Path] = (), *, shipped: Path = SHIPPED) -> dict[str, Policy]:
    """The shipped policies and those of `files`, by name; a later one replaces an earlier one of the same name.

    Raises PolicyError.
    """
    found = [load_policy(path) for path in (*sorted(shipped.glob("*.yaml")), *files)]
    return {policy.name: policy for policy in found}


def load_policy(path: Path) -> Policy:
    """Reads one policy. Raises PolicyError with file, line and reason of everything that is wrong."""
    try:
        return load_document(path, Policy, "policy")
    except DocumentError as error:
        raise PolicyError(str(error)) from None


@cache  # every request needs them, and they are the dearest part of it to make
def _thresholds(rules: tuple[tuple[str, float | str], ...]) -> tuple[finding_pb2.CategoryThreshold, ...]:
    return tuple(
        finding_pb2.CategoryThreshold(
            category=category_pb2.Category.Value(f"CATEGORY_{name.upper()}"),
            threshold=0 if isinstance(value, str) else value,
            ignored=isinstance(value, str),
        )
        for name, value in rules
    )


def category_name(category: int) -> str:
    """A category's name without prefix, in lower case, as policies write it; empty for one that is not known here."""
    # A newer moderator may know categories that this gateway does not.
    known = category_pb2.Category.values()
    if category not in known:
        return ""
    return category_pb2.Category.Name(category_pb2.Category.ValueType(category)).removeprefix("CATEGORY_").lower()
