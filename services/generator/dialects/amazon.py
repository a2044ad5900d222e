"""What Amazon's own image models on Bedrock have in common: Nova Canvas and Titan Image Generator.

Sources: https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html and image-gen-errors.html
beside it; https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html.
"""

from __future__ import annotations

from safelight.generator.v1 import generator_pb2 as pb
from services.generator.dialects import Asked, Item, Made, Notice, Refused, Sent, decoded, encoded, entries, fitting

LEAST_GUIDANCE, MOST_GUIDANCE = 1.1, 10.0

# Of the texts "This request has been blocked by our content filters. ..." and "All of the generated images have been
# blocked by our content filters." The first comes in a ValidationException (Nova) or, by Titan's page, in the member
# `error` of an answer, as the second does.
BLOCKED = "blocked by our content filters"
_REQUEST = "This request"


def sent(
    asked: Asked, notices: list[Notice], *, size: tuple[int, int], quality: str, most_characters: int, most_seed: int
) -> Sent:
    """A request for one image of that size. The price hangs on the quality and on a size that the caller has to add."""
    fitting.no_steps(asked, notices)
    negative = fitting.text("negative_prompt", asked.negative_prompt, most_characters, notices)
    texts = {"text": fitting.text("prompt", asked.prompt, most_characters, notices), "negativeText": negative or None}
    guidance = asked.guidance_scale
    if guidance is not None:
        guidance = fitting.number("guidance_scale", guidance, LEAST_GUIDANCE, MOST_GUIDANCE, notices)
    seed = fitting.seed(asked.seed, most_seed, least=0)
    config = {
        "numberOfImages": 1,
        "quality": quality,
        "width": size[0],
        "height": size[1],
        "cfgScale": guidance,
        "seed": seed,
    }
    payload = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {name: value for name, value in texts.items() if value is not None},
        "imageGenerationConfig": {name: value for name, value in config.items() if value is not None},
    }
    return Sent(encoded(payload), seed, tuple(notices), variant=quality)


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images. The images that were blocked are left out, and `error` says so."""
    answer = decoded(body)
    found: list[Item] = [Made(fitting.file(image)) for image in entries({"images": [], **_set(answer)}, "images")]
    if answer.get("error") is not None and not found:
        found.append(_refused(answer["error"]))
    return found


def refusal(message: str) -> Refused | None:
    """What a ValidationException's message says of the prompt, if that is why."""
    return Refused(pb.REFUSAL_SUBJECT_PROMPT, BLOCKED) if BLOCKED in message else None


def _set(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if value is not None}


def _refused(error: object) -> Refused:
    text = error if isinstance(error, str) else ""
    subject = pb.REFUSAL_SUBJECT_PROMPT if text.startswith(_REQUEST) else pb.REFUSAL_SUBJECT_IMAGE
    return Refused(subject, BLOCKED if BLOCKED in text else fitting.label(error))
