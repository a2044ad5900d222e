"""Long pictures in parts: a model that reduces every picture to a square makes nothing out in a strip."""

from __future__ import annotations

import math

Part = tuple[int, int, int, int]
"""Left, top, right and bottom edge, in pixels."""


def divide(width: int, height: int, *, longest_whole: float, length: float, shortest: float) -> list[Part]:
    """The parts that a long picture is to be looked at in, besides the whole; none for any other.

    Long is what has a longer side of more than `longest_whole` times the shorter. A part is `length` times as long as
    the picture is short, and never less than the fraction `shortest` of the picture: that bounds their number, because
    they overlap by one half, to 2 / shortest - 1.
    """
    longer, shorter = max(width, height), min(width, height)
    if longer <= longest_whole * shorter:
        return []
    extent = max(math.ceil(length * shorter), math.ceil(longer * shortest))
    # Evenly spread, half a part apart or a little less, the last one flush with the end.
    last = math.ceil((longer - extent) / (extent / 2))
    starts = [round(i * (longer - extent) / last) for i in range(last + 1)]
    if width >= height:
        return [(start, 0, start + extent, height) for start in starts]
    return [(0, start, width, start + extent) for start in starts]
