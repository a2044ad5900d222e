"""The images in a provider's answer, which is untrusted: decoded within bounds, encoded anew where that is needed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from services.generator.dialects import Unreadable
from services.generator.sketch.encoding import encode

# Twice what a request may ask for: 48 MiB of pixels.
MOST_SIDE = 4096
# Of 255: what JPEG may make of black.
_STILL_BLACK = 2
_ORIENTATION = 0x0112
_UPRIGHT = 1


@dataclass(frozen=True)
class Picture:
    """A decoded image."""

    pixels: Image.Image
    """RGB."""
    file: bytes = b""
    """What it was decoded from, where that may be passed on as it is; else empty."""
    format: str = ""
    """"PNG", "JPEG" or "WEBP"; "" for bare pixels."""

    @property
    def is_black(self) -> bool:
        """Whether there is nothing on it but black."""
        return max(self.pixels.tobytes(), default=0) <= _STILL_BLACK

    def encoded(self, pil_format: str) -> bytes:
        """The image in that encoding: its own file where it has it already. PNG loses nothing."""
        return self.file if self.file and self.format == pil_format else encode(self.pixels, pil_format)


def from_file(data: bytes) -> Picture:
    """Decodes a PNG, JPEG or WebP file. Raises Unreadable for anything else, or with more than MOST_SIDE a side."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            _require_size(*image.size)
            image.load()
            plain = (
                image.mode == "RGB"
                and "transparency" not in image.info
                and getattr(image, "n_frames", 1) == 1
                and image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT
            )
            return Picture(_on_white(image), data if plain else b"", image.format or "")
    except (Unreadable, MemoryError):
        raise
    except Exception:
        # Decoders raise a dozen kinds of error on broken data.
        raise Unreadable("has an image that cannot be decoded") from None


def from_rows(rows: Sequence[Sequence[Sequence[int]]]) -> Picture:
    """An image from rows of pixels of three values from 0 to 255. Raises Unreadable."""
    try:
        width, height = len(rows[0]), len(rows)
        _require_size(width, height)
        if {len(row) for row in rows} != {width}:
            raise Unreadable("has rows of different lengths")
        if {len(pixel) for row in rows for pixel in row} != {3}:
            raise Unreadable("has pixels of other than three values")
        data = bytes(itertools.chain.from_iterable(itertools.chain.from_iterable(rows)))
    except (IndexError, TypeError, ValueError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable("has pixels that are no such values") from None
    return Picture(Image.frombytes("RGB", (width, height), data))


def _require_size(width: int, height: int) -> None:
    if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE):
        raise Unreadable(f"has an image of {width:,} x {height:,} pixels; at most {MOST_SIDE:,} a side are taken")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(layered, mask=layered.getchannel("A"))
        return flat
    return image.convert("RGB")
