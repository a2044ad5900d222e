"""Plants, and what is in the sky."""

from __future__ import annotations

import math

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light
from services.generator.sketch.pen import Pen, arc, star
from services.generator.sketch.things.registry import Look, draws

BARK: Colour = (110, 78, 60)
LEAF: Colour = (84, 148, 84)


@draws("tree, oak, maple, birch, willow", size=0.66, width=0.85)
def tree(pen: Pen, look: Look) -> None:
    """A broad tree."""
    leaf = look.pick_of((84, 148, 84), (112, 160, 76), (64, 132, 96), (206, 132, 60))
    pen.poly([(-0.07, 0.0), (-0.045, 0.45), (0.045, 0.45), (0.075, 0.0), (0.12, -0.01), (-0.12, -0.01)], BARK)
    pen.line([(0, 0.3), (0.14, 0.48)], 0.04, BARK)
    pen.line([(0, 0.26), (-0.14, 0.46)], 0.035, BARK)
    crowns = [
        (-0.22, 0.54, 0.19),
        (0.23, 0.55, 0.19),
        (0, 0.5, 0.2),
        (-0.15, 0.74, 0.2),
        (0.16, 0.75, 0.19),
        (0, 0.83, 0.18),
    ]
    for x, y, r in crowns:
        pen.dot(x + 0.02, y - 0.025, r, dark(leaf, 0.22))
    for x, y, r in crowns:
        pen.dot(x - 0.01, y + 0.015, r * 0.93, leaf)
    for x, y, r in crowns:
        pen.dot(x - 0.05, y + 0.06, r * 0.5, light(leaf, 0.2))


@draws("pine, fir, spruce, christmas tree, cedar", size=0.62, width=0.6)
def pine(pen: Pen, look: Look) -> None:
    """A conifer in three tiers."""
    leaf = look.pick_of((48, 110, 88), (40, 96, 84), (66, 120, 80))
    pen.rect(-0.05, 0, 0.05, 0.16, BARK)
    for i, (y, w) in enumerate(((0.12, 0.29), (0.34, 0.24), (0.56, 0.18))):
        top = y + 0.42
        pen.poly(
            [(0, top), (w, y), (w * 0.5, y + 0.03), (0, y - 0.015), (-w * 0.5, y + 0.03), (-w, y)],
            dark(leaf, 0.12 - i * 0.06),
        )
        pen.poly([(0, top), (w, y), (w * 0.5, y + 0.03), (0.03, y - 0.01)], dark(leaf, 0.26 - i * 0.06))


@draws("palm, palm tree, coconut tree", size=0.66, width=0.9, home="beach")
def palm(pen: Pen, look: Look) -> None:
    """A palm that leans a little."""
    leaf = look.pick_of((74, 152, 96), (92, 164, 84))
    trunk = [(-0.12, 0.0), (-0.07, 0.3), (0.02, 0.58), (0.08, 0.76)]
    pen.limb(trunk, [0.1, 0.075, 0.06, 0.05], (158, 116, 82))
    for i in range(8):
        y = 0.08 + i * 0.08
        x = -0.12 + 0.14 * (y / 0.76) ** 1.4
        pen.line([(x - 0.035, y), (x + 0.035, y + 0.012)], 0.012, (126, 88, 64))
    for angle, reach in ((170, 0.4), (140, 0.38), (35, 0.38), (5, 0.4), (95, 0.26), (205, 0.3), (-25, 0.32)):
        a = math.radians(angle)
        x, y = 0.08 + reach * math.cos(a), 0.76 + reach * math.sin(a) * 0.7 - 0.06
        mx, my = 0.08 + reach * 0.55 * math.cos(a), 0.8 + reach * 0.62 * math.sin(a) * 0.8
        pen.blob(
            [(0.07, 0.77), (mx, my + 0.05), (x, y), (mx, my - 0.035)],
            leaf if angle in (170, 35, 95) else dark(leaf, 0.16),
        )
    for x, y in ((0.05, 0.72), (0.12, 0.73)):
        pen.dot(x, y, 0.035, (112, 76, 56))


