"""People: flat, stylised, always dressed. One figure with outfits, poses and hats; animals in clothes use it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.generator.sketch.palette import INK, NAMED, WHITE, Colour, dark, light, luminance, mix
from services.generator.sketch.pen import Pen, Point, star
from services.generator.sketch.things.registry import DrawingFunction, Look, draws

SKINS: tuple[Colour, ...] = ((238, 196, 158), (206, 148, 108), (150, 98, 70), (110, 72, 56), (224, 172, 134))
HAIRS: tuple[Colour, ...] = (
    (52, 40, 44),
    (96, 62, 44),
    (176, 120, 62),
    (224, 188, 110),
    (150, 66, 44),
    (120, 118, 126),
)

# Left elbow, left hand, right elbow, right hand, left knee, left foot, right knee, right foot.
POSES: dict[str, tuple[Point, ...]] = {
    "stand": (
        (-0.15, 0.62), (-0.16, 0.46), (0.15, 0.62), (0.16, 0.46), (-0.06, 0.25), (-0.07, 0.03), (0.06, 0.25),
        (0.07, 0.03),
    ),
    "walk": (
        (-0.15, 0.62), (-0.2, 0.48), (0.14, 0.62), (0.22, 0.5), (-0.07, 0.26), (-0.16, 0.04), (0.09, 0.27),
        (0.12, 0.03),
    ),
    "wave": (
        (-0.15, 0.62), (-0.17, 0.46), (0.2, 0.78), (0.24, 0.96), (-0.06, 0.25), (-0.07, 0.03), (0.06, 0.25),
        (0.08, 0.03),
    ),
    "dance": (
        (-0.2, 0.82), (-0.16, 0.98), (0.22, 0.72), (0.32, 0.62), (-0.05, 0.25), (-0.09, 0.03), (0.2, 0.36),
        (0.13, 0.17),
    ),
    "run": (
        (-0.18, 0.66), (-0.26, 0.74), (0.16, 0.62), (0.24, 0.68), (-0.08, 0.26), (-0.28, 0.22), (0.17, 0.34),
        (0.18, 0.08),
    ),
    "jump": (
        (-0.2, 0.84), (-0.26, 0.98), (0.2, 0.84), (0.26, 0.98), (-0.16, 0.34), (-0.12, 0.16), (0.16, 0.34),
        (0.2, 0.16),
    ),
    "box": (
        (-0.18, 0.66), (-0.07, 0.76), (0.2, 0.68), (0.24, 0.82), (-0.12, 0.26), (-0.16, 0.03), (0.1, 0.25),
        (0.17, 0.03),
    ),
    "sit": (
        (-0.15, 0.62), (-0.12, 0.48), (0.15, 0.62), (0.12, 0.48), (-0.1, 0.38), (-0.11, 0.14), (0.1, 0.38),
        (0.11, 0.14),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outfit:
    """What a figure wears."""

    top: Colour
    bottom: Colour
    sleeves: float = 1.0
    """How much of the arm is covered: 0 none, 0.5 to the elbow, 1 all."""
    legs: float = 1.0
    """How much of the leg the trousers cover, in the same way."""
    skirt: float = 0.0
    """Length of a skirt below the hips, as a share of the leg; 1 reaches the floor."""
    shoes: Colour = (58, 50, 56)
    collar: str = ""
    """"suit", "buttons", "belt", "apron", "stripes" or nothing."""
    accent: Colour = (206, 62, 66)
    gloves: Colour | None = None


def figure(
    pen: Pen,
    look: Look,
    outfit: Outfit,
    *,
    pose: str = "stand",
    hair: str = "short",
    hat: str = "",
    skin: Colour | None = None,
    head: Callable[[Pen], None] | None = None,
    head_size: float = 0.092,
) -> None:
    """A standing figure of height 1. `head` draws another head than a person's, in units of its radius."""
    skin_tone, hair_tone = look.rng.choice(SKINS), look.rng.choice(HAIRS)
    skin = skin or skin_tone
    poses = POSES[look.pose if look.pose in POSES else pose]
    el, hl, er, hr, kl, fl, kr, fr = poses
    hip_l, hip_r, sh_l, sh_r = (-0.055, 0.48), (0.055, 0.48), (-0.105, 0.765), (0.105, 0.765)
    if hair == "long" and head is None:
        pen.blob(
            [
                (-0.12, 0.9),
                (-0.1, 0.99),
                (0.1, 0.99),
                (0.12, 0.9),
                (0.13, 0.72),
                (0.06, 0.68),
                (-0.06, 0.68),
                (-0.13, 0.72),
            ],
            hair_tone,
        )
    _legs(pen, outfit, skin, (hip_l, kl, fl), dark(outfit.bottom, 0.12))
    _legs(pen, outfit, skin, (hip_r, kr, fr), outfit.bottom)
    pen.limb([(0, 0.76), (0, 0.84)], [0.07, 0.06], dark(skin, 0.12))
    _arm(pen, outfit, skin, (sh_l, el, hl))
    _torso(pen, outfit)
    _arm(pen, outfit, skin, (sh_r, er, hr))
    face = pen.moved(0, 0.895, head_size)
    if head:
        head(face)
    else:
        _face(face, skin, hair_tone, hair)
    _hat(face, hat, outfit)


