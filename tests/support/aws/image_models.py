"""Amazon Bedrock's image models: InvokeModel and GetFoundationModel, drawn by the sketch renderer.

Sources: the Bedrock user guide's pages on the parameters of each model, and the Nova user guide's "Image generation
and editing" and "Error handling". Only text to image is played.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.aws import engines
from tests.support.aws.containers import (
    Filters,
    Refused,
    Rule,
    embedded_filters,
    members,
    number,
    one_of,
    payload,
    stability_answer,
    stability_rules,
    text,
    whole,
)
from tests.support.aws.errors import AwsError

BLOCKED_PROMPT = (
    "This request has been blocked by our content filters. Please adjust your text prompt to submit a new request."
)
ALL_BLOCKED = "All of the generated images have been blocked by our content filters."
SOME_BLOCKED = "Some of the generated images have been blocked by our content filters."


class ImageModel(Protocol):
    """One foundation model."""

    @property
    def provider(self) -> str:
        """Whose it is."""

    def invoke(self, body: bytes) -> dict[str, Any]:
        """The answer's JSON. Raises Refused for a request that the model does not take, or AwsError."""


@dataclass(frozen=True)
class StabilityModel:
    """Stable Diffusion 3.5 Large, Stable Image Core or Ultra."""

    mode: bool = False
    """Whether it has the parameter `mode`."""
    filters: Filters = field(default_factory=embedded_filters)
    scale: float = 1.0
    provider: str = "Stability AI"

    def invoke(self, body: bytes) -> dict[str, Any]:
        """See ImageModel.invoke."""
        return stability_answer(payload(body, stability_rules(mode=self.mode)), self.filters, self.scale)


# "Amazon Titan Image Generator G1 models", the permissible sizes: width and height.
TITAN_SIZES = frozenset(
    size
    for width, height in (
        (1024, 1024),
        (768, 768),
        (512, 512),
        (768, 1152),
        (384, 576),
        (768, 1280),
        (384, 640),
        (896, 1152),
        (448, 576),
        (768, 1408),
        (384, 704),
        (640, 1408),
        (320, 704),
    )
    for size in ((width, height), (height, width))
) | {(1152, 640), (1173, 640)}
NOVA_STYLES = (
    "3D_ANIMATED_FAMILY_FILM",
    "DESIGN_SKETCH",
    "FLAT_VECTOR_ILLUSTRATION",
    "GRAPHIC_NOVEL_ILLUSTRATION",
    "MAXIMALISM",
    "MIDCENTURY_RETRO",
    "PHOTOREALISM",
    "SOFT_DIGITAL_PAINTING",
)


def titan_size(width: int, height: int) -> str | None:
    """What is wrong with a size for Titan, or None."""
    return None if (width, height) in TITAN_SIZES else f"{width}x{height} is not a permissible size"


def nova_size(width: int, height: int) -> str | None:
    """What is wrong with a size for Nova Canvas, or None ("Supported image resolutions")."""
    if not all(320 <= side <= 4096 and side % 16 == 0 for side in (width, height)):
        return "each side must be from 320 to 4096 and divisible by 16"
    if max(width, height) > 4 * min(width, height):
        return "the aspect ratio must be between 1:4 and 4:1"
    return "the total pixel count must be less than 4,194,304" if width * height >= 4_194_304 else None


@dataclass(frozen=True)
class AmazonModel:
    """Titan Image Generator G1 V2 or Nova Canvas."""

    size: Callable[[int, int], str | None]
    most_characters: int
    most_seed: int
    default_seed: int
    default_side: int
    styles: tuple[str, ...] = ()
    prompt_error_in_body: bool = False
    """Whether a refused prompt is told in the answer's `error` (so Titan's page says) or as a ValidationException (so
    Nova's page says)."""
    filters: Filters = field(default_factory=embedded_filters)
    provider: str = "Amazon"

    def invoke(self, body: bytes) -> dict[str, Any]:
        """See ImageModel.invoke."""
        prompt_rules: dict[str, Rule] = {"text": text(self.most_characters), "negativeText": text(self.most_characters)}
        if self.styles:
            prompt_rules["style"] = one_of(*self.styles)
        asked = payload(
            body,
            {
                "taskType": one_of("TEXT_IMAGE"),
                "textToImageParams": _object(prompt_rules, required=("text",)),
                "imageGenerationConfig": _object(self._config_rules()),
            },
            required=("taskType", "textToImageParams"),
        )
        prompt, config = asked["textToImageParams"], asked.get("imageGenerationConfig", {})
        width, height = config.get("width", self.default_side), config.get("height", self.default_side)
        if not prompt["text"] or prompt.get("negativeText") == "":
            raise Refused("text, negativeText: must have at least 1 character")
        # A size that was not asked for is the model's own, and fits.
        if {"width", "height"} & config.keys() and (wrong := self.size(width, height)):
            raise Refused(wrong)
        if self.filters.prompt(prompt["text"]):
            if self.prompt_error_in_body:
                return {"images": [], "error": BLOCKED_PROMPT}
            raise AwsError("ValidationException", BLOCKED_PROMPT)
        count, seed = config.get("numberOfImages", 1), config.get("seed", self.default_seed)
        pictures = [
            engines.draw(
                prompt["text"],
                negative_prompt=prompt.get("negativeText", ""),
                seed=seed + index,
                width=width,
                height=height,
            )
            for index in range(count)
        ]
        shown = [picture for picture in pictures if not self.filters.image(picture)]
        error = None if len(shown) == count else SOME_BLOCKED if shown else ALL_BLOCKED
        encoded = [base64.b64encode(engines.encode(picture, "PNG")).decode() for picture in shown]
        return {"images": encoded, "error": error}

    def _config_rules(self) -> dict[str, Rule]:
        return {
            "width": whole(1),
            "height": whole(1),
            "quality": one_of("standard", "premium"),
            "cfgScale": number(1.1, 10),
            "seed": whole(0, self.most_seed),
            "numberOfImages": whole(1, 5),
        }


