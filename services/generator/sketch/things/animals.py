"""Animals: one four-legged figure with many shapes, heads for those in clothes, and the rest one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light, mix
from services.generator.sketch.pen import Pen, Point
from services.generator.sketch.things.people import Outfit, dressed, figure
from services.generator.sketch.things.registry import Look, draws

PINK: Colour = (236, 160, 168)


@dataclass(frozen=True)
class Shape:
    """The proportions of a four-legged animal that looks to the right; its height is about 1."""

    length: float = 0.75
    """From hip to chest."""
    depth: float = 0.3
    """From back to belly."""
    leg: float = 0.36
    head: Point = (0.55, 0.82)
    """The middle of the head."""
    head_r: float = 0.14
    snout: float = 0.16
    """How far the snout reaches out of the head."""
    snout_w: float = 0.13
    neck: float = 0.2
    """Width of the neck."""
    ears: str = "pointed"
    tail: str = "curved"
    leg_w: float = 0.09
    drop: float = 0.05
    """How far below the middle of the head the snout's end is."""


def quadruped(
    pen: Pen,
    fur: Colour,
    shape: Shape,
    *,
    muzzle: Colour | None = None,
    hoof: Colour | None = None,
    over: Callable[[Pen], None] | None = None,
    nose: Colour = INK,
) -> None:
    """Draws the animal. `over` adds markings to the body before the head covers them."""
    s = shape
    half, back, belly = s.length / 2, s.leg + s.depth, s.leg
    far, foot = dark(fur, 0.22), hoof or dark(fur, 0.35)
    hx, hy = s.head
    _tail(pen, fur, s.tail, -half, back)
    for x, colour in ((-half + 0.14, far), (half - 0.02, far)):
        pen.limb(
            [(x, belly + 0.1), (x + 0.02, belly * 0.5), (x, 0.04)], [s.leg_w * 1.5, s.leg_w, s.leg_w * 0.8], colour
        )
        pen.oval(x + 0.015, 0.03, s.leg_w * 0.6, 0.035, dark(foot, 0.2))
    _ear(pen, dark(fur, 0.2), s, -0.05)
    pen.blob(
        [
            (-half - 0.04, back - s.depth * 0.35),
            (-half + 0.1, back),
            (0, back - 0.015),
            (half - 0.06, back + 0.01),
            (half + 0.07, back - s.depth * 0.4),
            (half - 0.02, belly + 0.02),
            (0, belly + s.depth * 0.12),
            (-half + 0.1, belly + 0.01),
        ],
        fur,
    )
    if over:
        over(pen)
    for x in (-half + 0.05, half - 0.1):
        pen.limb(
            [(x, belly + 0.14), (x - 0.01, belly * 0.5), (x, 0.04)],
            [s.leg_w * 1.7, s.leg_w * 1.05, s.leg_w * 0.85],
            fur,
        )
        pen.oval(x + 0.02, 0.03, s.leg_w * 0.65, 0.035, foot)
    pen.limb([(half - 0.08, back - s.depth * 0.42), (hx - 0.03, hy - 0.02)], [s.neck * 1.5, s.neck], fur)
    r = s.head_r
    pen.dot(hx, hy, r, fur)
    tip = (hx + r * 0.55 + s.snout, hy - s.drop)
    pen.limb([(hx + r * 0.2, hy - r * 0.2), tip], [r * 1.5, s.snout_w], muzzle or fur)
    pen.oval(tip[0] + s.snout_w * 0.32, tip[1] + s.snout_w * 0.18, s.snout_w * 0.26, s.snout_w * 0.22, nose)
    pen.curve(
        [
            (tip[0] + 0.01, tip[1] - s.snout_w * 0.3),
            (tip[0] - 0.06, tip[1] - s.snout_w * 0.34),
            (hx + r * 0.5, hy - r * 0.55),
        ],
        0.014,
        dark(fur, 0.5),
    )
    pen.oval(hx + r * 0.42, hy + r * 0.28, r * 0.15, r * 0.18, INK)
    pen.dot(hx + r * 0.47, hy + r * 0.34, r * 0.05, WHITE)
    _ear(pen, dark(fur, 0.08), s, 0.0)


def _ear(pen: Pen, colour: Colour, s: Shape, shift: float) -> None:
    (hx, hy), r = s.head, s.head_r
    hx += shift
    match s.ears:
        case "pointed":
            pen.poly(
                [(hx - r * 0.75, hy + r * 0.5), (hx - r * 0.45, hy + r * 1.75), (hx + r * 0.2, hy + r * 0.9)], colour
            )
        case "floppy":
            pen.blob(
                [
                    (hx - r * 0.5, hy + r * 0.85),
                    (hx - r * 0.05, hy + r * 0.75),
                    (hx + r * 0.0, hy - r * 0.5),
                    (hx - r * 0.5, hy - r * 1.1),
                    (hx - r * 0.85, hy - r * 0.2),
                ],
                dark(colour, 0.18),
            )
        case "round":
            pen.dot(hx - r * 0.45, hy + r * 0.85, r * 0.4, colour)
            pen.dot(hx - r * 0.45, hy + r * 0.85, r * 0.2, mix(colour, PINK, 0.5))
        case "long":
            pen.limb(
                [(hx - r * 0.3, hy + r * 0.6), (hx - r * 0.7 + shift * 2, hy + r * 3.0)], [r * 0.5, r * 0.42], colour
            )
            pen.limb(
                [(hx - r * 0.35, hy + r * 0.9), (hx - r * 0.65 + shift * 2, hy + r * 2.7)], [r * 0.16, r * 0.2], PINK
            )
        case "side":
            pen.blob(
                [
                    (hx - r * 0.4, hy + r * 0.7),
                    (hx - r * 1.3, hy + r * 0.85),
                    (hx - r * 1.5, hy + r * 0.35),
                    (hx - r * 0.6, hy + r * 0.2),
                ],
                colour,
            )


def _tail(pen: Pen, fur: Colour, tail: str, x: float, y: float) -> None:
    match tail:
        case "curved":
            pen.limb(
                [(x + 0.03, y - 0.08), (x - 0.12, y + 0.02), (x - 0.16, y + 0.16), (x - 0.12, y + 0.24)],
                [0.08, 0.07, 0.06, 0.03],
                fur,
            )
        case "long":
            pen.limb(
                [
                    (x + 0.03, y - 0.06),
                    (x - 0.15, y - 0.12),
                    (x - 0.25, y + 0.06),
                    (x - 0.22, y + 0.26),
                    (x - 0.12, y + 0.32),
                ],
                [0.06, 0.05, 0.05, 0.045, 0.03],
                fur,
            )
        case "bushy":
            pen.blob(
                [
                    (x + 0.04, y - 0.08),
                    (x - 0.18, y - 0.14),
                    (x - 0.38, y - 0.02),
                    (x - 0.42, y + 0.16),
                    (x - 0.24, y + 0.12),
                    (x - 0.06, y + 0.02),
                ],
                fur,
            )
            pen.blob([(x - 0.33, y - 0.0), (x - 0.38, y - 0.02), (x - 0.42, y + 0.16), (x - 0.32, y + 0.13)], WHITE)
        case "hair":
            pen.blob(
                [
                    (x + 0.02, y - 0.02),
                    (x - 0.08, y + 0.0),
                    (x - 0.16, y - 0.16),
                    (x - 0.16, y - 0.42),
                    (x - 0.06, y - 0.36),
                    (x - 0.04, y - 0.14),
                ],
                dark(fur, 0.45),
            )
        case "tuft":
            pen.curve([(x + 0.02, y - 0.06), (x - 0.1, y - 0.1), (x - 0.16, y - 0.3)], 0.03, fur)
            pen.oval(x - 0.165, y - 0.33, 0.04, 0.065, dark(fur, 0.5))
        case "puff":
            pen.dot(x - 0.02, y - 0.12, 0.09, WHITE)
        case "curl":
            pen.curve(
                [(x + 0.02, y - 0.12), (x - 0.06, y - 0.06), (x - 0.03, y), (x, y - 0.05), (x - 0.08, y - 0.1)],
                0.028,
                fur,
            )