def _legs(pen: Pen, outfit: Outfit, skin: Colour, leg: tuple[Point, Point, Point], cloth: Colour) -> None:
    hip, knee, foot = leg
    pen.limb([hip, knee, foot], [0.105, 0.08, 0.055], skin if outfit.legs < 1 else cloth)
    if 0 < outfit.legs < 1:
        share = min(1.0, outfit.legs * 2)
        end = (hip[0] + (knee[0] - hip[0]) * share, hip[1] + (knee[1] - hip[1]) * share)
        pen.limb([hip, end], [0.12, 0.115], cloth)
    side = 0.03 if foot[0] >= 0 else -0.03
    pen.limb([(foot[0], foot[1] - 0.005), (foot[0] + side, foot[1] - 0.008)], [0.052, 0.044], outfit.shoes)


def _arm(pen: Pen, outfit: Outfit, skin: Colour, arm: tuple[Point, Point, Point]) -> None:
    shoulder, elbow, hand = arm
    cloth = dark(outfit.top, 0.1)
    pen.limb([shoulder, elbow, hand], [0.07, 0.058, 0.045], cloth if outfit.sleeves == 1 else skin)
    if 0 < outfit.sleeves < 1:
        share = outfit.sleeves * 2
        end = (shoulder[0] + (elbow[0] - shoulder[0]) * share, shoulder[1] + (elbow[1] - shoulder[1]) * share)
        pen.limb([shoulder, end], [0.085, 0.08], cloth)
    if outfit.gloves:
        pen.dot(*hand, 0.058, outfit.gloves)
        pen.dot(hand[0] - 0.02, hand[1] + 0.02, 0.02, light(outfit.gloves, 0.35))
    else:
        pen.dot(*hand, 0.03, skin)


