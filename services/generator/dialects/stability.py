"""What Stability AI's newer models have in common, on SageMaker as on Bedrock: shapes, seeds, and how they answer.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html and the pages of
Stable Image Core and Ultra beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.common.v1 import image_format_pb2
from safelight.generator.v1 import generator_pb2 as pb
from services.generator.dialects import Asked, Failed, Item, Made, Notice, Refused, Unreadable, entries, fitting

RATIOS = ((16, 9), (1, 1), (21, 9), (2, 3), (3, 2), (4, 5), (5, 4), (9, 16), (9, 21))
MOST_CHARACTERS = 10_000
# 0 draws one at random. Of the pages some say that 2^32 - 1 is the most, some 2^32 - 2.
MOST_SEED = 2**32 - 2

_REFUSED = "Filter reason: "
_FAILED = "Inference error"


def payload(asked: Asked, notices: list[Notice]) -> dict[str, Any]:
    """The members that all of them take. None take a size: the ratio nearest to the one asked for stands for it."""
    width, height = fitting.nearest(asked.width, asked.height, RATIOS)
    negative = fitting.text("negative_prompt", asked.negative_prompt, MOST_CHARACTERS, notices)
    jpeg = asked.image_format == image_format_pb2.IMAGE_FORMAT_JPEG
    return {
        "prompt": fitting.text("prompt", asked.prompt, MOST_CHARACTERS, notices),
        "negative_prompt": negative or None,
        "aspect_ratio": f"{width}:{height}",
        "seed": fitting.seed(asked.seed, MOST_SEED),
        "output_format": "jpeg" if jpeg else "png",
    }


def items(answer: Mapping[str, Any]) -> list[Item]:
    """What `images`, `seeds` and `finish_reasons` say. A refusal may come with neither images nor seeds."""
    reasons = answer.get("finish_reasons")
    if reasons is None:
        reasons = [None] * len(entries(answer, "images"))
    if not isinstance(reasons, list):
        raise Unreadable("has no list finish_reasons")
    files, seeds = answer.get("images") or [], answer.get("seeds") or []
    if not isinstance(files, list) or not isinstance(seeds, list):
        raise Unreadable("has no list images or seeds")
    found: list[Item] = []
    for index, reason in enumerate(reasons):
        if reason is None:
            if index >= len(files):
                raise Unreadable("has fewer images than finish reasons")
            seed = fitting.reported_seed(seeds[index]) if index < len(seeds) else None
            found.append(Made(fitting.file(files[index]), seed))
        elif reason == _FAILED:
            found.append(Failed())
        else:
            found.append(_refused(reason))
    return found


def _refused(reason: Any) -> Refused:
    # "Filter reason: prompt", "Filter reason: output image". What is new is about the image until it is known better:
    # then another seed is tried, which costs more than it should and harms nobody.
    prompt = isinstance(reason, str) and reason.startswith(_REFUSED) and "prompt" in reason
    subject = pb.REFUSAL_SUBJECT_PROMPT if prompt else pb.REFUSAL_SUBJECT_IMAGE
    return Refused(subject, fitting.label(reason))