def _front_head(
    fur: Colour, ears: str, *, muzzle: Colour | None = None, mane: Colour | None = None, stripes: Colour | None = None
) -> Callable[[Pen], None]:
    """A head seen from the front, for animals that stand up; unit: its radius."""

    def draw(pen: Pen) -> None:
        if mane:
            for i in range(12):
                angle = math.tau * i / 12
                pen.dot(1.15 * math.cos(angle), 1.15 * math.sin(angle), 0.55, mane)
        for side in (-1, 1):
            match ears:
                case "pointed":
                    pen.poly([(side * 0.95, 0.3), (side * 0.95, 1.6), (side * 0.15, 0.9)], fur)
                    pen.poly([(side * 0.84, 0.5), (side * 0.83, 1.3), (side * 0.35, 0.9)], PINK)
                case "floppy":
                    pen.blob(
                        [
                            (side * 0.5, 0.95),
                            (side * 1.05, 0.8),
                            (side * 1.4, -0.3),
                            (side * 1.1, -0.75),
                            (side * 0.8, -0.1),
                        ],
                        dark(fur, 0.28),
                    )
                case "round":
                    pen.dot(side * 0.85, 0.85, 0.45, fur)
                    pen.dot(side * 0.85, 0.85, 0.24, PINK)
                case "long":
                    pen.limb([(side * 0.4, 0.7), (side * 0.55, 2.3)], [0.5, 0.4], fur)
                    pen.limb([(side * 0.42, 0.9), (side * 0.54, 2.1)], [0.2, 0.16], PINK)
                case "side":
                    pen.oval(side * 1.25, 0.35, 0.5, 0.24, fur)
                case "big":
                    pen.oval(side * 1.3, 0.15, 0.8, 0.95, dark(fur, 0.12))
        pen.oval(0, 0, 1.08, 1.0, fur)
        if stripes:
            for side in (-1, 1):
                pen.poly([(side * 1.0, 0.1), (side * 0.6, 0.0), (side * 1.0, -0.1)], stripes)
                pen.poly([(side * 0.9, -0.35), (side * 0.55, -0.35), (side * 0.85, -0.52)], stripes)
            pen.poly([(-0.12, 0.98), (0.12, 0.98), (0, 0.5)], stripes)
        if ears == "big":
            pen.limb([(0, -0.2), (0, -1.0), (0.3, -1.5)], [0.6, 0.5, 0.36], light(fur, 0.1))
        else:
            pen.oval(0, -0.42, 0.62, 0.48, muzzle or light(fur, 0.5))
            pen.oval(0, -0.2, 0.22, 0.16, INK)
            pen.curve([(-0.3, -0.56), (-0.1, -0.66), (0, -0.5), (0.1, -0.66), (0.3, -0.56)], 0.07, INK)
        for x in (-0.42, 0.42):
            pen.oval(x, 0.2, 0.14, 0.19, INK)
            pen.dot(x + 0.05, 0.27, 0.055, WHITE)

    return draw


def _upright(pen: Pen, look: Look, fur: Colour, head: Callable[[Pen], None]) -> bool:
    """Draws the animal on two legs where it wears or does something that needs them. Returns whether it did."""
    if not look.clothes and look.pose not in ("dance", "box"):
        return False
    default = Outfit(fur, fur, shoes=dark(fur, 0.3))
    outfit, hat = dressed(look, default)
    figure(pen.moved(0, 0, 0.96), look, outfit, hat=hat, skin=fur, head=head, head_size=0.125)
    return True


def _four_legged(
    words: str,
    colours: Sequence[Colour],
    shape: Shape,
    *,
    ears: str,
    size: float,
    width: float = 1.35,
    home: str = "",
    muzzle: Colour | None = None,
    light_muzzle: bool = False,
) -> None:
    """Enters an animal that needs no markings of its own."""

    @draws(words, size=size, width=width, home=home, creature=True)
    def draw(pen: Pen, look: Look) -> None:
        fur = look.pick_of(*colours)
        if not _upright(pen, look, fur, _front_head(fur, ears, muzzle=muzzle)):
            quadruped(pen, fur, shape, muzzle=muzzle or (light(fur, 0.4) if light_muzzle else None))


