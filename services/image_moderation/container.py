"""PNG, JPEG and WebP files from outside: what they declare, what they carry beside pixels, and how to take that out.

parse() reads lengths and markers and decodes no pixel, so it is cheap whatever the file claims to be. What the decoder
gets to see afterwards is the stripped file: EXIF, ICC profiles, XMP, text, comments, embedded previews and trailing
bytes never reach it. Taking them out leaves the compressed pixels as they are, bit for bit.

Some files cannot be trusted to show to everybody what was judged, or carry bytes where a decoder looks away. Such a
file is `ambiguous`, and only its judged pixels, encoded anew, may leave. That is found by structure alone, so it has an
end: within the entropy-coded data of a JPEG, and of a WebP picture, bytes that no decoder uses are not found. They can
follow the last block, or stand before a restart marker. Nor is anything found that is hidden in pixels.

Sources: PNG, https://www.w3.org/TR/png-3/; JPEG, ITU-T T.81 annex B; EXIF's orientation tag, CIPA DC-008 section 4.6.4;
WebP, https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

ImageType = Literal["PNG", "JPEG", "WEBP"]

MEDIA_TYPES: dict[ImageType, str] = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}

# Chunks that change how a PNG's pixels decode. tRNS is transparency; all the others are information beside the pixels.
_PNG_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# How many samples a pixel has, by colour type.
_PNG_GREY, _PNG_RGB, _PNG_PALETTE = 0, 2, 3
_PNG_CHANNELS = {_PNG_GREY: 1, _PNG_RGB: 3, _PNG_PALETTE: 1, 4: 2, 6: 4}
# The seven passes of an interlaced PNG: first column and row, then the distance to the next.
_PNG_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PNG_ANIMATION_CHUNKS = frozenset({b"acTL", b"fcTL", b"fdAT"})
_WEBP_PIXEL_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_WEBP_ANIMATION_CHUNKS = frozenset({b"ANIM", b"ANMF"})
_VP8X_ALPHA, _VP8X_ANIMATION = 0x10, 0x02

# All start-of-frame markers: C0 to CF but DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# DHT, DAC, DQT and DRI: what a scan is decoded with. All there can be at a time are four quantization tables of up to
# 129 bytes and eight Huffman tables of up to 273; more before one scan, with some room, is never used by any.
_JPEG_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_MOST_JPEG_TABLE_BYTES = 4096
_SOI, _EOI, _SOS, _APP0, _APP1, _APP14, _APP15, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
# The end of entropy-coded data: FF and neither a stuffed zero, a restart marker nor another fill byte.
_JPEG_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Each scan of a progressive JPEG goes over the whole picture again; encoders write about ten.
_MOST_JPEG_SCANS = 100
# Each scan goes over the whole picture; encoders write about ten.
_MOST_JPEG_SCANNED_PIXELS = 1_000_000_000


# Chunks or segments of a file. Encoders write some thousands at most; going through millions would take seconds.
_MOST_PARTS = 65_536
# Bytes of compressed data.
_INFLATED_AT_ONCE = 1 << 16


class Malformed(Exception):
    """The bytes break the rules of their container. The message says how, in words fit for the caller."""


@dataclass(frozen=True)
class Container:
    """One image file, taken apart."""

    type: ImageType
    width: int
    """In pixels, as stored: before its EXIF orientation is applied."""
    height: int
    animated: bool
    orientation: int
    """EXIF's, 1 to 8; 1 is upright, and what a file has that does not say."""
    metadata: tuple[str, ...]
    """What it carries beside its pixels, each kind once, such as ("eXIf", "tEXt") or ("APP1", "trailing bytes")."""
    stripped: bytes
    """The file without them. The very same object as the input when there are none."""
    ambiguous: bool = False
    """Whether the stripped file may show others something else than this service's decoder, or still carries bytes that
    are no pixels. It must not leave; see also has_idle_bytes(), which takes longer."""


