"""Furniture, food, toys, instruments and other things of the house."""

from __future__ import annotations

import math

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light
from services.generator.sketch.pen import Pen, arc, star
from services.generator.sketch.things.registry import Look, draws

WOOD: Colour = (162, 110, 72)


@draws("table, tables, desk, bench, counter", size=0.32, width=1.9, home="room", flat=True)
def _table(pen: Pen, look: Look) -> None:
    wood = look.pick_of(WOOD, (128, 88, 62), (186, 140, 94))
    for x in (-0.62, 0.62):
        pen.poly([(x - 0.05, 0.14), (x + 0.05, 0.14), (x + 0.07, 0.9), (x - 0.07, 0.9)], dark(wood, 0.34))
    for x in (-0.82, 0.82):
        pen.poly([(x - 0.05, 0), (x + 0.05, 0), (x + 0.075, 0.9), (x - 0.075, 0.9)], dark(wood, 0.12))
    pen.rect(-0.84, 0.74, 0.84, 0.88, dark(wood, 0.24))
    pen.rect(-0.95, 0.88, 0.95, 1.0, wood, radius=0.03)
    pen.rect(-0.95, 0.96, 0.95, 1.0, light(wood, 0.3), radius=0.02)


@draws("chair, chairs, stool, armchair, throne", size=0.42, width=0.7, home="room", flat=True)
def _chair(pen: Pen, look: Look) -> None:
    wood = look.pick_of(WOOD, (128, 88, 62), (96, 140, 150))
    for x in (-0.2, 0.14):
        pen.rect(x, 0.08, x + 0.06, 0.5, dark(wood, 0.32))
    pen.rect(-0.28, 0.4, -0.2, 1.0, dark(wood, 0.1), radius=0.03)
    pen.rect(0.14, 0.5, 0.22, 1.0, dark(wood, 0.1), radius=0.03)
    for y in (0.64, 0.78, 0.9):
        pen.rect(-0.24, y, 0.18, y + 0.06, wood)
    pen.poly([(-0.28, 0.52), (0.22, 0.52), (0.32, 0.42), (-0.2, 0.42)], light(wood, 0.15))
    pen.poly([(-0.2, 0.42), (0.32, 0.42), (0.32, 0.37), (-0.2, 0.37)], dark(wood, 0.15))
    pen.rect(-0.2, 0, -0.13, 0.4, wood)
    pen.rect(0.25, 0, 0.32, 0.4, wood)


@draws("sofa, sofas, couch, couches", size=0.36, width=2.0, home="room", flat=True)
def _sofa(pen: Pen, look: Look) -> None:
    cloth = look.pick("teal", "crimson", "olive", "navy")
    for x in (-0.78, 0.72):
        pen.rect(x, 0, x + 0.07, 0.14, dark(WOOD, 0.3))
    pen.rect(-0.82, 0.1, 0.82, 1.0, dark(cloth, 0.1), radius=0.14)
    for x in (-0.68, 0.02):
        pen.rect(x, 0.42, x + 0.66, 0.9, cloth, radius=0.1)
        pen.rect(x, 0.26, x + 0.66, 0.5, light(cloth, 0.15), radius=0.07)
    for x in (-0.94, 0.7):
        pen.rect(x, 0.1, x + 0.24, 0.62, dark(cloth, 0.2), radius=0.1)
    pen.poly([(0.3, 0.48), (0.44, 0.78), (0.66, 0.68), (0.56, 0.42)], NAMED["yellow"])


@draws("bed, beds, mattress", size=0.36, width=2.0, home="room", flat=True)
def _bed(pen: Pen, look: Look) -> None:
    cloth = look.pick("blue", "lavender", "teal", "pink")
    pen.rect(-0.98, 0, -0.86, 1.0, WOOD, radius=0.04)
    pen.rect(0.86, 0, 0.98, 0.6, WOOD, radius=0.04)
    pen.rect(-0.88, 0.14, 0.88, 0.3, dark(WOOD, 0.2))
    pen.rect(-0.88, 0.28, 0.88, 0.5, WHITE, radius=0.06)
    pen.blob([(-0.84, 0.5), (-0.8, 0.72), (-0.5, 0.74), (-0.42, 0.5)], (236, 238, 244))
    pen.blob([(-0.4, 0.3), (-0.38, 0.58), (0.1, 0.62), (0.7, 0.58), (0.9, 0.5), (0.9, 0.24), (0.2, 0.22)], cloth)
    pen.blob([(-0.44, 0.5), (-0.36, 0.62), (-0.22, 0.6), (-0.26, 0.28), (-0.4, 0.3)], light(cloth, 0.4))


@draws("lamp, lamps, lantern, street light, streetlight", size=0.43, width=0.6, home="room")
def _lamp(pen: Pen, look: Look) -> None:
    shade = look.pick("yellow", "orange", "teal")
    pen.oval(0, 0.03, 0.17, 0.04, (86, 78, 86))
    pen.line([(0, 0.04), (0, 0.62)], 0.03, (110, 100, 106))
    pen.dot(0, 0.6, 0.06, (255, 246, 206))
    pen.poly([(-0.27, 0.6), (-0.15, 0.98), (0.15, 0.98), (0.27, 0.6)], shade)
    pen.poly([(-0.27, 0.6), (-0.15, 0.98), (-0.04, 0.98), (-0.08, 0.6)], light(shade, 0.4))


@draws("cup, cups, mug, coffee, tea, cocoa, glass", size=0.3, width=1.2, home="table")
def _cup(pen: Pen, look: Look) -> None:
    body = look.pick("white", "teal", "red", "blue")
    for x in (-0.12, 0.1):
        pen.curve([(x, 0.8), (x + 0.05, 0.86), (x - 0.02, 0.92), (x + 0.04, 1.0)], 0.022, (232, 232, 236))
    pen.ring(0.36, 0.42, 0.2, 0.075, dark(body, 0.12))
    pen.oval(0, 0.04, 0.52, 0.05, dark(body, 0.2))
    pen.blob([(-0.4, 0.74), (-0.38, 0.3), (-0.22, 0.06), (0.22, 0.06), (0.38, 0.3), (0.4, 0.74)], body)
    pen.oval(0, 0.74, 0.4, 0.075, light(body, 0.35))
    pen.oval(0, 0.735, 0.35, 0.055, (104, 70, 52))
    pen.poly(star(0, 0.4, 0.09, 0.04), dark(body, 0.25))


