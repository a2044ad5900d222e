"""A decoded picture as a provider in the cloud takes it: its formats, its sizes, and long pictures in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from services.image_moderation.encode import Encoded, encode, fit
from services.image_moderation.parts import divide
from services.image_moderation.subjects import is_blurred

# PNG seldom takes less than a quarter of a photograph's raw bytes: with more than this, trying would be in vain.
_MOST_RAW = 4
_GREY = (128, 128, 128)
# How providers reduce a picture for their models is not documented. A picture that is longer than this many times its
# shorter side is also looked at in parts, each twice as long as the picture is short and at least an eighth of it: at
# most 15 parts, each of which is billed.
_LONGEST_WHOLE, _LENGTH, _SHORTEST = 4, 2, 1 / 8


@dataclass(frozen=True)
class ProviderLimits:
    """What a provider takes. All take PNG and JPEG."""

    max_bytes: int
    """Of the encoded picture; at least 16,384."""
    max_side: int
    """In pixels."""
    min_side: int = 1
    """In pixels; small against `max_side`."""


def looks(picture: Image.Image, limits: ProviderLimits) -> Iterator[Encoded]:
    """The whole RGB picture, and the parts of a long one unless it is blurred, each as the provider takes it."""
    yield prepare(picture, limits)
    if is_blurred():
        return
    for part in divide(*picture.size, longest_whole=_LONGEST_WHOLE, length=_LENGTH, shortest=_SHORTEST):
        yield prepare(picture.crop(part), limits)


def prepare(picture: Image.Image, limits: ProviderLimits) -> Encoded:
    """An RGB picture within the limits: PNG if it fits, else JPEG, at falling quality and then scaled down.

    A picture with a side that is too short is enlarged as far as its longer side may grow, so that its content fills
    the frame, and then padded with grey on the right or below. None of its content is cut off or stretched.
    """
    sized = _sized(picture, limits)
    raw = 3 * sized.width * sized.height
    if raw <= _MOST_RAW * limits.max_bytes:
        encoded = encode(sized, "PNG")
        if len(encoded.data) <= limits.max_bytes:
            return encoded
    # Only a picture of millions of pixels is scaled down here, and its sides stay far above any least.
    return fit(sized, limits.max_bytes)


def _sized(picture: Image.Image, limits: ProviderLimits) -> Image.Image:
    longer, shorter = max(picture.size), min(picture.size)
    ratio = min(limits.max_side / longer, max(1, limits.min_side / shorter))
    if ratio != 1:
        width, height = (min(limits.max_side, max(1, round(side * ratio))) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    frame = (max(limits.min_side, picture.width), max(limits.min_side, picture.height))
    if frame == picture.size:
        return picture
    padded = Image.new("RGB", frame, _GREY)
    padded.paste(picture)
    return padded
