"""Blurs a picture, whole or in places, until the detectors find nothing more in what a receiver would decode."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PIL import Image, ImageFilter

from safelight.common.v1 import finding_pb2
from services.image_moderation.encode import Encoded

Find = Callable[[Image.Image], list[finding_pb2.Finding]]
"""The findings in an RGB picture that count or might: with thresholds applied, without those of ignored categories."""
Encode = Callable[[Image.Image], tuple[Encoded, Image.Image]]
"""Encodes a picture for delivery; returns that and what it decodes to."""

# How many cells a whole picture is reduced to along its longer side, weakest blur first. One cell is a plain colour.
_WHOLE_CELLS = (12, 8, 5, 3, 2, 1)
# The same for one region, along its shorter side.
_REGION_CELLS = 3
# How far beyond a box its blur reaches, as a fraction of the box's sides; more in each round.
_MARGINS = (0.15, 0.4)


def redact(
    picture: Image.Image, findings: Iterable[finding_pb2.Finding], *, regions: bool, find: Find, encode: Encode
) -> Encoded:
    """An encoded copy of an RGB picture, blurred until the detectors are content with it.

    With `regions`, the boxes of the flagged `findings` are blurred, with a margin, and nothing of their categories may
    remain, even below its threshold. The whole picture is blurred instead when one of them has no box, or when two
    rounds of that leave something; then nothing at all may remain. Stronger and stronger, in the end it is plain grey.
    """
    flagged = [f for f in findings if f.flagged]
    if regions and (encoded := _redact_regions(picture, flagged, find, encode)) is not None:
        return encoded
    for cells in _WHOLE_CELLS:
        encoded, seen = encode(blur_whole(picture, cells))
        if not find(seen):
            return encoded
    # A detector may find something in anything. No content is left in this.
    return encode(Image.new("RGB", picture.size, (128, 128, 128)))[0]


def _redact_regions(
    picture: Image.Image, flagged: list[finding_pb2.Finding], find: Find, encode: Encode
) -> Encoded | None:
    categories = {f.category for f in flagged}
    blurred, remaining = picture, flagged
    for margin in _MARGINS:
        if not all(f.HasField("bounding_box") for f in remaining):
            return None
        # The first boxes in each round, with its wider margin: what still remains may sit at their edge.
        for finding in [*flagged, *remaining]:
            blurred = blur_region(blurred, finding.bounding_box, margin)
        encoded, seen = encode(blurred)
        remaining = [f for f in find(seen) if f.flagged or f.category in categories]
        if not remaining:
            return encoded
    return None


def blur_whole(picture: Image.Image, cells: int) -> Image.Image:
    """The picture with no detail finer than its longer side divided by `cells`."""
    longest = max(picture.size)
    width, height = (max(1, round(side * cells / longest)) for side in picture.size)
    # The mean of each cell first, so that nothing finer is left for any filter to bring back.
    small = picture.resize((width, height), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.6))
    return small.resize(picture.size, Image.Resampling.BICUBIC)


def blur_region(picture: Image.Image, box: finding_pb2.BoundingBox, margin: float) -> Image.Image:
    """A copy in which one box (relative coordinates), with a margin around it, is blurred beyond recognition."""
    edges = _with_margin(picture.size, box, margin)
    region = picture.crop(edges)
    shortest = min(region.size)
    width, height = (max(1, round(side * _REGION_CELLS / shortest)) for side in region.size)
    small = region.resize((width, height), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(1))
    copy = picture.copy()
    copy.paste(small.resize(region.size, Image.Resampling.BICUBIC), edges)
    return copy


def _with_margin(size: tuple[int, int], box: finding_pb2.BoundingBox, margin: float) -> tuple[int, int, int, int]:
    """The box in pixels, widened on all sides, within the picture and never empty."""
    width, height = size
    across, down = margin * box.width, margin * box.height
    left = min(width - 1, max(0, int((box.left - across) * width)))
    top = min(height - 1, max(0, int((box.top - down) * height)))
    right = min(width, max(left + 1, round((box.left + box.width + across) * width)))
    bottom = min(height, max(top + 1, round((box.top + box.height + down) * height)))
    return left, top, right, bottom