_four_legged(
    "dog, puppy, puppies, hound, labrador, terrier",
    [(190, 136, 84), (120, 84, 64), (226, 196, 150), (90, 84, 90)],
    Shape(length=0.72, head=(0.48, 0.86), ears="floppy", snout=0.14, head_r=0.16),
    ears="floppy",
    size=0.46,
    light_muzzle=True,
)
_four_legged(
    "wolf, wolves, husky, coyote",
    [(122, 128, 142)],
    Shape(head=(0.52, 0.84), tail="bushy", snout=0.17),
    ears="pointed",
    size=0.46,
    width=1.6,
    home="forest",
    muzzle=(222, 224, 228),
)
_four_legged(
    "fox, foxes",
    [(222, 116, 52)],
    Shape(length=0.66, leg=0.34, depth=0.26, head=(0.48, 0.78), tail="bushy", snout=0.17, snout_w=0.08),
    ears="pointed",
    size=0.38,
    width=1.6,
    home="forest",
    muzzle=(246, 236, 224),
)
_four_legged(
    "bear, bears, grizzly, teddy bear, teddy",
    [(118, 80, 58), (84, 64, 58)],
    Shape(
        length=0.86,
        depth=0.42,
        leg=0.3,
        head=(0.56, 0.78),
        head_r=0.17,
        snout=0.1,
        neck=0.3,
        ears="round",
        tail="puffless",
        leg_w=0.15,
    ),
    ears="round",
    size=0.5,
    width=1.5,
    home="forest",
    light_muzzle=True,
)
_four_legged(
    "polar bear",
    [(238, 240, 242)],
    Shape(
        length=0.86,
        depth=0.42,
        leg=0.3,
        head=(0.56, 0.76),
        head_r=0.16,
        snout=0.14,
        neck=0.3,
        ears="round",
        tail="none",
        leg_w=0.15,
    ),
    ears="round",
    size=0.5,
    width=1.5,
    home="snow",
)
_four_legged(
    "pig, piglet, hog",
    [(238, 164, 172), (222, 150, 150)],
    Shape(
        length=0.84,
        depth=0.44,
        leg=0.2,
        head=(0.5, 0.56),
        head_r=0.19,
        snout=0.07,
        snout_w=0.17,
        neck=0.3,
        tail="curl",
        leg_w=0.11,
        ears="pointed",
    ),
    ears="pointed",
    size=0.36,
    width=1.5,
    home="field",
)
_four_legged(
    "mouse, mice, rat, hamster",
    [(160, 158, 168), (190, 160, 130)],
    Shape(
        length=0.7,
        depth=0.46,
        leg=0.12,
        head=(0.46, 0.46),
        head_r=0.19,
        snout=0.12,
        snout_w=0.08,
        neck=0.32,
        ears="round",
        tail="long",
        leg_w=0.08,
    ),
    ears="round",
    size=0.24,
    width=1.6,
)
_four_legged(
    "rabbit, bunny, bunnies, hare",
    [(222, 214, 206), (176, 144, 116), (150, 146, 152)],
    Shape(
        length=0.5,
        depth=0.4,
        leg=0.14,
        head=(0.34, 0.56),
        head_r=0.15,
        snout=0.06,
        neck=0.24,
        ears="long",
        tail="puff",
        leg_w=0.11,
    ),
    ears="long",
    size=0.34,
    width=1.1,
    home="field",
    light_muzzle=True,
)
_four_legged(
    "camel, llama, alpaca",
    [(206, 162, 104)],
    Shape(
        length=0.7,
        depth=0.28,
        leg=0.42,
        head=(0.58, 0.92),
        head_r=0.1,
        snout=0.1,
        neck=0.15,
        tail="tuft",
        ears="side",
        leg_w=0.07,
    ),
    ears="side",
    size=0.56,
    width=1.4,
    home="desert",
)
_four_legged(
    "donkey, mule",
    [(138, 132, 136)],
    Shape(
        length=0.76,
        depth=0.28,
        leg=0.4,
        head=(0.54, 0.9),
        head_r=0.12,
        snout=0.2,
        neck=0.2,
        tail="tuft",
        ears="long",
        leg_w=0.075,
    ),
    ears="long",
    size=0.46,
    width=1.35,
    home="field",
    light_muzzle=True,
)
_four_legged(
    "squirrel, chipmunk, raccoon, beaver, hedgehog",
    [(176, 102, 56)],
    Shape(
        length=0.5,
        depth=0.34,
        leg=0.18,
        head=(0.38, 0.62),
        head_r=0.17,
        snout=0.08,
        neck=0.22,
        tail="bushy",
        leg_w=0.09,
    ),
    ears="pointed",
    size=0.28,
    width=1.5,
    home="forest",
    light_muzzle=True,
)


@draws("cat, kitten, kitty, kitties, tabby", size=0.38, width=1.35, creature=True)
def _cat(pen: Pen, look: Look) -> None:
    fur = look.pick_of((226, 146, 72), (92, 92, 104), (228, 222, 214), (60, 56, 66))
    if _upright(pen, look, fur, _front_head(fur, "pointed", stripes=dark(fur, 0.25))):
        return
    shape = Shape(
        length=0.66,
        depth=0.26,
        leg=0.3,
        head=(0.42, 0.74),
        head_r=0.17,
        snout=0.03,
        snout_w=0.12,
        neck=0.17,
        tail="long",
        leg_w=0.08,
    )

    def stripes(p: Pen) -> None:
        for x in (-0.2, -0.07, 0.06, 0.18):
            p.poly([(x, 0.56), (x + 0.05, 0.56), (x + 0.02, 0.42)], dark(fur, 0.25))

    quadruped(pen, fur, shape, over=stripes, muzzle=light(fur, 0.5), nose=PINK)
    for y in (0.69, 0.72):
        pen.line([(0.52, y), (0.68, y - 0.03 + (y - 0.7) * 3)], 0.008, light(fur, 0.6))


@draws("horse, pony, ponies, stallion, mare, unicorn", size=0.54, width=1.35, home="field", creature=True)
def _horse(pen: Pen, look: Look) -> None:
    fur = look.pick_of((142, 88, 56), (96, 66, 52), (222, 214, 204), (70, 62, 66))
    mane = dark(fur, 0.5)
    if _upright(pen, look, fur, _front_head(fur, "pointed")):
        return
    pen.blob([(0.26, 0.66), (0.3, 0.86), (0.42, 1.0), (0.52, 0.98), (0.46, 0.8), (0.4, 0.64)], mane)
    shape = Shape(
        length=0.78,
        depth=0.27,
        leg=0.42,
        head=(0.54, 0.88),
        head_r=0.11,
        snout=0.2,
        snout_w=0.11,
        neck=0.16,
        tail="hair",
        leg_w=0.072,
        drop=0.12,
    )
    quadruped(pen, fur, shape, hoof=(58, 48, 48))
    pen.blob([(0.44, 1.0), (0.5, 0.99), (0.46, 0.86), (0.38, 0.72), (0.32, 0.72), (0.36, 0.88)], mane)


@draws("cow, cows, bull, ox, oxen, buffalo, calf, calves", size=0.46, width=1.4, home="field", creature=True)
def _cow(pen: Pen, look: Look) -> None:
    fur = look.pick_of((240, 238, 232), (150, 96, 64))
    if _upright(pen, look, fur, _front_head(fur, "side", muzzle=PINK)):
        return
    patch = (62, 56, 60) if fur[0] > 200 else (240, 236, 228)

    def patches(p: Pen) -> None:
        p.blob([(-0.3, 0.72), (-0.08, 0.74), (-0.06, 0.58), (-0.24, 0.52)], patch)
        p.blob([(0.1, 0.74), (0.28, 0.72), (0.26, 0.56), (0.14, 0.6)], patch)

    pen.curve([(0.5, 0.92), (0.52, 1.0), (0.6, 1.0)], 0.03, (222, 206, 172))
    shape = Shape(
        length=0.84,
        depth=0.36,
        leg=0.38,
        head=(0.54, 0.8),
        head_r=0.13,
        snout=0.12,
        snout_w=0.16,
        neck=0.24,
        tail="tuft",
        ears="side",
        leg_w=0.085,
    )
    quadruped(pen, fur, shape, over=patches, muzzle=PINK)


@draws("sheep, lamb, goat", size=0.38, width=1.35, home="field", creature=True)
def _sheep(pen: Pen, look: Look) -> None:
    wool = look.pick_of((240, 236, 226))
    face = (74, 68, 76)
    if _upright(pen, look, wool, _front_head(face, "side", muzzle=face)):
        return
    for x in (-0.22, -0.1, 0.14, 0.26):
        pen.limb([(x, 0.34), (x, 0.04)], [0.08, 0.07], face)
    for x, y, r in (
        (-0.3, 0.5, 0.19),
        (-0.14, 0.4, 0.2),
        (0.1, 0.4, 0.2),
        (0.28, 0.52, 0.2),
        (-0.18, 0.66, 0.2),
        (0.04, 0.7, 0.2),
        (0.22, 0.66, 0.19),
        (0, 0.52, 0.26),
    ):
        pen.dot(x, y, r, wool)
    for x, y in ((-0.22, 0.52), (-0.02, 0.6), (0.14, 0.48), (-0.1, 0.4)):
        pen.ring(x, y, 0.09, 0.014, dark(wool, 0.14))
    pen.limb([(0.44, 0.72), (0.53, 0.6)], [0.22, 0.16], face)
    pen.oval(0.32, 0.78, 0.1, 0.045, face)
    pen.dot(0.45, 0.83, 0.1, wool)
    pen.dot(0.47, 0.72, 0.028, WHITE)
    pen.dot(0.475, 0.72, 0.015, INK)


