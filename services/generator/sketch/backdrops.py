"""Where a scene is set: sky and ground for each setting, time and weather. All sizes follow the picture's."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

from services.generator.sketch.palette import HARMONIES, WHITE, Colour, dark, light, mix
from services.generator.sketch.pen import Pen, star
from services.generator.sketch.things import Look, nature

# Top, middle and bottom of the sky.
SKIES: dict[str, tuple[tuple[Colour, Colour, Colour], ...]] = {
    "day": (
        ((92, 164, 220), (156, 206, 236), (226, 240, 242)),
        ((108, 180, 214), (176, 220, 230), (244, 240, 220)),
        ((124, 168, 222), (186, 210, 240), (242, 236, 240)),
    ),
    "sunset": (
        ((74, 68, 130), (220, 116, 122), (252, 202, 130)),
        ((96, 82, 150), (236, 140, 124), (254, 218, 150)),
    ),
    "night": (((14, 20, 52), (32, 44, 92), (74, 82, 134)), ((20, 16, 50), (44, 40, 96), (96, 80, 140))),
    "storm": (((54, 60, 78), (92, 100, 118), (148, 152, 160)),),
    "rain": (((96, 112, 132), (138, 154, 170), (190, 200, 206)),),
    "fog": (((178, 190, 198), (200, 208, 212), (226, 228, 226)),),
}


@dataclass
class Place:
    """What a backdrop is painted on."""

    image: Image.Image
    rng: random.Random
    time: str
    """"day", "sunset" or "night"."""
    weather: str
    tint: Colour | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """Draws straight on the image."""
        return ImageDraw.Draw(self.image)

    def lit(self, colour: Colour) -> Colour:
        """A colour as the time of day and the weather show it."""
        if self.tint:
            colour = mix(colour, self.tint, 0.3)
        match self.time:
            case "night":
                colour = mix(colour, (24, 30, 74), 0.58)
            case "sunset":
                colour = mix(colour, (206, 104, 96), 0.24)
        match self.weather:
            case "fog":
                colour = mix(colour, (206, 212, 216), 0.5)
            case "rain" | "storm":
                colour = mix(colour, (104, 116, 132), 0.35)
        return colour


def gradient(image: Image.Image, colours: Sequence[Colour], top: float = 0.0, bottom: float = 1.0) -> None:
    """Fills the rows from `top` to `bottom` (shares of the height) with colours that run into each other."""
    width, height = image.size
    y0, y1 = round(top * height), round(bottom * height)
    if y1 <= y0:
        return
    rows = 96
    strip = Image.new("RGB", (1, rows))
    for row in range(rows):
        position = row / (rows - 1) * (len(colours) - 1)
        i = min(int(position), len(colours) - 2) if len(colours) > 1 else 0
        strip.putpixel((0, row), mix(colours[i], colours[min(i + 1, len(colours) - 1)], position - i))
    # Smooth from top to bottom; from left to right there is nothing to smooth, and plain copying is much faster.
    column = strip.resize((1, y1 - y0), Image.Resampling.BILINEAR)
    image.paste(column.resize((width, y1 - y0), Image.Resampling.NEAREST), (0, y0))


def ridge(place: Place, base: float, rise: float, colour: Colour, *, rough: float = 1.0) -> None:
    """A range of hills from edge to edge: `base` and `rise` are shares of the height, `rough` the number of waves."""
    width, height = place.size
    waves = [
        (place.rng.uniform(0.6, 1.6) * rough * (i + 1), place.rng.uniform(0, math.tau), 1 / (i + 1.4)) for i in range(3)
    ]
    points = []
    for step in range(65):
        x = step / 64
        y = sum(weight * math.sin(frequency * x * math.tau + phase) for frequency, phase, weight in waves)
        points.append((round(x * width), round((base - rise * (0.5 + 0.36 * y)) * height)))
    place.draw.polygon([*points, (width, height), (0, height)], fill=colour)


def peaks(place: Place, base: float, rise: float, colour: Colour, *, snow: bool = True) -> None:
    """A row of pointed mountains, lit from the left."""
    width, height = place.size
    unit = min(width * 0.5, height * 0.5)
    x = -0.3 * unit
    while x < width + unit * 0.4:
        h = rise * height * place.rng.uniform(0.55, 1.0)
        w = h * place.rng.uniform(0.75, 1.0)
        y = base * height
        top = (round(x), round(y - h))
        left, right = (round(x - w), round(y)), (round(x + w), round(y))
        place.draw.polygon([left, top, right], fill=colour)
        fold = (round(x + w * 0.1), round(y - h * 0.45))
        place.draw.polygon([top, right, (round(x + w * 0.25), round(y)), fold], fill=dark(colour, 0.16))
        if snow:
            cap = [
                top,
                *(
                    (round(x + dx * w), round(y - h * dy))
                    for dx, dy in ((-0.28, 0.72), (-0.15, 0.78), (-0.05, 0.68), (0.07, 0.77), (0.18, 0.7), (0.26, 0.74))
                ),
            ]
            place.draw.polygon(cap, fill=mix(colour, WHITE, 0.75))
        x += unit * place.rng.uniform(0.45, 0.8)


def sky(place: Place, horizon: float = 1.0) -> None:
    """Sky, its light and its clouds, down to `horizon` and a little beyond."""
    kind = place.weather if place.weather in SKIES else place.time
    top, middle, bottom = place.rng.choice(SKIES[kind])
    if place.tint:
        top, middle, bottom = mix(top, place.tint, 0.4), mix(middle, place.tint, 0.3), mix(bottom, place.tint, 0.2)
    gradient(place.image, (top, middle, bottom), 0, min(1.0, horizon + 0.03))
    width, height = place.size
    unit = min(width, height)
    side = place.rng.choice((0.18, 0.82))
    clear = place.weather not in ("rain", "storm", "fog", "snowfall")
    if place.time == "night" and clear:
        for _ in range(90):
            x, y = place.rng.random() * width, place.rng.random() * height * horizon
            r = place.rng.choice((0.001, 0.0016, 0.0016, 0.0028)) * unit
            place.draw.ellipse(
                (x - r, y - r, x + r, y + r), fill=mix(middle, (255, 250, 226), place.rng.uniform(0.5, 1))
            )
        glow(place, side, 0.17, 0.2, (206, 214, 246), 90)
        nature.moon(Pen(place.image, side * width, 0.24 * height, unit * 0.14), Look(place.rng))
    elif place.time == "sunset" and clear:
        y = horizon - 0.05
        glow(place, side * 0.6 + 0.2, y, 0.46, (255, 226, 150), 150)
        r = 0.085 * unit
        x, y = (side * 0.6 + 0.2) * width, y * height
        place.draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 238, 186))
    elif clear and place.rng.random() < 0.75:
        glow(place, side, 0.15, 0.3, (255, 248, 214), 150)
        r = 0.06 * unit
        x, y = side * width, 0.15 * height
        place.draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 244, 196))
    if place.weather != "fog":
        cloud = mix(mix(bottom, WHITE, 0.7 if place.time == "day" else 0.18), middle, 0.1 if clear else 0.45)
        for i in range(place.rng.choice((2, 3, 4))):
            size = unit * place.rng.uniform(0.05, 0.1)
            pen = Pen(
                place.image,
                ((i + place.rng.uniform(0.1, 0.9)) / 3.4) * width,
                place.rng.uniform(0.12, 0.62) * horizon * height,
                size,
            )
            nature.cloud(pen, Look(place.rng, mix(cloud, middle, place.rng.uniform(0, 0.35))))


def glow(place: Place, x: float, y: float, radius: float, colour: Colour, strength: int) -> None:
    """A soft round light; `radius` is a share of the shorter side, `strength` 0 to 255."""
    width, height = place.size
    r = round(radius * min(width, height))
    # radial_gradient is 0 in the middle and 255 in the corners of its 256 pixels; only the inner part is a disc.
    mask = Image.radial_gradient("L").point([max(0, strength - v * strength // 180) for v in range(256)])
    mask = mask.resize((2 * r, 2 * r), Image.Resampling.BILINEAR)
    place.image.paste(colour, (round(x * width) - r, round(y * height) - r), mask)


def _speckle(place: Place, colour: Colour, top: float, count: int, *, long: float = 0.02) -> None:
    """Short strokes on the ground, closer together and smaller far away."""
    width, height = place.size
    for _ in range(count):
        depth = place.rng.random() ** 1.6
        y = (top + (1 - top) * depth) * height
        x = place.rng.random() * width
        half = long * width * (0.3 + depth) * place.rng.uniform(0.4, 1)
        place.draw.line((x - half, y, x + half, y), fill=colour, width=max(1, round(height * 0.003 * (0.4 + depth))))


def _tufts(place: Place, colour: Colour, top: float, count: int, flowers: Sequence[Colour] = ()) -> None:
    width, height = place.size
    unit = min(width, height)
    spots = sorted((top + (1 - top) * place.rng.random() ** 1.3, place.rng.random()) for _ in range(count))
    for y, x in spots:
        size = unit * 0.03 * (0.35 + (y - top) / (1 - top))
        px, py = x * width, y * height
        for lean in (-0.5, 0, 0.5):
            place.draw.line(
                (px, py, px + lean * size, py - size * (1 - abs(lean) * 0.4)),
                fill=colour,
                width=max(1, round(size * 0.14)),
            )
        if flowers and place.rng.random() < 0.5:
            r = size * 0.22
            place.draw.ellipse((px - r, py - size - r, px + r, py - size + r), fill=place.rng.choice(flowers))


def beach(place: Place, horizon: float) -> None:
    """Sea behind, wet sand, sand in front, a palm or two at the side."""
    sky(place, horizon)
    lit = place.lit
    gradient(place.image, [lit((40, 122, 168)), lit((72, 172, 190)), lit((150, 216, 212))], horizon, 0.77)
    _waves(place, horizon, 0.74, 16)
    width, height = place.size
    sand = lit((240, 218, 168))
    shore = [
        (round(step / 32 * width), round((0.745 + 0.02 * math.sin(step / 32 * 5 + place.rng.random() * 0.1)) * height))
        for step in range(33)
    ]
    place.draw.polygon([*shore, (width, height), (0, height)], fill=lit((244, 246, 240)))
    lower = [(x, y + round(height * 0.014)) for x, y in shore]
    place.draw.polygon([*lower, (width, height), (0, height)], fill=lit((214, 188, 140)))
    lower = [(x, y + round(height * 0.035)) for x, y in shore]
    place.draw.polygon([*lower, (width, height), (0, height)], fill=sand)
    _speckle(place, dark(sand, 0.1), 0.8, 70, long=0.012)
    side = place.rng.choice((0.06, 0.94))
    unit = min(width, height)
    pen = Pen(place.image, side * width, 0.86 * height, unit * 0.62, flip=side > 0.5)
    nature.palm(pen, Look(place.rng, lit((74, 152, 96))))


def _waves(place: Place, top: float, bottom: float, rows: int) -> None:
    width, height = place.size
    foam = place.lit((220, 240, 240))
    for row in range(rows):
        depth = (row + place.rng.random()) / rows
        y = (top + 0.012 + (bottom - top) * depth) * height
        x = place.rng.random() * width
        half = width * (0.02 + 0.06 * depth) * place.rng.uniform(0.5, 1.2)
        place.draw.line((x - half, y, x + half, y), fill=foam, width=max(1, round(height * 0.004 * (0.4 + depth))))


def sea(place: Place, horizon: float) -> None:
    """Open water with distant land."""
    sky(place, horizon)
    ridge(place, horizon + 0.01, 0.05, place.lit((120, 150, 170)))
    gradient(place.image, [place.lit((70, 150, 182)), place.lit((38, 108, 156)), place.lit((22, 72, 120))], horizon)
    _waves(place, horizon, 1.0, 46)


def lake(place: Place, horizon: float) -> None:
    """Still water between hills and a grassy bank."""
    sky(place, horizon)
    peaks(place, horizon + 0.01, 0.22, place.lit((128, 148, 176)))
    ridge(place, horizon + 0.02, 0.1, place.lit((96, 140, 112)), rough=1.4)
    gradient(place.image, [place.lit((126, 184, 202)), place.lit((62, 132, 168))], horizon + 0.02)
    _waves(place, horizon + 0.02, 0.95, 18)
    ridge(place, 0.9, 0.09, place.lit((126, 178, 98)), rough=0.8)
    gradient_ground(place, 0.87, (126, 178, 98), (84, 146, 78))
    _tufts(place, place.lit((70, 132, 72)), 0.88, 40, [place.lit((250, 246, 236))])


def forest(place: Place, horizon: float) -> None:
    """Rows of trees, paler the farther."""
    sky(place, horizon)
    width, height = place.size
    unit = min(width, height)
    far = place.lit((170, 204, 184))
    near = place.lit((44, 100, 76))
    for row in range(3):
        base = horizon - 0.02 + row * 0.045
        colour = mix(far, near, row / 2)
        ridge(place, base + 0.03, 0.05, mix(colour, far, 0.2))
        x = place.rng.uniform(-0.05, 0.05)
        while x < 1.05:
            # The middle of the near row stays open for what stands in the scene.
            if row < 2 or not 0.24 < x < 0.76:
                h = unit * (0.3 + row * 0.14) * place.rng.uniform(0.8, 1.15)
                pen = Pen(place.image, x * width, (base + 0.02) * height, h)
                shade = mix(colour, dark(colour), place.rng.random() * 0.4)
                (nature.pine if place.rng.random() < 0.65 else nature.tree)(pen, Look(place.rng, shade))
            x += place.rng.uniform(0.07, 0.13) * (1 + row * 0.4) * unit / width
    gradient(place.image, [place.lit((104, 148, 88)), place.lit((62, 108, 70))], horizon + 0.1)
    _tufts(place, place.lit((48, 92, 62)), horizon + 0.12, 60, [place.lit((244, 236, 200))])


def mountains(place: Place, horizon: float) -> None:
    """Two ranges, a valley, some pines."""
    sky(place, horizon)
    peaks(place, horizon + 0.02, 0.42, place.lit((150, 164, 196)))
    peaks(place, horizon + 0.05, 0.28, place.lit((104, 122, 156)))
    ridge(place, horizon + 0.08, 0.1, place.lit((86, 130, 108)))
    gradient_ground(place, horizon + 0.08, (122, 168, 96), (78, 130, 80))
    _pines_aside(place, horizon + 0.1)
    _tufts(place, place.lit((66, 112, 70)), horizon + 0.12, 50, [place.lit((240, 226, 150))])


def gradient_ground(place: Place, top: float, far: Colour, near: Colour) -> None:
    """Ground from a gently curved line down to the lower edge."""
    width, height = place.size
    phase = place.rng.uniform(0, math.tau)
    first = max(0, min(height - 1, round((top - 0.02) * height)))
    layer = Image.new("RGB", (width, height - first))
    gradient(layer, (place.lit(far), place.lit(near)))
    mask = Image.new("L", layer.size, 0)
    line = [
        (round(s / 32 * width), round((top + 0.014 * math.sin(s / 32 * 4 + phase)) * height) - first) for s in range(33)
    ]
    ImageDraw.Draw(mask).polygon([*line, (width, height), (0, height)], fill=255)
    place.image.paste(layer, (0, first), mask)


def _pines_aside(place: Place, base: float, colour: Colour = (48, 104, 88)) -> None:
    width, height = place.size
    unit = min(width, height)
    for x in (0.04, 0.13, 0.9, 0.97):
        y = base + place.rng.uniform(0, 0.06)
        nature.pine(
            Pen(place.image, x * width, y * height, unit * place.rng.uniform(0.2, 0.34)),
            Look(place.rng, place.lit(colour)),
        )


def city(place: Place, horizon: float) -> None:
    """Two rows of houses behind a street."""
    sky(place, horizon)
    width, height = place.size
    unit = min(width, height)
    lamp = (252, 222, 140) if place.time == "night" else None
    for row, (colour, least, most) in enumerate((((150, 168, 190), 0.3, 0.52), ((104, 122, 150), 0.16, 0.36))):
        x = -0.02 * width
        colour = place.lit(mix(colour, (190, 150, 140), place.rng.random() * 0.3))
        while x < width:
            w, h = unit * place.rng.uniform(0.09, 0.16), unit * place.rng.uniform(least, most)
            base = (horizon + 0.1) * height
            wall = mix(colour, dark(colour), place.rng.random() * 0.35)
            place.draw.rectangle((x, base - h, x + w, base), fill=wall)
            place.draw.rectangle((x + w * 0.72, base - h, x + w, base), fill=dark(wall, 0.14))
            if row and place.rng.random() < 0.4:
                place.draw.polygon(
                    [(x, base - h), (x + w / 2, base - h - w * 0.5), (x + w, base - h)], fill=dark(wall, 0.25)
                )
            columns, rows = 4, int(h / (unit * 0.035))
            for i in range(columns):
                for j in range(rows):
                    on = place.rng.random() < 0.5
                    wx, wy = x + w * (0.12 + i * 0.21), base - h + unit * (0.018 + j * 0.035)
                    window = lamp if lamp and on else light(wall, 0.3) if on else dark(wall, 0.2)
                    place.draw.rectangle((wx, wy, wx + w * 0.11, wy + unit * 0.017), fill=window)
            x += w * place.rng.uniform(0.95, 1.2)
    top = (horizon + 0.1) * height
    pavement = place.lit((196, 190, 184))
    place.draw.rectangle((0, top, width, height), fill=pavement)
    road_top, road_bottom = top + height * 0.06, height * 0.965
    gradient(place.image, (place.lit((92, 96, 108)), place.lit((72, 76, 90))), road_top / height, road_bottom / height)
    place.draw.rectangle((0, road_top - height * 0.012, width, road_top), fill=dark(pavement, 0.2))
    for i in range(8):
        x = (i + 0.2) / 7 * width
        y = (road_top + road_bottom) / 2
        place.draw.rectangle((x, y, x + width * 0.07, y + height * 0.01), fill=place.lit((232, 226, 206)))


def desert(place: Place, horizon: float) -> None:
    """Dunes, one behind the other, and a cactus."""
    sky(place, horizon)
    for i in range(4):
        colour = mix((240, 206, 150), (206, 140, 84), i / 3)
        ridge(place, horizon + 0.04 + i * 0.09, 0.13 - i * 0.02, place.lit(colour), rough=0.7)
    _speckle(place, place.lit((180, 120, 72)), horizon + 0.2, 50, long=0.02)
    width, height = place.size
    unit = min(width, height)
    x = place.rng.choice((0.1, 0.9))
    nature.cactus(
        Pen(place.image, x * width, (horizon + 0.12) * height, unit * 0.22), Look(place.rng, place.lit((92, 140, 96)))
    )


def snow(place: Place, horizon: float) -> None:
    """White hills, dark pines."""
    sky(place, horizon)
    peaks(place, horizon + 0.02, 0.26, place.lit((168, 186, 212)))
    ridge(place, horizon + 0.05, 0.1, place.lit((214, 226, 240)))
    _pines_aside(place, horizon + 0.07, (72, 112, 112))
    gradient_ground(place, horizon + 0.08, (236, 242, 250), (206, 220, 240))
    _speckle(place, place.lit((250, 252, 255)), horizon + 0.12, 40, long=0.03)


def field(place: Place, horizon: float) -> None:
    """Green hills with trees far away and flowers near."""
    sky(place, horizon)
    ridge(place, horizon + 0.03, 0.13, place.lit((156, 196, 178)))
    ridge(place, horizon + 0.06, 0.11, place.lit((122, 180, 120)), rough=1.2)
    width, height = place.size
    unit = min(width, height)
    for _ in range(7):
        pen = Pen(
            place.image,
            place.rng.random() * width,
            (horizon + place.rng.uniform(0.015, 0.05)) * height,
            unit * place.rng.uniform(0.06, 0.13),
        )
        nature.tree(pen, Look(place.rng, place.lit(place.rng.choice(((86, 146, 92), (106, 158, 84))))))
    gradient_ground(place, horizon + 0.06, (150, 200, 104), (86, 152, 80))
    flowers = [place.lit(c) for c in ((250, 246, 236), (246, 206, 92), (232, 110, 126), (190, 140, 214))]
    _tufts(place, place.lit((70, 132, 72)), horizon + 0.1, 80, flowers)


def space(place: Place, horizon: float) -> None:
    """Stars, clouds of gas and a far planet."""
    _ = horizon
    gradient(place.image, ((12, 12, 38), (28, 20, 64), (16, 24, 58)))
    for _ in range(5):
        colour = place.rng.choice(((150, 70, 170), (60, 110, 190), (196, 80, 130), (50, 150, 170)))
        glow(place, place.rng.random(), place.rng.random(), place.rng.uniform(0.25, 0.5), place.tint or colour, 90)
    width, height = place.size
    unit = min(width, height)
    for _ in range(170):
        x, y = place.rng.random() * width, place.rng.random() * height
        r = place.rng.choice((0.001, 0.0015, 0.002, 0.0032)) * unit
        place.draw.ellipse((x - r, y - r, x + r, y + r), fill=mix((120, 130, 190), (255, 252, 236), place.rng.random()))
    for _ in range(5):
        x, y = place.rng.random() * width, place.rng.random() * height * 0.8
        place.draw.polygon(
            [(round(px), round(py)) for px, py in star(x, y, unit * 0.014, unit * 0.003, 4)], fill=(255, 250, 230)
        )
    r = unit * 0.55
    cx, cy = width * place.rng.choice((0.12, 0.88)), height * 1.12
    ground = place.rng.choice(((96, 110, 168), (150, 100, 130), (92, 140, 150)))
    place.draw.ellipse((cx - r * 1.7, cy - r * 0.75, cx + r * 1.7, cy + r * 1.9), fill=dark(ground, 0.2))
    place.draw.ellipse((cx - r * 1.66, cy - r * 0.71, cx + r * 1.66, cy + r * 1.9), fill=ground)


def underwater(place: Place, horizon: float) -> None:
    """Light from above, weed and sand below."""
    _ = horizon
    water = place.tint or (30, 140, 180)
    gradient(
        place.image,
        (
            mix(place.lit((150, 226, 230)), water, 0.2),
            place.lit(mix((40, 144, 184), water, 0.5)),
            place.lit((16, 64, 116)),
        ),
    )
    width, height = place.size
    unit = min(width, height)
    beam = Image.new("L", place.size, 0)
    pen = ImageDraw.Draw(beam)
    for _ in range(5):
        x, w = place.rng.random() * width, place.rng.uniform(0.03, 0.08) * width
        pen.polygon(
            [(x, 0), (x + w, 0), (x + w * 2.6 - width * 0.12, height * 0.85), (x - width * 0.16, height * 0.85)],
            fill=34,
        )
    place.image.paste((226, 250, 246), (0, 0), beam)
    ridge(place, 1.0, 0.16, place.lit((196, 182, 140)), rough=0.8)
    for _ in range(14):
        x, size = place.rng.random(), unit * place.rng.uniform(0.1, 0.26)
        plant = Pen(place.image, x * width, (0.95 + place.rng.random() * 0.05) * height, size)
        colour = place.lit(place.rng.choice(((48, 132, 110), (82, 158, 100), (206, 96, 110), (222, 140, 90))))
        sway = place.rng.choice((-0.12, 0.12))
        plant.limb([(0, 0), (sway, 0.35), (-sway, 0.7), (sway * 0.5, 1.0)], [0.16, 0.14, 0.1, 0.02], colour)
    for _ in range(26):
        x, y, r = place.rng.random() * width, place.rng.random() * height * 0.85, unit * place.rng.uniform(0.004, 0.012)
        place.draw.ellipse((x - r, y - r, x + r, y + r), outline=(222, 246, 248), width=max(1, round(r * 0.25)))


def room(place: Place, horizon: float) -> None:
    """A wall with a window and a picture, a wooden floor with a rug."""
    width, height = place.size
    unit = min(width, height)
    wall = place.tint or place.rng.choice(
        ((168, 196, 196), (206, 190, 210), (186, 204, 178), (232, 210, 170), (160, 180, 210))
    )
    wall = mix(place.lit(wall), (255, 250, 240), 0.15 if place.time != "night" else 0.0)
    floor_y = round((horizon + 0.1) * height)
    gradient(place.image, (light(wall, 0.1), dark(wall, 0.1)), 0, floor_y / height)
    step = max(8, round(unit * 0.06))
    for stripe in range(0, width, step):
        place.draw.line((stripe, 0, stripe, floor_y), fill=dark(wall, 0.05), width=max(1, unit // 300))
    side = place.rng.choice((0.2, 0.8))
    x, y, w, h = side * width, 0.12 * height, unit * 0.26, unit * 0.32
    outside = SKIES[place.time][0]
    place.draw.rectangle(
        (x - w / 2 - unit * 0.015, y - unit * 0.015, x + w / 2 + unit * 0.015, y + h + unit * 0.015),
        fill=(250, 246, 238),
    )
    place.draw.rectangle((x - w / 2, y, x + w / 2, y + h), fill=outside[1])
    place.draw.polygon(
        [(x - w / 2, y + h), (x - w / 2, y + h * 0.7), (x, y + h * 0.6), (x + w / 2, y + h * 0.75), (x + w / 2, y + h)],
        fill=place.lit((130, 180, 120)),
    )
    bar = unit * 0.007
    place.draw.rectangle((x - bar, y, x + bar, y + h), fill=(250, 246, 238))
    place.draw.rectangle((x - w / 2, y + h * 0.45 - bar, x + w / 2, y + h * 0.45 + bar), fill=(250, 246, 238))
    for s in (-1, 1):
        edge = x + s * w * 0.62
        place.draw.polygon(
            [
                (edge - s * w * 0.28, y - unit * 0.03),
                (edge + s * w * 0.08, y - unit * 0.03),
                (edge + s * w * 0.08, y + h * 1.12),
                (edge - s * w * 0.06, y + h * 1.12),
            ],
            fill=dark(wall, 0.3),
        )
    fx, fy, fs = (1 - side) * width, 0.16 * height, unit * 0.11
    place.draw.rectangle((fx - fs, fy, fx + fs, fy + fs * 1.5), fill=(120, 86, 62))
    place.draw.rectangle((fx - fs * 0.85, fy + fs * 0.15, fx + fs * 0.85, fy + fs * 1.35), fill=(240, 228, 200))
    harmony = place.rng.choice(HARMONIES)
    place.draw.polygon(
        [
            (fx - fs * 0.85, fy + fs * 1.35),
            (fx - fs * 0.2, fy + fs * 0.6),
            (fx + fs * 0.2, fy + fs),
            (fx + fs * 0.5, fy + fs * 0.7),
            (fx + fs * 0.85, fy + fs * 1.35),
        ],
        fill=harmony[2],
    )
    place.draw.ellipse((fx + fs * 0.2, fy + fs * 0.3, fx + fs * 0.5, fy + fs * 0.6), fill=harmony[4])
    wood = place.lit(place.rng.choice(((186, 138, 98), (160, 116, 88), (198, 160, 120))))
    gradient(place.image, (dark(wood, 0.12), light(wood, 0.08)), floor_y / height)
    for i in range(-8, 9):
        place.draw.line(
            (width / 2 + i * width * 0.09, floor_y, width / 2 + i * width * 0.2, height),
            fill=dark(wood, 0.16),
            width=max(1, unit // 260),
        )
    place.draw.rectangle((0, floor_y - unit * 0.022, width, floor_y), fill=light(wall, 0.45))
    rug = place.rng.choice(((150, 70, 84), (70, 108, 140), (104, 96, 150), (90, 130, 116)))
    cy, ry = height * 0.885, height * 0.075
    for share, colour in ((1.0, dark(rug, 0.15)), (0.94, rug), (0.78, light(rug, 0.35)), (0.73, rug)):
        rx = min(width * 0.42, unit * 0.6) * share
        place.draw.ellipse((width / 2 - rx, cy - ry * share, width / 2 + rx, cy + ry * share), fill=place.lit(colour))


def tabletop(place: Place, horizon: float) -> None:
    """A table that fills the lower part, a plain wall with soft light behind it."""
    _ = horizon
    wall = place.tint or place.rng.choice(
        ((120, 156, 166), (150, 132, 170), (132, 160, 136), (196, 150, 120), (92, 112, 146))
    )
    wall = place.lit(wall)
    gradient(place.image, (dark(wall, 0.2), light(wall, 0.25)), 0, 0.74)
    glow(place, place.rng.uniform(0.3, 0.7), 0.35, 0.6, light(wall, 0.7), 120)
    width, height = place.size
    for _ in range(9):
        glow(
            place, place.rng.random(), place.rng.uniform(0.05, 0.5), place.rng.uniform(0.05, 0.12), light(wall, 0.6), 60
        )
    wood = place.lit(place.rng.choice(((150, 100, 68), (182, 136, 94), (112, 78, 62))))
    gradient(place.image, (light(wood, 0.18), dark(wood, 0.15)), 0.72)
    place.draw.rectangle((0, height * 0.72, width, height * 0.727), fill=light(wood, 0.4))
    for _ in range(26):
        y = height * place.rng.uniform(0.74, 1)
        x, half = place.rng.random() * width, width * place.rng.uniform(0.05, 0.25)
        place.draw.line((x - half, y, x + half, y), fill=dark(wood, 0.1), width=max(1, height // 400))


def stage(place: Place, horizon: float) -> None:
    """Curtains, spotlights, boards."""
    width, height = place.size
    velvet = place.tint or place.rng.choice(((130, 32, 50), (74, 44, 110), (30, 70, 100)))
    gradient(place.image, (dark(velvet, 0.75), dark(velvet, 0.5)))
    floor = round((horizon + 0.1) * height)
    gradient(place.image, ((96, 66, 60), (160, 112, 84)), floor / height)
    for i in range(-8, 9):
        place.draw.line(
            (width / 2 + i * width * 0.08, floor, width / 2 + i * width * 0.18, height),
            fill=(84, 56, 54),
            width=max(1, height // 300),
        )
    for s in (0, 1):
        for i in range(6):
            x0 = i * 0.036 * width if not s else width - (i + 1) * 0.036 * width
            place.draw.rectangle(
                (x0, 0, x0 + 0.037 * width, floor + height * 0.05 - i * height * 0.006),
                fill=dark(velvet, 0.1) if i % 2 else light(velvet, 0.06),
            )
    for i in range(9):
        x = (i + 0.5) / 9 * width
        place.draw.pieslice(
            (x - width * 0.065, -height * 0.1, x + width * 0.065, height * 0.13),
            0,
            180,
            fill=velvet if i % 2 else light(velvet, 0.1),
        )
    mask = Image.new("L", (width // 4, height // 4), 0)
    pen = ImageDraw.Draw(mask)
    w, h = mask.size
    for x in (0.2, 0.8):
        pen.polygon([(x * w, 0), (x * w + w * 0.03, 0), (w * 0.78, h * 0.86), (w * 0.22, h * 0.86)], fill=46)
    pen.ellipse((w * 0.18, h * 0.8, w * 0.82, h * 0.95), fill=90)
    mask = mask.filter(ImageFilter.GaussianBlur(3)).resize(place.size, Image.Resampling.BILINEAR)
    place.image.paste((255, 240, 196), (0, 0), mask)


def studio(place: Place, horizon: float) -> None:
    """A plain backdrop in two colours that go together, with a large soft disc: for things that belong nowhere."""
    pale, soft, middle, deep, accent = place.rng.choice(HARMONIES)
    if place.tint:
        pale, soft, accent = mix(pale, place.tint, 0.35), mix(soft, place.tint, 0.55), light(place.tint, 0.3)
    gradient(place.image, [place.lit(c) for c in (mix(pale, soft, 0.55), pale)], 0, horizon + 0.1)
    width, height = place.size
    unit = min(width, height)
    r = unit * 0.36
    x, y = width * place.rng.uniform(0.42, 0.58), height * 0.46
    place.draw.ellipse((x - r, y - r, x + r, y + r), fill=place.lit(mix(pale, accent, 0.5)))
    for _ in range(6):
        dx, dy, s = (
            place.rng.random() * width,
            place.rng.uniform(0.04, 0.6) * height,
            unit * place.rng.uniform(0.008, 0.022),
        )
        place.draw.ellipse((dx - s, dy - s, dx + s, dy + s), fill=place.lit(mix(pale, middle, 0.5)))
    ridge(place, horizon + 0.1, 0.09, place.lit(mix(soft, pale, 0.25)))
    ridge(place, horizon + 0.15, 0.07, place.lit(mix(soft, middle, 0.35)))
    gradient_ground(place, horizon + 0.16, mix(middle, pale, 0.3), mix(middle, deep, 0.35))


def abstract(place: Place, horizon: float) -> None:
    """A picture of its own for prompts without a known word: layered hills, tall bands or turning arcs."""
    pale, soft, middle, deep, accent = place.rng.choice(HARMONIES)
    if place.tint:
        soft, middle, accent = (mix(c, place.tint, 0.5) for c in (soft, middle, accent))
    width, height = place.size
    unit = min(width, height)
    _ = horizon
    match place.rng.choice(("hills", "hills", "bands", "arcs")):
        case "hills":
            gradient(place.image, (mix(pale, soft, 0.5), pale, light(accent, 0.3)), 0, 0.8)
            x, y, r = place.rng.uniform(0.25, 0.75) * width, place.rng.uniform(0.2, 0.4) * height, unit * 0.13
            glow(place, x / width, y / height, 0.34, light(accent, 0.5), 150)
            place.draw.ellipse((x - r, y - r, x + r, y + r), fill=accent)
            for i in range(7):
                ridge(
                    place,
                    0.58 + i * 0.075,
                    0.2 - i * 0.014,
                    mix(mix(soft, pale, 0.5), deep, i / 6),
                    rough=0.9 + i * 0.06,
                )
        case "bands":
            gradient(place.image, (pale, mix(pale, soft, 0.6)))
            x = 0.0
            while x < width:
                w = unit * place.rng.uniform(0.03, 0.12)
                top = height * place.rng.uniform(0.15, 0.75)
                colour = place.rng.choice((soft, middle, deep, accent, mix(soft, middle, 0.5)))
                place.draw.rounded_rectangle((x, top, x + w * 0.82, height + w), radius=w * 0.4, fill=colour)
                place.draw.rectangle((x + w * 0.55, top + w * 0.4, x + w * 0.82, height), fill=dark(colour, 0.1))
                x += w
        case _:
            gradient(place.image, (pale, light(soft, 0.2)))
            for _ in range(7):
                x, y = place.rng.random() * width, place.rng.random() * height
                r = unit * place.rng.uniform(0.12, 0.36)
                for share, colour in ((1.0, middle), (0.8, soft), (0.6, accent), (0.4, deep), (0.2, pale)):
                    s = r * share
                    start = place.rng.randrange(360)
                    place.draw.pieslice(
                        (x - s, y - s, x + s, y + s), start, start + place.rng.choice((90, 180, 270)), fill=colour
                    )


def rain(place: Place) -> None:
    """Slanting rain over everything."""
    width, height = place.size
    unit = min(width, height)
    mask = Image.new("L", place.size, 0)
    pen = ImageDraw.Draw(mask)
    for _ in range(190):
        x, y, length = (
            place.rng.random() * width * 1.1,
            place.rng.random() * height,
            unit * place.rng.uniform(0.02, 0.05),
        )
        pen.line((x, y, x - length * 0.25, y + length), fill=place.rng.randrange(90, 190), width=max(1, unit // 380))
    place.image.paste((222, 234, 244), (0, 0), mask)


def snowfall(place: Place) -> None:
    """Flakes over everything."""
    width, height = place.size
    unit = min(width, height)
    for _ in range(150):
        x, y, r = (
            place.rng.random() * width,
            place.rng.random() * height,
            unit * place.rng.choice((0.003, 0.004, 0.006, 0.009)),
        )
        place.draw.ellipse((x - r, y - r, x + r, y + r), fill=(248, 251, 254))


def fog(place: Place) -> None:
    """Pale bands, denser towards the ground."""
    mask = Image.linear_gradient("L").point([min(150, 40 + v // 2) for v in range(256)])
    place.image.paste((222, 227, 230), (0, 0), mask.resize(place.size, Image.Resampling.BILINEAR))


def lightning(place: Place) -> None:
    """A fork of lightning at the side."""
    width, height = place.size
    x, y = place.rng.choice((0.2, 0.8)) * width, 0.0
    unit = min(width, height)
    while y < height * 0.5:
        nx, ny = x + place.rng.uniform(-0.05, 0.05) * unit, y + place.rng.uniform(0.04, 0.08) * unit
        place.draw.line((x, y, nx, ny), fill=(255, 250, 214), width=max(2, unit // 130))
        x, y = nx, ny


Backdrop = Callable[[Place, float], None]

BACKDROPS: dict[str, Backdrop] = {
    "beach": beach,
    "sea": sea,
    "lake": lake,
    "forest": forest,
    "mountains": mountains,
    "city": city,
    "desert": desert,
    "snow": snow,
    "field": field,
    "space": space,
    "underwater": underwater,
    "room": room,
    "table": tabletop,
    "stage": stage,
    "studio": studio,
    "abstract": abstract,
}

HORIZONS: dict[str, float] = {"sea": 0.5, "beach": 0.56, "table": 0.62, "lake": 0.52, "underwater": 0.86, "space": 0.86}
"""How far down the horizon lies, as a share of the height, where it is not 0.6."""

OVERLAYS: dict[str, tuple[Callable[[Place], None], ...]] = {
    "rain": (rain,),
    "storm": (lightning, rain),
    "snowfall": (snowfall,),
    "fog": (fog,),
}
