"""Draws shapes in a thing's own coordinates: 0,0 is the middle of its foot, y points up, 1 is its height."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageDraw

from services.generator.sketch.palette import Colour

Point = tuple[float, float]


class Pen:
    """Puts flat shapes on an image. Coordinates are a thing's own, whatever its size and place in the picture."""

    def __init__(self, image: Image.Image, x: float, y: float, scale: float, *, flip: bool = False) -> None:
        """`x`, `y` (pixels) is where 0,0 lies; `scale` is pixels for 1; `flip` mirrors left and right."""
        self.image = image
        self._draw = ImageDraw.Draw(image)
        self._x, self._y, self._scale = x, y, scale
        self._sign = -1.0 if flip else 1.0

    def moved(self, x: float, y: float, scale: float = 1.0) -> Pen:
        """A pen whose 0,0 is at `x`, `y` of this one, for a part that has coordinates of its own."""
        px, py = self._at((x, y))
        return Pen(self.image, px, py, self._scale * scale, flip=self._sign < 0)

    def _at(self, point: Point) -> Point:
        return self._x + self._sign * point[0] * self._scale, self._y - point[1] * self._scale

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        # Whole pixels: what a polygon covers then depends on no machine's floating point.
        return [(round(px), round(py)) for px, py in map(self._at, points)]

    def poly(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon(self._pixels(points), fill=colour)

    def blob(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled closed curve through the points."""
        self.poly(smooth(points, closed=True), colour)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse about `x`, `y`."""
        (x0, y0), (x1, y1) = self._pixels([(x - self._sign * rx, y + ry), (x + self._sign * rx, y - ry)])
        self._draw.ellipse((x0, y0, max(x0, x1), max(y0, y1)), fill=colour)

    def dot(self, x: float, y: float, r: float, colour: Colour) -> None:
        """A filled circle."""
        self.oval(x, y, r, r, colour)

    def ring(self, x: float, y: float, r: float, width: float, colour: Colour) -> None:
        """A circle's outline; `r` is its outer radius."""
        (x0, y0), (x1, y1) = self._pixels([(x - self._sign * r, y + r), (x + self._sign * r, y - r)])
        self._draw.ellipse((x0, y0, max(x0, x1), max(y0, y1)), outline=colour, width=self._width(width))

    def rect(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, radius: float = 0.0) -> None:
        """A filled rectangle between two opposite corners, its own corners rounded by `radius`."""
        (ax, ay), (bx, by) = self._pixels([(x0, y0), (x1, y1)])
        box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
        if radius:
            self._draw.rounded_rectangle(box, radius=round(radius * self._scale), fill=colour)
        else:
            self._draw.rectangle(box, fill=colour)

    def pie(self, x: float, y: float, r: float, start: float, end: float, colour: Colour) -> None:
        """A slice of a circle; angles in degrees, 0 to the right, counter-clockwise."""
        count = max(3, round(abs(end - start) / 8))
        self.poly([(x, y), *arc(x, y, r, r, start, end, count)], colour)

    def dome(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """The upper half of an ellipse that stands on `y`."""
        self.poly(arc(x, y, rx, ry, 0, 180, 24), colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of even width with round ends and joints."""
        pixels = self._pixels(points)
        thickness = self._width(width)
        self._draw.line(pixels, fill=colour, width=thickness, joint="curve")
        if thickness > 3:
            r = thickness / 2 - 0.5
            for px, py in (pixels[0], pixels[-1]):
                self._draw.ellipse((px - r, py - r, px + r, py + r), fill=colour)

    def curve(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of even width that bends through the points."""
        self.line(smooth(points, closed=False), width, colour)

    def limb(self, points: Sequence[Point], widths: Sequence[float], colour: Colour) -> None:
        """A leg, an arm, a tail: a line through the points with a width of its own at each of them."""
        for (a, b), (wa, wb) in zip(pairwise(points), pairwise(widths), strict=True):
            length = math.hypot(b[0] - a[0], b[1] - a[1]) or 1e-6
            nx, ny = -(b[1] - a[1]) / length / 2, (b[0] - a[0]) / length / 2
            self.poly(
                [
                    (a[0] + nx * wa, a[1] + ny * wa),
                    (b[0] + nx * wb, b[1] + ny * wb),
                    (b[0] - nx * wb, b[1] - ny * wb),
                    (a[0] - nx * wa, a[1] - ny * wa),
                ],
                colour,
            )
        for (x, y), width in zip(points, widths, strict=True):
            self.dot(x, y, width / 2, colour)

    def _width(self, width: float) -> int:
        return max(1, round(width * self._scale))


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, count: int = 16) -> list[Point]:
    """`count` + 1 points along an ellipse; angles in degrees, 0 to the right, counter-clockwise."""
    angles = (math.radians(start + (end - start) * i / count) for i in range(count + 1))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def star(x: float, y: float, outer: float, inner: float, tips: int = 5) -> list[Point]:
    """The corners of a star, one tip up."""
    return [
        (
            x + (outer if i % 2 == 0 else inner) * math.sin(math.pi * i / tips),
            y + (outer if i % 2 == 0 else inner) * math.cos(math.pi * i / tips),
        )
        for i in range(tips * 2)
    ]


def smooth(points: Sequence[Point], *, closed: bool, parts: int = 6) -> list[Point]:
    """Points along a Catmull-Rom spline through the given ones, `parts` for each span."""
    count = len(points)
    if count < 3:
        return list(points)
    curve: list[Point] = []
    for i in range(count if closed else count - 1):
        if closed:
            p0, p1, p2, p3 = points[i - 1], points[i], points[(i + 1) % count], points[(i + 2) % count]
        else:
            p0, p1, p2, p3 = points[max(0, i - 1)], points[i], points[i + 1], points[min(count - 1, i + 2)]
        for part in range(parts):
            t = part / parts
            a, b = -0.5 * t + t * t - 0.5 * t**3, 1 - 2.5 * t * t + 1.5 * t**3
            c, d = 0.5 * t + 2 * t * t - 1.5 * t**3, -0.5 * t * t + 0.5 * t**3
            curve.append(
                (
                    a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
                    a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
                )
            )
    if not closed:
        curve.append(points[-1])
    return curve