@draws("teapot, teapots, kettle, pot, pots", size=0.3, width=1.5, home="table")
def _teapot(pen: Pen, look: Look) -> None:
    body = look.pick("blue", "red", "white", "teal")
    pen.limb([(0.34, 0.36), (0.56, 0.5), (0.66, 0.74)], [0.24, 0.14, 0.1], dark(body, 0.08))
    pen.ring(-0.46, 0.48, 0.26, 0.08, dark(body, 0.14))
    pen.oval(0, 0.4, 0.46, 0.4, body)
    pen.rect(-0.26, 0, 0.26, 0.08, dark(body, 0.2), radius=0.03)
    pen.dome(0, 0.74, 0.24, 0.14, dark(body, 0.16))
    pen.dot(0, 0.92, 0.07, NAMED["gold"])
    for x in (-0.18, 0, 0.18):
        pen.dot(x, 0.4, 0.055, light(body, 0.6))


@draws("bottle, bottles, wine, jar, milk", size=0.36, width=0.45, home="table")
def _bottle(pen: Pen, look: Look) -> None:
    body = look.pick("green", "teal", "brown", "blue")
    pen.rect(-0.075, 0.9, 0.075, 1.0, (170, 130, 90), radius=0.02)
    pen.blob(
        [
            (-0.19, 0.02),
            (-0.19, 0.46),
            (-0.08, 0.66),
            (-0.065, 0.92),
            (0.065, 0.92),
            (0.08, 0.66),
            (0.19, 0.46),
            (0.19, 0.02),
        ],
        body,
    )
    pen.rect(-0.18, 0.14, 0.18, 0.4, NAMED["cream"])
    pen.line([(-0.1, 0.27), (0.1, 0.27)], 0.03, dark(body, 0.1))
    pen.line([(-0.12, 0.46), (-0.11, 0.5)], 0.04, light(body, 0.6))


@draws("vase, vases, flower pot, flowerpot", size=0.42, width=0.7, home="table")
def _vase(pen: Pen, look: Look) -> None:
    body = look.pick("blue", "teal", "orange", "white")
    for x, y, colour in ((-0.2, 0.82, "pink"), (0.02, 0.92, "yellow"), (0.22, 0.8, "red")):
        pen.curve([(0, 0.44), (x * 0.7, 0.62), (x, y)], 0.022, (78, 136, 78))
        for i in range(6):
            a = math.tau * i / 6
            pen.dot(x + 0.06 * math.cos(a), y + 0.06 * math.sin(a), 0.045, NAMED[colour])
        pen.dot(x, y, 0.038, NAMED["cream"])
    pen.blob(
        [
            (-0.12, 0.5),
            (-0.09, 0.42),
            (-0.22, 0.24),
            (-0.12, 0.02),
            (0.12, 0.02),
            (0.22, 0.24),
            (0.09, 0.42),
            (0.12, 0.5),
        ],
        body,
    )
    pen.rect(-0.19, 0.22, 0.19, 0.28, light(body, 0.5))


@draws("pizza, pizzas, pie, pies", size=0.4, width=1.0, home="table")
def _pizza(pen: Pen, look: Look) -> None:
    cheese = look.pick_of((240, 200, 96))
    crust = (190, 126, 66)
    pen.poly([(-0.42, 0.84), (0.42, 0.84), (0.04, 0.0), (-0.04, 0.0)], dark(crust, 0.1))
    pen.poly([(-0.4, 0.86), (0.4, 0.86), (0.02, 0.06), (-0.02, 0.06)], cheese)
    for x, length in ((-0.24, 0.16), (0.12, 0.22), (0.28, 0.12)):
        y = 0.86 - (0.4 - abs(x)) * 2
        pen.limb([(x, y + 0.1), (x, y - length * 0.5)], [0.07, 0.05], cheese)
    for x, y, r in ((-0.18, 0.7, 0.085), (0.12, 0.66, 0.09), (-0.03, 0.42, 0.08), (0.03, 0.2, 0.05)):
        pen.dot(x, y, r, NAMED["red"])
        pen.dot(x - 0.015, y + 0.015, r * 0.6, (232, 96, 84))
    for x, y in ((-0.02, 0.78), (0.24, 0.78), (-0.12, 0.53), (0.1, 0.48)):
        pen.limb([(x - 0.03, y), (x + 0.03, y + 0.02)], [0.035, 0.03], NAMED["green"])
    pen.limb([(-0.42, 0.88), (0, 0.93), (0.42, 0.88)], [0.14, 0.15, 0.14], crust)
    pen.curve([(-0.4, 0.92), (0, 0.97), (0.4, 0.92)], 0.03, light(crust, 0.3))


@draws("cake, cakes, cupcake, birthday cake, dessert", size=0.38, width=1.0, home="table")
def _cake(pen: Pen, look: Look) -> None:
    icing = look.pick("pink", "white", "lavender", "brown")
    pen.oval(0, 0.06, 0.48, 0.07, (214, 218, 226))
    for y, w, h in ((0.06, 0.38, 0.3), (0.36, 0.27, 0.24)):
        pen.rect(-w, y, w, y + h, (238, 206, 152), radius=0.03)
        pen.rect(-w, y + h * 0.6, w, y + h, icing, radius=0.03)
        for i in range(6):
            x = -w + w / 3 * i
            pen.rect(x + 0.01, y + h * (0.35 if i % 2 else 0.48), x + w / 3 - 0.01, y + h * 0.72, icing, radius=0.03)
    for x, colour in ((-0.16, "teal"), (0, "yellow"), (0.16, "red")):
        pen.rect(x - 0.018, 0.6, x + 0.018, 0.8, NAMED[colour])
        pen.blob([(x - 0.03, 0.84), (x, 0.94), (x + 0.03, 0.84), (x, 0.8)], NAMED["orange"])
    for x in (-0.26, -0.1, 0.08, 0.26):
        pen.dot(x, 0.17, 0.028, NAMED["red"])