@draws("lion, lions, lioness", size=0.48, width=1.45, home="desert", creature=True)
def _lion(pen: Pen, look: Look) -> None:
    fur = look.pick_of((222, 170, 88))
    mane = dark(mix(fur, (150, 70, 30), 0.6), 0.1)
    if _upright(pen, look, fur, _front_head(fur, "round", mane=mane)):
        return
    shape = Shape(
        length=0.78,
        depth=0.3,
        leg=0.32,
        head=(0.5, 0.8),
        head_r=0.15,
        snout=0.07,
        snout_w=0.15,
        neck=0.2,
        ears="round",
        tail="tuft",
        leg_w=0.1,
    )

    def draw_mane(p: Pen) -> None:
        for x, y, r in (
            (0.36, 0.66, 0.2),
            (0.34, 0.82, 0.17),
            (0.48, 0.94, 0.15),
            (0.5, 0.62, 0.17),
            (0.46, 0.78, 0.22),
            (0.58, 0.9, 0.12),
        ):
            p.dot(x, y, r, mane)

    draw_mane(pen)
    quadruped(pen, fur, Shape(**{**shape.__dict__, "neck": 0.02}), over=draw_mane, muzzle=light(fur, 0.4))


def _striped(words: str, colour: Colour, stripe: Colour, shape: Shape, head: str, size: float, home: str) -> None:
    @draws(words, size=size, width=1.45, home=home, creature=True)
    def draw(pen: Pen, look: Look) -> None:
        fur = look.pick_of(colour)
        if _upright(pen, look, fur, _front_head(fur, head, stripes=stripe)):
            return
        top, bottom = shape.leg + shape.depth, shape.leg

        def stripes(p: Pen) -> None:
            for i in range(8):
                x = -shape.length / 2 + 0.03 + i * shape.length / 7.8
                low = bottom + (0.03 if i % 2 else 0.1)
                p.blob([(x, top), (x + 0.045, top), (x + 0.075, (top + bottom) / 2), (x + 0.04, low)], stripe)
            neck, skull = (shape.length / 2 - 0.04, top - 0.06), shape.head
            for share in (0.25, 0.5, 0.75):
                x, y = (a + (b - a) * share for a, b in zip(neck, skull, strict=True))
                p.line([(x - 0.1, y + 0.05), (x + 0.01, y - 0.01)], 0.035, stripe)

        quadruped(pen, fur, shape, over=stripes, muzzle=light(fur, 0.55))


_striped(
    "tiger, leopard, cheetah, panther, jaguar",
    (230, 140, 60),
    (52, 42, 44),
    Shape(
        length=0.8,
        depth=0.3,
        leg=0.32,
        head=(0.52, 0.76),
        head_r=0.16,
        snout=0.06,
        snout_w=0.15,
        ears="round",
        tail="long",
        leg_w=0.1,
    ),
    "round",
    0.44,
    "forest",
)
_striped(
    "zebra, zebras",
    (240, 238, 234),
    (44, 42, 50),
    Shape(
        length=0.76,
        depth=0.27,
        leg=0.42,
        head=(0.54, 0.88),
        head_r=0.11,
        snout=0.18,
        snout_w=0.11,
        neck=0.17,
        tail="tuft",
        leg_w=0.072,
        drop=0.1,
    ),
    "pointed",
    0.5,
    "desert",
)


@draws("deer, reindeer, moose, elk, stag, antelope, gazelle", size=0.52, width=1.2, home="forest", creature=True)
def _deer(pen: Pen, look: Look) -> None:
    fur = look.pick_of((172, 112, 70), (150, 104, 76))
    if _upright(pen, look, fur, _front_head(fur, "side")):
        return
    horn = (120, 92, 70)
    p = pen.moved(0, 0, 0.86)
    for dx in (-0.06, 0.03):
        p.curve([(0.44 + dx, 0.94), (0.36 + dx, 1.06), (0.42 + dx, 1.18)], 0.026, horn)
        p.line([(0.39 + dx, 1.02), (0.48 + dx, 1.1)], 0.022, horn)

    def spots(q: Pen) -> None:
        for x, y in ((-0.26, 0.62), (-0.14, 0.66), (-0.02, 0.63), (-0.2, 0.54), (0.08, 0.66), (-0.06, 0.55)):
            q.dot(x, y, 0.02, light(fur, 0.6))

    quadruped(
        p,
        fur,
        Shape(
            length=0.66,
            depth=0.25,
            leg=0.44,
            head=(0.46, 0.88),
            head_r=0.1,
            snout=0.12,
            snout_w=0.08,
            neck=0.13,
            tail="puff",
            ears="side",
            leg_w=0.058,
        ),
        over=spots,
    )


@draws("giraffe, giraffes", size=0.7, width=0.85, home="desert", creature=True)
def _giraffe(pen: Pen, look: Look) -> None:
    fur = look.pick_of((232, 190, 108))
    spot = dark(mix(fur, (150, 90, 40), 0.7), 0.05)
    if _upright(pen, look, fur, _front_head(fur, "side")):
        return

    def spots(p: Pen) -> None:
        for x, y in ((-0.16, 0.46), (-0.05, 0.5), (0.06, 0.46), (-0.1, 0.39), (0.02, 0.4), (0.14, 0.42)):
            p.blob(
                [(x - 0.035, y), (x, y + 0.035), (x + 0.035, y + 0.01), (x + 0.02, y - 0.03), (x - 0.02, y - 0.03)],
                spot,
            )

    pen.line([(0.3, 0.92), (0.29, 0.99)], 0.02, spot)
    quadruped(
        pen,
        fur,
        Shape(
            length=0.42,
            depth=0.19,
            leg=0.34,
            head=(0.33, 0.9),
            head_r=0.055,
            snout=0.07,
            snout_w=0.055,
            neck=0.085,
            tail="tuft",
            ears="side",
            leg_w=0.05,
        ),
        over=spots,
    )
    for x, y in ((0.2, 0.56), (0.23, 0.64), (0.27, 0.72), (0.29, 0.8)):
        pen.dot(x, y, 0.02, spot)


@draws("elephant, elephants, mammoth", size=0.54, width=1.5, home="desert", creature=True)
def _elephant(pen: Pen, look: Look) -> None:
    skin = look.pick_of((142, 148, 164), (160, 158, 166))
    if _upright(pen, look, skin, _front_head(skin, "big")):
        return
    far = dark(skin, 0.2)
    for x in (-0.26, 0.26):
        pen.limb([(x, 0.4), (x, 0.06)], [0.2, 0.15], far)
    pen.curve([(-0.44, 0.66), (-0.54, 0.55), (-0.53, 0.4)], 0.03, far)
    pen.blob(
        [(-0.46, 0.56), (-0.36, 0.84), (-0.05, 0.93), (0.26, 0.86), (0.38, 0.6), (0.3, 0.34), (0, 0.27), (-0.34, 0.3)],
        skin,
    )
    for x in (-0.33, 0.14):
        pen.limb([(x, 0.42), (x, 0.07)], [0.22, 0.17], skin)
        pen.rect(x - 0.085, 0.0, x + 0.085, 0.05, dark(skin, 0.12), radius=0.02)
        for dx in (-0.05, 0, 0.05):
            pen.oval(x + dx, 0.02, 0.02, 0.016, light(skin, 0.5))
    pen.limb([(0.56, 0.6), (0.66, 0.4), (0.64, 0.2), (0.72, 0.12)], [0.17, 0.13, 0.1, 0.07], skin)
    pen.oval(0.44, 0.72, 0.21, 0.22, skin)
    pen.limb([(0.52, 0.54), (0.62, 0.47), (0.7, 0.48)], [0.05, 0.04, 0.015], WHITE)
    pen.blob([(0.36, 0.9), (0.2, 0.92), (0.13, 0.72), (0.22, 0.5), (0.34, 0.54), (0.4, 0.72)], dark(skin, 0.13))
    pen.blob(
        [(0.33, 0.84), (0.23, 0.85), (0.19, 0.71), (0.25, 0.58), (0.32, 0.62), (0.35, 0.73)], mix(skin, PINK, 0.35)
    )
    pen.dot(0.53, 0.76, 0.022, INK)