def _torso(pen: Pen, outfit: Outfit) -> None:
    if outfit.skirt:
        hem = 0.5 - 0.5 * outfit.skirt
        wide = 0.15 + 0.08 * outfit.skirt
        pen.poly(
            [
                (-0.08, 0.56),
                (0.08, 0.56),
                (wide, hem),
                (wide * 0.5, hem - 0.012),
                (0, hem + 0.006),
                (-wide * 0.5, hem - 0.012),
                (-wide, hem),
            ],
            outfit.bottom,
        )
        pen.poly([(0.02, 0.56), (0.08, 0.56), (wide, hem), (wide * 0.5, hem - 0.012)], dark(outfit.bottom, 0.14))
    pen.blob(
        [
            (-0.11, 0.79),
            (0, 0.81),
            (0.11, 0.79),
            (0.125, 0.74),
            (0.092, 0.6),
            (0.1, 0.46),
            (0, 0.45),
            (-0.1, 0.46),
            (-0.092, 0.6),
            (-0.125, 0.74),
        ],
        outfit.top,
    )
    match outfit.collar:
        case "suit":
            pen.poly([(-0.05, 0.805), (0.05, 0.805), (0, 0.62)], WHITE)
            pen.poly([(-0.014, 0.785), (0.014, 0.785), (0.024, 0.67), (0, 0.64), (-0.024, 0.67)], outfit.accent)
            pen.poly([(-0.055, 0.81), (-0.085, 0.74), (0, 0.6)], dark(outfit.top, 0.25))
            pen.poly([(0.055, 0.81), (0.085, 0.74), (0, 0.6)], dark(outfit.top, 0.25))
            pen.dot(0, 0.565, 0.009, light(outfit.top, 0.4))
            pen.dot(0, 0.525, 0.009, light(outfit.top, 0.4))
            pen.rect(0.045, 0.7, 0.08, 0.712, WHITE)
        case "buttons":
            for y in (0.74, 0.68, 0.62, 0.56):
                pen.dot(0, y, 0.011, outfit.accent)
        case "belt":
            pen.rect(-0.098, 0.5, 0.098, 0.535, outfit.accent)
            pen.rect(-0.022, 0.495, 0.022, 0.54, NAMED["gold"])
        case "apron":
            pen.rect(-0.065, 0.46, 0.065, 0.7, WHITE, radius=0.02)
        case "stripes":
            for y in (0.72, 0.64, 0.56):
                pen.rect(-0.094, y, 0.094, y + 0.026, outfit.accent)
        case "star":
            pen.poly(star(0, 0.68, 0.05, 0.022), outfit.accent)
        case "hem":
            pen.rect(-0.096, 0.47, 0.096, 0.5, outfit.accent)


def _face(pen: Pen, skin: Colour, hair: Colour, cut: str) -> None:
    if cut == "bun":
        pen.dot(0, 1.15, 0.4, hair)
    pen.oval(0, 0, 0.9, 1.05, skin)
    pen.dot(-0.92, -0.05, 0.16, skin)
    pen.dot(0.92, -0.05, 0.16, skin)
    if cut != "none":
        pen.poly(
            [
                (-0.96, 0.1),
                (-0.98, 0.6),
                (-0.6, 1.05),
                (0, 1.2),
                (0.6, 1.05),
                (0.98, 0.6),
                (0.96, 0.1),
                (0.78, 0.46),
                (0.2, 0.62),
                (-0.5, 0.42),
                (-0.8, 0.4),
            ],
            hair,
        )
    ink = INK if luminance(skin) > 110 else (24, 20, 26)
    for x in (-0.34, 0.34):
        pen.oval(x, -0.02, 0.1, 0.15, ink)
        pen.line([(x - 0.14, 0.3), (x + 0.14, 0.32)], 0.07, dark(hair, 0.2))
    pen.curve([(-0.26, -0.48), (0, -0.58), (0.26, -0.48)], 0.1, mix(skin, (140, 40, 50), 0.6))
    if cut == "beard":
        pen.blob(
            [(-0.9, -0.1), (-0.5, -0.42), (0, -0.38), (0.5, -0.42), (0.9, -0.1), (0.6, -1.1), (0, -1.5), (-0.6, -1.1)],
            (226, 224, 220),
        )
        pen.curve([(-0.22, -0.62), (0, -0.7), (0.22, -0.62)], 0.1, (170, 80, 80))