@draws("apple, apples", size=0.3, width=0.95, home="table")
def _apple(pen: Pen, look: Look) -> None:
    skin = look.pick("red", "green", "scarlet")
    pen.line([(0, 0.78), (0.03, 0.98)], 0.045, WOOD)
    pen.blob([(0.04, 0.86), (0.2, 0.98), (0.32, 0.92), (0.18, 0.82)], NAMED["green"])
    pen.blob(
        [
            (0, 0.78),
            (-0.24, 0.84),
            (-0.42, 0.6),
            (-0.36, 0.22),
            (-0.14, 0.0),
            (0, 0.05),
            (0.14, 0.0),
            (0.36, 0.22),
            (0.42, 0.6),
            (0.24, 0.84),
        ],
        skin,
    )
    pen.blob([(-0.3, 0.6), (-0.22, 0.72), (-0.14, 0.66), (-0.26, 0.46)], light(skin, 0.55))


@draws("orange fruit, oranges, lemon, lemons, grapefruit", size=0.28, width=1.4, home="table")
def _citrus(pen: Pen, look: Look) -> None:
    skin = look.pick("orange", "yellow")
    pen.dot(-0.2, 0.46, 0.46, skin)
    pen.dot(-0.34, 0.64, 0.08, light(skin, 0.5))
    pen.blob([(-0.18, 0.92), (0.0, 1.04), (0.1, 0.96)], NAMED["green"])
    pen.dot(0.42, 0.3, 0.3, dark(skin, 0.06))
    pen.dot(0.42, 0.3, 0.25, NAMED["cream"])
    for i in range(8):
        pen.pie(0.42, 0.3, 0.22, i * 45 + 5, i * 45 + 40, light(skin, 0.12))


@draws("banana, bananas", size=0.28, width=1.4, home="table")
def _banana(pen: Pen, look: Look) -> None:
    skin = look.pick("yellow")
    pen.blob(
        [
            (-0.62, 0.74),
            (-0.5, 0.3),
            (-0.1, 0.02),
            (0.4, 0.1),
            (0.62, 0.4),
            (0.3, 0.32),
            (-0.06, 0.34),
            (-0.36, 0.56),
            (-0.5, 0.86),
        ],
        skin,
    )
    pen.blob(
        [
            (-0.56, 0.8),
            (-0.36, 0.56),
            (-0.06, 0.34),
            (0.3, 0.32),
            (0.62, 0.4),
            (0.2, 0.46),
            (-0.06, 0.56),
            (-0.34, 0.76),
        ],
        dark(skin, 0.12),
    )
    pen.line([(-0.52, 0.8), (-0.6, 0.98)], 0.1, WOOD)
    pen.dot(0.62, 0.39, 0.05, WOOD)


@draws("strawberry, strawberries, raspberry, raspberries, berry, berries", size=0.28, width=0.85, home="table")
def _strawberry(pen: Pen, look: Look) -> None:
    skin = look.pick("red")
    pen.blob([(0, 0.02), (-0.36, 0.46), (-0.34, 0.76), (0, 0.84), (0.34, 0.76), (0.36, 0.46)], skin)
    for x, y in ((-0.18, 0.62), (0.02, 0.66), (0.2, 0.6), (-0.1, 0.44), (0.12, 0.42), (0, 0.24)):
        pen.oval(x, y, 0.02, 0.032, NAMED["cream"])
    for i in range(5):
        a = math.radians(200 + i * 35)
        pen.limb([(0, 0.84), (0.3 * math.cos(a), 0.86 + 0.12 * math.sin(a))], [0.14, 0.03], NAMED["green"])
    pen.line([(0, 0.84), (0.04, 1.0)], 0.05, NAMED["green"])


@draws("burger, burgers, hamburger, sandwich, sandwiches, cheeseburger", size=0.32, width=1.2, home="table")
def _burger(pen: Pen, look: Look) -> None:
    bun = look.pick_of((214, 148, 76))
    pen.rect(-0.5, 0.02, 0.5, 0.24, bun, radius=0.1)
    pen.rect(-0.54, 0.22, 0.54, 0.4, (98, 62, 48), radius=0.08)
    pen.poly([(-0.54, 0.44), (0.54, 0.44), (0.3, 0.28), (0.1, 0.4), (-0.2, 0.27), (-0.4, 0.4)], NAMED["yellow"])
    pen.rect(-0.52, 0.43, 0.52, 0.5, NAMED["red"], radius=0.03)
    pen.blob(
        [(-0.58, 0.5), (-0.3, 0.46), (0, 0.52), (0.3, 0.46), (0.58, 0.5), (0.5, 0.58), (-0.5, 0.58)], NAMED["lime"]
    )
    pen.dome(0, 0.56, 0.54, 0.42, bun)
    for x, y in ((-0.28, 0.76), (-0.1, 0.88), (0.1, 0.78), (0.28, 0.76), (0.04, 0.68)):
        pen.oval(x, y, 0.03, 0.018, NAMED["cream"])


@draws("ice cream, ice creams, icecream, gelato, popsicle, sundae", size=0.42, width=0.55)
def _ice_cream(pen: Pen, look: Look) -> None:
    scoop = look.pick("pink", "cream", "lime", "brown")
    pen.poly([(-0.19, 0.52), (0.19, 0.52), (0, 0)], (224, 170, 100))
    for i in range(4):
        pen.line([(-0.16 + i * 0.09, 0.52), (0.02 + i * 0.015, 0.08 + i * 0.06)], 0.012, (184, 126, 70))
        pen.line([(0.16 - i * 0.09, 0.52), (-0.02 - i * 0.015, 0.08 + i * 0.06)], 0.012, (184, 126, 70))
    pen.dot(0, 0.62, 0.21, scoop)
    pen.dot(-0.07, 0.8, 0.16, light(scoop, 0.35))
    pen.dot(-0.05, 0.96, 0.05, NAMED["red"])


