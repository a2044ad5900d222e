"""What the image moderation service accepts, and what it makes of it."""

import contextlib
import struct
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from services.common.errors import ImageUnreadable
from services.image_moderation import container
from services.image_moderation.decode import Limits, Picture, decode, inspect
from tests.support import images


def read(data: bytes, media_type: str = "", limits: Limits = Limits()) -> Picture:  # noqa: B008 # frozen
    return decode(inspect(data, media_type, limits))


def refusal(data: bytes, media_type: str = "", limits: Limits = Limits()) -> str:  # noqa: B008 # frozen
    with pytest.raises(ImageUnreadable) as refused:
        read(data, media_type, limits)
    assert [v.field for v in refused.value.violations] == ["image"]
    return refused.value.violations[0].description


def difference(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).mean())


@pytest.mark.parametrize(
    ("image_type", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_each_format_is_read_and_named(image_type: str, media_type: str) -> None:
    """PNG, JPEG and WebP decode to the picture that was encoded, whatever media type case the caller writes."""
    picture = read(images.encoded(images.clean(), image_type), media_type.upper())
    assert picture.media_type == media_type
    assert picture.pixels.mode == "RGB"
    assert difference(picture.pixels, images.clean()) < 3


@pytest.mark.parametrize("image_type", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused_by_content(image_type: str) -> None:
    """A format that Pillow could read but that is not offered is refused."""
    assert "no PNG, JPEG or WebP" in refusal(images.encoded(images.clean(), image_type))


@pytest.mark.parametrize("actual", ["PNG", "JPEG", "WEBP"])
def test_a_mislabelled_file_is_refused(actual: str) -> None:
    """The content decides; a media type that says otherwise is an error."""
    others = set(container.MEDIA_TYPES.values()) - {container.MEDIA_TYPES[actual]}  # type: ignore[index]
    for claimed in others:
        assert "media_type" in refusal(images.encoded(images.clean(), actual), claimed)


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_anywhere_is_refused(image_type: str) -> None:
    """Whatever is missing at the end, the file is refused, in words of our own."""
    data = images.encoded(images.noise((64, 48)), image_type)
    for length in [*range(1, 64), *range(64, len(data), max(1, len(data) // 60)), len(data) - 2, len(data) - 1]:
        text = refusal(data[:length])
        assert str(length) in text.replace(",", "")


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
@given(position=st.integers(0), value=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused(image_type: str, position: int, value: int) -> None:
    """One wrong byte anywhere gives a picture or a refusal, no other error and no warning."""
    data = bytearray(images.encoded(images.clean((48, 40)), image_type))
    data[position % len(data)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with contextlib.suppress(ImageUnreadable):
            assert read(bytes(data)).pixels.mode == "RGB"


@given(
    prefix=st.sampled_from(
        [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBP", b"RIFF\x40\0\0\0WEBPVP8X"]
    ),
    rest=st.binary(max_size=200),
)
@example(b"", b"")
@settings(deadline=None)
def test_random_bytes_are_refused(prefix: bytes, rest: bytes) -> None:
    """No bytes, however they begin, give anything but a refusal that names the field."""
    refusal(prefix + rest)


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("size", "accepted"), [((1, 1), False), ((31, 100), False), ((100, 31), False), ((32, 32), True)]
)
def test_small_pictures_are_refused(image_type: str, size: tuple[int, int], accepted: bool) -> None:
    """32 pixels a side are the least; the refusal names limit and size."""
    data = images.encoded(images.clean(size), image_type)
    if accepted:
        assert read(data).pixels.size == size
    else:
        text = refusal(data)
        assert "32 to 10,000 pixels a side" in text
        assert f"is {size[0]} x {size[1]}" in text


def test_too_many_pixels_or_bytes_are_refused() -> None:
    """Each limit is a setting and is named with the value's size."""
    data = images.encoded(images.clean((100, 80)))
    assert refusal(data, limits=Limits(max_pixels=7_999)) == "must have at most 7,999 pixels; is 100 x 80"
    assert refusal(data, limits=Limits(max_side=99)) == "must have 32 to 99 pixels a side; is 100 x 80"
    assert refusal(data, limits=Limits(max_bytes=100)) == f"must have at most 100 bytes; has {len(data):,}"
    assert read(data, limits=Limits(max_pixels=8_000)).pixels.size == (100, 80)


@pytest.mark.parametrize("size", [(10_000, 10_000), (2**31 - 1, 2**31 - 1), (50_000, 40), (7_072, 7_072)])
def test_a_decompression_bomb_is_refused_unopened(size: tuple[int, int]) -> None:
    """A small file that claims a huge picture costs no memory and leaves no warning."""
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert f"{size[0]:,} x {size[1]:,}" in refusal(images.png_claiming(*size))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_webp_and_jpeg_bombs_are_refused_by_their_headers() -> None:
    """The size is taken from the frame itself, before a decoder allocates for it."""
    webp = bytearray(images.encoded(images.clean((64, 64)), "WEBP"))
    at = webp.index(b"\x9d\x01\x2a") + 3
    webp[at : at + 4] = struct.pack("<HH", 9_000, 9_000)
    assert "9,000 x 9,000" in refusal(bytes(webp))
    jpeg = bytearray(images.encoded(images.clean((64, 64)), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 9_000, 9_000)
    assert "9,000 x 9,000" in refusal(bytes(jpeg))


def test_a_jpeg_with_endless_scans_is_refused() -> None:
    """A progressive JPEG whose scans repeat would decode for minutes."""
    data = images.encoded(images.clean((64, 64)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert "scans" in refusal(data[:last] + data[last:-2] * 200 + b"\xff\xd9")


def test_a_large_jpeg_with_many_scans_is_refused() -> None:
    """Fewer scans are allowed the larger the picture is: each goes over all of it."""
    data = images.encoded(images.clean((64, 64)), "JPEG", progressive=True)
    start = data.index(b"\xff\xc2") + 5
    large = data[:start] + (6000).to_bytes(2, "big") + (8000).to_bytes(2, "big") + data[start + 4 :]
    last = large.rindex(b"\xff\xda")
    assert "scans of 8,000 x 6,000 pixels" in refusal(large[:last] + large[last:-2] * 30 + b"\xff\xd9")


@pytest.mark.parametrize("image_type", ["PNG", "WEBP"])
def test_animations_are_refused(image_type: str) -> None:
    """An animated PNG or WebP is refused, whatever its first frame shows."""
    frames = [images.clean((64, 64)), images.noise((64, 64))]
    data = images.encoded(frames[0], image_type, save_all=True, append_images=frames[1:], duration=100)
    assert "animation" in refusal(data)


def test_grey_palette_and_bilevel_pictures_become_rgb() -> None:
    """Modes without three channels are converted."""
    for mode in ("1", "L", "P"):
        picture = read(images.encoded(images.clean().convert(mode)))
        assert picture.pixels.mode == "RGB"
        assert difference(picture.pixels, images.clean().convert(mode).convert("RGB")) < 1
        assert not picture.transparent


def test_cmyk_jpeg_becomes_rgb() -> None:
    """A CMYK JPEG shows about the colours it was made from."""
    picture = read(images.encoded(images.clean().convert("CMYK"), "JPEG", quality=95))
    assert difference(picture.pixels, images.clean()) < 4


def test_16_bit_grey_is_scaled() -> None:
    """16-bit values become 8-bit ones in proportion, in place of being cut off."""
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    picture = read(images.encoded(Image.fromarray(levels)))
    assert np.array_equal(np.asarray(picture.pixels)[:, :, 0], levels >> 8)


@pytest.mark.parametrize("image_type", ["PNG", "WEBP"])
def test_transparency_is_shown_on_white(image_type: str) -> None:
    """What is transparent looks white, and the picture says that it was transparent."""
    layered = images.clean((64, 64)).convert("RGBA")
    layered.paste((255, 0, 0, 0), (0, 0, 32, 64))
    picture = read(images.encoded(layered, image_type, **({"lossless": True} if image_type == "WEBP" else {})))
    assert picture.transparent
    assert picture.pixels.getpixel((5, 5)) == (255, 255, 255)
    assert picture.pixels.getpixel((60, 60)) == images.clean((64, 64)).getpixel((60, 60))


def test_palette_transparency_is_shown_on_white() -> None:
    """A palette's transparent entry is transparency too."""
    indexed = images.clean((64, 64)).quantize(16)
    transparent = indexed.getpixel((0, 0))
    picture = read(images.encoded(indexed, transparency=transparent))
    assert picture.transparent
    assert picture.pixels.getpixel((0, 0)) == (255, 255, 255)


def test_opaque_alpha_is_not_transparency() -> None:
    """An alpha channel that hides nothing changes nothing."""
    picture = read(images.encoded(images.clean().convert("RGBA")))
    assert not picture.transparent
    assert difference(picture.pixels, images.clean()) == 0


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(image_type: str, orientation: int) -> None:
    """All eight orientations come out upright, as Pillow's own tool has them."""
    stored, exif = images.with_orientation(images.clean((96, 64)), orientation)
    data = images.encoded(stored, image_type, exif=exif)
    picture = read(data)
    assert picture.pixels.size == (96, 64)
    assert difference(picture.pixels, images.clean((96, 64))) < 3
    assert difference(picture.pixels, ImageOps.exif_transpose(images.opened(data)).convert("RGB")) < 3


@given(exif=st.binary(max_size=120), order=st.sampled_from([b"II*\0", b"MM\0*", b""]))
@settings(deadline=None, max_examples=60)
def test_any_exif_block_is_survived(exif: bytes, order: bytes) -> None:
    """A damaged EXIF block is as good as none."""
    data = images.encoded(images.clean((40, 40)))
    broken = data[:33] + images.png_chunk(b"eXIf", order + exif) + data[33:]
    assert read(broken).pixels.size == (40, 40)


def every_kind_of_metadata(image_type: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "MARKER-camera"
    exif.get_ifd(0x8825)[1] = "N"
    options: dict[str, object] = {"exif": exif, "icc_profile": b"MARKER-profile" * 10, "xmp": b"<MARKER-xmp/>"}
    if image_type == "JPEG":
        options["comment"] = b"MARKER-comment"
    if image_type == "PNG":
        del options["xmp"]
        text = PngInfo()
        text.add_text("parameters", "MARKER-prompt")
        text.add_itxt("XML:com.adobe.xmp", "<MARKER-xmp/>")
        options["pnginfo"] = text
    return images.encoded(images.clean(), image_type, **options) + b"MARKER-trailing"


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
def test_stripping_takes_all_metadata_and_no_pixel(image_type: str) -> None:
    """EXIF, ICC, XMP, text, comments and trailing bytes go; the decoded pixels are identical."""
    data = every_kind_of_metadata(image_type)
    taken = container.parse(data)
    assert b"MARKER" in data
    assert b"MARKER" not in taken.stripped
    assert "trailing bytes" in taken.metadata
    assert len(taken.metadata) >= 4
    assert difference(images.opened(taken.stripped), images.opened(data)) == 0
    again = container.parse(taken.stripped)
    assert again.metadata == ()
    assert again.stripped is taken.stripped


MODES = {"PNG": ("1", "L", "LA", "P", "RGB", "RGBA"), "JPEG": ("L", "RGB", "CMYK"), "WEBP": ("RGB", "RGBA")}


@pytest.mark.parametrize(("image_type", "mode"), [(t, mode) for t, modes in MODES.items() for mode in modes])
def test_a_plain_file_is_left_alone(image_type: str, mode: str) -> None:
    """What a plain encoder writes counts as free of metadata, and is not even copied."""
    data = images.encoded(images.clean().convert(mode), image_type)
    assert container.parse(data).stripped is data


def test_a_preview_in_a_jpeg_header_is_taken_out() -> None:
    """A JFIF header can hold a small copy of an earlier picture."""
    data = images.encoded(images.clean((64, 64)), "JPEG")
    length = int.from_bytes(data[4:6], "big")
    preview = b"\x02\x02" + b"MARKER-pixel"
    header = data[6 : 2 + length][:12] + preview + data[6 + 14 : 4 + length]
    changed = data[:4] + struct.pack(">H", 2 + len(header)) + header + data[4 + length :]
    assert b"MARKER" in changed
    stripped = container.parse(changed).stripped
    assert b"MARKER" not in stripped
    assert difference(images.opened(stripped), images.clean((64, 64))) < 5


HIDDEN = b"MARKER-hidden" * 5


def with_chunk(kind: bytes, body: bytes, image: Image.Image | None = None) -> bytes:
    """A PNG file with one more chunk before its pixels."""
    header, *rest = images.png_chunks(images.encoded(image or images.clean()))
    return images.png_of([header, (kind, body), *rest])


def idle_bytes_in_png() -> dict[str, bytes]:
    """PNG files that decoders read without a word and that hold bytes which are no pixels."""
    data = images.encoded(images.clean())
    header, *pixels, end = images.png_chunks(data)
    stream = b"".join(body for _, body in pixels)
    more_rows = zlib.compress(zlib.decompress(stream) + HIDDEN, 0)
    palette = images.png_chunks(images.encoded(images.clean().quantize(16, dither=Image.Dither.NONE)))
    wide_palette = [*palette]
    wide_palette.insert(2, (b"tRNS", b"\xff" * 16 + HIDDEN))
    wrong_sum = bytearray(images.png_of([header, (b"IDAT", b""), *pixels, end]))
    wrong_sum[wrong_sum.index(b"IDAT") + 4 : wrong_sum.index(b"IDAT") + 8] = b"MARK"
    return {
        "body of IEND": images.png_of([header, *pixels, (b"IEND", HIDDEN)]),
        "after the zlib stream": images.png_of([header, (b"IDAT", stream + HIDDEN), end]),
        "in an IDAT of its own": images.png_of([header, *pixels, (b"IDAT", HIDDEN), end]),
        "more rows than the picture has": images.png_of([header, (b"IDAT", more_rows), end]),
        "palette of a picture without one": with_chunk(b"PLTE", (HIDDEN * 9)[:300]),
        "transparent colour with a tail": with_chunk(b"tRNS", b"\0\1\0\2\0\3" + HIDDEN),
        "more transparency than colours": images.png_of(wide_palette),
        "checksum of an empty chunk": bytes(wrong_sum),
    }


@pytest.mark.parametrize("where", idle_bytes_in_png())
def test_bytes_beside_the_pixels_of_a_png_do_not_leave(where: str) -> None:
    """A PNG that holds other bytes where decoders look away is read, and its file is not handed out."""
    data = idle_bytes_in_png()[where]
    assert b"MARK" in data
    assert read(data).deliverable() is None


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_plain_png_files_of_any_depth_are_deliverable(bits: int, interlaced: bool) -> None:
    """No depth, and no interlacing, is mistaken for one that hides something."""
    header = struct.pack(">IIBBBBB", 37, 41, bits, 0, 0, 0, interlaced)
    passes = container._PNG_PASSES if interlaced else ((0, 0, 1, 1),)
    raw = b""
    for x, y, step_x, step_y in passes:
        raw += (b"\0" + b"\x55" * ((len(range(x, 37, step_x)) * bits + 7) // 8)) * len(range(y, 41, step_y))
    pixels = zlib.compress(raw)
    chunks = [(b"IHDR", header), (b"IDAT", pixels[:9]), (b"IDAT", pixels[9:]), (b"IDAT", b""), (b"IEND", b"")]
    data = images.png_of(chunks)
    assert read(data).deliverable() is data


@pytest.mark.parametrize("rows", [*range(32, 96), 436, 437, 438, 874, 1311])
def test_a_plain_colour_of_any_size_is_deliverable(rows: int) -> None:
    """Data that inflate to a thousand times their size, at and around the size of one step, hide nothing."""
    data = images.encoded(Image.new("RGB", (1365, rows), (9, 9, 9)))
    assert read(data).deliverable() is data


def test_inflating_stops_at_what_the_header_needs() -> None:
    """Compressed data that would inflate to a gigabyte is given up once it is more than the picture."""
    header, *_, end = images.png_chunks(images.encoded(images.clean()))
    squeezer = zlib.compressobj()
    bomb = b"".join(squeezer.compress(b"\0" * (1 << 20)) for _ in range(256)) + squeezer.flush()
    taken = container.parse(images.png_of([header, (b"IDAT", bomb), end]))
    tracemalloc.start()
    try:
        assert container.has_idle_bytes(taken)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("depth", "colour"), [(16, 2), (16, 0), (1, 0), (2, 0), (4, 0)])
def test_a_transparent_colour_of_odd_depth_is_delivered_as_judged(depth: int, colour: int) -> None:
    """Decoders disagree on what a transparent colour of other than 8 bits hides; the original is not handed out."""
    samples = 3 if colour == 2 else 1
    rows = bytes(range(256)) * (64 * samples)
    rows = rows[: (64 * depth * samples // 8) * 64]
    value = struct.pack(f">{samples}H", *[1] * samples)
    data = images.png_raw((64, 64), depth, colour, rows, (b"tRNS", value))
    assert read(data).deliverable() is None
    plain = images.png_raw((64, 64), depth, colour, rows)
    assert read(plain).deliverable() is plain


def idle_segments_in_jpeg() -> dict[str, bytes]:
    """JPEG files that decoders read without a word and that hold segments which no decoder uses."""
    data = images.encoded(images.clean((64, 64)), "JPEG")
    segment = struct.pack(">H", 2 + len(HIDDEN)) + HIDDEN
    tables = b"\xff\xdb" + struct.pack(">H", 67) + b"\x03" + (HIDDEN[:64]).ljust(64, b"x")
    scan = data.index(b"\xff\xda")
    return {
        "DNL": data[:-2] + b"\xff\xdc" + segment + data[-2:],
        "endless tables": data[:scan] + tables * 70 + data[scan:],
    }


@pytest.mark.parametrize("where", idle_segments_in_jpeg())
def test_segments_that_no_decoder_uses_do_not_leave_a_jpeg(where: str) -> None:
    """A JPEG with room for other bytes is read, and its file is not handed out."""
    data = idle_segments_in_jpeg()[where]
    assert b"MARKER" in data
    assert read(data).deliverable() is None


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
def test_plain_jpeg_files_are_deliverable(options: dict[str, object]) -> None:
    """No way of writing a JPEG that encoders use is mistaken for one that hides something."""
    for mode in ("RGB", "L", "CMYK"):
        data = images.encoded(images.clean().convert(mode), "JPEG", **options)
        assert read(data).deliverable() is data


def test_transparency_that_a_webp_does_not_announce_does_not_leave() -> None:
    """A WebP with an alpha chunk that decoders pass over is encoded anew."""
    data = images.encoded(images.clean((64, 64)), "WEBP")
    payload = data[8:] + b"ALPH" + struct.pack("<I", len(HIDDEN)) + HIDDEN + b"\0" * (len(HIDDEN) & 1)
    changed = b"RIFF" + struct.pack("<I", len(payload)) + payload
    with contextlib.suppress(ImageUnreadable):
        assert read(changed).deliverable() is None
    assert container.parse(changed).ambiguous
    layered = images.clean((64, 64)).convert("RGBA")
    layered.putalpha(100)
    assert not container.parse(images.encoded(layered, "WEBP")).ambiguous


@pytest.mark.parametrize("image_type", ["PNG", "JPEG", "WEBP"])
def test_a_file_of_countless_parts_is_refused(image_type: str) -> None:
    """Millions of tiny chunks or segments would take seconds to go through, whatever the picture."""
    data = images.encoded(images.clean((64, 64)), image_type)
    if image_type == "PNG":
        data = data[:33] + images.png_chunk(b"IDAT", b"") * 70_000 + data[33:]
    elif image_type == "JPEG":
        data = data[:2] + b"\xff\xfe\0\2" * 70_000 + data[2:]
    else:
        payload = data[8:] + b"EXIF\0\0\0\0" * 70_000
        data = b"RIFF" + struct.pack("<I", len(payload)) + payload
    assert "65,536" in refusal(data)