@draws("monkey, monkeys, gorilla, ape, chimpanzee", size=0.42, width=0.8, home="forest", creature=True)
def _monkey(pen: Pen, look: Look) -> None:
    fur = look.pick_of((126, 86, 62), (92, 80, 84))
    face = light(fur, 0.62)
    if _upright(pen, look, fur, _front_head(fur, "round", muzzle=face)):
        return
    pen.curve([(0.14, 0.12), (0.38, 0.1), (0.4, 0.36), (0.3, 0.42)], 0.045, fur)
    pen.limb([(-0.12, 0.2), (-0.26, 0.14), (-0.2, 0.04)], [0.16, 0.13, 0.1], dark(fur, 0.1))
    pen.limb([(0.12, 0.2), (0.26, 0.14), (0.2, 0.04)], [0.16, 0.13, 0.1], dark(fur, 0.1))
    pen.oval(0, 0.32, 0.2, 0.27, fur)
    pen.oval(0, 0.29, 0.12, 0.18, light(fur, 0.3))
    pen.limb([(-0.16, 0.46), (-0.27, 0.3), (-0.14, 0.2)], [0.1, 0.08, 0.07], dark(fur, 0.06))
    pen.limb([(0.16, 0.46), (0.28, 0.62), (0.22, 0.8)], [0.1, 0.08, 0.07], dark(fur, 0.06))
    _front_head(fur, "round", muzzle=face)(pen.moved(0, 0.74, 0.2))


@draws(
    "bird, sparrow, robin, parrot, pigeon, dove, crow, raven, canary, hummingbird, flamingo",
    size=0.26,
    width=1.35,
    creature=True,
)
def _bird(pen: Pen, look: Look) -> None:
    body = look.pick("red", "blue", "yellow", "teal", "orange")
    pen.line([(-0.02, 0.2), (-0.04, 0.01)], 0.025, (120, 90, 60))
    pen.line([(0.08, 0.2), (0.08, 0.01)], 0.025, (120, 90, 60))
    pen.poly([(-0.3, 0.42), (-0.66, 0.5), (-0.62, 0.34), (-0.68, 0.24), (-0.24, 0.28)], dark(body, 0.3))
    pen.blob(
        [(-0.38, 0.36), (-0.1, 0.58), (0.14, 0.8), (0.34, 0.84), (0.44, 0.66), (0.36, 0.38), (0.14, 0.2), (-0.16, 0.2)],
        body,
    )
    pen.blob([(0.4, 0.6), (0.34, 0.38), (0.12, 0.22), (-0.02, 0.24), (0.14, 0.42)], light(body, 0.6))
    pen.blob([(0.12, 0.54), (-0.1, 0.54), (-0.5, 0.36), (-0.14, 0.3), (0.08, 0.38)], dark(body, 0.22))
    pen.poly([(0.42, 0.76), (0.62, 0.68), (0.42, 0.64)], NAMED["orange"])
    pen.dot(0.3, 0.72, 0.042, INK)
    pen.dot(0.315, 0.735, 0.014, WHITE)


@draws("eagle, hawk, falcon, seagull, gull", size=0.26, width=2.0, place="sky")
def _eagle(pen: Pen, look: Look) -> None:
    body = look.pick_of((110, 82, 66), (226, 228, 232))
    for side in (-1, 1):
        pen.blob(
            [
                (side * 0.05, 0.5),
                (side * 0.4, 0.8),
                (side * 0.98, 0.72),
                (side * 0.8, 0.58),
                (side * 0.4, 0.44),
                (side * 0.08, 0.36),
            ],
            dark(body, 0.1),
        )
        for i in range(4):
            pen.limb(
                [(side * (0.7 + i * 0.04), 0.64 + i * 0.02), (side * (0.86 + i * 0.05), 0.5 + i * 0.07)],
                [0.07, 0.03],
                dark(body, 0.3),
            )
    pen.poly([(-0.07, 0.3), (0.07, 0.3), (0.16, 0.06), (-0.16, 0.06)], dark(body, 0.2))
    pen.oval(0, 0.42, 0.1, 0.22, body)
    pen.dot(0, 0.66, 0.09, (244, 242, 236))
    pen.poly([(-0.03, 0.66), (0.03, 0.66), (0.02, 0.54)], NAMED["gold"])


@draws("duck, duckling, goose, geese, swan", size=0.3, width=1.3, place="water", home="lake")
def _duck(pen: Pen, look: Look) -> None:
    body = look.pick("white", "yellow", "brown")
    pen.limb([(0.28, 0.4), (0.34, 0.66)], [0.24, 0.18], body)
    pen.blob(
        [
            (-0.6, 0.52),
            (-0.3, 0.36),
            (0.1, 0.44),
            (0.4, 0.36),
            (0.42, 0.14),
            (0.16, 0.02),
            (-0.24, 0.02),
            (-0.46, 0.18),
        ],
        body,
    )
    pen.blob([(-0.46, 0.44), (-0.12, 0.4), (0.14, 0.32), (0.0, 0.14), (-0.26, 0.16)], dark(body, 0.14))
    pen.dot(0.36, 0.76, 0.18, body)
    pen.blob([(0.5, 0.8), (0.72, 0.74), (0.72, 0.66), (0.5, 0.66)], NAMED["orange"])
    pen.dot(0.42, 0.82, 0.032, INK)


@draws("chicken, hen, rooster, chick, turkey, peacock", size=0.32, width=1.1, home="field", creature=True)
def _chicken(pen: Pen, look: Look) -> None:
    body = look.pick_of((244, 238, 226), (186, 106, 64))
    for x in (-0.04, 0.1):
        pen.line([(x, 0.2), (x, 0.03), (x + 0.08, 0.01)], 0.028, NAMED["orange"])
    for i, y in enumerate((0.8, 0.68, 0.56)):
        pen.limb([(-0.18, 0.4), (-0.42 - 0.02 * i, y)], [0.14, 0.08], dark(body, 0.2 + 0.08 * i))
    pen.blob([(-0.36, 0.5), (0, 0.48), (0.14, 0.76), (0.34, 0.76), (0.4, 0.46), (0.24, 0.2), (-0.12, 0.18)], body)
    pen.blob([(-0.24, 0.44), (0.08, 0.46), (0.12, 0.32), (-0.1, 0.28)], dark(body, 0.14))
    for x in (0.14, 0.22, 0.3):
        pen.dot(x, 0.86, 0.06, NAMED["red"])
    pen.dot(0.24, 0.76, 0.14, body)
    pen.poly([(0.36, 0.8), (0.5, 0.74), (0.36, 0.7)], NAMED["orange"])
    pen.oval(0.36, 0.64, 0.04, 0.07, NAMED["red"])
    pen.dot(0.28, 0.8, 0.026, INK)