@draws(
    "donut, donuts, doughnut, doughnuts, bagel, cookie, cookies, bread, toast, cheese, egg, eggs",
    size=0.3,
    width=1.1,
    home="table",
)
def _donut(pen: Pen, look: Look) -> None:
    icing = look.pick("pink", "brown", "teal")
    pen.ring(0, 0.5, 0.5, 0.32, (216, 160, 92))
    pen.ring(0, 0.53, 0.44, 0.24, icing)
    for i in range(14):
        a = math.tau * i / 14
        x, y = 0.32 * math.cos(a), 0.53 + 0.32 * math.sin(a)
        pen.line([(x - 0.025, y - 0.02), (x + 0.025, y + 0.02)], 0.024, NAMED[("yellow", "white", "blue")[i % 3]])


@draws("book, books, novel, notebook, diary", size=0.3, width=1.5, home="table")
def _book(pen: Pen, look: Look) -> None:
    cover = look.pick("red", "navy", "green", "purple")
    for y, c in ((0.02, cover), (0.32, dark(cover, 0.3)), (0.62, light(cover, 0.3))):
        shift = 0.05 * math.sin(y * 9)
        pen.rect(-0.68 + shift, y, 0.66 + shift, y + 0.3, c, radius=0.03)
        pen.rect(-0.56 + shift, y + 0.05, 0.7 + shift, y + 0.25, NAMED["cream"])
        pen.rect(-0.68 + shift, y, -0.5 + shift, y + 0.3, dark(c, 0.15), radius=0.03)
        for line in (0.1, 0.15, 0.2):
            pen.line([(-0.48 + shift, y + line), (0.68 + shift, y + line)], 0.01, (214, 204, 180))


@draws("guitar, guitars, violin, violins, ukulele, banjo", size=0.43, width=0.5)
def _guitar(pen: Pen, look: Look) -> None:
    body = look.pick_of((206, 130, 66), (150, 62, 52), (92, 120, 150))
    pen.blob(
        [
            (0, 0.03),
            (-0.2, 0.06),
            (-0.23, 0.22),
            (-0.13, 0.33),
            (-0.16, 0.46),
            (0, 0.53),
            (0.16, 0.46),
            (0.13, 0.33),
            (0.23, 0.22),
            (0.2, 0.06),
        ],
        dark(body, 0.3),
    )
    pen.blob(
        [
            (0, 0.05),
            (-0.18, 0.08),
            (-0.205, 0.22),
            (-0.11, 0.33),
            (-0.14, 0.45),
            (0, 0.51),
            (0.14, 0.45),
            (0.11, 0.33),
            (0.205, 0.22),
            (0.18, 0.08),
        ],
        body,
    )
    pen.dot(0, 0.35, 0.06, INK)
    pen.rect(-0.1, 0.13, 0.1, 0.17, dark(body, 0.5))
    pen.rect(-0.03, 0.38, 0.03, 0.88, (92, 62, 50))
    pen.poly([(-0.045, 0.86), (-0.055, 1.0), (0.055, 1.0), (0.045, 0.86)], (70, 48, 44))
    for y in (0.5, 0.58, 0.66, 0.74, 0.82):
        pen.line([(-0.03, y), (0.03, y)], 0.008, NAMED["silver"])
    for x in (-0.015, 0, 0.015):
        pen.line([(x, 0.15), (x, 0.92)], 0.005, (240, 236, 226))
    for y in (0.9, 0.94, 0.98):
        for side in (-1, 1):
            pen.dot(side * 0.07, y, 0.015, NAMED["silver"])


@draws("piano, pianos", size=0.46, width=1.35, home="room")
def _piano(pen: Pen, look: Look) -> None:
    body = look.pick_of((52, 48, 58), (110, 70, 54))
    pen.rect(-0.6, 0, 0.6, 0.98, body, radius=0.03)
    pen.rect(-0.62, 0.93, 0.62, 1.0, light(body, 0.15), radius=0.02)
    pen.rect(-0.5, 0.62, 0.5, 0.86, light(body, 0.08))
    pen.rect(-0.66, 0.42, 0.66, 0.5, dark(body, 0.2))
    pen.rect(-0.6, 0.5, 0.6, 0.58, WHITE)
    for i in range(21):
        x = -0.57 + i * 0.057
        pen.line([(x, 0.5), (x, 0.58)], 0.005, (120, 120, 128))
        if i % 7 not in (2, 6):
            pen.rect(x + 0.013, 0.53, x + 0.042, 0.58, INK)
    for x in (-0.62, 0.55):
        pen.rect(x, 0, x + 0.07, 0.42, dark(body, 0.25))
    pen.rect(-0.18, 0.64, 0.18, 0.84, NAMED["cream"])
    for y in (0.68, 0.74, 0.8):
        pen.line([(-0.15, y), (0.15, y)], 0.008, INK)
    for x in (-0.06, 0.06):
        pen.oval(x, 0.04, 0.04, 0.02, NAMED["gold"])


@draws("drum, drums, drum kit", size=0.34, width=1.1)
def _drum(pen: Pen, look: Look) -> None:
    body = look.pick("red", "blue", "teal")
    pen.rect(-0.44, 0.12, 0.44, 0.66, body)
    pen.oval(0, 0.12, 0.44, 0.11, dark(body, 0.15))
    for i in range(6):
        x = -0.44 + i * 0.147
        pen.line([(x, 0.64), (x + 0.073, 0.1), (x + 0.147, 0.64)], 0.02, NAMED["gold"])
    pen.oval(0, 0.67, 0.46, 0.13, NAMED["gold"])
    pen.oval(0, 0.69, 0.42, 0.1, NAMED["cream"])
    pen.line([(-0.3, 0.98), (0.05, 0.72)], 0.035, WOOD)
    pen.line([(0.34, 1.0), (0.12, 0.7)], 0.035, WOOD)


