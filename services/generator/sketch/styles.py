"""What is done to the finished drawing: one function for each style, RGB image in, RGB image of the same size out."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from services.generator.sketch.palette import Colour

Style = Callable[[Image.Image, random.Random], Image.Image]

PAPER: Colour = (250, 246, 236)


def _noise(size: tuple[int, int], rng: random.Random, cell: int) -> Image.Image:
    """Grey noise in soft patches of about `cell` pixels (mode L)."""
    w, h = max(2, size[0] // cell), max(2, size[1] // cell)
    small = Image.frombytes("L", (w, h), rng.randbytes(w * h))
    return small if (w, h) == size else small.resize(size, Image.Resampling.BICUBIC)


def _edges(image: Image.Image, radius: float, gain: float) -> Image.Image:
    """Where the picture changes: 0 on plain areas, up to 255 along edges (mode L)."""
    grey = image.convert("L")
    change = ImageChops.difference(grey, grey.filter(ImageFilter.GaussianBlur(radius)))
    return change.point([min(255, round(max(0, v - 2) * gain)) for v in range(256)])


def _wobbled(image: Image.Image, rng: random.Random, amount: float) -> Image.Image:
    """The picture with slightly unsteady lines, as a hand would draw them."""
    width, height = image.size
    cells = 14
    reach = amount * min(width, height)
    xs = [round(i * width / cells) for i in range(cells + 1)]
    ys = [round(i * height / cells) for i in range(cells + 1)]
    # The rim stays where it is: nothing lies beyond it.
    moved = [
        [
            (x + rng.uniform(-reach, reach) * (0 < i < cells), y + rng.uniform(-reach, reach) * (0 < j < cells))
            for i, x in enumerate(xs)
        ]
        for j, y in enumerate(ys)
    ]
    mesh = []
    for j in range(cells):
        for i in range(cells):
            nw, sw, se, ne = moved[j][i], moved[j + 1][i], moved[j + 1][i + 1], moved[j][i + 1]
            mesh.append(((xs[i], ys[j], xs[i + 1], ys[j + 1]), (*nw, *sw, *se, *ne)))
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def watercolor(image: Image.Image, rng: random.Random) -> Image.Image:
    """Thin washes that pool at the edges, on paper that stays white at the rim."""
    size = image.size
    unit = min(size)
    wash = _wobbled(image, rng, 0.007).filter(ImageFilter.GaussianBlur(unit / 420))
    wash = Image.blend(wash, Image.new("RGB", size, PAPER), 0.2)
    pools = _noise(size, rng, max(2, unit // 9)).point([round(150 + v * 0.42) for v in range(256)])
    wash = Image.blend(wash, Image.composite(wash, Image.new("RGB", size, PAPER), pools), 0.75)
    edges = _edges(wash, unit / 130, 4.5).point([v // 2 for v in range(256)])
    wash = Image.composite(ImageEnhance.Brightness(ImageEnhance.Color(wash).enhance(1.5)).enhance(0.7), wash, edges)
    grain = _noise(size, rng, 1).point([238 + v * 17 // 255 for v in range(256)])
    wash = ImageChops.multiply(wash, Image.merge("RGB", (grain, grain, grain)))
    rim = Image.new("L", (64, 64), 0)
    ImageDraw.Draw(rim).rectangle((3, 3, 60, 60), fill=255)
    ragged = ImageChops.add(rim.filter(ImageFilter.GaussianBlur(1.6)), _noise((64, 64), rng, 3), 1, -128)
    rim = ImageChops.darker(
        ragged.point([min(255, v * 3) for v in range(256)]), rim.filter(ImageFilter.GaussianBlur(1))
    )
    inner = Image.new("L", (64, 64), 0)
    ImageDraw.Draw(inner).rectangle((6, 6, 57, 57), fill=255)
    rim = ImageChops.lighter(rim, inner.filter(ImageFilter.GaussianBlur(1.4)))
    return Image.composite(wash, Image.new("RGB", size, PAPER), rim.resize(size, Image.Resampling.BICUBIC))


def pencil(image: Image.Image, rng: random.Random) -> Image.Image:
    """Graphite: outlines, and hatching where it is dark."""
    size = image.size
    unit = min(size)
    unsteady = _wobbled(image, rng, 0.003)
    grey = ImageOps.autocontrast(unsteady.convert("L"), cutoff=1)
    lines = ImageOps.invert(_edges(unsteady, unit / 220, 7))
    paper = Image.new("L", size, 248)
    for limit, step, lean in ((150, 5, 1), (95, 5, -1), (60, 4, 1)):
        hatch = Image.new("L", size, 255)
        pen = ImageDraw.Draw(hatch)
        gap = max(3, round(step * unit / 512))
        for x in range(-size[1], size[0] + size[1], gap):
            x += rng.randrange(-1, 2)
            pen.line((x, 0, x + lean * size[1] * 0.7, size[1]), fill=rng.randrange(120, 190))
        mask = grey.point([255 if v < limit else 0 for v in range(256)])
        paper = ImageChops.darker(paper, Image.composite(hatch, Image.new("L", size, 255), mask))
    tone = grey.point([196 + v * 59 // 255 for v in range(256)])
    drawn = ImageChops.multiply(ImageChops.multiply(paper, tone), lines)
    grain = _noise(size, rng, 1).point([228 + v * 27 // 255 for v in range(256)])
    return ImageOps.colorize(ImageChops.multiply(drawn, grain), (44, 42, 48), (252, 250, 244))


def oil(image: Image.Image, rng: random.Random) -> Image.Image:
    """Brush strokes in the colours below them, broad ones first."""
    width, height = image.size
    unit = min(width, height)
    canvas = image.filter(ImageFilter.GaussianBlur(unit / 160))
    source = image.filter(ImageFilter.GaussianBlur(unit / 220)).load()
    pen = ImageDraw.Draw(canvas)
    for count, length, thick in ((1500, 0.03, 0.016), (2600, 0.017, 0.008)):
        half, brush = length * unit, max(1, round(thick * unit))
        for _ in range(count):
            x, y = rng.randrange(width), rng.randrange(height)
            red, green, blue = source[x, y]  # type: ignore[index, misc] # pixels of an RGB image are triples
            shift = rng.randrange(-13, 14)
            dx, dy = rng.uniform(0.3, 1) * half, rng.uniform(-0.7, 0.7) * half
            pen.line((x - dx, y - dy, x + dx, y + dy), fill=(red + shift, green + shift, blue + shift), width=brush)
    canvas = Image.blend(canvas, image, 0.3)
    relief = canvas.convert("L").filter(ImageFilter.EMBOSS)
    canvas = Image.blend(canvas, ImageChops.overlay(canvas, Image.merge("RGB", (relief, relief, relief))), 0.45)
    return ImageEnhance.Color(canvas).enhance(1.2)


def pixel(image: Image.Image, rng: random.Random) -> Image.Image:
    """Large square pixels, few colours."""
    _ = rng
    width, height = image.size
    across = 72
    scale = across / min(width, height)
    small = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BOX)
    small = (
        ImageEnhance.Color(small).enhance(1.35).quantize(28, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )
    return small.convert("RGB").resize(image.size, Image.Resampling.NEAREST)


def cartoon(image: Image.Image, rng: random.Random) -> Image.Image:
    """Flat tones and black outlines."""
    _ = rng
    flat = ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(1.45)).enhance(1.1)
    ink = _edges(image, min(image.size) / 300, 9).point([0 if v < 110 else min(255, (v - 110) * 3) for v in range(256)])
    return Image.composite(Image.new("RGB", image.size, (28, 24, 36)), flat, ink)


def monochrome(image: Image.Image, rng: random.Random) -> Image.Image:
    """Black and white film."""
    _ = rng
    grey = ImageEnhance.Contrast(ImageOps.autocontrast(image.convert("L"), cutoff=1)).enhance(1.15)
    return _vignette(grey.convert("RGB"), 0.4)


def _vignette(image: Image.Image, strength: float) -> Image.Image:
    mask = Image.radial_gradient("L").point([max(0, round((v - 110) * strength * 1.6)) for v in range(256)])
    mask = mask.resize(image.size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", image.size, (16, 12, 20)), image, mask)


def neon(image: Image.Image, rng: random.Random) -> Image.Image:
    """Glowing outlines in the dark."""
    _ = rng
    unit = min(image.size)
    edges = _edges(image, unit / 240, 10)
    vivid = ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(3.0)).enhance(1.5)
    lines = ImageChops.multiply(vivid, Image.merge("RGB", (edges, edges, edges)))
    glow = lines.filter(ImageFilter.GaussianBlur(unit / 64))
    night = ImageChops.multiply(image, Image.new("RGB", image.size, (58, 36, 96)))
    return ImageChops.screen(ImageChops.screen(night, ImageEnhance.Brightness(glow).enhance(2.4)), lines)


def vintage(image: Image.Image, rng: random.Random) -> Image.Image:
    """A faded brown photograph."""
    sepia = ImageOps.colorize(image.convert("L"), (52, 34, 26), (250, 236, 206), mid=(166, 126, 88))
    faded = Image.blend(image, sepia, 0.82)
    grain = _noise(image.size, rng, 1).point([236 + v * 19 // 255 for v in range(256)])
    return _vignette(ImageChops.multiply(faded, Image.merge("RGB", (grain, grain, grain))), 0.45)


def pop(image: Image.Image, rng: random.Random) -> Image.Image:
    """A screen print: four loud inks and dots."""
    inks: tuple[Colour, ...] = rng.choice(
        (
            ((40, 24, 92), (226, 44, 112), (252, 178, 44), (252, 244, 206)),
            ((24, 44, 84), (30, 146, 170), (250, 120, 96), (254, 240, 190)),
            ((70, 16, 84), (238, 82, 54), (76, 190, 170), (250, 240, 214)),
        )
    )
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=2)
    dots = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(dots)
    step = max(4, min(image.size) // 64)
    for row, y in enumerate(range(0, image.size[1] + step, step)):
        for x in range((row % 2) * step // 2, image.size[0] + step, step):
            pen.ellipse((x - step * 0.3, y - step * 0.3, x + step * 0.3, y + step * 0.3), fill=34)
    grey = ImageChops.subtract(grey, dots)
    table = [inks[min(3, v // 64)] for v in range(256)]
    bands = [grey.point([ink[channel] for ink in table]) for channel in range(3)]
    return Image.merge("RGB", bands)


def mosaic(image: Image.Image, rng: random.Random) -> Image.Image:
    """Triangles of coloured glass with dark leads."""
    width, height = image.size
    cell = max(8, min(width, height) // 26)
    columns, rows = width // cell + 2, height // cell + 2
    grid = [
        [
            (
                round((i - 0.5) * cell + rng.uniform(-0.3, 0.3) * cell),
                round((j - 0.5) * cell + rng.uniform(-0.3, 0.3) * cell),
            )
            for i in range(columns + 1)
        ]
        for j in range(rows + 1)
    ]
    source = image.resize((max(1, width // 4), max(1, height // 4)), Image.Resampling.BOX)
    sample = source.load()
    out = Image.new("RGB", image.size)
    pen = ImageDraw.Draw(out)
    lead = (34, 30, 42)
    for j in range(rows):
        for i in range(columns):
            a, b, c, d = grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]
            for triangle in ((a, b, c), (a, c, d)) if (i + j) % 2 else ((a, b, d), (b, c, d)):
                x = min(max(sum(p[0] for p in triangle) // 12, 0), source.width - 1)
                y = min(max(sum(p[1] for p in triangle) // 12, 0), source.height - 1)
                pen.polygon(triangle, fill=sample[x, y], outline=lead)  # type: ignore[index]
    return ImageEnhance.Color(Image.blend(out, image, 0.18)).enhance(1.35)


def pastel(image: Image.Image, rng: random.Random) -> Image.Image:
    """Chalk on rough paper."""
    soft = Image.blend(_wobbled(image, rng, 0.004), Image.new("RGB", image.size, (255, 244, 238)), 0.34)
    tooth = _noise(image.size, rng, 2).point([255 if v > 70 else 170 for v in range(256)])
    tooth = tooth.filter(ImageFilter.GaussianBlur(0.8))
    return Image.composite(soft, Image.blend(soft, Image.new("RGB", image.size, PAPER), 0.5), tooth)


def blueprint(image: Image.Image, rng: random.Random) -> Image.Image:
    """White lines on blue, with a grid."""
    _ = rng
    unit = min(image.size)
    out = Image.new("RGB", image.size, (28, 74, 138))
    pen = ImageDraw.Draw(out)
    step = max(8, unit // 24)
    for x in range(0, image.size[0], step):
        pen.line((x, 0, x, image.size[1]), fill=(52, 100, 164))
    for y in range(0, image.size[1], step):
        pen.line((0, y, image.size[0], y), fill=(52, 100, 164))
    out.paste((232, 242, 250), (0, 0), _edges(image, unit / 260, 10))
    return out


STYLES: dict[str, Style] = {
    "watercolor": watercolor,
    "pencil": pencil,
    "oil": oil,
    "pixel": pixel,
    "cartoon": cartoon,
    "monochrome": monochrome,
    "neon": neon,
    "vintage": vintage,
    "pop": pop,
    "mosaic": mosaic,
    "pastel": pastel,
    "blueprint": blueprint,
}
