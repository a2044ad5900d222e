"""What is built."""

from __future__ import annotations

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light
from services.generator.sketch.pen import Pen, arc
from services.generator.sketch.things.registry import Look, draws

LIT: Colour = (252, 226, 150)


@draws("house, houses, home, cottage, cabin, hut, villa", size=0.52, width=1.1)
def _house(pen: Pen, look: Look) -> None:
    wall = look.pick_of((240, 226, 202), (222, 196, 172), (206, 220, 222), (236, 206, 178))
    roof = dark(look.rng.choice(((190, 84, 70), (96, 104, 130), (150, 96, 74))), 0.05)
    pen.rect(0.2, 0.66, 0.32, 0.96, dark(roof, 0.25))
    pen.rect(-0.42, 0, 0.42, 0.52, wall)
    pen.rect(0.14, 0, 0.42, 0.52, dark(wall, 0.1))
    pen.poly([(-0.54, 0.5), (-0.3, 0.86), (0.3, 0.86), (0.54, 0.5)], roof)
    for y in (0.59, 0.68, 0.77):
        pen.line([(-0.5 + (y - 0.5) * 0.66, y), (0.5 - (y - 0.5) * 0.66, y)], 0.01, dark(roof, 0.2))
    pen.rect(-0.08, 0, 0.08, 0.3, (128, 82, 60), radius=0.02)
    pen.dot(0.05, 0.15, 0.014, NAMED["gold"])
    for x in (-0.27, 0.27):
        pen.rect(x - 0.095, 0.19, x + 0.095, 0.39, WHITE)
        pen.rect(x - 0.08, 0.205, x + 0.08, 0.375, LIT)
        pen.line([(x, 0.2), (x, 0.38)], 0.014, WHITE)
        pen.line([(x - 0.08, 0.29), (x + 0.08, 0.29)], 0.014, WHITE)


@draws("castle, castles, palace, fortress, fort", size=0.62, width=1.15)
def _castle(pen: Pen, look: Look) -> None:
    wall = look.pick_of((184, 180, 192), (206, 192, 170))
    roof = look.rng.choice((NAMED["purple"], NAMED["crimson"], NAMED["navy"]))
    for x, h, w in ((-0.24, 0.72, 0.09), (0.24, 0.72, 0.09), (0, 0.8, 0.1)):
        pen.rect(x - w, 0, x + w, h - 0.12, dark(wall, 0.12))
        pen.poly([(x - w * 1.25, h - 0.12), (x, h + 0.1), (x + w * 1.25, h - 0.12)], roof)
        pen.line([(x, h + 0.08), (x, h + 0.18)], 0.008, INK)
        pen.poly([(x, h + 0.18), (x, h + 0.12), (x + 0.08, h + 0.15)], NAMED["red"])
        pen.rect(x - 0.02, h - 0.26, x + 0.02, h - 0.17, (60, 56, 76), radius=0.02)
    pen.rect(-0.4, 0, 0.4, 0.4, wall)
    for i in range(7):
        pen.rect(-0.4 + i * 0.123, 0.4, -0.34 + i * 0.123, 0.45, wall)
    for side in (-1, 1):
        x = side * 0.45
        pen.rect(x - 0.1, 0, x + 0.1, 0.5, light(wall, 0.12) if side < 0 else dark(wall, 0.1))
        for i in range(3):
            pen.rect(
                x - 0.1 + i * 0.077,
                0.5,
                x - 0.055 + i * 0.077,
                0.55,
                light(wall, 0.12) if side < 0 else dark(wall, 0.1),
            )
        pen.rect(x - 0.022, 0.3, x + 0.022, 0.4, (60, 56, 76), radius=0.02)
    pen.rect(-0.1, 0, 0.1, 0.16, (92, 62, 50))
    pen.dome(0, 0.155, 0.1, 0.11, (92, 62, 50))
    pen.line([(0, 0), (0, 0.25)], 0.01, INK)
    for x, y in ((-0.26, 0.3), (0.2, 0.26), (-0.2, 0.1), (0.3, 0.12), (0.26, 0.34), (-0.3, 0.18)):
        pen.rect(x, y, x + 0.07, y + 0.03, dark(wall, 0.1))


