"""Images for tests: positives that the real model flags, and files that are broken in a chosen way."""

import functools
import io
import random
import struct
import zlib

from PIL import Image

from services.generator.sketch import ellipses
from services.image_moderation.detectors.nudenet import NudeNet


def positive(seed: int = 0, size: tuple[int, int] = (512, 512)) -> Image.Image:
    """A composition of plain ellipses that the detector flags as nudity."""
    image = Image.new("RGB", size)
    ellipses.draw(image, random.Random(seed))
    return image


def clean(size: tuple[int, int] = (256, 192)) -> Image.Image:
    """A colourful picture without anything in it."""
    image = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (image, image.transpose(Image.Transpose.ROTATE_180), image.point([90] * 256)))


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """A picture that no encoder can make small."""
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))


def encoded(image: Image.Image, image_type: str = "PNG", **options: object) -> bytes:
    """The image as a file."""
    buffer = io.BytesIO()
    if image_type == "JPEG":
        options = {"quality": 85, **options}
    image.save(buffer, image_type, **options)
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """The image in a file, decoded, with its `info`."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file of the given chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG file: kind and body."""
    chunks, position = [], 8
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        chunks.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def png_raw(size: tuple[int, int], depth: int, colour: int, rows: bytes, *others: tuple[bytes, bytes]) -> bytes:
    """A PNG file of any depth and colour type, its rows given unfiltered; `others` come before the pixels."""
    stride = len(rows) // size[1]
    filtered = b"".join(b"\0" + rows[i : i + stride] for i in range(0, len(rows), stride))
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    return png_of([(b"IHDR", header), *others, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")])


def png_claiming(width: int, height: int, pixels: bytes = b"\0" * 100) -> bytes:
    """A small PNG file whose header claims any size, as a decompression bomb does."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def with_orientation(upright: Image.Image, orientation: int) -> tuple[Image.Image, Image.Exif]:
    """The image stored so that EXIF's `orientation` makes it upright again, and that EXIF block."""
    # The inverse of what a viewer does: 6 and 8 are each other's, all others their own.
    store = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return (upright if store is None else upright.transpose(store)), exif


@functools.cache
def load_detector() -> NudeNet:
    """The real model, loaded once for all tests of a process."""
    return NudeNet()
