"""What can stand behind a SageMaker endpoint: a model container, in one of the dialects that JumpStart's speak.

Each refuses what its real counterpart does not know or takes no such value of: a member too many, a side that is not
divisible by 8.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

from tests.support.aws import engines


@dataclass(frozen=True)
class Reply:
    """What a container answers with."""

    body: bytes
    content_type: str


class Refused(Exception):
    """A container's own error: SageMaker turns it into a ModelError with this status and this text."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Container(Protocol):
    """One model server."""

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """Answers a request. Raises Refused."""


# Judges one value of a payload: an error, or None.
Rule = Callable[[Any], str | None]


def text(most: int | None = None) -> Rule:
    """A string, of at most so many characters."""

    def judge(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be a string"
        return f"must have at most {most} characters" if most is not None and len(value) > most else None

    return judge


def whole(least: int | None = None, most: int | None = None, *, multiple_of: int = 1) -> Rule:
    """An integer within bounds, both included."""

    def judge(value: Any) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "must be an integer"
        if (least is not None and value < least) or (most is not None and value > most):
            return f"must be from {least} to {most}"
        return f"must be divisible by {multiple_of}" if value % multiple_of else None

    return judge


def number(least: float | None = None, most: float | None = None) -> Rule:
    """A number within bounds, both included."""

    def judge(value: Any) -> str | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return "must be a number"
        if (least is not None and value < least) or (most is not None and value > most):
            return f"must be from {least} to {most}"
        return None

    return judge


def one_of(*values: Any) -> Rule:
    """One of these."""
    return lambda value: None if value in values else f"must be one of {', '.join(map(str, values))}"


def each(rules: Mapping[str, Rule], *, required: tuple[str, ...]) -> Rule:
    """A list, not empty, of objects with these members."""

    def judge(value: Any) -> str | None:
        if not isinstance(value, list) or not value:
            return "must be a list with something in it"
        found = [wrong for item in value for wrong in members(item, rules, required=required)]
        return "; ".join(found) or None

    return judge


def members(value: Any, rules: Mapping[str, Rule], *, required: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with an object whose members must keep these rules."""
    if not isinstance(value, dict):
        return ["must be an object"]
    found = [f"{name}: not a parameter of this model" for name in value if name not in rules]
    found += [f"{name}: required" for name in required if name not in value]
    return found + [
        f"{name}: {wrong}" for name, rule in rules.items() if name in value and (wrong := rule(value[name]))
    ]


@dataclass(frozen=True)
class Filters:
    """A model's own content filters: each says whether it refuses."""

    prompt: Callable[[str], bool] = lambda _: False
    image: Callable[[Image.Image], bool] = lambda _: False


def embedded_filters(*, prompt_from: float = 0.8, image_from: float = 0.5) -> Filters:
    """Filters by the embedded detectors: any category in a prompt, exposed parts in an image, from a confidence on."""
    return Filters(
        prompt=lambda prompt: max(engines.read(prompt).values(), default=0.0) >= prompt_from,
        image=lambda image: any(
            confidence >= image_from for label, confidence in engines.look(image).items() if label.endswith("_EXPOSED")
        ),
    )


def payload(body: bytes, rules: Mapping[str, Rule], *, required: tuple[str, ...] = ("prompt",)) -> dict[str, Any]:
    """The JSON object in a body. Raises Refused for anything else, a member without a rule, and one that breaks its."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise Refused(f"The body is not JSON: {error}") from error
    if found := members(asked, rules, required=required):
        raise Refused("; ".join(found))
    return dict(asked)


@dataclass(frozen=True)
class StableDiffusion2:
    """Stable Diffusion 2.x of JumpStart, Hugging Face's pipeline behind it.

    Source: "Introduction to JumpStart - Text to Image" (amazon-sagemaker-examples): the parameters and their limits;
    Accept `application/json` gives nested arrays of RGB values, `application/json;jpeg` JPEG files in base64. A body of
    Content-Type `application/x-text` is a prompt and nothing else, and then the answer's one image is in
    `generated_image`. How the container refuses is not documented: 400 within a ModelError is assumed.
    """

    side: int = 768
    """The side of the images it was trained on, and of those it makes unless told otherwise: 512 for 2.1 base."""
    black: Callable[[str], bool] = lambda prompt: False
    """For which prompts the image is black, as the pipeline's safety checker makes it."""

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        kind = content_type.split(";")[0].strip()
        if kind == "application/x-text":
            prompt = body.decode("utf-8")
            image = self._draw(prompt, {})
            return _json({"generated_image": _as(accept, image), "prompt": prompt})
        if kind != "application/json":
            raise Refused(f"Unsupported content type {content_type!r}", status=415)
        asked = payload(body, self.rules())
        count = asked.get("num_images_per_prompt", 1)
        images = [self._draw(asked["prompt"], asked, index) for index in range(count)]
        return _json({"generated_images": [_as(accept, image) for image in images], "prompt": asked["prompt"]})

    def rules(self) -> dict[str, Rule]:
        """The parameters, each with its limits."""
        side = whole(8, multiple_of=8)
        return {
            "prompt": text(),
            "negative_prompt": text(),
            "width": side,
            "height": side,
            "num_inference_steps": whole(1),
            "guidance_scale": number(),
            "num_images_per_prompt": whole(1),
            "seed": whole(),
        }

    def _draw(self, prompt: str, asked: Mapping[str, Any], index: int = 0) -> Image.Image:
        width, height = asked.get("width", self.side), asked.get("height", self.side)
        if self.black(prompt):
            return Image.new("RGB", (width, height))
        # "guidance_scale<=1 is ignored", and the negative prompt with it.
        negative = asked.get("negative_prompt", "") if asked.get("guidance_scale", 7.5) > 1 else ""
        return engines.draw(
            prompt, negative_prompt=negative, seed=asked.get("seed", 0) + index, width=width, height=height
        )


# The sizes that Stable Diffusion XL 1.0 makes, width and height.
XL_SIZES = (
    (1024, 1024),
    (1152, 896),
    (896, 1152),
    (1216, 832),
    (832, 1216),
    (1344, 768),
    (768, 1344),
    (1536, 640),
    (640, 1536),
)
_CLIP_PRESETS = ("FAST_BLUE", "FAST_GREEN", "NONE", "SIMPLE", "SLOW", "SLOWER", "SLOWEST")
_SAMPLERS = (
    "DDIM",
    "DDPM",
    "K_DPMPP_SDE",
    "K_DPMPP_2M",
    "K_DPMPP_2S_ANCESTRAL",
    "K_DPM_2",
    "K_DPM_2_ANCESTRAL",
    "K_EULER",
    "K_EULER_ANCESTRAL",
    "K_HEUN",
    "K_LMS",
)


@dataclass(frozen=True)
class StableDiffusionXL:
    """Stable Diffusion XL 1.0 of JumpStart, Stability's own container.

    Sources: "Using SDXL 1.0 with AWS JumpStart" (Stability-AI/aws-jumpstart-examples), whose client asks for
    `application/json;png`; the parameters and their limits from "Stability.ai Diffusion 1.0 text to image" in the
    Bedrock user guide, which documents the same API. A negative weight makes a text a negative prompt. An image that
    the filter takes is said to come blurred or empty; here it is black, with the finish reason CONTENT_FILTERED.
    """

    filters: Filters = field(default_factory=Filters)

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        if content_type.split(";")[0].strip() != "application/json":
            raise Refused(f"Unsupported content type {content_type!r}", status=415)
        if accept not in ("application/json", "application/json;png", "*/*"):
            raise Refused(f"Unsupported accept type {accept!r}", status=406)
        asked = payload(body, self._rules(), required=("text_prompts",))
        size = (asked.get("width", 1024), asked.get("height", 1024))
        if size not in XL_SIZES:
            raise Refused(f"width, height: {size[0]}x{size[1]} is not a supported resolution")
        wanted = [prompt["text"] for prompt in asked["text_prompts"] if prompt.get("weight", 1) >= 0]
        unwanted = [prompt["text"] for prompt in asked["text_prompts"] if prompt.get("weight", 1) < 0]
        prompt, negative = ", ".join(wanted), ", ".join(unwanted)
        artifacts = []
        for index in range(asked.get("samples", 1)):
            seed = asked.get("seed", 0) + index
            image = engines.draw(prompt, negative_prompt=negative, seed=seed, width=size[0], height=size[1])
            refused = self.filters.prompt(prompt) or self.filters.image(image)
            shown = Image.new("RGB", size) if refused else image
            reason = "CONTENT_FILTERED" if refused else "SUCCESS"
            artifacts.append({"base64": _base64(shown, "PNG"), "finishReason": reason, "seed": seed})
        return _json({"result": "success", "artifacts": artifacts})

    def _rules(self) -> dict[str, Rule]:
        return {
            "text_prompts": each({"text": text(2000), "weight": number()}, required=("text",)),
            "width": whole(128, multiple_of=64),
            "height": whole(128, multiple_of=64),
            "cfg_scale": number(0, 35),
            "clip_guidance_preset": one_of(*_CLIP_PRESETS),
            "sampler": one_of(*_SAMPLERS),
            "samples": whole(1, 10),
            "seed": whole(0, 2**32 - 1),
            "steps": whole(10, 150),
            "style_preset": text(),
        }


# Stable Diffusion 3.5's aspect ratios ("Using SD3.5 with AWS JumpStart"). Of the sizes only "about one megapixel" is
# documented; these are multiples of 64 that are.
RATIOS = {
    "16:9": (1344, 768),
    "1:1": (1024, 1024),
    "21:9": (1536, 640),
    "2:3": (832, 1216),
    "3:2": (1216, 832),
    "4:5": (896, 1088),
    "5:4": (1088, 896),
    "9:16": (768, 1344),
    "9:21": (640, 1536),
}


def stability_rules(*, mode: bool, formats: tuple[str, ...] = ("jpeg", "png")) -> dict[str, Rule]:
    """The parameters of Stability's newer models ("Stability.ai Stable Diffusion 3.5 Large", Bedrock user guide)."""
    rules: dict[str, Rule] = {
        "prompt": text(10_000),
        "negative_prompt": text(10_000),
        "aspect_ratio": one_of(*RATIOS),
        "output_format": one_of(*formats),
        "seed": whole(0, 2**32 - 2),
    }
    # Image to image, which these models do too, is not played.
    return {**rules, "mode": one_of("text-to-image")} if mode else rules


def stability_answer(asked: Mapping[str, Any], filters: Filters, scale: float) -> dict[str, Any]:
    """What Stability's newer models answer: `images`, `seeds` and `finish_reasons`, or a reason alone if refused.

    `scale` makes the sides of the pictures shorter, for tests in a hurry.
    """
    if filters.prompt(asked["prompt"]):
        return {"finish_reasons": ["Filter reason: prompt"]}
    width, height = (round(side * scale) for side in RATIOS[asked.get("aspect_ratio", "1:1")])
    seed = asked.get("seed", 0)
    image = engines.draw(
        asked["prompt"], negative_prompt=asked.get("negative_prompt", ""), seed=seed, width=width, height=height
    )
    if filters.image(image):
        return {"finish_reasons": ["Filter reason: output image"]}
    encoded = _base64(image, asked.get("output_format", "png").upper())
    return {"seeds": [seed], "finish_reasons": [None], "images": [encoded]}


@dataclass(frozen=True)
class StableDiffusion35:
    """Stable Diffusion 3.5 Large of JumpStart.

    Source: "Using SD3.5 with AWS JumpStart" (Stability-AI/aws-jumpstart-examples): JSON in and out, and the answer's
    image is at `body.images[0]`. That Bedrock answers with the same members without `body` around them, and that
    `seeds` and `finish_reasons` lie beside `images` here too, is from the Bedrock user guide.
    """

    filters: Filters = field(default_factory=Filters)
    wrapped: bool = True
    """Whether the answer lies within `body`."""
    scale: float = 1.0

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        if content_type.split(";")[0].strip() != "application/json":
            raise Refused(f"Unsupported content type {content_type!r}", status=415)
        if accept not in ("application/json", "*/*"):
            raise Refused(f"Unsupported accept type {accept!r}", status=406)
        answer = stability_answer(payload(body, stability_rules(mode=True)), self.filters, self.scale)
        return _json({"body": answer} if self.wrapped else answer)


@dataclass(frozen=True)
class RawImage:
    """A container of one's own that answers with an image file. Its parameters are Stable Diffusion 2's but for the
    count; Accept says which kind of file.
    """

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        types = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
        chosen = "image/png" if accept in ("*/*", "image/*") else accept
        if chosen not in types:
            raise Refused(f"Unsupported accept type {accept!r}", status=406)
        if content_type.split(";")[0].strip() != "application/json":
            raise Refused(f"Unsupported content type {content_type!r}", status=415)
        rules = StableDiffusion2().rules()
        del rules["num_images_per_prompt"]
        asked = payload(body, rules)
        image = engines.draw(
            asked["prompt"],
            negative_prompt=asked.get("negative_prompt", ""),
            seed=asked.get("seed", 0),
            width=asked.get("width", 512),
            height=asked.get("height", 512),
        )
        return Reply(engines.encode(image, types[chosen]), chosen)


def _base64(image: Image.Image, image_type: str) -> str:
    return base64.b64encode(engines.encode(image, image_type)).decode()


def _as(accept: str, image: Image.Image) -> Any:
    match accept:
        case "application/json;jpeg":
            return _base64(image, "JPEG")
        case "application/json":
            flat = list(image.tobytes())
            pixels = [flat[start : start + 3] for start in range(0, len(flat), 3)]
            return [pixels[start : start + image.width] for start in range(0, len(pixels), image.width)]
    raise Refused(f"Unsupported accept type {accept!r}", status=406)


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value).encode(), "application/json")
