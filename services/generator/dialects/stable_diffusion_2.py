"""Stable Diffusion 2.x as SageMaker JumpStart deploys it: Hugging Face's diffusers in a container of Amazon's.

Source: the notebook "Introduction to JumpStart - Text to Image" (aws/amazon-sagemaker-examples): parameters, their
limits, both kinds of answer, and that sizes other than those of the training "may result in a black image". That
diffusers' safety checker blacks images out:
https://huggingface.co/docs/diffusers/api/pipelines/stable_diffusion/overview
"""

from __future__ import annotations

import re

from safelight.generator.v1 import generator_pb2 as pb
from services.common.errors import FieldViolation, InvalidArgument
from services.generator.backends import Defaults
from services.generator.dialects import (
    JSON,
    Asked,
    Item,
    Made,
    Notice,
    Options,
    Sent,
    Unreadable,
    decoded,
    encoded,
    entries,
    fitting,
)

# Of 2.0 and 2.1. The "base" variants were trained on 512 x 512.
DEFAULTS = Defaults(width=768, height=768)
BLACK_IS_REFUSED = True

SIDE_MULTIPLE = 8
# "guidance_scale<=1 is ignored", and the negative prompt with it.
LEAST_GUIDANCE = 1.0
# torch.manual_seed takes more than the contract's 2^32.
MOST_SEED = 2**32 - 1
# CLIP's context of 77 tokens, without the two that mark beginning and end.
MOST_TOKENS = 75
JPEGS = f"{JSON};jpeg"
# "255, " for each of three values, and the brackets around them.
PIXEL_CHARACTERS = 3 * 5 + 3
NEAR = 0.8

# What CLIP's tokenizer splits a text into before it splits further, so that a text has at least as many tokens.
# https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py
_PIECE = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    require_sides(asked)
    notices: list[Notice] = []
    negative = asked.negative_prompt
    if negative and asked.guidance_scale is not None and asked.guidance_scale <= LEAST_GUIDANCE:
        notices.append(
            Notice(
                pb.NOTICE_REASON_NEGATIVE_PROMPT_WITHOUT_EFFECT,
                "negative_prompt",
                f"the model ignores a guidance scale of {LEAST_GUIDANCE:g} or less, and the negative prompt with it",
            )
        )
    for field, text in (("prompt", asked.prompt), ("negative_prompt", negative)):
        if (least := least_tokens(text)) > MOST_TOKENS:
            notices.append(
                Notice(
                    pb.NOTICE_REASON_TEXT_CUT,
                    field,
                    f"the model reads {MOST_TOKENS} tokens, which are words or parts of them, of at least {least:,}",
                )
            )
    payload = {
        "prompt": asked.prompt,
        "negative_prompt": negative or None,
        "width": asked.width,
        "height": asked.height,
        "num_inference_steps": asked.steps or None,
        "guidance_scale": asked.guidance_scale,
        "num_images_per_prompt": 1,
        "seed": fitting.seed(asked.seed, MOST_SEED, least=0),
    }
    accept = _accept(asked, options, notices)
    return Sent(encoded(payload), asked.seed, tuple(notices), accept=accept)


def _accept(asked: Asked, options: Options, notices: list[Notice]) -> str:
    if not options.pixels:
        return JPEGS
    largest, most = asked.width * asked.height * PIXEL_CHARACTERS, options.most_response_bytes
    if largest <= NEAR * most:
        return JSON
    beyond = largest > most
    way = "it is asked for as JPEG, which loses detail" if beyond else "larger images will be asked for as JPEG"
    notices.append(
        Notice(
            pb.NOTICE_REASON_NEAR_LIMIT,
            "width",
            f"the pixels of this size may take {largest:,} bytes and an answer has at most {most:,}; {way}",
        )
    )
    return JPEGS if beyond else JSON


def require_sides(asked: Asked) -> None:
    """Raises InvalidArgument unless both sides are multiples of 8, of which the model's latent space is made."""
    wrong = [
        FieldViolation(field, f"must be a multiple of {SIDE_MULTIPLE}; is {side}")
        for field, side in (("width", asked.width), ("height", asked.height))
        if side % SIDE_MULTIPLE
    ]
    if wrong:
        raise InvalidArgument(wrong)


def least_tokens(text: str) -> int:
    """How many tokens CLIP's tokenizer makes of a text at the least."""
    return sum(1 for _ in _PIECE.finditer(text))


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images. `generated_images` holds JPEG files in base64, or rows of pixels."""
    found: list[Item] = []
    for image in entries(decoded(body), "generated_images"):
        if isinstance(image, str):
            found.append(Made(fitting.file(image)))
        elif isinstance(image, list):
            found.append(Made(image))
        else:
            raise Unreadable("has an image that is neither text nor pixels")
    return found