@draws("trumpet, trumpets, saxophone", size=0.3, width=1.7)
def _trumpet(pen: Pen, look: Look) -> None:
    brass = look.pick("gold", "silver")
    pen.line([(-0.78, 0.56), (0.5, 0.56)], 0.07, brass)
    pen.rect(-0.36, 0.24, 0.26, 0.34, dark(brass, 0.1), radius=0.05)
    for x in (-0.2, -0.04, 0.12):
        pen.rect(x - 0.05, 0.2, x + 0.05, 0.74, dark(brass, 0.15), radius=0.03)
        pen.rect(x - 0.035, 0.74, x + 0.035, 0.86, light(brass, 0.4))
    pen.blob([(0.36, 0.6), (0.6, 0.68), (0.84, 0.92), (0.88, 0.56), (0.84, 0.2), (0.6, 0.44), (0.36, 0.52)], brass)
    pen.oval(0.86, 0.56, 0.06, 0.35, dark(brass, 0.3))
    pen.rect(-0.88, 0.5, -0.76, 0.62, light(brass, 0.3), radius=0.03)


@draws("umbrella, umbrellas, parasol, parasols", size=0.5, width=1.1)
def _umbrella(pen: Pen, look: Look) -> None:
    cloth = look.pick("red", "blue", "yellow", "purple", "teal")
    pen.line([(0, 0.1), (0, 0.98)], 0.025, (110, 80, 62))
    pen.curve([(0, 0.12), (0.02, 0.03), (0.09, 0.02), (0.11, 0.1)], 0.03, (110, 80, 62))
    pen.poly(
        [
            *arc(0, 0.46, 0.52, 0.5, 0, 180, 30),
            *[p for i in range(4) for p in arc(-0.39 + i * 0.26, 0.46, 0.13, 0.07, 180, 0, 8)],
        ],
        cloth,
    )
    for side in (-1, 1):
        pen.blob(
            [(0, 0.96), (side * 0.2, 0.8), (side * 0.26, 0.46), (side * 0.13, 0.52), (side * 0.02, 0.47)],
            dark(cloth, 0.14) if side > 0 else light(cloth, 0.2),
        )
    pen.poly(
        [*arc(0, 0.46, 0.52, 0.5, 0, 50, 10), (0.26, 0.46), *arc(0.39, 0.46, 0.13, 0.07, 180, 0, 8)], dark(cloth, 0.24)
    )


@draws("balloon, balloons", size=0.44, width=0.5, place="sky")
def _balloon(pen: Pen, look: Look) -> None:
    skin = look.pick("red", "yellow", "blue", "purple", "teal", "magenta")
    pen.curve([(0, 0.46), (0.04, 0.3), (-0.03, 0.16), (0.02, 0)], 0.01, (110, 108, 118))
    pen.blob([(0, 0.46), (-0.19, 0.62), (-0.22, 0.82), (0, 1.0), (0.22, 0.82), (0.19, 0.62)], skin)
    pen.poly([(-0.035, 0.43), (0.035, 0.43), (0, 0.48)], dark(skin, 0.2))
    pen.blob([(-0.14, 0.84), (-0.08, 0.92), (-0.05, 0.86), (-0.12, 0.72)], light(skin, 0.6))


@draws("kite, kites", size=0.4, width=0.8, place="sky")
def _kite(pen: Pen, look: Look) -> None:
    cloth = look.pick("red", "blue", "orange", "green")
    pen.poly([(0, 1.0), (-0.26, 0.68), (0, 0.34)], cloth)
    pen.poly([(0, 1.0), (0.26, 0.68), (0, 0.34)], light(cloth, 0.45))
    pen.line([(0, 1.0), (0, 0.34)], 0.014, WOOD)
    pen.line([(-0.26, 0.68), (0.26, 0.68)], 0.014, WOOD)
    pen.curve([(0, 0.34), (0.1, 0.22), (-0.02, 0.12), (0.1, 0.0)], 0.014, INK)
    for x, y in ((0.09, 0.23), (0.0, 0.13), (0.08, 0.03)):
        pen.poly(
            [(x - 0.07, y + 0.03), (x + 0.07, y - 0.03), (x + 0.07, y + 0.03), (x - 0.07, y - 0.03)], NAMED["yellow"]
        )


@draws("ball, balls, football, basketball, soccer ball, beach ball, tennis ball", size=0.18, width=1.0)
def _ball(pen: Pen, look: Look) -> None:
    patch = look.pick("red", "blue", "green", "navy")
    pen.dot(0, 0.5, 0.49, patch)
    pen.dot(0, 0.5, 0.44, WHITE)
    for i in range(5):
        a = math.tau * i / 5
        x, y = math.sin(a), math.cos(a)
        pen.line([(0.1 * x, 0.5 + 0.1 * y), (0.36 * x, 0.5 + 0.36 * y)], 0.03, patch)
        pen.poly(
            [
                (0.36 * x + 0.11 * math.sin(a + t), 0.5 + 0.36 * y + 0.11 * math.cos(a + t))
                for t in (0, 1.26, 2.51, 3.77, 5.03)
            ],
            patch,
        )
    pen.poly([(0.17 * math.sin(math.tau * i / 5), 0.5 + 0.17 * math.cos(math.tau * i / 5)) for i in range(5)], patch)


