"""What moves on land, on water and through the air."""

from __future__ import annotations

import math

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light
from services.generator.sketch.pen import Pen, arc
from services.generator.sketch.things.registry import Look, draws

GLASS: Colour = (178, 216, 232)
TYRE: Colour = (48, 46, 54)


def _wheel(pen: Pen, x: float, y: float, r: float) -> None:
    pen.dot(x, y, r, TYRE)
    pen.dot(x, y, r * 0.56, (198, 202, 210))
    pen.dot(x, y, r * 0.2, (110, 112, 122))


@draws("car, cars, automobile, sports car, jeep, suv", size=0.3, width=2.2, home="city")
def _car(pen: Pen, look: Look) -> None:
    body = look.pick("red", "blue", "teal", "yellow", "green")
    pen.blob([(-0.7, 0.52), (-0.42, 0.94), (0.24, 0.96), (0.6, 0.54)], body)
    pen.poly([(-0.56, 0.56), (-0.36, 0.86), (-0.06, 0.88), (-0.06, 0.56)], GLASS)
    pen.poly([(0.02, 0.56), (0.02, 0.88), (0.22, 0.87), (0.47, 0.56)], GLASS)
    pen.poly([(0.1, 0.87), (0.2, 0.87), (0.1, 0.56), (0.02, 0.6)], light(GLASS, 0.5))
    pen.blob(
        [(-1.02, 0.3), (-1.0, 0.5), (-0.7, 0.6), (0.56, 0.6), (0.98, 0.48), (1.04, 0.26), (0.9, 0.18), (-0.9, 0.18)],
        body,
    )
    pen.rect(-1.02, 0.18, 1.02, 0.27, dark(body, 0.25), radius=0.04)
    pen.line([(-0.01, 0.56), (-0.01, 0.26)], 0.014, dark(body, 0.35))
    pen.rect(0.06, 0.46, 0.18, 0.49, dark(body, 0.4))
    pen.oval(0.97, 0.42, 0.05, 0.06, (252, 240, 180))
    pen.rect(-1.03, 0.38, -0.95, 0.48, (170, 36, 42))
    for x in (-0.58, 0.6):
        pen.dot(x, 0.2, 0.25, dark(body, 0.55))
        _wheel(pen, x, 0.2, 0.2)


@draws("taxi, taxis, taxicab, cab", size=0.32, width=2.1, home="city")
def _taxi(pen: Pen, look: Look) -> None:
    _car(pen.moved(0, 0, 0.9), Look(look.rng, look.colour or NAMED["yellow"]))
    pen.rect(-0.18, 0.86, 0.1, 0.98, INK, radius=0.03)
    for i in range(8):
        pen.rect(-0.62 + i * 0.14, 0.32, -0.55 + i * 0.14, 0.38, INK)


@draws("bus, buses, school bus, van, minibus, ambulance", size=0.4, width=1.9, home="city")
def _bus(pen: Pen, look: Look) -> None:
    body = look.pick("red", "orange", "green", "blue")
    pen.rect(-0.92, 0.12, 0.92, 0.96, body, radius=0.1)
    pen.rect(-0.92, 0.12, 0.92, 0.3, dark(body, 0.22), radius=0.05)
    for i in range(5):
        pen.rect(-0.82 + i * 0.3, 0.54, -0.6 + i * 0.3, 0.82, GLASS, radius=0.03)
    pen.rect(0.68, 0.3, 0.84, 0.84, light(GLASS, 0.25), radius=0.03)
    pen.rect(-0.92, 0.4, 0.66, 0.45, WHITE)
    pen.oval(0.9, 0.3, 0.03, 0.05, (252, 240, 180))
    for x in (-0.54, 0.5):
        _wheel(pen, x, 0.14, 0.15)