@draws("bush, bushes, shrub, hedge", size=0.26, width=1.6)
def bush(pen: Pen, look: Look) -> None:
    """A round bush with berries."""
    leaf = look.pick_of(LEAF, (104, 156, 80))
    for x, y, r in ((-0.46, 0.36, 0.34), (0.46, 0.36, 0.34), (0, 0.5, 0.46)):
        pen.dot(x, y, r, dark(leaf, 0.14))
        pen.dot(x - 0.04, y + 0.06, r * 0.8, leaf)
    pen.rect(-0.74, 0, 0.74, 0.2, dark(leaf, 0.14), radius=0.1)
    for x, y in ((-0.4, 0.4), (-0.1, 0.6), (0.2, 0.4), (0.46, 0.5), (0.04, 0.24)):
        pen.dot(x, y, 0.05, NAMED["red"])


def _stem(pen: Pen, top: float = 0.66) -> None:
    pen.curve([(0.02, 0), (-0.02, top / 2), (0, top)], 0.035, (78, 136, 78))
    pen.blob([(0, 0.16), (0.16, 0.3), (0.26, 0.3), (0.16, 0.16)], LEAF)
    pen.blob([(-0.01, 0.26), (-0.16, 0.4), (-0.24, 0.38), (-0.14, 0.24)], dark(LEAF, 0.12))


@draws("flower, daisy, daisies, blossom, lily, lilies, bouquet, orchid", size=0.36, width=0.6)
def flower(pen: Pen, look: Look) -> None:
    """A flower with eight petals."""
    petal = look.pick("pink", "white", "violet", "red", "orange")
    _stem(pen)
    for i in range(8):
        a = math.tau * i / 8 + 0.2
        pen.limb(
            [(0.08 * math.cos(a), 0.74 + 0.08 * math.sin(a)), (0.19 * math.cos(a), 0.74 + 0.19 * math.sin(a))],
            [0.08, 0.12],
            dark(petal, 0.1 * (i % 2)),
        )
    pen.dot(0, 0.74, 0.085, NAMED["yellow"])


@draws("rose, roses, peony, peonies", size=0.36, width=0.6)
def rose(pen: Pen, look: Look) -> None:
    """A rose, petals inside petals."""
    petal = look.pick("red", "pink", "white", "yellow")
    _stem(pen)
    for i, r in enumerate((0.23, 0.18, 0.13, 0.07)):
        pen.dot(0.02 * (i % 2) - 0.01, 0.75 + 0.012 * i, r, dark(petal, 0.28 - 0.09 * i))
        pen.blob(arc(0.01, 0.75 + 0.012 * i, r * 0.95, r * 0.8, 200 + i * 70, 330 + i * 70, 6), light(petal, 0.06 * i))


@draws("tulip, tulips", size=0.34, width=0.55, home="field")
def tulip(pen: Pen, look: Look) -> None:
    """A tulip."""
    petal = look.pick("red", "yellow", "purple", "pink")
    _stem(pen)
    pen.blob(
        [(-0.17, 0.94), (-0.2, 0.7), (0, 0.58), (0.2, 0.7), (0.17, 0.94), (0.08, 0.82), (0, 0.98), (-0.08, 0.82)], petal
    )
    pen.blob([(0, 0.98), (-0.08, 0.78), (0, 0.6), (0.08, 0.78)], dark(petal, 0.15))


@draws("sunflower, sunflowers", size=0.44, width=0.6, home="field")
def sunflower(pen: Pen, look: Look) -> None:
    """A sunflower."""
    petal = look.pick("yellow", "gold")
    _stem(pen)
    for ring in (0, 1):
        for i in range(12):
            a = math.tau * (i + ring / 2) / 12
            r = 0.24 - ring * 0.03
            pen.limb(
                [(0.1 * math.cos(a), 0.74 + 0.1 * math.sin(a)), (r * math.cos(a), 0.74 + r * math.sin(a))],
                [0.09, 0.03],
                dark(petal, 0.14 * (1 - ring)),
            )
    pen.dot(0, 0.74, 0.12, (104, 68, 48))
    pen.dot(0, 0.74, 0.07, (78, 50, 40))