@draws("owl, owls", size=0.36, width=0.85, home="night", creature=True)
def _owl(pen: Pen, look: Look) -> None:
    body = look.pick_of((138, 100, 76), (120, 112, 120))
    for side in (-1, 1):
        pen.poly([(side * 0.34, 0.74), (side * 0.34, 1.0), (side * 0.1, 0.88)], dark(body, 0.15))
    pen.blob([(-0.36, 0.8), (0, 0.94), (0.36, 0.8), (0.4, 0.4), (0.24, 0.06), (-0.24, 0.06), (-0.4, 0.4)], body)
    pen.oval(0, 0.32, 0.24, 0.26, light(body, 0.5))
    for row in range(3):
        for x in (-0.12, 0, 0.12):
            pen.curve(
                [(x - 0.04, 0.44 - row * 0.12), (x, 0.41 - row * 0.12), (x + 0.04, 0.44 - row * 0.12)],
                0.014,
                dark(body, 0.1),
            )
    for side in (-1, 1):
        pen.blob([(side * 0.36, 0.6), (side * 0.44, 0.3), (side * 0.26, 0.1), (side * 0.24, 0.4)], dark(body, 0.22))
        pen.dot(side * 0.16, 0.7, 0.16, light(body, 0.75))
        pen.dot(side * 0.16, 0.7, 0.1, NAMED["yellow"])
        pen.dot(side * 0.16, 0.7, 0.06, INK)
        pen.oval(side * 0.1, 0.03, 0.08, 0.03, NAMED["orange"])
    pen.poly([(-0.05, 0.64), (0.05, 0.64), (0, 0.54)], NAMED["orange"])


@draws("penguin, penguins, puffin", size=0.38, width=0.75, home="snow", creature=True)
def _penguin(pen: Pen, look: Look) -> None:
    body = look.pick_of((50, 56, 78))
    for side in (-1, 1):
        pen.oval(side * 0.12, 0.03, 0.12, 0.035, NAMED["orange"])
        pen.limb([(side * 0.22, 0.6), (side * 0.36, 0.34)], [0.12, 0.06], dark(body, 0.2))
    pen.blob([(-0.18, 0.86), (0, 0.98), (0.18, 0.86), (0.28, 0.4), (0.16, 0.04), (-0.16, 0.04), (-0.28, 0.4)], body)
    pen.blob([(-0.12, 0.68), (0, 0.72), (0.12, 0.68), (0.2, 0.36), (0.1, 0.07), (-0.1, 0.07), (-0.2, 0.36)], WHITE)
    for x in (-0.08, 0.08):
        pen.dot(x, 0.82, 0.045, WHITE)
        pen.dot(x, 0.82, 0.025, INK)
    pen.poly([(-0.06, 0.76), (0.06, 0.76), (0, 0.68)], NAMED["orange"])
    if look.clothes:
        pen.poly([(-0.1, 0.68), (-0.1, 0.58), (0.1, 0.68), (0.1, 0.58)], look.clothes_colour or NAMED["red"])


@draws("fish, fishes, goldfish, salmon, trout, clownfish", size=0.24, width=1.5, place="water", home="underwater")
def _fish(pen: Pen, look: Look) -> None:
    body = look.pick("orange", "yellow", "teal", "magenta", "blue")
    pen.blob([(-0.4, 0.5), (-0.74, 0.84), (-0.64, 0.5), (-0.74, 0.16)], dark(body, 0.18))
    pen.blob([(-0.2, 0.74), (0.02, 0.99), (0.26, 0.8)], dark(body, 0.18))
    pen.blob([(-0.1, 0.3), (-0.06, 0.05), (0.16, 0.26)], dark(body, 0.18))
    pen.blob([(-0.48, 0.5), (-0.1, 0.82), (0.36, 0.76), (0.66, 0.5), (0.36, 0.24), (-0.1, 0.18)], body)
    pen.blob([(-0.02, 0.82), (0.1, 0.82), (0.14, 0.5), (0.1, 0.19), (-0.02, 0.18), (0.02, 0.5)], WHITE)
    pen.blob([(0.18, 0.5), (0.02, 0.56), (-0.06, 0.42), (0.08, 0.36)], dark(body, 0.24))
    pen.dot(0.44, 0.58, 0.08, WHITE)
    pen.dot(0.46, 0.58, 0.045, INK)


@draws("shark, sharks", size=0.3, width=2.0, place="water", home="underwater")
def _shark(pen: Pen, look: Look) -> None:
    body = look.pick_of((104, 122, 144))
    pen.poly([(-0.72, 0.5), (-1.0, 0.92), (-0.86, 0.48), (-0.98, 0.2)], dark(body, 0.1))
    pen.poly([(-0.12, 0.72), (-0.2, 1.0), (0.16, 0.72)], dark(body, 0.1))
    pen.blob([(-0.8, 0.5), (-0.3, 0.74), (0.3, 0.76), (0.94, 0.5), (0.4, 0.26), (-0.3, 0.34)], body)
    pen.blob([(-0.4, 0.42), (0.2, 0.44), (0.82, 0.45), (0.4, 0.26), (-0.2, 0.32)], (226, 232, 236))
    pen.poly([(0.1, 0.42), (-0.1, 0.06), (0.28, 0.34)], dark(body, 0.2))
    pen.dot(0.64, 0.56, 0.032, INK)
    pen.poly([(0.5, 0.4), (0.56, 0.33), (0.62, 0.4), (0.68, 0.34), (0.74, 0.42)], WHITE)
    for x in (0.3, 0.36, 0.42):
        pen.line([(x, 0.6), (x - 0.02, 0.46)], 0.014, dark(body, 0.35))


@draws("whale, whales, orca", size=0.4, width=1.7, place="water", home="underwater")
def _whale(pen: Pen, look: Look) -> None:
    body = look.pick_of((70, 104, 152), (66, 76, 100))
    pen.blob(
        [
            (-0.56, 0.4),
            (-0.78, 0.56),
            (-0.84, 0.82),
            (-0.66, 0.74),
            (-0.58, 0.66),
            (-0.5, 0.82),
            (-0.38, 0.8),
            (-0.44, 0.54),
        ],
        dark(body, 0.12),
    )
    pen.blob(
        [(-0.6, 0.46), (-0.2, 0.62), (0.3, 0.72), (0.72, 0.6), (0.8, 0.3), (0.5, 0.08), (0, 0.06), (-0.4, 0.2)], body
    )
    pen.blob([(0.8, 0.3), (0.5, 0.08), (0, 0.06), (-0.2, 0.12), (0.3, 0.28)], (222, 230, 236))
    pen.blob([(0.2, 0.24), (0.0, -0.0), (0.14, 0.0), (0.36, 0.2)], dark(body, 0.22))
    pen.dot(0.6, 0.4, 0.03, INK)
    for dx in (-0.1, 0.1):
        pen.curve([(0.4, 0.72), (0.4 + dx, 0.96), (0.4 + dx * 2.4, 0.86)], 0.035, (206, 232, 244))