@draws("truck, trucks, lorry, lorries, tractor, fire truck, fire engine", size=0.36, width=2.0, home="city")
def _truck(pen: Pen, look: Look) -> None:
    body = look.pick("blue", "red", "green", "orange")
    pen.rect(-0.96, 0.2, 0.34, 0.96, light(body, 0.55), radius=0.03)
    pen.rect(-0.96, 0.5, 0.34, 0.6, body)
    pen.blob([(0.4, 0.2), (0.4, 0.78), (0.68, 0.8), (0.86, 0.5), (0.96, 0.44), (0.96, 0.2)], body)
    pen.poly([(0.5, 0.5), (0.5, 0.72), (0.66, 0.72), (0.78, 0.5)], GLASS)
    pen.rect(-0.96, 0.14, 0.98, 0.24, (76, 76, 88))
    for x in (-0.66, -0.3, 0.66):
        _wheel(pen, x, 0.15, 0.15)


@draws("bicycle, bicycles, bike, cycle, tricycle", size=0.36, width=1.6)
def _bicycle(pen: Pen, look: Look) -> None:
    frame = look.pick("red", "teal", "blue", "orange", "green")
    for x in (-0.48, 0.48):
        for i in range(6):
            a = math.pi * i / 6
            pen.line(
                [
                    (x - 0.28 * math.cos(a), 0.31 - 0.28 * math.sin(a)),
                    (x + 0.28 * math.cos(a), 0.31 + 0.28 * math.sin(a)),
                ],
                0.008,
                (150, 152, 160),
            )
        pen.ring(x, 0.31, 0.31, 0.045, TYRE)
    pen.line([(-0.48, 0.31), (-0.06, 0.3), (0.36, 0.72), (-0.18, 0.7), (-0.48, 0.31)], 0.045, frame)
    pen.line([(-0.06, 0.3), (-0.2, 0.82)], 0.045, frame)
    pen.line([(0.48, 0.31), (0.33, 0.86), (0.46, 0.94)], 0.04, frame)
    pen.blob([(-0.36, 0.86), (-0.08, 0.88), (-0.08, 0.82), (-0.3, 0.8)], INK)
    pen.line([(0.42, 0.94), (0.52, 0.92)], 0.045, INK)
    pen.ring(-0.06, 0.3, 0.08, 0.03, (90, 92, 102))


@draws("train, trains, locomotive, steam train, tram, subway", size=0.36, width=2.2, home="field")
def _train(pen: Pen, look: Look) -> None:
    body = look.pick("red", "green", "navy", "teal")
    for x, y, r in ((0.54, 1.0, 0.09), (0.4, 1.08, 0.12), (0.2, 1.12, 0.13)):
        pen.dot(x, y - 0.06, r, (228, 230, 236))
    pen.rect(-1.08, 0.22, -0.46, 0.74, light(body, 0.2), radius=0.03)
    for x in (-0.98, -0.74):
        pen.rect(x, 0.44, x + 0.18, 0.64, GLASS)
    pen.rect(-0.4, 0.22, 0.06, 0.9, body, radius=0.03)
    pen.rect(-0.46, 0.86, 0.12, 0.94, dark(body, 0.4), radius=0.03)
    pen.rect(-0.3, 0.52, -0.04, 0.78, GLASS)
    pen.rect(0.02, 0.24, 0.86, 0.62, body, radius=0.1)
    pen.rect(0.02, 0.34, 0.86, 0.4, NAMED["gold"])
    pen.poly([(0.54, 0.6), (0.5, 0.88), (0.74, 0.88), (0.7, 0.6)], dark(body, 0.45))
    pen.dome(0.24, 0.6, 0.1, 0.14, NAMED["gold"])
    pen.dot(0.88, 0.46, 0.07, (252, 240, 180))
    pen.poly([(0.84, 0.24), (1.06, 0.06), (0.84, 0.06)], (96, 98, 110))
    pen.rect(-1.1, 0.16, 0.88, 0.24, (66, 66, 78))
    for x in (-0.92, -0.62, -0.26, 0.02, 0.62):
        _wheel(pen, x, 0.12, 0.12)
    _wheel(pen, 0.32, 0.15, 0.15)