def _hat(pen: Pen, hat: str, outfit: Outfit) -> None:
    gold = NAMED["gold"]
    match hat:
        case "crown":
            pen.poly([(-0.9, 0.7), (-1.0, 1.7), (-0.5, 1.2), (0, 1.85), (0.5, 1.2), (1.0, 1.7), (0.9, 0.7)], gold)
            pen.rect(-0.9, 0.66, 0.9, 0.86, dark(gold, 0.2))
            for x in (-0.5, 0, 0.5):
                pen.dot(x, 0.98, 0.1, (200, 50, 70))
        case "wizard":
            pen.poly([(-0.95, 0.6), (0.15, 2.9), (0.95, 0.6)], outfit.top)
            pen.oval(0, 0.62, 1.45, 0.26, dark(outfit.top, 0.2))
            pen.poly(star(0, 1.2, 0.28, 0.12), gold)
        case "chef":
            for x in (-0.55, 0, 0.55):
                pen.dot(x, 1.5, 0.52, WHITE)
            pen.rect(-0.75, 0.62, 0.75, 1.4, WHITE)
            pen.rect(-0.75, 0.62, 0.75, 0.8, (222, 220, 218))
        case "sun":
            pen.oval(0, 0.66, 1.75, 0.3, (236, 208, 146))
            pen.dome(0, 0.68, 0.85, 0.75, (246, 222, 164))
            pen.rect(-0.85, 0.66, 0.85, 0.88, outfit.accent)
        case "cap":
            pen.dome(0, 0.42, 1.0, 0.85, outfit.accent)
            pen.rect(-0.2, 0.36, 1.5, 0.54, dark(outfit.accent, 0.25), radius=0.09)
        case "helmet":
            pen.dome(0, 0.35, 1.12, 0.95, outfit.accent)
            pen.rect(-1.3, 0.28, 1.3, 0.46, dark(outfit.accent, 0.2), radius=0.08)
        case "knight":
            pen.blob([(-1.0, -0.9), (-1.1, 0.4), (0, 1.3), (1.1, 0.4), (1.0, -0.9), (0, -1.2)], (176, 184, 196))
            pen.rect(-0.8, 0.0, 0.8, 0.24, (40, 42, 54))
            pen.rect(-0.08, -0.8, 0.08, 0.9, (132, 140, 156))
            pen.curve([(0, 1.2), (-0.5, 1.9), (-1.3, 1.5)], 0.4, outfit.accent)
        case "top":
            pen.rect(-0.72, 0.6, 0.72, 1.75, INK)
            pen.rect(-1.15, 0.52, 1.15, 0.72, INK, radius=0.1)
            pen.rect(-0.72, 0.74, 0.72, 0.96, outfit.accent)
        case "pirate":
            pen.blob([(-1.5, 0.6), (-0.9, 1.2), (0, 1.55), (0.9, 1.2), (1.5, 0.6), (0, 0.72)], INK)
            pen.dot(0, 1.05, 0.2, WHITE)
            pen.rect(0.12, -0.18, 0.58, 0.2, INK, radius=0.1)
            pen.line([(-0.9, 0.45), (0.5, 0.05)], 0.08, INK)
        case "santa":
            pen.blob([(-0.95, 0.5), (-0.6, 1.3), (0.3, 1.7), (1.3, 1.1), (0.8, 1.1), (0.95, 0.5)], (206, 46, 52))
            pen.rect(-1.08, 0.4, 1.08, 0.74, WHITE, radius=0.16)
            pen.dot(1.35, 1.0, 0.26, WHITE)
        case "space":
            pen.ring(0, 0, 1.45, 0.22, (226, 230, 236))
            pen.curve([(-0.8, 0.7), (-0.4, 1.0), (0.1, 1.08)], 0.14, WHITE)
        case "band":
            pen.rect(-0.98, 0.34, 0.98, 0.62, outfit.accent)
        case "ninja":
            pen.oval(0, 0.05, 1.02, 1.2, outfit.top)
            pen.rect(-0.85, -0.2, 0.85, 0.32, (224, 172, 134), radius=0.15)
            pen.oval(-0.34, 0.04, 0.1, 0.14, INK)
            pen.oval(0.34, 0.04, 0.1, 0.14, INK)
            pen.rect(-1.0, 0.4, 1.0, 0.62, outfit.accent)
        case "clown":
            for x, y in ((-1.0, 0.3), (1.0, 0.3), (-0.9, 0.75), (0.9, 0.75)):
                pen.dot(x, y, 0.42, outfit.accent)
            pen.dot(0, -0.2, 0.22, (214, 50, 54))
            pen.poly([(-0.4, 0.9), (0, 2.0), (0.4, 0.9)], NAMED["yellow"])
            pen.dot(0, 2.0, 0.16, outfit.accent)


