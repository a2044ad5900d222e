"""A container of one's own that answers with the image file itself.

What it has to take is said by this file: JSON with the parameters of diffusers, as in stable_diffusion_2.py but for the
count, and `Accept: image/png` or `image/jpeg`. It may answer with PNG, JPEG or WebP, whatever it was asked for.
"""

from __future__ import annotations

from safelight.common.v1 import image_format_pb2
from services.generator.backends import Defaults
from services.generator.dialects import Asked, Item, Made, Options, Sent, Unreadable, encoded
from services.generator.dialects.stable_diffusion_2 import require_sides

# Nothing is known of the model.
DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = True

_IMAGES = ("image/", "application/octet-stream")


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    require_sides(asked)
    payload = {
        "prompt": asked.prompt,
        "negative_prompt": asked.negative_prompt or None,
        "width": asked.width,
        "height": asked.height,
        "num_inference_steps": asked.steps or None,
        "guidance_scale": asked.guidance_scale,
        "seed": asked.seed,
    }
    jpeg = asked.image_format == image_format_pb2.IMAGE_FORMAT_JPEG
    return Sent(encoded(payload), asked.seed, accept="image/jpeg" if jpeg else "image/png")


def images(body: bytes, content_type: str) -> list[Item]:
    """See Dialect.images."""
    if content_type and not content_type.lower().startswith(_IMAGES):
        raise Unreadable("is no image by its content type")
    return [Made(body)]