@draws("boat, boats, sailboat, sailing boat, yacht, canoe, dinghy", size=0.46, width=1.1, place="water", home="sea")
def _boat(pen: Pen, look: Look) -> None:
    hull = look.pick("red", "blue", "teal", "brown")
    pen.line([(0.0, 0.18), (0.0, 0.98)], 0.03, (120, 84, 60))
    pen.blob([(-0.04, 0.94), (-0.04, 0.28), (-0.46, 0.28), (-0.3, 0.58)], (244, 238, 226))
    pen.poly([(0.04, 0.92), (0.04, 0.28), (0.4, 0.28)], light(hull, 0.5))
    pen.poly([(0, 1.0), (0, 0.93), (0.14, 0.965)], hull)
    pen.blob([(-0.56, 0.24), (0, 0.2), (0.56, 0.26), (0.42, 0.02), (-0.42, 0.02)], hull)
    pen.poly([(-0.5, 0.2), (0.5, 0.21), (0.47, 0.15), (-0.47, 0.14)], WHITE)


@draws(
    "ship, ships, cruise ship, ferry, ferries, steamboat, pirate ship, submarine",
    size=0.42,
    width=1.8,
    place="water",
    home="sea",
)
def _ship(pen: Pen, look: Look) -> None:
    hull = look.pick("navy", "red", "teal")
    for x in (-0.2, 0.14):
        pen.rect(x - 0.08, 0.62, x + 0.08, 0.92, NAMED["orange"] if hull != NAMED["orange"] else WHITE)
        pen.rect(x - 0.08, 0.86, x + 0.08, 0.94, INK)
    pen.rect(-0.44, 0.5, 0.4, 0.7, WHITE, radius=0.03)
    pen.rect(-0.6, 0.32, 0.56, 0.52, (236, 238, 240), radius=0.03)
    for i in range(6):
        pen.rect(-0.38 + i * 0.13, 0.57, -0.31 + i * 0.13, 0.63, (96, 150, 186))
    for i in range(8):
        pen.dot(-0.5 + i * 0.14, 0.42, 0.028, (96, 150, 186))
    pen.blob([(-0.86, 0.34), (0, 0.31), (0.92, 0.4), (0.66, 0.02), (-0.7, 0.02)], hull)
    pen.poly([(-0.74, 0.1), (0.72, 0.1), (0.66, 0.02), (-0.7, 0.02)], dark(hull, 0.3))


@draws("plane, planes, airplane, aeroplane, aircraft, jet, jets", size=0.3, width=2.0, place="sky")
def _plane(pen: Pen, look: Look) -> None:
    stripe = look.pick("blue", "red", "teal", "orange")
    body: Colour = (240, 243, 247)
    pen.poly([(-0.1, 0.56), (-0.44, 0.86), (-0.3, 0.86), (0.16, 0.58)], dark(body, 0.16))
    pen.poly([(-0.74, 0.56), (-0.98, 0.98), (-0.82, 0.98), (-0.54, 0.6)], stripe)
    pen.blob([(-0.94, 0.62), (-0.5, 0.62), (0.6, 0.64), (0.94, 0.48), (0.6, 0.36), (-0.4, 0.38)], body)
    pen.poly([(-0.84, 0.52), (0.86, 0.52), (0.9, 0.46), (-0.7, 0.46)], stripe)
    for i in range(9):
        pen.dot(-0.4 + i * 0.1, 0.575, 0.025, (90, 130, 170))
    pen.poly([(0.66, 0.6), (0.8, 0.56), (0.74, 0.53), (0.62, 0.53)], (70, 110, 150))
    pen.poly([(0.16, 0.44), (-0.36, 0.04), (-0.2, 0.04), (0.4, 0.42)], dark(body, 0.1))
    pen.rect(-0.06, 0.16, 0.14, 0.26, dark(stripe, 0.2), radius=0.05)