def dressed(look: Look, default: Outfit, *, woman: bool = False, young: bool = False) -> tuple[Outfit, str]:
    """The outfit that the prompt's clothes ask for, and the hat that goes with it; else the default and no hat."""
    colour = look.clothes_colour
    chance = look.rng.choice(("navy", "teal", "crimson", "purple", "olive"))
    bright = look.rng.choice(("red", "teal", "blue", "orange", "magenta"))
    match look.clothes:
        case "suit":
            cloth = colour or look.rng.choice(((52, 60, 84), (70, 74, 86), (44, 48, 60)))
            return Outfit(cloth, cloth, collar="suit", accent=NAMED["red"], shoes=(40, 34, 38)), ""
        case "dress":
            cloth = colour or NAMED[chance]
            return Outfit(cloth, cloth, sleeves=0.4, legs=0.0, skirt=0.62, shoes=dark(cloth)), ""
        case "robe":
            cloth = colour or NAMED[chance]
            return Outfit(cloth, cloth, skirt=0.96, collar="belt", accent=dark(cloth, 0.4)), ""
        case "coat":
            cloth = colour or NAMED[chance]
            return Outfit(cloth, cloth, skirt=0.45, collar="buttons", accent=dark(cloth, 0.5)), ""
        case "swimwear" if young:
            # Children are always drawn in plain day clothes.
            return default, "cap"
        case "swimwear" if woman:
            # A one-piece with a wrap.
            cloth = colour or NAMED[bright]
            wrap = light(cloth, 0.55)
            suit = Outfit(
                cloth, wrap, sleeves=0.0, legs=0.0, skirt=0.36, collar="stripes", accent=WHITE, shoes=(206, 160, 110)
            )
            return suit, "sun"
        case "swimwear":
            cloth = colour or NAMED[bright]
            return Outfit(
                light(cloth, 0.55), cloth, sleeves=0.5, legs=0.5, collar="stripes", accent=cloth, shoes=(206, 160, 110)
            ), ""
        case "armour":
            return Outfit(
                (166, 174, 188), (132, 140, 156), collar="belt", accent=(98, 104, 120), gloves=(120, 128, 144)
            ), "knight"
        case "spacesuit":
            return Outfit(
                (226, 230, 236),
                (206, 212, 222),
                collar="belt",
                accent=NAMED["blue"],
                gloves=(240, 160, 70),
                shoes=(150, 158, 172),
            ), "space"
        case "uniform":
            cloth = colour or NAMED["navy"]
            return Outfit(cloth, dark(cloth), collar="buttons", accent=NAMED["gold"]), "cap"
        case "costume":
            cloth = colour or NAMED[bright]
            return Outfit(cloth, dark(cloth), collar="star", accent=NAMED["yellow"], shoes=NAMED["yellow"]), ""
        case "shorts":
            return Outfit(default.top, colour or default.bottom, sleeves=0.5, legs=0.5), ""
        case "top":
            return Outfit(colour or default.top, default.bottom, collar=default.collar, skirt=default.skirt), ""
        case _:
            return default, ""


def _person(look: Look, *, woman: bool, pen: Pen, young: bool = False) -> None:
    top = look.pick("red", "teal", "blue", "orange", "purple", "green", "yellow", "navy")
    bottom = look.rng.choice(((64, 72, 100), (92, 80, 76), (70, 92, 96), (108, 84, 104)))
    if woman and look.rng.random() < 0.6:
        default = Outfit(top, dark(top, 0.18), sleeves=0.5, legs=0.0, skirt=0.6, shoes=dark(top, 0.5))
    else:
        default = Outfit(
            top,
            bottom,
            sleeves=look.rng.choice((0.5, 1.0)),
            collar=look.rng.choice(("", "", "stripes", "buttons")),
            accent=light(top, 0.5),
        )
    outfit, hat = dressed(look, default, woman=woman, young=young)
    hair = look.rng.choice(("long", "long", "bun")) if woman else "short"
    figure(
        pen,
        look,
        outfit,
        pose=look.rng.choice(("stand", "walk", "wave")),
        hair=hair,
        hat=hat,
        head_size=0.118 if young else 0.092,
    )


@draws(
    "man, men, guy, gentleman, gentlemen, boyfriend, father, dad, uncle, businessman, businessmen, husband",
    size=0.62,
    width=0.55,
    creature=True,
)
def _man(pen: Pen, look: Look) -> None:
    _person(look, woman=False, pen=pen)


@draws(
    "woman, women, lady, ladies, mother, mom, mum, aunt, girlfriend, wife, businesswoman",
    size=0.62,
    width=0.55,
    creature=True,
)
def _woman(pen: Pen, look: Look) -> None:
    _person(look, woman=True, pen=pen)