@draws("clock, clocks, alarm clock", size=0.36, width=0.9, home="table")
def _clock(pen: Pen, look: Look) -> None:
    case = look.pick("red", "teal", "brown", "navy")
    for side in (-1, 1):
        pen.line([(side * 0.2, 0.12), (side * 0.28, 0.02)], 0.07, dark(case, 0.3))
        pen.dot(side * 0.26, 0.88, 0.11, dark(case, 0.15))
    pen.dot(0, 0.48, 0.44, case)
    pen.dot(0, 0.48, 0.35, WHITE)
    for i in range(12):
        a = math.tau * i / 12
        pen.dot(0.29 * math.sin(a), 0.48 + 0.29 * math.cos(a), 0.022, INK)
    pen.line([(0, 0.48), (0.0, 0.72)], 0.03, INK)
    pen.line([(0, 0.48), (0.16, 0.42)], 0.035, INK)
    pen.dot(0, 0.48, 0.035, NAMED["red"])


@draws("camera, cameras, photo camera", size=0.3, width=1.4, home="table")
def _camera(pen: Pen, look: Look) -> None:
    body = look.pick_of((66, 66, 78), (170, 84, 76))
    pen.rect(-0.62, 0.04, 0.62, 0.78, body, radius=0.1)
    pen.rect(-0.62, 0.58, 0.62, 0.78, light(body, 0.35), radius=0.08)
    pen.rect(-0.2, 0.76, 0.24, 0.98, light(body, 0.2), radius=0.05)
    pen.dot(0.02, 0.38, 0.3, (200, 204, 212))
    pen.dot(0.02, 0.38, 0.24, INK)
    pen.dot(0.02, 0.38, 0.15, (60, 96, 142))
    pen.dot(-0.05, 0.46, 0.05, WHITE)
    pen.rect(0.38, 0.62, 0.54, 0.72, (250, 236, 180))
    pen.dot(-0.46, 0.82, 0.07, NAMED["red"])


@draws("computer, computers, laptop, laptops", size=0.36, width=1.4, home="table")
def _computer(pen: Pen, look: Look) -> None:
    case = look.pick_of((196, 200, 210), (82, 84, 98))
    pen.rect(-0.58, 0.24, 0.58, 1.0, dark(case, 0.15), radius=0.05)
    pen.rect(-0.52, 0.3, 0.52, 0.94, (40, 60, 96))
    for i, (w, colour) in enumerate(((0.5, "teal"), (0.7, "yellow"), (0.4, "pink"), (0.6, "cyan"))):
        pen.line([(-0.44, 0.84 - i * 0.12), (-0.44 + w, 0.84 - i * 0.12)], 0.035, NAMED[colour])
    pen.poly([(-0.58, 0.22), (0.58, 0.22), (0.7, 0.04), (-0.7, 0.04)], case)
    pen.poly([(-0.48, 0.19), (0.48, 0.19), (0.54, 0.11), (-0.54, 0.11)], dark(case, 0.35))
    pen.rect(-0.7, 0, 0.7, 0.05, dark(case, 0.25), radius=0.02)


@draws("phone, phones, telephone, smartphone, mobile", size=0.36, width=0.6, home="table")
def _phone(pen: Pen, look: Look) -> None:
    case = look.pick("black", "teal", "red")
    pen.rect(-0.25, 0.02, 0.25, 0.98, case, radius=0.07)
    pen.rect(-0.21, 0.12, 0.21, 0.9, (214, 228, 240))
    for row in range(3):
        for column in range(3):
            x, y = -0.17 + column * 0.125, 0.68 - row * 0.16
            pen.rect(
                x,
                y,
                x + 0.09,
                y + 0.1,
                NAMED[("red", "orange", "green", "blue", "purple")[(row * 3 + column) % 5]],
                radius=0.02,
            )
    pen.dot(0, 0.07, 0.03, light(case, 0.4))


@draws("television, televisions, tv", size=0.38, width=1.3, home="room")
def _television(pen: Pen, look: Look) -> None:
    case = look.pick("brown", "red", "teal")
    for side in (-1, 1):
        pen.line([(0, 0.78), (side * 0.24, 1.0)], 0.02, INK)
        pen.line([(side * 0.36, 0.12), (side * 0.42, 0)], 0.05, dark(case, 0.4))
    pen.rect(-0.6, 0.1, 0.6, 0.8, case, radius=0.08)
    pen.rect(-0.52, 0.18, 0.28, 0.72, (56, 84, 110), radius=0.08)
    pen.poly([(-0.42, 0.66), (-0.2, 0.66), (-0.4, 0.3), (-0.47, 0.5)], (118, 156, 182))
    for y in (0.62, 0.48):
        pen.dot(0.44, y, 0.055, NAMED["cream"])
    for y in (0.22, 0.28, 0.34):
        pen.line([(0.36, y), (0.52, y)], 0.02, dark(case, 0.4))


@draws("robot, robots, android, cyborg, droid", size=0.56, width=0.7, creature=True)
def _robot(pen: Pen, look: Look) -> None:
    metal = look.pick_of((150, 166, 186), (196, 150, 96), (120, 176, 176))
    pen.line([(0, 0.94), (0, 1.0)], 0.02, dark(metal, 0.3))
    pen.dot(0, 1.0, 0.025, NAMED["red"])
    raised = look.pose in ("dance", "wave", "jump") or look.rng.random() < 0.4
    for side in (-1, 1):
        hand = (side * 0.32, 0.78) if raised and side > 0 else (side * 0.29, 0.3)
        pen.limb([(side * 0.2, 0.58), (side * 0.29, 0.5), hand], [0.08, 0.06, 0.06], dark(metal, 0.2))
        pen.pie(
            hand[0], hand[1], 0.065, 130 if hand[1] > 0.5 else -50, 410 if hand[1] > 0.5 else 230, dark(metal, 0.35)
        )
        pen.rect(side * 0.1 - 0.045, 0.03, side * 0.1 + 0.045, 0.28, dark(metal, 0.2))
        pen.rect(side * 0.11 - 0.08, 0, side * 0.11 + 0.08, 0.07, dark(metal, 0.35), radius=0.03)
    pen.rect(-0.2, 0.24, 0.2, 0.64, metal, radius=0.04)
    pen.rect(-0.13, 0.36, 0.13, 0.56, dark(metal, 0.4), radius=0.02)
    for x, colour in ((-0.07, "red"), (0, "yellow"), (0.07, "green")):
        pen.dot(x, 0.51, 0.022, NAMED[colour])
    pen.line(
        [(-0.1, 0.42), (-0.04, 0.42), (-0.01, 0.47), (0.03, 0.38), (0.06, 0.42), (0.1, 0.42)], 0.012, NAMED["lime"]
    )
    pen.rect(-0.05, 0.63, 0.05, 0.69, dark(metal, 0.35))
    pen.rect(-0.17, 0.68, 0.17, 0.94, light(metal, 0.2), radius=0.05)
    for x in (-0.075, 0.075):
        pen.dot(x, 0.83, 0.05, INK)
        pen.dot(x, 0.83, 0.032, (120, 232, 240))
    pen.rect(-0.09, 0.715, 0.09, 0.75, dark(metal, 0.45), radius=0.01)
    for x in (-0.045, 0, 0.045):
        pen.line([(x, 0.715), (x, 0.75)], 0.01, metal)
    if look.clothes:
        tie = look.clothes_colour or NAMED["red"]
        pen.poly([(-0.08, 0.66), (-0.08, 0.6), (0.08, 0.66), (0.08, 0.6)], tie)