@draws("helicopter, helicopters, drone", size=0.32, width=1.8, place="sky")
def _helicopter(pen: Pen, look: Look) -> None:
    body = look.pick("red", "yellow", "olive", "blue")
    pen.limb([(-0.16, 0.5), (-0.86, 0.62)], [0.24, 0.07], dark(body, 0.12))
    pen.poly([(-0.8, 0.6), (-0.94, 0.84), (-0.82, 0.84), (-0.7, 0.62)], body)
    pen.oval(0.16, 0.46, 0.46, 0.28, body)
    pen.pie(0.24, 0.46, 0.34, -18, 80, GLASS)
    pen.line([(0.1, 0.7), (0.1, 0.88)], 0.04, INK)
    pen.line([(-0.66, 0.9), (0.86, 0.9)], 0.035, (70, 72, 84))
    for x in (-0.04, 0.3):
        pen.line([(x, 0.24), (x - 0.03, 0.1)], 0.03, INK)
    pen.line([(-0.24, 0.08), (0.52, 0.08)], 0.035, INK)


@draws(
    "rocket, rockets, spaceship, spacecraft, space shuttle, missile", size=0.56, width=0.6, place="sky", home="space"
)
def _rocket(pen: Pen, look: Look) -> None:
    trim = look.pick("red", "orange", "blue", "purple")
    pen.blob([(-0.1, 0.2), (0, -0.02), (0.1, 0.2)], NAMED["orange"])
    pen.blob([(-0.055, 0.2), (0, 0.07), (0.055, 0.2)], NAMED["yellow"])
    for side in (-1, 1):
        pen.poly([(side * 0.12, 0.42), (side * 0.27, 0.22), (side * 0.25, 0.14), (side * 0.1, 0.24)], trim)
    pen.blob([(-0.1, 0.2), (-0.16, 0.5), (-0.1, 0.8), (0, 0.99), (0.1, 0.8), (0.16, 0.5), (0.1, 0.2)], (236, 238, 243))
    pen.poly([(-0.1, 0.8), (-0.06, 0.9), (0, 0.99), (0.06, 0.9), (0.1, 0.8)], trim)
    pen.poly([(-0.13, 0.3), (0.13, 0.3), (0.1, 0.2), (-0.1, 0.2)], dark(trim, 0.15))
    pen.dot(0, 0.62, 0.075, dark(trim, 0.2))
    pen.dot(0, 0.62, 0.052, GLASS)


@draws("hot air balloon, airship, zeppelin", size=0.5, width=0.75, place="sky")
def _hot_air_balloon(pen: Pen, look: Look) -> None:
    cloth = look.pick("red", "purple", "teal", "orange")
    outline = [
        (0, 1.0),
        (-0.26, 0.92),
        (-0.35, 0.68),
        (-0.22, 0.42),
        (-0.08, 0.28),
        (0.08, 0.28),
        (0.22, 0.42),
        (0.35, 0.68),
        (0.26, 0.92),
    ]
    pen.blob(outline, cloth)
    pen.blob([(x * 0.62, y) for x, y in outline], NAMED["cream"])
    pen.blob([(x * 0.26, y) for x, y in outline], cloth)
    for x in (-0.06, 0.06):
        pen.line([(x, 0.3), (x * 0.9, 0.14)], 0.01, INK)
    pen.rect(-0.075, 0.02, 0.075, 0.14, (158, 108, 66), radius=0.02)
    pen.rect(-0.085, 0.12, 0.085, 0.15, (122, 82, 54))


@draws("ufo, ufos, flying saucer, alien ship", size=0.26, width=1.9, place="sky", home="night")
def _ufo(pen: Pen, look: Look) -> None:
    body = look.pick_of((146, 156, 178))
    pen.dome(0, 0.5, 0.4, 0.46, (156, 226, 206))
    pen.oval(0, 0.42, 0.92, 0.24, body)
    pen.oval(0, 0.48, 0.8, 0.14, light(body, 0.3))
    for i in range(5):
        pen.dot(-0.6 + i * 0.3, 0.34, 0.055, (250, 220, 100))
    pen.poly(arc(0, 0.2, 0.4, 0.1, 0, 360, 20), dark(body, 0.3))