@draws(
    "person, people, somebody, student, teacher, tourist, friend, hiker, artist, painter, singer, musician, worker",
    size=0.62,
    width=0.55,
    creature=True,
)
def _anybody(pen: Pen, look: Look) -> None:
    _person(look, woman=look.rng.random() < 0.5, pen=pen)


@draws(
    "child, children, boy, kid, toddler, baby, babies, son, grandchild, grandchildren",
    size=0.44,
    width=0.55,
    creature=True,
)
def _child(pen: Pen, look: Look) -> None:
    _person(look, woman=False, pen=pen, young=True)


@draws("girl, daughter, schoolgirl", size=0.44, width=0.55, creature=True)
def _girl(pen: Pen, look: Look) -> None:
    _person(look, woman=True, pen=pen, young=True)


def _role(words: str, size: float = 0.64, home: str = "") -> Callable[[DrawingFunction], DrawingFunction]:
    return draws(words, size=size, width=0.55, home=home, creature=True)


@_role("boxer, fighter, wrestler", home="room")
def _boxer(pen: Pen, look: Look) -> None:
    gloves = look.pick("red", "blue", "crimson")
    outfit = Outfit(
        light(gloves, 0.55),
        dark(gloves, 0.1),
        sleeves=0.3,
        legs=0.55,
        collar="hem",
        accent=NAMED["gold"],
        gloves=gloves,
        shoes=gloves,
    )
    outfit, hat = dressed(look, outfit)
    figure(pen, look, Outfit(**{**outfit.__dict__, "gloves": gloves}), pose="box", hat=hat)


@_role("king, emperor, prince")
def _king(pen: Pen, look: Look) -> None:
    robe = look.pick("crimson", "purple", "navy")
    outfit, _ = dressed(look, Outfit(robe, robe, skirt=0.94, collar="belt", accent=WHITE))
    figure(pen, look, outfit, hat="crown", hair="beard")


@_role("queen, princess, princesses, empress")
def _queen(pen: Pen, look: Look) -> None:
    gown = look.pick("purple", "pink", "teal", "crimson")
    outfit, _ = dressed(
        look, Outfit(gown, light(gown, 0.15), sleeves=0.5, skirt=0.96, collar="belt", accent=NAMED["gold"]), woman=True
    )
    figure(pen, look, outfit, hat="crown", hair="long")


@_role("knight, warrior, gladiator")
def _knight(pen: Pen, look: Look) -> None:
    accent = look.pick("red", "blue", "green")
    pen.poly([(0.19, 0.4), (0.215, 0.4), (0.215, 0.95), (0.2, 1.0), (0.185, 0.95)], (206, 212, 222))
    pen.rect(0.14, 0.42, 0.26, 0.45, NAMED["gold"])
    figure(
        pen,
        look,
        Outfit(
            (166, 174, 188),
            (132, 140, 156),
            collar="belt",
            accent=accent,
            gloves=(120, 128, 144),
            shoes=(110, 116, 130),
        ),
        hat="knight",
    )


@_role("wizard, witch, witches, magician, sorcerer")
def _wizard(pen: Pen, look: Look) -> None:
    robe = look.pick("indigo", "purple", "navy", "teal")
    pen.line([(0.2, 0.0), (0.22, 0.9)], 0.022, NAMED["brown"])
    pen.dot(0.22, 0.93, 0.045, (146, 226, 232))
    figure(
        pen.moved(0, 0, 0.84),
        look,
        Outfit(robe, robe, skirt=0.97, collar="belt", accent=NAMED["gold"]),
        hat="wizard",
        hair="beard",
    )


@_role("astronaut, cosmonaut, spaceman", home="space")
def _astronaut(pen: Pen, look: Look) -> None:
    suit = look.pick_of((226, 230, 236))
    pen.rect(-0.15, 0.5, 0.15, 0.8, (176, 184, 198), radius=0.04)
    figure(
        pen,
        look,
        Outfit(
            suit, dark(suit, 0.1), collar="belt", accent=NAMED["blue"], gloves=(240, 160, 70), shoes=(120, 128, 144)
        ),
        pose="wave",
        hat="space",
    )