@draws("alien, aliens, monster, monsters, ghost, ghosts, creature", size=0.44, width=0.8, creature=True)
def _monster(pen: Pen, look: Look) -> None:
    skin = look.pick("lime", "purple", "teal", "orange")
    for side in (-1, 1):
        pen.curve([(side * 0.12, 0.84), (side * 0.2, 0.96), (side * 0.26, 0.98)], 0.03, skin)
        pen.dot(side * 0.27, 0.98, 0.04, NAMED["yellow"])
        pen.limb([(side * 0.26, 0.44), (side * 0.38, 0.56)], [0.1, 0.07], dark(skin, 0.1))
        pen.oval(side * 0.14, 0.04, 0.11, 0.04, dark(skin, 0.25))
    pen.blob(
        [(-0.24, 0.05), (-0.31, 0.5), (-0.2, 0.84), (0, 0.9), (0.2, 0.84), (0.31, 0.5), (0.24, 0.05), (0, 0.08)], skin
    )
    pen.oval(0, 0.28, 0.17, 0.19, light(skin, 0.4))
    pen.dot(0, 0.64, 0.13, WHITE)
    pen.dot(0.02, 0.64, 0.075, dark(skin, 0.3))
    pen.dot(0.03, 0.65, 0.04, INK)
    pen.blob([(-0.13, 0.46), (0, 0.43), (0.13, 0.46), (0, 0.37)], (96, 40, 60))
    pen.poly([(-0.06, 0.45), (-0.02, 0.45), (-0.04, 0.41)], WHITE)


@draws("pumpkin, pumpkins, jack-o-lantern", size=0.32, width=1.2, home="field")
def _pumpkin(pen: Pen, look: Look) -> None:
    skin = look.pick("orange")
    pen.limb([(0, 0.8), (0.05, 0.96)], [0.13, 0.08], (98, 128, 70))
    for x, w in ((-0.34, 0.24), (0.34, 0.24), (-0.18, 0.24), (0.18, 0.24), (0, 0.22)):
        pen.oval(x, 0.43, w, 0.41, dark(skin, 0.16))
        pen.oval(x - 0.015, 0.44, w * 0.86, 0.4, light(skin, 0.02))
    for x in (-0.2, 0.2):
        pen.poly([(x - 0.11, 0.46), (x + 0.11, 0.46), (x, 0.64)], (70, 44, 40))
    pen.blob([(-0.3, 0.34), (0, 0.26), (0.3, 0.34), (0, 0.14)], (70, 44, 40))
    pen.rect(-0.05, 0.24, 0.05, 0.31, skin)


@draws("heart, hearts, valentine, love", size=0.4, width=1.05)
def _heart(pen: Pen, look: Look) -> None:
    skin = look.pick("red", "pink", "crimson")
    curve = [
        (16 * math.sin(t) ** 3, 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t))
        for t in (math.tau * i / 60 for i in range(60))
    ]
    pen.poly([(x / 32, 0.54 + y / 31) for x, y in curve], skin)
    pen.poly([(x / 40 - 0.01, 0.55 + y / 39) for x, y in curve], light(skin, 0.08))
    pen.blob([(-0.34, 0.74), (-0.26, 0.84), (-0.18, 0.84), (-0.28, 0.66)], light(skin, 0.6))


@draws("crown, crowns, tiara", size=0.3, width=1.3, home="table")
def _crown(pen: Pen, look: Look) -> None:
    gold = look.pick("gold", "silver")
    pen.poly([(-0.5, 0.04), (-0.62, 0.86), (-0.28, 0.46), (0, 0.98), (0.28, 0.46), (0.62, 0.86), (0.5, 0.04)], gold)
    pen.rect(-0.5, 0.04, 0.5, 0.24, dark(gold, 0.15))
    for x, y, colour in ((-0.62, 0.88, "red"), (0, 0.98, "blue"), (0.62, 0.88, "red")):
        pen.dot(x, y - 0.03, 0.06, NAMED[colour])
    for x, colour in ((-0.3, "green"), (0, "red"), (0.3, "green")):
        pen.dot(x, 0.14, 0.06, NAMED[colour])


@draws("hat, hats, top hat", size=0.28, width=1.4, home="table")
def _hat(pen: Pen, look: Look) -> None:
    felt = look.pick("black", "brown", "red", "navy")
    pen.poly([(-0.38, 0.12), (-0.42, 0.98), (0.42, 0.98), (0.38, 0.12)], felt)
    pen.oval(0, 0.98, 0.42, 0.05, light(felt, 0.2))
    pen.rect(-0.39, 0.16, 0.39, 0.36, NAMED["red"] if felt != NAMED["red"] else INK)
    pen.oval(0, 0.12, 0.68, 0.12, felt)
    pen.oval(0, 0.16, 0.4, 0.05, dark(felt, 0.2))


