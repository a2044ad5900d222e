"""Stable Diffusion XL 1.0 in Stability AI's container on SageMaker JumpStart; Bedrock's (past its end of life) too.

Sources: the predictor that Stability ships (stability_sdk_sagemaker/predictor.py in Stability-AI/stability-sdk) for the
media types; sdxl-v1-0/sdxl-1-0-jumpstart.ipynb in Stability-AI/aws-jumpstart-examples for sizes and answers;
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-1-0-text-image.html for the limits of
text, guidance and seed; Stability's REST API v1 for what `finishReason` says (SUCCESS, ERROR, CONTENT_FILTERED). The
container's own limits are not documented.
"""

from __future__ import annotations

from typing import Any

from safelight.generator.v1 import generator_pb2 as pb
from services.generator.backends import Defaults
from services.generator.dialects import (
    JSON,
    Asked,
    Failed,
    Item,
    Made,
    Notice,
    Options,
    Refused,
    Sent,
    Unreadable,
    decoded,
    encoded,
    entries,
    fitting,
)

DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = False

SIZES = (
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
MOST_CHARACTERS = 2000
# Of the most some sources say 50, some 150.
LEAST_STEPS, MOST_STEPS = 10, 50
MOST_GUIDANCE = 35.0
# 0 draws one at random.
MOST_SEED = 2**32 - 1
PNGS = f"{JSON};png"


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request. A negative prompt is a text with a weight below 0."""
    notices: list[Notice] = []
    texts: list[dict[str, Any]] = [
        {"text": fitting.text("prompt", asked.prompt, MOST_CHARACTERS, notices), "weight": 1.0}
    ]
    if asked.negative_prompt:
        negative = fitting.text("negative_prompt", asked.negative_prompt, MOST_CHARACTERS, notices)
        texts.append({"text": negative, "weight": -1.0})
    width, height = fitting.nearest(asked.width, asked.height, SIZES)
    steps = int(fitting.number("steps", asked.steps, LEAST_STEPS, MOST_STEPS, notices)) if asked.steps else None
    guidance = asked.guidance_scale
    if guidance is not None:
        guidance = fitting.number("guidance_scale", guidance, 0, MOST_GUIDANCE, notices)
    seed = fitting.seed(asked.seed, MOST_SEED)
    payload = {
        "text_prompts": texts,
        "width": width,
        "height": height,
        "steps": steps,
        "cfg_scale": guidance,
        "samples": 1,
        "seed": seed,
    }
    return Sent(encoded(payload), seed, tuple(notices), accept=PNGS)


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images."""
    found: list[Item] = []
    for artifact in entries(decoded(body), "artifacts"):
        if not isinstance(artifact, dict):
            raise Unreadable("has an artifact that is no object")
        match artifact.get("finishReason"):
            case "SUCCESS" | None:
                seed = fitting.reported_seed(artifact.get("seed"))
                found.append(Made(fitting.file(artifact.get("base64")), seed))
            case "ERROR":
                found.append(Failed())
            case reason:
                # CONTENT_FILTERED, with or without an image, which is not to be shown. A word that is not known is
                # taken for a refusal too.
                found.append(Refused(pb.REFUSAL_SUBJECT_IMAGE, fitting.label(reason)))
    return found