def sniff(data: bytes) -> ImageType | None:
    """The type that the first bytes show, or None when it is none of the three."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def parse(data: bytes) -> Container:
    """Takes a file apart. Raises Malformed when it is none of the three types, is cut short or is inconsistent."""
    match sniff(data):
        case "PNG":
            return _parse_png(data)
        case "JPEG":
            return _parse_jpeg(data)
        case "WEBP":
            return _parse_webp(data)
        case _:
            raise Malformed("is no PNG, JPEG or WebP file")


def has_idle_bytes(container: Container) -> bool:
    """Whether a PNG's compressed data holds anything but its pixels: after the end of the zlib stream, or in it.

    Inflates the data, never to more than the header's pixels need, and keeps none of it. False for JPEG and WebP.
    """
    if container.type != "PNG":
        return False
    data, chunks = container.stripped, []
    for kind, start, end in _png_chunks(data):
        if kind == b"IHDR":
            left = _png_raw_length(data[start + 8 : end - 4])
        elif kind == b"IDAT":
            chunks.append(memoryview(data)[start + 8 : end - 4])
    inflater = zlib.decompressobj()
    try:
        for chunk in chunks:
            # In small pieces, because what a call leaves over is copied each time.
            for position in range(0, len(chunk), _INFLATED_AT_ONCE):
                if inflater.eof:
                    return True
                pending: bytes | memoryview = chunk[position : position + _INFLATED_AT_ONCE]
                full = True
                # A full answer may have more behind it even when all its input is used up.
                while (pending or full) and not inflater.eof:
                    # One more than may come, so that a stream that goes on is noticed.
                    room = min(left + 1, 4 * _INFLATED_AT_ONCE)
                    inflated = len(inflater.decompress(pending, room))
                    left, full = left - inflated, inflated == room
                    if left < 0:
                        return True
                    pending = inflater.unconsumed_tail
    except zlib.error:
        return True
    return not inflater.eof or left != 0 or bool(inflater.unused_data)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each chunk's kind, where it starts and where it ends, up to IEND. Raises Malformed when the file is cut short."""
    position, kind, count = 8, b"", 0
    while kind != b"IEND":
        count = _counted(count)
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        start, position = position, position + 12 + length
        if position > len(data):
            raise Malformed("is a PNG file that is cut short")
        yield kind, start, position