@draws("cactus, cacti, cactuses, succulent", size=0.46, width=0.7, home="desert")
def cactus(pen: Pen, look: Look) -> None:
    """A cactus with two arms and a flower."""
    body = look.pick_of((88, 150, 96), (72, 136, 104))
    pen.limb([(-0.02, 0.36), (-0.24, 0.38), (-0.24, 0.62)], [0.12, 0.13, 0.12], dark(body, 0.1))
    pen.limb([(0.02, 0.46), (0.24, 0.48), (0.24, 0.78)], [0.12, 0.13, 0.12], dark(body, 0.16))
    pen.limb([(0, 0.06), (0, 0.86)], [0.22, 0.24], body)
    for x in (-0.06, 0, 0.06):
        pen.line([(x, 0.06), (x, 0.88)], 0.012, dark(body, 0.2))
    for y in (0.2, 0.4, 0.6, 0.8):
        for x in (-0.09, 0.03):
            pen.line([(x, y), (x + 0.03, y + 0.03)], 0.01, light(body, 0.6))
    pen.dot(0.02, 0.98, 0.06, NAMED["magenta"])


@draws("mushroom, mushrooms, toadstool, fungus, fungi", size=0.34, width=0.95, home="forest")
def _mushroom(pen: Pen, look: Look) -> None:
    cap = look.pick("red", "orange", "brown", "purple")
    pen.blob([(-0.13, 0.0), (-0.1, 0.3), (-0.12, 0.54), (0.12, 0.54), (0.1, 0.3), (0.15, 0.0)], (240, 230, 210))
    pen.oval(0, 0.5, 0.38, 0.07, (222, 206, 184))
    pen.dome(0, 0.48, 0.46, 0.5, cap)
    for x, y, r in ((-0.24, 0.62, 0.07), (0.02, 0.82, 0.08), (0.24, 0.66, 0.065), (0.0, 0.58, 0.05)):
        pen.oval(x, y, r, r * 0.85, (248, 240, 226))


@draws("grass, wheat, reed, corn", size=0.24, width=1.6, home="field")
def _grass(pen: Pen, look: Look) -> None:
    blade = look.pick_of((110, 168, 78), (206, 178, 84))
    for i in range(17):
        x = -0.7 + i * 0.0875
        lean = (i % 5 - 2) * 0.07
        pen.limb(
            [(x, 0), (x + lean * 0.5, 0.45), (x + lean * 1.6, 0.7 + (i % 3) * 0.14)],
            [0.055, 0.045, 0.012],
            dark(blade, 0.1 * (i % 3)),
        )


@draws("leaf, leaves", size=0.32, width=0.8)
def _leaf(pen: Pen, look: Look) -> None:
    leaf = look.pick("green", "orange", "red", "gold")
    pen.blob([(0, 0.12), (-0.3, 0.32), (-0.3, 0.66), (0, 1.0), (0.3, 0.66), (0.3, 0.32)], leaf)
    pen.poly([(0, 0.12), (0.14, 0.2), (0.3, 0.34), (0.3, 0.66), (0, 1.0)], dark(leaf, 0.12))
    pen.line([(0, 0), (0, 0.9)], 0.03, dark(leaf, 0.4))
    for y in (0.3, 0.45, 0.6):
        for side in (-1, 1):
            pen.line([(0, y), (side * 0.18, y + 0.13)], 0.018, dark(leaf, 0.4))


@draws("rock, rocks, stone, stones, boulder", size=0.24, width=1.5)
def _rock(pen: Pen, look: Look) -> None:
    stone = look.pick_of((150, 148, 156), (128, 124, 130))
    pen.poly([(-0.66, 0), (-0.56, 0.44), (-0.2, 0.88), (0.2, 0.94), (0.54, 0.56), (0.7, 0)], stone)
    pen.poly([(0.2, 0.94), (0.54, 0.56), (0.7, 0), (0.2, 0), (0.06, 0.5)], dark(stone, 0.2))
    pen.poly([(-0.56, 0.44), (-0.2, 0.88), (0.2, 0.94), (0.06, 0.5)], light(stone, 0.25))


@draws("volcano, volcanoes, volcanos", size=0.6, width=1.5)
def _volcano(pen: Pen, look: Look) -> None:
    stone = look.pick_of((104, 84, 92))
    for x, y, r in ((-0.06, 0.8, 0.08), (0.04, 0.88, 0.1), (-0.02, 0.94, 0.06)):
        pen.dot(x, y, r, (150, 142, 152))
    pen.poly([(-0.74, 0), (-0.16, 0.72), (0.16, 0.72), (0.74, 0)], stone)
    pen.poly([(0.04, 0.72), (0.16, 0.72), (0.74, 0), (0.2, 0)], dark(stone, 0.25))
    pen.poly(
        [(-0.16, 0.72), (0.16, 0.72), (0.12, 0.5), (0.06, 0.6), (0.02, 0.3), (-0.04, 0.56), (-0.1, 0.46)],
        (240, 110, 50),
    )
    pen.poly([(-0.1, 0.72), (0.1, 0.72), (0.03, 0.5), (-0.04, 0.62)], NAMED["yellow"])