@draws("lighthouse, lighthouses", size=0.7, width=0.5, home="sea")
def _lighthouse(pen: Pen, look: Look) -> None:
    band = look.pick("red", "navy", "teal")
    pen.blob([(-0.26, 0), (-0.22, 0.09), (0, 0.12), (0.22, 0.08), (0.27, 0)], (122, 116, 124))
    for i in range(6):
        y0, y1 = 0.08 + i * 0.11, 0.08 + (i + 1) * 0.11
        w0, w1 = 0.14 - i * 0.01, 0.14 - (i + 1) * 0.01
        pen.poly([(-w0, y0), (-w1, y1), (w1, y1), (w0, y0)], band if i % 2 else WHITE)
        pen.poly([(w0 * 0.3, y0), (w1 * 0.3, y1), (w1, y1), (w0, y0)], dark(band if i % 2 else WHITE, 0.14))
    pen.rect(-0.12, 0.74, 0.12, 0.77, INK)
    pen.rect(-0.065, 0.77, 0.065, 0.88, LIT)
    pen.line([(0, 0.77), (0, 0.88)], 0.012, INK)
    pen.dome(0, 0.88, 0.085, 0.08, band)
    pen.line([(0, 0.95), (0, 1.0)], 0.012, INK)
    pen.rect(-0.035, 0.08, 0.035, 0.18, (96, 66, 52), radius=0.02)


@draws("tower, towers, eiffel tower", size=0.7, width=0.5)
def _tower(pen: Pen, look: Look) -> None:
    iron = look.pick_of((120, 104, 104), (98, 106, 126))
    pen.blob(
        [
            (-0.24, 0),
            (-0.12, 0.32),
            (-0.05, 0.64),
            (0, 1.0),
            (0.05, 0.64),
            (0.12, 0.32),
            (0.24, 0),
            (0.12, 0),
            (0, 0.2),
            (-0.12, 0),
        ],
        iron,
    )
    for y, w in ((0.28, 0.16), (0.5, 0.1), (0.74, 0.06)):
        pen.rect(-w, y, w, y + 0.03, dark(iron, 0.2))
    for i in range(5):
        y, w = 0.34 + i * 0.08, 0.09 - i * 0.012
        pen.line([(-w, y), (w, y + 0.07)], 0.012, light(iron, 0.35))
        pen.line([(w, y), (-w, y + 0.07)], 0.012, light(iron, 0.35))


@draws(
    "skyscraper, skyscrapers, building, buildings, office building, hotel, hospital, apartment",
    size=0.72,
    width=0.55,
    home="city",
)
def _skyscraper(pen: Pen, look: Look) -> None:
    wall = look.pick_of((104, 124, 152), (140, 128, 140), (96, 136, 144))
    pen.line([(0, 0.9), (0, 1.0)], 0.012, INK)
    pen.rect(-0.12, 0.8, 0.12, 0.92, dark(wall, 0.1))
    pen.rect(-0.22, 0, 0.22, 0.82, wall)
    pen.rect(0.08, 0, 0.22, 0.82, dark(wall, 0.2))
    for row in range(11):
        for column in range(5):
            lit = look.rng.random() < 0.55
            x, y = -0.185 + column * 0.08, 0.1 + row * 0.064
            pen.rect(x, y, x + 0.05, y + 0.038, LIT if lit else dark(wall, 0.35))
    pen.rect(-0.05, 0, 0.05, 0.07, dark(wall, 0.5))