@_role("chef, cook, baker", home="room")
def _chef(pen: Pen, look: Look) -> None:
    figure(
        pen.moved(0, 0, 0.94),
        look,
        Outfit(look.pick_of((240, 238, 234)), (88, 92, 104), collar="buttons", accent=(60, 64, 80)),
        hat="chef",
    )


@_role("pirate, pirates", home="beach")
def _pirate(pen: Pen, look: Look) -> None:
    figure(
        pen,
        look,
        Outfit(look.pick("crimson", "white", "navy"), (62, 54, 60), collar="stripes", accent=WHITE, skirt=0.0),
        hat="pirate",
    )


@_role("clown, jester")
def _clown(pen: Pen, look: Look) -> None:
    top = look.pick("yellow", "blue", "green")
    figure(
        pen.moved(0, 0, 0.9),
        look,
        Outfit(top, NAMED["red"], collar="buttons", accent=NAMED["orange"], shoes=NAMED["red"]),
        pose="wave",
        hat="clown",
        skin=(246, 236, 226),
        hair="none",
    )


@_role("dancer, ballerina", home="stage")
def _dancer(pen: Pen, look: Look) -> None:
    cloth = look.pick("pink", "lavender", "red", "white")
    outfit, hat = dressed(
        look, Outfit(cloth, light(cloth, 0.3), sleeves=0.35, legs=1.0, skirt=0.42, shoes=cloth), woman=True
    )
    figure(pen, look, outfit, pose="dance", hair="bun", hat=hat)


@_role("doctor, nurse, scientist, dentist", home="room")
def _doctor(pen: Pen, look: Look) -> None:
    figure(
        pen, look, Outfit(look.pick_of((238, 242, 244)), (96, 150, 176), skirt=0.3, collar="suit", accent=NAMED["teal"])
    )


@_role("farmer, gardener, cowboy", home="field")
def _farmer(pen: Pen, look: Look) -> None:
    figure(
        pen,
        look,
        Outfit(look.pick("red", "green", "orange"), (74, 100, 150), collar="apron", accent=(120, 84, 52)),
        hat="sun",
    )


@_role("police officer, policeman, policemen, policewoman, officer, soldier, pilot, sailor, guard", home="city")
def _officer(pen: Pen, look: Look) -> None:
    cloth = look.pick("navy", "blue", "olive")
    figure(pen, look, Outfit(cloth, dark(cloth), collar="buttons", accent=NAMED["gold"]), hat="cap")


@_role("firefighter, fireman, firemen, builder, engineer", home="city")
def _firefighter(pen: Pen, look: Look) -> None:
    figure(
        pen,
        look,
        Outfit(look.pick_of((226, 166, 60)), (80, 74, 70), collar="stripes", accent=(246, 236, 150)),
        hat="helmet",
    )


@_role("ninja, samurai")
def _ninja(pen: Pen, look: Look) -> None:
    cloth = look.pick_of((54, 54, 68))
    figure(
        pen,
        look,
        Outfit(cloth, cloth, collar="belt", accent=NAMED["red"], gloves=dark(cloth)),
        pose="box",
        hat="ninja",
        hair="none",
    )


@_role("superhero, hero, superheroes, heroes", home="city")
def _superhero(pen: Pen, look: Look) -> None:
    cloth = look.pick("blue", "red", "green", "purple")
    pen.poly(
        [(-0.1, 0.79), (0.1, 0.79), (0.26, 0.14), (0.05, 0.2), (-0.26, 0.12)],
        NAMED["red"] if cloth != NAMED["red"] else NAMED["navy"],
    )
    figure(
        pen,
        look,
        Outfit(cloth, dark(cloth, 0.2), collar="star", accent=NAMED["yellow"], shoes=NAMED["red"]),
        pose="wave",
    )


@_role("santa, santa claus", home="snow")
def _santa(pen: Pen, look: Look) -> None:
    figure(
        pen.moved(0, 0, 0.95),
        look,
        Outfit((206, 46, 52), (190, 40, 48), collar="belt", accent=INK, gloves=WHITE),
        hat="santa",
        hair="beard",
        skin=SKINS[0],
    )