@draws("mountain", size=0.62, width=1.7)
def _mountain(pen: Pen, look: Look) -> None:
    stone = look.pick_of((112, 122, 150), (126, 116, 136))
    pen.poly([(0.0, 0), (0.42, 0.7), (0.85, 0)], dark(stone, 0.12))
    pen.poly([(0.42, 0.7), (0.85, 0), (0.5, 0), (0.44, 0.4)], dark(stone, 0.3))
    pen.poly([(-0.85, 0), (-0.16, 1.0), (0.52, 0)], stone)
    pen.poly([(-0.16, 1.0), (0.52, 0), (0.02, 0), (-0.1, 0.5)], dark(stone, 0.22))
    pen.poly(
        [(-0.16, 1.0), (-0.35, 0.72), (-0.26, 0.74), (-0.2, 0.66), (-0.12, 0.74), (-0.04, 0.64), (0.02, 0.74)], WHITE
    )
    pen.poly([(0.42, 0.7), (0.33, 0.55), (0.4, 0.57), (0.44, 0.51), (0.52, 0.54)], WHITE)


@draws("sun", size=0.22, width=1.0, place="sky")
def sun(pen: Pen, look: Look) -> None:
    """The sun with its rays."""
    body = look.pick("yellow", "gold", "orange")
    for i in range(16):
        a = math.tau * i / 16
        b = math.tau / 48
        reach = 0.5 if i % 2 == 0 else 0.43
        pen.poly(
            [
                (0.36 * math.cos(a - b), 0.5 + 0.36 * math.sin(a - b)),
                (reach * math.cos(a), 0.5 + reach * math.sin(a)),
                (0.36 * math.cos(a + b), 0.5 + 0.36 * math.sin(a + b)),
            ],
            light(body, 0.2),
        )
    pen.dot(0, 0.5, 0.32, body)
    pen.dot(-0.02, 0.52, 0.25, light(body, 0.35))


@draws("moon, crescent", size=0.2, width=1.0, place="sky", home="night")
def moon(pen: Pen, look: Look) -> None:
    """A moon with craters, or its crescent."""
    body = look.pick_of((240, 234, 206))
    if look.rng.random() < 0.5:
        pen.poly([*arc(0, 0.5, 0.48, 0.48, 60, 300, 30), *arc(0.22, 0.5, 0.42, 0.42, 282, 78, 30)], body)
    else:
        pen.dot(0, 0.5, 0.46, body)
        for x, y, r in ((-0.16, 0.62, 0.1), (0.18, 0.4, 0.13), (-0.1, 0.28, 0.07), (0.14, 0.74, 0.06)):
            pen.dot(x, y, r, dark(body, 0.1))


@draws("star, stars, shooting star", size=0.11, width=1.0, place="sky", home="night")
def _star(pen: Pen, look: Look) -> None:
    pen.poly(star(0, 0.48, 0.5, 0.21), look.pick("yellow", "gold"))
    pen.poly(star(-0.02, 0.5, 0.3, 0.13), light(look.pick("yellow"), 0.5))


@draws("cloud, clouds, cumulus", size=0.15, width=2.0, place="sky")
def cloud(pen: Pen, look: Look) -> None:
    """A heap of cloud with a flat foot."""
    body = look.pick_of((248, 250, 252))
    for x, y, r in ((-0.56, 0.3, 0.28), (-0.16, 0.52, 0.44), (0.34, 0.46, 0.38), (0.7, 0.26, 0.24)):
        pen.dot(x, y, r, body)
    pen.rect(-0.8, 0.02, 0.9, 0.34, body, radius=0.16)
    pen.rect(-0.7, 0.02, 0.8, 0.14, dark(body, 0.1), radius=0.06)


@draws("rainbow, rainbows", size=0.5, width=1.9, place="sky")
def _rainbow(pen: Pen, look: Look) -> None:
    bands = [NAMED[n] for n in ("red", "orange", "yellow", "green", "blue", "violet")]
    if look.colour:
        bands = [light(look.colour, i / 7) for i in range(6)]
    for i, band in enumerate(bands):
        outer, inner = 0.95 - i * 0.065, 0.95 - (i + 1) * 0.065
        pen.poly([*arc(0, 0, outer, outer, 0, 180, 48), *arc(0, 0, inner, inner, 180, 0, 48)], band)