@draws("gift, gifts, parcel, package, box, boxes", size=0.32, width=1.05)
def _gift(pen: Pen, look: Look) -> None:
    paper = look.pick("red", "teal", "purple", "green")
    ribbon = NAMED["gold"] if paper != NAMED["gold"] else NAMED["red"]
    pen.rect(-0.42, 0, 0.42, 0.6, paper)
    pen.rect(-0.47, 0.54, 0.47, 0.74, light(paper, 0.15), radius=0.02)
    pen.rect(0.2, 0, 0.42, 0.54, dark(paper, 0.15))
    pen.rect(-0.07, 0, 0.07, 0.74, ribbon)
    for side in (-1, 1):
        pen.blob([(0, 0.74), (side * 0.16, 0.98), (side * 0.34, 0.94), (side * 0.3, 0.78)], ribbon)
        pen.blob([(side * 0.06, 0.78), (side * 0.17, 0.91), (side * 0.26, 0.86)], dark(ribbon, 0.25))
    pen.dot(0, 0.77, 0.06, dark(ribbon, 0.1))


@draws("key, keys", size=0.26, width=1.7, home="table")
def _key(pen: Pen, look: Look) -> None:
    brass = look.pick("gold", "silver")
    pen.line([(-0.2, 0.5), (0.78, 0.5)], 0.14, brass)
    pen.rect(0.5, 0.2, 0.6, 0.5, brass)
    pen.rect(0.68, 0.14, 0.78, 0.5, brass)
    pen.ring(-0.46, 0.5, 0.36, 0.16, brass)
    pen.line([(-0.2, 0.54), (0.76, 0.54)], 0.035, light(brass, 0.5))


@draws("sword, swords", size=0.4, width=0.4)
def _sword(pen: Pen, look: Look) -> None:
    steel = look.pick_of((206, 214, 226))
    pen.poly([(-0.04, 0.3), (-0.04, 0.9), (0, 1.0), (0.04, 0.9), (0.04, 0.3)], steel)
    pen.poly([(0, 0.3), (0, 1.0), (0.04, 0.9), (0.04, 0.3)], dark(steel, 0.2))
    pen.rect(-0.16, 0.25, 0.16, 0.31, NAMED["gold"], radius=0.02)
    pen.rect(-0.03, 0.08, 0.03, 0.26, (104, 64, 50))
    pen.dot(0, 0.06, 0.05, NAMED["gold"])


@draws("bag, bags, backpack, suitcase, handbag, basket, bucket", size=0.34, width=0.9)
def _bag(pen: Pen, look: Look) -> None:
    cloth = look.pick("teal", "red", "brown", "navy")
    pen.ring(0, 0.78, 0.2, 0.06, dark(cloth, 0.35))
    pen.rect(-0.36, 0.02, 0.36, 0.8, cloth, radius=0.14)
    pen.rect(-0.26, 0.08, 0.26, 0.4, dark(cloth, 0.15), radius=0.07)
    pen.rect(-0.36, 0.5, 0.36, 0.58, light(cloth, 0.25))
    pen.rect(-0.05, 0.46, 0.05, 0.62, NAMED["gold"], radius=0.02)


@draws("shoe, shoes, boot, boots, sneaker, sneakers", size=0.26, width=1.5)
def _shoe(pen: Pen, look: Look) -> None:
    leather = look.pick("red", "blue", "teal", "brown")
    pen.blob(
        [(-0.6, 0.14), (-0.58, 0.86), (-0.16, 0.84), (0.0, 0.58), (0.44, 0.48), (0.66, 0.3), (0.64, 0.12)], leather
    )
    pen.rect(-0.64, 0.02, 0.7, 0.17, WHITE, radius=0.06)
    for i in range(3):
        pen.line([(-0.18 + i * 0.13, 0.76 - i * 0.09), (-0.02 + i * 0.13, 0.78 - i * 0.12)], 0.035, WHITE)
    pen.oval(-0.38, 0.82, 0.2, 0.07, dark(leather, 0.4))


@draws("diamond, diamonds, gem, gems, jewel, jewels, crystal, crystals", size=0.34, width=1.1)
def _gem(pen: Pen, look: Look) -> None:
    stone = look.pick("cyan", "magenta", "lime", "violet")
    pen.poly([(0, 0.02), (-0.5, 0.64), (-0.3, 0.94), (0.3, 0.94), (0.5, 0.64)], stone)
    pen.poly([(-0.3, 0.94), (-0.18, 0.64), (-0.5, 0.64)], light(stone, 0.4))
    pen.poly([(-0.3, 0.94), (-0.18, 0.64), (0, 0.94)], light(stone, 0.6))
    pen.poly([(0, 0.94), (-0.18, 0.64), (0.18, 0.64)], light(stone, 0.25))
    pen.poly([(0.3, 0.94), (0.18, 0.64), (0.5, 0.64)], dark(stone, 0.12))
    pen.poly([(0, 0.02), (-0.18, 0.64), (0.18, 0.64)], light(stone, 0.12))
    pen.poly([(0, 0.02), (0.18, 0.64), (0.5, 0.64)], dark(stone, 0.22))


@draws("door, doors", size=0.56, width=0.6)
def _door(pen: Pen, look: Look) -> None:
    wood = look.pick("teal", "red", "brown", "green")
    pen.rect(-0.28, 0, 0.28, 1.0, NAMED["cream"])
    pen.rect(-0.22, 0, 0.22, 0.95, wood)
    for x in (-0.17, 0.03):
        pen.rect(x, 0.54, x + 0.14, 0.86, dark(wood, 0.18))
        pen.rect(x, 0.1, x + 0.14, 0.44, dark(wood, 0.18))
    pen.dot(0.17, 0.49, 0.022, NAMED["gold"])
