"""Fits what is asked for to what a model takes, and says so."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable
from typing import Any

from safelight.generator.v1 import generator_pb2 as pb
from services.generator.dialects import Asked, Notice, Unreadable


def seed(value: int, most: int, *, least: int = 1) -> int:
    """A seed (0 to 2^32 - 1) as a model takes it, from `least` to `most`.

    Those within are kept. The others are wrapped around, so that a seed makes the same image each time; that two seeds
    may make the same image is no loss. `least` is 1 where a model takes 0 for "draw one at random".
    """
    return least + (value - least) % (most - least + 1)


def nearest(width: int, height: int, sizes: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The size or ratio whose shape is most like that of width by height; of those, the one most like it in area."""

    def distance(size: tuple[int, int]) -> tuple[float, float]:
        shape = abs(math.log(size[0] / size[1]) - math.log(width / height))
        # Rounded, so that 512 x 512 and 1024 x 1024 are of one shape whatever the logarithms' last digits say.
        return round(shape, 6), abs(math.log(size[0] * size[1]) - math.log(width * height))

    return min(sizes, key=distance)


def text(field: str, value: str, most: int, notices: list[Notice]) -> str:
    """The first `most` characters of a text; a notice where that is not all."""
    if len(value) > most:
        notices.append(
            Notice(
                pb.NOTICE_REASON_TEXT_CUT,
                field,
                f"the model takes {most:,} characters of the {len(value):,}; the rest has no effect",
            )
        )
    return value[:most]


def number(field: str, value: float, least: float, most: float, notices: list[Notice]) -> float:
    """The number nearest to `value` from `least` to `most`; a notice where that is another."""
    fitted = min(max(value, least), most)
    if fitted != value:
        notices.append(
            Notice(
                pb.NOTICE_REASON_SETTING_IGNORED,
                field,
                f"the model takes {least:g} to {most:g} and not {value:g}; {fitted:g} is used",
            )
        )
    return fitted


def no_steps(asked: Asked, notices: list[Notice]) -> None:
    """A notice where steps are asked for, of a model that takes none."""
    if asked.steps:
        notices.append(_ignored("steps"))


def no_guidance(asked: Asked, notices: list[Notice]) -> None:
    """A notice where a guidance scale is asked for, of a model that takes none."""
    if asked.guidance_scale is not None:
        notices.append(_ignored("guidance_scale"))


def _ignored(field: str) -> Notice:
    return Notice(pb.NOTICE_REASON_SETTING_IGNORED, field, f"the model takes no {field}; its own is used")


def file(value: Any) -> bytes:
    """The bytes of a file in base64. Raises Unreadable."""
    if not isinstance(value, str) or not value:
        raise Unreadable("has an image that is no text in base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("has an image that is not in base64") from None


def reported_seed(value: Any) -> int | None:
    """A seed as an answer tells it, as a number or in digits; None if that is none of ours."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**32 else None


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,.:;_/\-]{0,39}")


def label(value: Any) -> str:
    """A provider's word for a refusal, as a finding's label; "other" for one that looks like anything else.

    Labels are logged and counted: what is long or odd may quote a prompt.
    """
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "other"
