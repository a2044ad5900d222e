"""Amazon Titan Image Generator G1 v2 on Bedrock. Past its end of life since 2026-06-30.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html.
"""

from __future__ import annotations

from dataclasses import replace

from services.generator.backends import Defaults
from services.generator.dialects import Asked, Notice, Options, Sent, amazon, fitting
from services.generator.dialects.amazon import images

__all__ = ["BLACK_IS_REFUSED", "DEFAULTS", "images", "request"]

DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = False

SIZES = (
    (1024, 1024),
    (768, 768),
    (512, 512),
    (768, 1152),
    (384, 576),
    (1152, 768),
    (576, 384),
    (768, 1280),
    (384, 640),
    (1280, 768),
    (640, 384),
    (896, 1152),
    (448, 576),
    (1152, 896),
    (576, 448),
    (768, 1408),
    (384, 704),
    (1408, 768),
    (704, 384),
    (640, 1408),
    (320, 704),
    (1408, 640),
    (704, 320),
    (1152, 640),
    (1173, 640),
)
MOST_CHARACTERS = 512
MOST_SEED = 2**31 - 2


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    notices: list[Notice] = []
    size = fitting.nearest(asked.width, asked.height, SIZES)
    made = amazon.sent(
        asked, notices, size=size, quality=options.quality, most_characters=MOST_CHARACTERS, most_seed=MOST_SEED
    )
    # The prices are those of up to 512 pixels a side and of more.
    return replace(made, variant=f"{512 if max(size) <= 512 else 1024}.{made.variant}")
