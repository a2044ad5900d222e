"""An abstract composition of shaded ellipses, which NudeNet's model takes for something that it is not.

Nothing but plain ellipses on a plain background is drawn. The model fires on this arrangement all the same, so it
serves as the picture that image moderation flags: in the demo and in tests, without any explicit material.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image

Colour = tuple[int, int, int]


class Ellipse(NamedTuple):
    """One ellipse. Lengths are fractions of the picture's shorter side, the centre's from its middle."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    turn: float
    """Degrees, anticlockwise."""
    brightness: float
    """Of its middle, as a factor of the tone."""
    rim: float
    """Brightness of its rim, as a factor of its middle's."""


# From back to front. Found by trying random arrangements with the model and keeping one on which it fires whatever the
# size, the format and the background, and however the whole is turned or mirrored.
_ARRANGEMENT = (
    Ellipse(0.103, -0.085, 0.172, 0.162, 60, 1.02, 0.90),
    Ellipse(-0.087, -0.137, 0.160, 0.132, -13, 1.20, 0.53),
    Ellipse(0.068, -0.139, 0.197, 0.297, 118, 0.62, 0.83),
    Ellipse(-0.243, -0.202, 0.293, 0.177, -18, 1.16, 0.44),
    Ellipse(-0.176, 0.155, 0.285, 0.320, -83, 1.08, 0.46),
    Ellipse(0.287, 0.036, 0.285, 0.096, 34, 1.20, 0.80),
)

_TONES: tuple[Colour, ...] = ((232, 190, 162), (214, 164, 132), (240, 204, 180), (196, 142, 110), (224, 172, 140))
_BACKGROUNDS: tuple[Colour, ...] = (
    (94, 29, 7),
    (150, 60, 70),
    (90, 60, 110),
    (40, 60, 80),
    (70, 110, 150),
    (30, 80, 80),
    (60, 90, 60),
    (190, 150, 60),
    (120, 130, 140),
    (205, 210, 200),
)

# Pixels. Larger pictures are drawn at this size and enlarged, which smooth shading bears well and which is far quicker.
_LARGEST_SIDE = 640
_SPRITE_SIDE = 256
# Pillow's radial gradient is 0 in the middle and 255 at the corners; this is its value where it meets the sides.
_AT_SIDE = 255 / math.sqrt(2)


def draw(image: Image.Image, rng: random.Random) -> None:
    """Fills an RGB image of any size with such a composition; `rng` chooses and varies it."""
    longest = max(image.size)
    if longest > _LARGEST_SIDE:
        width, height = (max(1, round(side * _LARGEST_SIDE / longest)) for side in image.size)
        small = Image.new("RGB", (width, height))
        draw(small, rng)
        image.paste(small.resize(image.size, Image.Resampling.BICUBIC))
        return
    background, tone = rng.choice(_BACKGROUNDS), rng.choice(_TONES)
    image.paste(_clamped(c + rng.uniform(-12, 12) for c in background), (0, 0, *image.size))
    unit = min(image.size) * (1 + rng.uniform(-0.1, 0.1))
    middle_x = image.width / 2 + rng.uniform(-0.05, 0.05) * unit
    middle_y = image.height / 2 + rng.uniform(-0.05, 0.05) * unit
    mirrored, turn = rng.choice((False, True)), math.radians(rng.choice((0, 90, 180, 270)) + rng.uniform(-5, 5))
    for ellipse in _ARRANGEMENT:
        light = _clamped(channel * ellipse.brightness for channel in tone)
        size = unit * (1 + rng.uniform(-0.05, 0.05))
        x, y = ellipse.x + rng.uniform(-0.01, 0.01), ellipse.y + rng.uniform(-0.01, 0.01)
        own_turn = math.radians(ellipse.turn + rng.uniform(-4, 4))
        if mirrored:
            x, own_turn = -x, -own_turn
        _draw_ellipse(
            image,
            # y points down, and turns are anticlockwise to the eye.
            centre=(
                middle_x + (x * math.cos(turn) + y * math.sin(turn)) * unit,
                middle_y + (y * math.cos(turn) - x * math.sin(turn)) * unit,
            ),
            radii=(ellipse.radius_x * size, ellipse.radius_y * size),
            turn=own_turn + turn,
            light=light,
            dark=_clamped(channel * ellipse.rim for channel in light),
        )


def _draw_ellipse(
    image: Image.Image,
    *,
    centre: tuple[float, float],
    radii: tuple[float, float],
    turn: float,
    light: Colour,
    dark: Colour,
) -> None:
    cos, sin = math.cos(turn), math.sin(turn)
    half_width, half_height = math.hypot(radii[0] * cos, radii[1] * sin), math.hypot(radii[0] * sin, radii[1] * cos)
    left, top = math.floor(centre[0] - half_width), math.floor(centre[1] - half_height)
    size = math.ceil(2 * half_width) + 2, math.ceil(2 * half_height) + 2
    # Each pixel of the ellipse's bounding box looks up its place on the disc: moved, turned back, scaled.
    radius = _SPRITE_SIDE / 2
    a, b = cos * radius / radii[0], -sin * radius / radii[0]
    d, e = sin * radius / radii[1], cos * radius / radii[1]
    x, y = left - centre[0], top - centre[1]
    matrix = (a, b, a * x + b * y + radius, d, e, d * x + e * y + radius)
    disc = _shaded_disc(light, dark).transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    image.paste(disc, (left, top), disc)


def _shaded_disc(light: Colour, dark: Colour) -> Image.Image:
    """A disc, `light` in the middle and `dark` at its rim, in a square RGBA image that is transparent around it."""
    gradient = Image.radial_gradient("L")
    channels = [
        gradient.point([round(inner + (outer - inner) * min(1, v / _AT_SIDE)) for v in range(256)])
        for inner, outer in zip(light, dark, strict=True)
    ]
    # The edge is softened over the last few of the disc's pixels.
    mask = gradient.point([max(0, min(255, round((_AT_SIDE - 1 - v) * 85))) for v in range(256)])
    return Image.merge("RGBA", [*channels, mask])


def _clamped(channels: Iterable[float]) -> Colour:
    red, green, blue = (max(0, min(255, round(c))) for c in channels)
    return red, green, blue