def _png_raw_length(header: bytes) -> int:
    """How many bytes a PNG's compressed data must inflate to: each row's samples, and one byte before each row."""
    width, height = int.from_bytes(header[0:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _PNG_CHANNELS.get(header[9], 0)
    total = 0
    for x, y, step_x, step_y in _PNG_PASSES if header[12] else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // step_x), -(-(height - y) // step_y)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _png_is_ambiguous(data: bytes, chunks: list[tuple[bytes, int, int]]) -> bool:
    """Whether the chunks that stay break rules that decoders differ in minding, or have room for other bytes."""
    depth, colour = data[24], data[25]
    # The decoder skips some of these sums, and so would whatever stands in their place.
    if any(zlib.crc32(memoryview(data)[a + 4 : b - 4]) != int.from_bytes(data[b - 4 : b], "big") for _, a, b in chunks):
        return True
    lengths: dict[bytes, list[int]] = {b"PLTE": [], b"tRNS": [], b"IEND": []}
    for kind, start, end in chunks:
        if kind in lengths:
            lengths[kind].append(end - start - 12)
    palettes, transparencies = lengths[b"PLTE"], lengths[b"tRNS"]
    if lengths[b"IEND"] != [0] or len(transparencies) > 1:
        return True
    if colour == _PNG_PALETTE:
        if len(palettes) != 1 or palettes[0] % 3 or not 0 < palettes[0] // 3 <= 1 << depth:
            return True
        return any(length > palettes[0] // 3 for length in transparencies)
    # A palette without use is only a hint. The transparent colour of other depths than 8 bits is compared with pixels
    # that the decoder has already brought to 8 bits, so it takes other pixels for transparent than a viewer does.
    if palettes:
        return True
    return any(depth != 8 or length != {_PNG_GREY: 2, _PNG_RGB: 6}.get(colour) for length in transparencies)


def _parse_png(data: bytes) -> Container:
    kept, found = [data[:8]], _Found()
    pixel_chunks: list[tuple[bytes, int, int]] = []
    size, animated, orientation, seen_pixels, position = (0, 0), False, 1, False, 8
    for kind, start, end in _png_chunks(data):
        body = data[start + 8 : end - 4] if kind in (b"IHDR", b"eXIf") else b""
        if start == 8:
            if kind != b"IHDR" or len(body) != 13:
                raise Malformed("is a PNG file without a valid header")
            size = int.from_bytes(body[0:4], "big"), int.from_bytes(body[4:8], "big")
        elif kind == b"IHDR":
            raise Malformed("is a PNG file with several headers")
        elif kind == b"eXIf":
            orientation = _exif_orientation(body)
        if kind in _PNG_PIXEL_CHUNKS:
            kept.append(data[start:end])
            pixel_chunks.append((kind, start, end))
            seen_pixels |= kind == b"IDAT"
        else:
            animated |= kind in _PNG_ANIMATION_CHUNKS
            found.add(kind.decode("ascii", "replace") if kind.isalpha() else "unknown chunk")
        position = end
    if not seen_pixels:
        raise Malformed("is a PNG file without pixels")
    if position < len(data):
        found.add("trailing bytes")
    ambiguous = _png_is_ambiguous(data, pixel_chunks)
    stripped = b"".join(kept) if found.kinds else data
    return Container("PNG", *size, animated, orientation, found.kinds, stripped, ambiguous)


def _parse_jpeg(data: bytes) -> Container:
    kept, found = [data[:2]], _Found()
    size, orientation, scans, position = (0, 0), 1, 0, 2
    ambiguous, table_bytes, headers, count = False, 0, set(), 0
    cut_short = Malformed("is a JPEG file that is cut short")
    while True:
        count = _counted(count)
        start = position
        if position + 2 > len(data):
            raise cut_short
        if data[position] != 0xFF:
            raise Malformed("is a JPEG file with a broken structure")
        while position < len(data) and data[position] == 0xFF:
            position += 1
        if position >= len(data):
            raise cut_short
        marker = data[position]
        position += 1
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            break
        length = int.from_bytes(data[position : position + 2], "big")
        end = position + length
        if end > len(data) or position + 2 > len(data):
            raise cut_short
        if length < 2 or marker < 0xC0 or 0xD0 <= marker <= _SOI:
            raise Malformed("is a JPEG file with a broken structure")
        body = data[position + 2 : end]
        position = end
        if marker in _JPEG_FRAMES:
            if size != (0, 0) or len(body) < 6:
                raise Malformed("is a JPEG file with a broken structure")
            size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
        elif marker == _SOS:
            scans += 1
            if scans > _MOST_JPEG_SCANS:
                raise Malformed(f"is a JPEG file with more than {_MOST_JPEG_SCANS} scans")
            marker_after = _JPEG_NEXT_MARKER.search(data, position)
            if marker_after is None:
                raise cut_short
            position, table_bytes = marker_after.start(), 0
        elif marker in _JPEG_TABLES:
            table_bytes += len(body)
            ambiguous |= table_bytes > _MOST_JPEG_TABLE_BYTES
        elif marker == _APP1 and body[:6] == b"Exif\0\0":
            orientation = _exif_orientation(body[6:])
        elif not (_APP0 <= marker <= _APP15 or marker == _COM):
            # DNL, which may change the height, and others that decoders skip, with whatever is in them.
            ambiguous = True
        plain_jfif = marker == _APP0 and body[:5] == b"JFIF\0" and len(body) == 14 and body[12:14] == b"\0\0"
        # Says how colours are stored; without it they decode wrongly.
        adobe = marker == _APP14 and body[:5] == b"Adobe" and len(body) == 12
        if plain_jfif or adobe:
            ambiguous |= marker in headers
            headers.add(marker)
        elif _APP0 <= marker <= _APP15 or marker == _COM:
            found.add("comment" if marker == _COM else f"APP{marker - _APP0}")
            continue
        kept.append(data[start:position])
    pixels = size[0] * size[1]
    # A picture that is too large by its size alone is told so, by whoever knows the limit.
    if pixels <= _MOST_JPEG_SCANNED_PIXELS // 10 and scans * pixels > _MOST_JPEG_SCANNED_PIXELS:
        raise Malformed(f"is a JPEG file with {scans} scans of {size[0]:,} x {size[1]:,} pixels, which are too many")
    if not scans or size == (0, 0):
        raise Malformed("is a JPEG file without pixels")
    if position < len(data):
        found.add("trailing bytes")
    stripped = b"".join(kept) if found.kinds else data
    return Container("JPEG", *size, False, orientation, found.kinds, stripped, ambiguous)


def _parse_webp(data: bytes) -> Container:
    found = _Found()
    cut_short = Malformed("is a WebP file that is cut short")
    limit = 8 + int.from_bytes(data[4:8], "little")
    if limit > len(data):
        raise cut_short
    chunks: list[bytes] = []
    kinds: list[bytes] = []
    extended: bytes | None = None
    size, animated, orientation, position, count = (0, 0), False, 1, 12, 0
    while position < limit:
        count = _counted(count)
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        body_at, end = position + 8, position + 8 + length
        if end > limit:
            raise cut_short
        body = data[body_at : end if kind in (b"EXIF", b"VP8X") else min(end, body_at + 10)]
        if kind in _WEBP_PIXEL_CHUNKS:
            # Chunks are padded to even length.
            chunks.append(data[position:end] + b"\0" * (length & 1))
            kinds.append(kind)
            if kind != b"ALPH":
                if size != (0, 0):
                    raise Malformed("is a WebP file with several pictures")
                size = _vp8_size(body) if kind == b"VP8 " else _vp8l_size(body)
        elif kind == b"VP8X":
            if extended is not None or chunks or len(body) != 10:
                raise Malformed("is a WebP file with a broken structure")
            extended = body
            animated |= bool(body[0] & _VP8X_ANIMATION)
        else:
            animated |= kind in _WEBP_ANIMATION_CHUNKS
            if kind == b"EXIF":
                orientation = _exif_orientation(body.removeprefix(b"Exif\0\0"))
            found.add(kind.decode("ascii").strip() if kind.strip().isalnum() and kind.isascii() else "unknown chunk")
        position = end + (length & 1)
    canvas = None
    if extended is not None:
        canvas = 1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")
    if animated:
        return Container("WEBP", *(canvas or size), True, orientation, found.kinds, data)
    if size == (0, 0):
        raise Malformed("is a WebP file without pixels")
    if canvas not in (None, size):
        raise Malformed("is a WebP file whose header and picture differ in size")
    if limit < len(data):
        found.add("trailing bytes")
    # Transparency belongs before a lossy picture, once, and announced; elsewhere some decoders look away.
    announced = extended is not None and bool(extended[0] & _VP8X_ALPHA)
    ambiguous = b"ALPH" in kinds and not (kinds == [b"ALPH", b"VP8 "] and announced)
    if not found.kinds:
        return Container("WEBP", *size, False, orientation, (), data, ambiguous)
    if extended is not None:
        chunks.insert(0, b"VP8X\x0a\0\0\0" + bytes([extended[0] & _VP8X_ALPHA]) + extended[1:])
    payload = b"WEBP" + b"".join(chunks)
    stripped = b"RIFF" + len(payload).to_bytes(4, "little") + payload
    return Container("WEBP", *size, False, orientation, found.kinds, stripped, ambiguous)


def _vp8_size(header: bytes) -> tuple[int, int]:
    """Width and height in a lossy WebP frame (RFC 6386 section 9.1)."""
    if len(header) < 10 or header[3:6] != b"\x9d\x01\x2a":
        raise Malformed("is a WebP file with a broken structure")
    return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF


def _vp8l_size(header: bytes) -> tuple[int, int]:
    """Width and height in a lossless WebP bitstream: 14 bits each, less one."""
    if len(header) < 5 or header[0] != 0x2F:
        raise Malformed("is a WebP file with a broken structure")
    bits = int.from_bytes(header[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


def _exif_orientation(exif: bytes) -> int:
    """The orientation in the first directory of an EXIF block (a TIFF header); 1 where there is none that is valid."""
    order: Literal["little", "big"]
    if exif[:4] == b"II*\0":
        order = "little"
    elif exif[:4] == b"MM\0*":
        order = "big"
    else:
        return 1
    directory = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[directory : directory + 2], order)
    for index in range(count):
        entry = exif[directory + 2 + 12 * index : directory + 14 + 12 * index]
        if len(entry) < 12:
            break
        tag, kind, values = (int.from_bytes(entry[a:b], order) for a, b in ((0, 2), (2, 4), (4, 8)))
        if tag == 0x0112:
            value = int.from_bytes(entry[8:10], order)
            return value if kind == 3 and values == 1 and 1 <= value <= 8 else 1
    return 1


def _counted(count: int) -> int:
    """One more part than before. Raises Malformed when those are too many."""
    if count >= _MOST_PARTS:
        raise Malformed(f"is a file of more than {_MOST_PARTS:,} chunks or segments")
    return count + 1


class _Found:
    """Kinds of metadata, each once, in the order in which they came."""

    def __init__(self) -> None:
        self._kinds: dict[str, None] = {}

    def add(self, kind: str) -> None:
        self._kinds[kind] = None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self._kinds)