@draws("dolphin, dolphins, porpoise", size=0.36, width=1.5, place="water", home="sea")
def _dolphin(pen: Pen, look: Look) -> None:
    body = look.pick_of((96, 138, 176))
    pen.poly([(-0.5, 0.16), (-0.74, 0.2), (-0.62, 0.08), (-0.62, -0.02), (-0.44, 0.1)], dark(body, 0.15))
    pen.poly([(-0.06, 0.74), (-0.2, 0.96), (0.14, 0.76)], dark(body, 0.15))
    pen.blob(
        [
            (-0.56, 0.12),
            (-0.3, 0.56),
            (0.06, 0.78),
            (0.4, 0.72),
            (0.54, 0.56),
            (0.74, 0.46),
            (0.5, 0.42),
            (0.2, 0.5),
            (-0.14, 0.4),
        ],
        body,
    )
    pen.blob([(0.5, 0.44), (0.2, 0.52), (-0.14, 0.42), (-0.3, 0.3), (0.0, 0.54), (0.34, 0.56)], (228, 236, 240))
    pen.poly([(0.16, 0.54), (0.1, 0.28), (0.3, 0.5)], dark(body, 0.2))
    pen.dot(0.42, 0.62, 0.025, INK)


@draws("octopus, octopuses, squid, jellyfish", size=0.36, width=1.1, place="water", home="underwater")
def _octopus(pen: Pen, look: Look) -> None:
    body = look.pick("purple", "magenta", "orange", "teal")
    for i in range(6):
        x = -0.3 + i * 0.12
        out = (i - 2.5) * 0.13
        pen.limb(
            [(x, 0.42), (x + out * 0.5, 0.24), (x + out, 0.12), (x + out * 1.25, 0.18 if i % 2 else 0.04)],
            [0.13, 0.1, 0.07, 0.04],
            dark(body, 0.1 * (i % 2)),
        )
    pen.blob([(-0.34, 0.46), (-0.34, 0.82), (0, 0.98), (0.34, 0.82), (0.34, 0.46), (0, 0.36)], body)
    for x in (-0.13, 0.13):
        pen.dot(x, 0.6, 0.085, WHITE)
        pen.dot(x + 0.015, 0.59, 0.045, INK)
    pen.curve([(-0.08, 0.46), (0, 0.43), (0.08, 0.46)], 0.02, dark(body, 0.5))


@draws("turtle, turtles, tortoise", size=0.28, width=1.6, home="beach")
def _turtle(pen: Pen, look: Look) -> None:
    shell = look.pick("green", "olive", "teal")
    skin = (150, 180, 104)
    for x in (-0.36, 0.36):
        pen.limb([(x, 0.24), (x, 0.06)], [0.2, 0.18], dark(skin, 0.12))
    pen.limb([(0.5, 0.34), (0.68, 0.5)], [0.16, 0.14], skin)
    pen.oval(0.72, 0.54, 0.15, 0.13, skin)
    pen.dot(0.77, 0.58, 0.026, INK)
    pen.dome(0, 0.2, 0.58, 0.72, shell)
    for x, y in ((-0.3, 0.4), (0, 0.44), (0.3, 0.4), (-0.16, 0.66), (0.16, 0.66)):
        pen.blob(
            [
                (x - 0.12, y),
                (x - 0.06, y + 0.1),
                (x + 0.06, y + 0.1),
                (x + 0.12, y),
                (x + 0.06, y - 0.1),
                (x - 0.06, y - 0.1),
            ],
            light(shell, 0.25),
        )
    pen.rect(-0.6, 0.16, 0.6, 0.26, dark(shell, 0.2), radius=0.05)


@draws("frog, frogs, toad", size=0.26, width=1.2, home="lake", creature=True)
def _frog(pen: Pen, look: Look) -> None:
    body = look.pick("green", "lime", "teal")
    if _upright(pen, look, body, _front_head(body, "round")):
        return
    for side in (-1, 1):
        pen.blob([(side * 0.2, 0.4), (side * 0.56, 0.44), (side * 0.6, 0.1), (side * 0.34, 0.04)], dark(body, 0.15))
        pen.oval(side * 0.5, 0.05, 0.2, 0.05, dark(body, 0.25))
        pen.dot(side * 0.22, 0.84, 0.15, body)
        pen.dot(side * 0.22, 0.86, 0.1, WHITE)
        pen.dot(side * 0.22, 0.86, 0.055, INK)
    pen.oval(0, 0.44, 0.42, 0.4, body)
    pen.oval(0, 0.3, 0.28, 0.24, light(body, 0.5))
    pen.curve([(-0.28, 0.6), (0, 0.5), (0.28, 0.6)], 0.03, dark(body, 0.5))


@draws("snake, snakes, python, worm", size=0.24, width=1.8, home="desert")
def _snake(pen: Pen, look: Look) -> None:
    body = look.pick("green", "olive", "red", "yellow")
    path = [
        (-0.85, 0.1),
        (-0.6, 0.3),
        (-0.35, 0.12),
        (-0.08, 0.14),
        (0.12, 0.34),
        (0.36, 0.14),
        (0.6, 0.2),
        (0.66, 0.56),
        (0.76, 0.8),
    ]
    pen.curve(path, 0.2, body)
    for x, y in path[1:-1]:
        pen.oval(x, y + 0.02, 0.055, 0.05, dark(body, 0.35))
    pen.line([(0.94, 0.84), (1.06, 0.82)], 0.025, NAMED["red"])
    pen.oval(0.8, 0.86, 0.17, 0.12, body)
    pen.dot(0.84, 0.9, 0.03, INK)


@draws("snail, snails, slug", size=0.24, width=1.4, home="field")
def _snail(pen: Pen, look: Look) -> None:
    shell = look.pick("orange", "brown", "purple")
    pen.blob(
        [(-0.66, 0.02), (-0.4, 0.14), (0.3, 0.16), (0.46, 0.56), (0.66, 0.5), (0.62, 0.14), (0.44, 0.0)],
        (216, 190, 130),
    )
    for x in (0.5, 0.62):
        pen.line([(x, 0.52), (x + 0.05, 0.8)], 0.025, (196, 168, 108))
        pen.dot(x + 0.05, 0.82, 0.035, INK)
    pen.dot(-0.06, 0.5, 0.42, shell)
    pen.ring(-0.06, 0.5, 0.3, 0.06, dark(shell, 0.25))
    pen.ring(-0.03, 0.48, 0.16, 0.06, dark(shell, 0.25))


@draws("butterfly, butterflies, moth, dragonfly", size=0.24, width=1.2, place="sky")
def _butterfly(pen: Pen, look: Look) -> None:
    wing = look.pick("orange", "blue", "purple", "yellow", "pink")
    for side in (-1, 1):
        pen.blob(
            [(side * 0.04, 0.5), (side * 0.16, 0.9), (side * 0.52, 1.0), (side * 0.56, 0.62), (side * 0.3, 0.46)], wing
        )
        pen.blob([(side * 0.04, 0.46), (side * 0.34, 0.44), (side * 0.44, 0.2), (side * 0.2, 0.06)], dark(wing, 0.16))
        pen.dot(side * 0.4, 0.8, 0.07, light(wing, 0.6))
        pen.dot(side * 0.28, 0.3, 0.05, light(wing, 0.6))
        pen.curve([(0, 0.74), (side * 0.06, 0.9), (side * 0.14, 0.98)], 0.016, INK)
    pen.limb([(0, 0.74), (0, 0.2)], [0.09, 0.05], INK)