@draws("lightning, thunder, thunderbolt", size=0.4, width=0.5, place="sky", home="storm")
def _lightning(pen: Pen, look: Look) -> None:
    pen.poly(
        [(0.08, 1.0), (-0.2, 0.46), (-0.02, 0.48), (-0.12, 0.0), (0.22, 0.6), (0.03, 0.58), (0.2, 1.0)],
        look.pick("yellow"),
    )


@draws("planet, planets, saturn", size=0.3, width=1.6, place="sky", home="space")
def _planet(pen: Pen, look: Look) -> None:
    body = look.pick("orange", "teal", "violet", "blue")
    ring = [*arc(0, 0.5, 0.78, 0.2, 180, 360, 30)]
    pen.line([*arc(0, 0.5, 0.76, 0.2, 0, 180, 30)], 0.05, light(body, 0.5))
    pen.dot(0, 0.5, 0.44, body)
    for y, w in ((0.7, 0.34), (0.52, 0.42), (0.3, 0.36)):
        pen.rect(-w, y - 0.035, w, y + 0.035, dark(body, 0.14), radius=0.03)
    pen.line(ring, 0.06, light(body, 0.45))


@draws("snowflake, snowflakes", size=0.2, width=1.0, place="sky", home="snow")
def _snowflake(pen: Pen, look: Look) -> None:
    ice = look.pick_of((214, 236, 248))
    for i in range(6):
        a = math.tau * i / 6 + math.pi / 6
        x, y = math.cos(a), math.sin(a)
        pen.line([(0, 0.5), (0.48 * x, 0.5 + 0.48 * y)], 0.045, ice)
        for side in (-0.6, 0.6):
            bx, by = math.cos(a + side), math.sin(a + side)
            pen.line([(0.28 * x, 0.5 + 0.28 * y), (0.28 * x + 0.15 * bx, 0.5 + 0.28 * y + 0.15 * by)], 0.035, ice)


@draws("fire, flame, flames, bonfire, campfire", size=0.3, width=0.9)
def _fire(pen: Pen, look: Look) -> None:
    body = look.pick("orange")
    pen.line([(-0.34, 0.04), (0.34, 0.16)], 0.1, BARK)
    pen.line([(0.34, 0.04), (-0.34, 0.16)], 0.1, dark(BARK, 0.2))
    pen.blob(
        [(-0.3, 0.22), (-0.24, 0.56), (-0.1, 0.5), (0.02, 1.0), (0.14, 0.6), (0.26, 0.62), (0.3, 0.24), (0, 0.08)],
        dark(body, 0.05),
    )
    pen.blob([(-0.18, 0.2), (-0.12, 0.46), (0, 0.42), (0.06, 0.7), (0.18, 0.24), (0, 0.1)], NAMED["yellow"])
    pen.blob([(-0.08, 0.18), (0, 0.4), (0.08, 0.18), (0, 0.11)], (255, 246, 214))


@draws("snowman, snowmen", size=0.52, width=0.75, home="snow", creature=True)
def _snowman(pen: Pen, look: Look) -> None:
    snow = look.pick_of((244, 248, 252))
    for side in (-1, 1):
        pen.line([(side * 0.15, 0.5), (side * 0.36, 0.64), (side * 0.4, 0.74)], 0.022, BARK)
    pen.dot(0, 0.21, 0.235, snow)
    pen.dot(0, 0.53, 0.175, snow)
    pen.dot(0, 0.79, 0.13, snow)
    scarf = look.clothes_colour or NAMED["red"]
    pen.rect(-0.12, 0.64, 0.12, 0.69, scarf, radius=0.02)
    pen.poly([(0.04, 0.66), (0.12, 0.66), (0.14, 0.5), (0.06, 0.5)], dark(scarf, 0.15))
    for x in (-0.045, 0.045):
        pen.dot(x, 0.82, 0.018, INK)
    pen.poly([(-0.01, 0.8), (-0.01, 0.76), (0.14, 0.765)], NAMED["orange"])
    for y in (0.44, 0.52, 0.58):
        pen.dot(0, y, 0.018, INK)
    pen.rect(-0.15, 0.88, 0.15, 0.905, INK)
    pen.rect(-0.09, 0.9, 0.09, 1.0, INK)