@draws("church, churches, temple, cathedral, chapel", size=0.6, width=0.95)
def _church(pen: Pen, look: Look) -> None:
    wall = look.pick_of((236, 228, 214), (214, 206, 202))
    roof = (128, 84, 76)
    pen.rect(-0.08, 0, 0.44, 0.34, wall)
    pen.poly([(-0.12, 0.33), (0.02, 0.52), (0.36, 0.52), (0.48, 0.33)], roof)
    pen.rect(-0.34, 0, -0.06, 0.6, light(wall, 0.2))
    pen.poly([(-0.38, 0.59), (-0.2, 0.88), (-0.02, 0.59)], dark(roof, 0.15))
    pen.line([(-0.2, 0.86), (-0.2, 1.0)], 0.018, NAMED["gold"])
    pen.line([(-0.245, 0.955), (-0.155, 0.955)], 0.018, NAMED["gold"])
    pen.rect(-0.26, 0, -0.14, 0.2, (110, 74, 56), radius=0.05)
    pen.dot(-0.2, 0.44, 0.055, (110, 150, 190))
    for x in (0.06, 0.2, 0.34):
        pen.rect(x - 0.03, 0.1, x + 0.03, 0.25, (110, 150, 190), radius=0.03)


@draws("windmill, windmills, mill", size=0.6, width=0.9, home="field")
def _windmill(pen: Pen, look: Look) -> None:
    wall = look.pick_of((232, 220, 200))
    pen.poly([(-0.19, 0), (-0.11, 0.6), (0.11, 0.6), (0.19, 0)], wall)
    pen.poly([(0.05, 0), (0.03, 0.6), (0.11, 0.6), (0.19, 0)], dark(wall, 0.14))
    pen.dome(0, 0.59, 0.15, 0.16, (150, 84, 66))
    pen.rect(-0.05, 0, 0.05, 0.15, (110, 74, 56), radius=0.03)
    pen.rect(-0.035, 0.32, 0.035, 0.42, (110, 150, 190), radius=0.02)
    for dx, dy in ((1, 0.35), (-0.35, 1), (-1, -0.35), (0.35, -1)):
        tip = (dx * 0.36, 0.64 + dy * 0.36)
        side = (-dy * 0.09, dx * 0.09)
        base = (dx * 0.08, 0.64 + dy * 0.08)
        pen.poly(
            [base, tip, (tip[0] + side[0], tip[1] + side[1]), (base[0] + side[0], base[1] + side[1])], (246, 240, 228)
        )
        pen.line([(0, 0.64), tip], 0.022, (120, 84, 60))
    pen.dot(0, 0.64, 0.032, (90, 62, 48))


@draws("barn, barns, farm, farmhouse", size=0.46, width=1.2, home="field")
def _barn(pen: Pen, look: Look) -> None:
    wall = look.pick("red", "crimson", "brown")
    pen.poly([(-0.46, 0), (-0.46, 0.54), (-0.3, 0.82), (0, 0.98), (0.3, 0.82), (0.46, 0.54), (0.46, 0)], wall)
    pen.line([(-0.5, 0.52), (-0.32, 0.83), (0, 1.0), (0.32, 0.83), (0.5, 0.52)], 0.05, (92, 72, 70))
    pen.rect(-0.18, 0, 0.18, 0.4, dark(wall, 0.3))
    for a, b in (
        ((-0.18, 0), (-0.18, 0.4)),
        ((0.18, 0), (0.18, 0.4)),
        ((-0.18, 0.4), (0.18, 0.4)),
        ((-0.18, 0), (0.18, 0.4)),
        ((0.18, 0), (-0.18, 0.4)),
    ):
        pen.line([a, b], 0.03, WHITE)
    pen.rect(-0.09, 0.58, 0.09, 0.74, WHITE)
    pen.rect(-0.065, 0.6, 0.065, 0.72, (70, 54, 54))


@draws("tent, tents, circus, wigwam", size=0.36, width=1.4)
def _tent(pen: Pen, look: Look) -> None:
    cloth = look.pick("orange", "red", "green", "teal")
    pen.poly([(-0.66, 0), (-0.06, 0.98), (0.3, 0.98), (0.68, 0)], dark(cloth, 0.18))
    pen.poly([(-0.66, 0), (-0.06, 0.98), (0.36, 0)], cloth)
    pen.poly([(-0.26, 0), (-0.07, 0.62), (0.06, 0)], (58, 50, 66))
    pen.poly([(-0.07, 0.62), (0.06, 0), (0.16, 0)], light(cloth, 0.35))
    pen.line([(-0.66, 0), (-0.78, -0.02)], 0.02, INK)