@draws("bee, bees, wasp, ladybug, ladybird, beetle", size=0.18, width=1.3, place="sky")
def _bee(pen: Pen, look: Look) -> None:
    body = look.pick("yellow", "gold")
    for x, y in ((-0.1, 0.84), (0.12, 0.86)):
        pen.oval(x, y, 0.16, 0.2, (222, 236, 244))
    pen.oval(0, 0.48, 0.5, 0.34, body)
    for x, h in ((-0.24, 0.29), (0.0, 0.34), (0.22, 0.3)):
        pen.rect(x - 0.05, 0.48 - h, x + 0.05, 0.48 + h, INK, radius=0.05)
    pen.dot(0.48, 0.5, 0.2, INK)
    pen.dot(0.55, 0.56, 0.05, WHITE)


@draws("crab, crabs, lobster", size=0.22, width=1.7, home="beach")
def _crab(pen: Pen, look: Look) -> None:
    body = look.pick("red", "orange", "crimson")
    for side in (-1, 1):
        for i in range(3):
            pen.line(
                [
                    (side * 0.3, 0.3),
                    (side * (0.56 + i * 0.05), 0.36 - i * 0.1),
                    (side * (0.7 + i * 0.02), 0.12 - i * 0.05),
                ],
                0.05,
                dark(body, 0.15),
            )
        pen.line([(side * 0.34, 0.42), (side * 0.62, 0.6)], 0.07, body)
        pen.pie(side * 0.68, 0.76, 0.2, 110 if side > 0 else 100, 430 if side > 0 else 420, body)
        pen.line([(side * 0.13, 0.6), (side * 0.14, 0.8)], 0.035, body)
        pen.dot(side * 0.14, 0.84, 0.06, WHITE)
        pen.dot(side * 0.14, 0.84, 0.035, INK)
    pen.oval(0, 0.38, 0.44, 0.28, body)
    pen.curve([(-0.12, 0.32), (0, 0.26), (0.12, 0.32)], 0.025, dark(body, 0.5))


@draws("dinosaur, dinosaurs, dino, t-rex", size=0.6, width=1.2, home="forest", creature=True)
def _dinosaur(pen: Pen, look: Look) -> None:
    skin = look.pick("green", "teal", "purple", "orange")
    pen.limb([(-0.04, 0.4), (-0.3, 0.3), (-0.6, 0.36)], [0.3, 0.18, 0.04], skin)
    pen.limb([(0.06, 0.34), (0.1, 0.18), (0.06, 0.03)], [0.2, 0.12, 0.09], dark(skin, 0.2))
    for i, (x, y) in enumerate(((-0.34, 0.41), (-0.2, 0.52), (-0.06, 0.66), (0.02, 0.8), (0.1, 0.92))):
        pen.poly([(x - 0.07, y - 0.05), (x - 0.06 - 0.01 * i, y + 0.09), (x + 0.06, y)], dark(skin, 0.35))
    pen.blob([(-0.22, 0.36), (-0.04, 0.62), (0.04, 0.84), (0.2, 0.8), (0.28, 0.56), (0.2, 0.3), (0, 0.22)], skin)
    pen.blob([(0.24, 0.68), (0.28, 0.5), (0.2, 0.3), (0.08, 0.26), (0.16, 0.5)], light(skin, 0.5))
    pen.limb([(-0.06, 0.34), (-0.02, 0.18), (-0.06, 0.03)], [0.24, 0.13, 0.1], skin)
    pen.oval(-0.02, 0.03, 0.1, 0.035, dark(skin, 0.1))
    pen.limb([(0.22, 0.58), (0.34, 0.54), (0.36, 0.48)], [0.06, 0.05, 0.04], dark(skin, 0.1))
    pen.blob([(0.02, 0.82), (0.08, 0.98), (0.26, 1.0), (0.5, 0.93), (0.5, 0.82), (0.24, 0.76)], skin)
    pen.line([(0.24, 0.84), (0.48, 0.85)], 0.016, dark(skin, 0.5))
    pen.dot(0.22, 0.92, 0.035, WHITE)
    pen.dot(0.23, 0.92, 0.02, INK)


@draws("dragon, dragons", size=0.58, width=1.5, home="mountains", creature=True)
def _dragon(pen: Pen, look: Look) -> None:
    skin = look.pick("red", "green", "purple", "teal")
    pen.blob(
        [(-0.06, 0.54), (-0.3, 0.96), (-0.72, 0.98), (-0.54, 0.8), (-0.58, 0.66), (-0.36, 0.62), (-0.3, 0.48)],
        light(skin, 0.3),
    )
    for x, y in ((-0.72, 0.98), (-0.58, 0.66), (-0.3, 0.48)):
        pen.line([(-0.06, 0.54), (-0.3, 0.92), (x, y)], 0.02, dark(skin, 0.2))
    pen.limb([(-0.14, 0.34), (-0.44, 0.18), (-0.66, 0.2), (-0.72, 0.32)], [0.24, 0.14, 0.08, 0.03], skin)
    pen.poly([(-0.7, 0.28), (-0.8, 0.44), (-0.62, 0.4)], dark(skin, 0.2))
    pen.blob([(-0.24, 0.36), (-0.1, 0.52), (0.16, 0.56), (0.26, 0.36), (0.12, 0.18), (-0.14, 0.18)], skin)
    for x in (-0.12, 0.14):
        pen.limb([(x, 0.3), (x + 0.03, 0.16), (x, 0.04)], [0.18, 0.11, 0.09], dark(skin, 0.1))
        pen.oval(x + 0.03, 0.03, 0.09, 0.035, dark(skin, 0.25))
    pen.limb([(0.14, 0.42), (0.3, 0.62), (0.32, 0.8)], [0.24, 0.16, 0.14], skin)
    pen.blob([(0.22, 0.86), (0.34, 0.95), (0.6, 0.84), (0.6, 0.74), (0.34, 0.74)], skin)
    for x in (0.24, 0.31):
        pen.poly([(x, 0.88), (x - 0.1, 1.02), (x + 0.06, 0.92)], (236, 222, 180))
    pen.dot(0.38, 0.86, 0.035, NAMED["yellow"])
    pen.dot(0.39, 0.86, 0.018, INK)
    if look.rng.random() < 0.7:
        pen.blob([(0.62, 0.78), (0.76, 0.86), (0.98, 0.78), (0.8, 0.72), (0.92, 0.62), (0.7, 0.7)], NAMED["orange"])
        pen.blob([(0.62, 0.77), (0.74, 0.8), (0.86, 0.76), (0.72, 0.73)], NAMED["yellow"])
    for x, y in ((-0.02, 0.53), (0.14, 0.56), (0.22, 0.66), (0.23, 0.78)):
        pen.poly([(x - 0.05, y - 0.02), (x - 0.05, y + 0.08), (x + 0.03, y + 0.01)], dark(skin, 0.35))