def _object(rules: Mapping[str, Rule], *, required: tuple[str, ...] = ()) -> Rule:
    return lambda value: "; ".join(members(value, rules, required=required)) or None


def titan(**settings: Any) -> AmazonModel:
    """Amazon Titan Image Generator G1 V2. Its ranges are those of its page, as far as the page could be read; those
    of seed, cfgScale and the count are from build-on-aws/swift-bedrock-library, which cites it.
    """
    known = {"most_characters": 512, "most_seed": 2_147_483_646, "default_seed": 42, "default_side": 1408}
    return AmazonModel(**{"size": titan_size, "prompt_error_in_body": True, **known, **settings})


def nova(**settings: Any) -> AmazonModel:
    """Amazon Nova Canvas; ranges as for Titan. Its default side is not verified."""
    known = {"most_characters": 1024, "most_seed": 858_993_459, "default_seed": 12, "default_side": 1024}
    return AmazonModel(**{"size": nova_size, "styles": NOVA_STYLES, **known, **settings})


def every_model() -> dict[str, ImageModel]:
    """The models by id."""
    return {
        "stability.sd3-5-large-v1:0": StabilityModel(mode=True),
        "stability.stable-image-core-v1:1": StabilityModel(),
        "stability.stable-image-ultra-v1:1": StabilityModel(mode=True),
        "amazon.titan-image-generator-v2:0": titan(),
        "amazon.nova-canvas-v1:0": nova(),
    }


@dataclass
class ImageModels:
    """The operations. `denied` are ids of models to which the account has no access."""

    region: str
    models: dict[str, ImageModel] = field(default_factory=every_model)
    denied: set[str] = field(default_factory=set)

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """The handlers by operation."""
        return {"InvokeModel": self.invoke_model, "GetFoundationModel": self.get_foundation_model}

    def _id(self, identifier: str) -> str:
        return identifier.removeprefix(self._arn(""))

    def _arn(self, identifier: str) -> str:
        return f"arn:aws:bedrock:{self.region}::foundation-model/{identifier}"

    def invoke_model(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The model's answer as JSON."""
        identifier = self._id(asked["modelId"])
        model = self.models.get(identifier)
        if model is None:
            raise AwsError("ValidationException", "The provided model identifier is invalid.")
        if identifier in self.denied:
            raise AwsError(
                "AccessDeniedException", "You don't have access to the model with the specified model ID.", status=403
            )
        if asked.get("contentType", "application/json") != "application/json":
            raise AwsError("ValidationException", "The content type must be application/json.")
        if asked.get("accept", "*/*") not in ("*/*", "application/json"):
            raise AwsError("ValidationException", "The accept type must be application/json.")
        try:
            answer = model.invoke(asked.get("body", b""))
        except Refused as refused:
            raise AwsError("ValidationException", f"Malformed input request: {refused}") from refused
        return {"body": json.dumps(answer).encode(), "contentType": "application/json"}

    def get_foundation_model(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The model's details; that it exists says nothing about access to it."""
        identifier = self._id(asked["modelIdentifier"])
        if identifier not in self.models:
            raise AwsError("ResourceNotFoundException", "Could not resolve the foundation model from the identifier.")
        details = {
            "modelArn": self._arn(identifier),
            "modelId": identifier,
            "modelName": identifier.split(".")[1][:20],
            "providerName": self.models[identifier].provider,
            "inputModalities": ["TEXT"],
            "outputModalities": ["IMAGE"],
            "inferenceTypesSupported": ["ON_DEMAND"],
            "modelLifecycle": {"status": "ACTIVE"},
        }
        return {"modelDetails": details}