@draws("bridge, bridges, viaduct, aqueduct", size=0.36, width=2.4, home="lake")
def _bridge(pen: Pen, look: Look) -> None:
    stone = look.pick_of((168, 152, 142), (186, 84, 72))
    pen.poly(
        [
            (-1.18, 0),
            (-1.18, 0.44),
            *[(x, 0.72 - x * x * 0.2) for x in (-0.9, -0.5, 0, 0.5, 0.9)],
            (1.18, 0.44),
            (1.18, 0),
        ],
        stone,
    )
    for x, r in ((-0.7, 0.27), (0, 0.34), (0.7, 0.27)):
        pen.dome(x, 0, r, r * 1.5, dark(stone, 0.62))
        pen.line(arc(x, 0, r, r * 1.5, 0, 180, 20), 0.05, light(stone, 0.3))
    for i in range(13):
        x = -1.1 + i * 0.183
        y = 0.72 - x * x * 0.2
        pen.line([(x, y), (x, y + 0.18)], 0.03, dark(stone, 0.2))
    pen.line([(x / 10, 0.9 - (x / 10) ** 2 * 0.2) for x in range(-11, 12, 2)], 0.045, dark(stone, 0.1))


@draws("igloo, igloos", size=0.34, width=1.4, home="snow")
def _igloo(pen: Pen, look: Look) -> None:
    ice = look.pick_of((226, 238, 246))
    pen.dome(0, 0, 0.64, 0.98, ice)
    for y in (0.26, 0.52, 0.76):
        w = 0.64 * (1 - (y / 0.98) ** 2) ** 0.5
        pen.line([(-w, y), (w, y)], 0.016, dark(ice, 0.2))
    for x, y in ((-0.4, 0), (0, 0.52), (-0.24, 0.26), (0.28, 0.26), (-0.3, 0.52), (0.26, 0.52), (0.46, 0)):
        pen.line([(x, y), (x, y + 0.25)], 0.016, dark(ice, 0.2))
    pen.dome(0.1, 0, 0.3, 0.5, dark(ice, 0.14))
    pen.dome(0.1, 0, 0.2, 0.38, (58, 74, 104))


@draws("pyramid, pyramids", size=0.44, width=1.7, home="desert")
def _pyramid(pen: Pen, look: Look) -> None:
    stone = look.pick_of((222, 180, 112))
    pen.poly([(-0.82, 0), (-0.1, 0.98), (0.82, 0)], stone)
    pen.poly([(-0.1, 0.98), (0.82, 0), (0.22, 0)], dark(stone, 0.22))
    for y in (0.2, 0.4, 0.6, 0.8):
        share = 1 - y / 0.98
        pen.line([(-0.1 - 0.72 * share, y), (-0.1 + 0.32 * share, y)], 0.012, dark(stone, 0.12))


@draws("fence, fences, gate", size=0.2, width=3.0, home="field")
def _fence(pen: Pen, look: Look) -> None:
    wood = look.pick("white", "brown")
    for y in (0.34, 0.68):
        pen.rect(-1.5, y - 0.05, 1.5, y + 0.05, dark(wood, 0.16))
    for i in range(11):
        x = -1.4 + i * 0.28
        pen.poly([(x - 0.08, 0), (x - 0.08, 0.86), (x, 1.0), (x + 0.08, 0.86), (x + 0.08, 0)], wood)


@draws("fountain", size=0.5, width=0.7, home="city")
def _fountain(pen: Pen, look: Look) -> None:
    stone = look.pick_of((196, 192, 190))
    for dx in (-0.24, -0.12, 0.12, 0.24):
        pen.curve([(0, 0.8), (dx * 0.7, 0.98), (dx, 0.84), (dx * 1.15, 0.2)], 0.02, (176, 218, 236))
    pen.rect(-0.04, 0.1, 0.04, 0.8, stone)
    pen.blob([(-0.2, 0.6), (0, 0.56), (0.2, 0.6), (0.1, 0.5), (-0.1, 0.5)], light(stone, 0.2))
    pen.poly([(-0.34, 0.2), (0.34, 0.2), (0.28, 0), (-0.28, 0)], dark(stone, 0.08))
    pen.oval(0, 0.2, 0.34, 0.05, (134, 192, 220))
