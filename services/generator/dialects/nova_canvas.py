"""Amazon Nova Canvas on Bedrock. Past its end of life since 2026-09-30: for whoever still has access by arrangement.

Source: https://docs.aws.amazon.com/nova/latest/userguide/image-gen-access.html (sizes) and
image-gen-req-resp-structure.html beside it. The seed's limit is that of the examples there, 858,993,459.
"""

from __future__ import annotations

from dataclasses import replace

from services.generator.backends import Defaults
from services.generator.dialects import Asked, Notice, Options, Sent, amazon
from services.generator.dialects.amazon import images

__all__ = ["BLACK_IS_REFUSED", "DEFAULTS", "images", "request"]

DEFAULTS = Defaults(width=1024, height=1024)
BLACK_IS_REFUSED = False

SIDE_MULTIPLE = 16
LEAST_SIDE, MOST_SIDE = 320, 4096
MOST_RATIO = 4
# It has to be less than this.
PIXELS = 4_194_304
MOST_CHARACTERS = 1024
MOST_SEED = 858_993_459


def request(asked: Asked, options: Options) -> Sent:
    """See Dialect.request."""
    notices: list[Notice] = []
    size = nearest_size(asked.width, asked.height)
    made = amazon.sent(
        asked, notices, size=size, quality=options.quality, most_characters=MOST_CHARACTERS, most_seed=MOST_SEED
    )
    # The prices are those of up to 1,024 pixels a side and of more.
    return replace(made, variant=f"{1024 if max(size) <= 1024 else 2048}.{made.variant}")


def nearest_size(width: int, height: int) -> tuple[int, int]:
    """The size nearest to width by height (64 to 2,048 each) that the model makes."""
    longer, shorter = _multiple(max(width, height)), _multiple(min(width, height))
    longer = min(longer, MOST_RATIO * shorter)
    while longer * shorter >= PIXELS:
        longer, shorter = longer - SIDE_MULTIPLE, min(shorter, longer - SIDE_MULTIPLE)
    return (longer, shorter) if width >= height else (shorter, longer)


def _multiple(side: int) -> int:
    return max(LEAST_SIDE, min(MOST_SIDE, round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE))
