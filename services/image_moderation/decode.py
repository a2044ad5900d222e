"""Encoded bytes to the picture that a viewer would show: upright, RGB, on white; or a refusal that says why."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from services.common.errors import FieldViolation, ImageUnreadable
from services.image_moderation.container import MEDIA_TYPES, Container, ImageType, Malformed, has_idle_bytes, parse

# EXIF orientation to the turn or flip that makes the picture upright (CIPA DC-008 section 4.6.4).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Limits:
    """How large an image may be."""

    max_bytes: int = 32 << 20
    min_side: int = 32
    """In pixels."""
    max_side: int = 10_000
    """In pixels."""
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class Picture:
    """A decoded image."""

    pixels: Image.Image
    """RGB, 8 bits a channel, as displayed: EXIF orientation applied, transparency on white."""
    container: Container
    transparent: bool
    """Whether any pixel of the original lets something through."""

    @property
    def type(self) -> ImageType:
        """The type of the file it came from."""
        return self.container.type

    @property
    def media_type(self) -> str:
        """The same as a media type, such as "image/png"."""
        return MEDIA_TYPES[self.type]

    def deliverable(self) -> bytes | None:
        """The file without its metadata, if that shows the very picture that was moderated and carries nothing else;
        None if it has to be encoded anew, because it is stored turned, lets a background of unknown colour through, or
        is ambiguous or padded (see container.py). Reads a PNG's compressed data once more.
        """
        turned = self.container.orientation != 1
        if turned or self.transparent or self.container.ambiguous or has_idle_bytes(self.container):
            return None
        return self.container.stripped


def inspect(data: bytes, media_type: str, limits: Limits) -> Container:
    """Checks everything that can be checked without decoding a pixel.

    `media_type` is what the caller says it is; "" is not checked. Raises ImageUnreadable, naming field, limit and size.
    """
    if len(data) > limits.max_bytes:
        raise unreadable(f"must have at most {limits.max_bytes:,} bytes; has {len(data):,}")
    try:
        container = parse(data)
    except Malformed as error:
        raise unreadable(f"{error}; it has {len(data):,} bytes") from None
    actual = MEDIA_TYPES[container.type]
    if media_type and media_type.lower() != actual:
        raise unreadable(f"is {actual} and not what media_type says")
    width, height = container.width, container.height
    size = f"is {width:,} x {height:,}"
    if min(width, height) < limits.min_side or max(width, height) > limits.max_side:
        raise unreadable(f"must have {limits.min_side:,} to {limits.max_side:,} pixels a side; {size}")
    if width * height > limits.max_pixels:
        raise unreadable(f"must have at most {limits.max_pixels:,} pixels; {size}")
    if container.animated:
        raise unreadable("must be a single picture; is an animation")
    return container


def decode(container: Container) -> Picture:
    """Decodes what inspect() let through. Needs 8 to 17 bytes of memory a pixel. Raises ImageUnreadable."""
    try:
        # Only the one decoder that the content calls for gets to see it.
        with Image.open(io.BytesIO(container.stripped), formats=(container.type,)) as image:
            if image.size != (container.width, container.height):
                raise ValueError("size")
            image.load()
            pixels, transparent = _displayed(image)
    except MemoryError:
        raise
    except Exception:
        # Decoders raise a dozen kinds of error on broken data, with texts about their own inside.
        raise unreadable(
            f"is a damaged or truncated {container.type} file, or of a kind that is not supported"
            f"; it has {len(container.stripped):,} bytes"
        ) from None
    turn = _UPRIGHT.get(container.orientation)
    return Picture(pixels.transpose(turn) if turn is not None else pixels, container, transparent)


def unreadable(description: str) -> ImageUnreadable:
    """The error for an image that cannot be read: what must hold, and what does."""
    return ImageUnreadable([FieldViolation("image", description)])


def _displayed(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture as RGB on white, and whether any of it was transparent."""
    if image.mode.startswith("I"):
        # 16-bit grey. Pillow's own conversion cuts values off at 255 in place of scaling them.
        levels = np.asarray(image)
        return Image.fromarray((levels >> 8).astype(np.uint8)).convert("RGB"), False
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = layered.getchannel("A")
        if alpha.getextrema()[0] == 255:
            return layered.convert("RGB"), False
        flat = Image.new("RGB", image.size, "white")
        flat.paste(layered, mask=alpha)
        return flat, True
    return image.convert("RGB"), False
