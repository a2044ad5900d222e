"""The list of things that can be drawn. Each drawing function enters itself with `@draws(...)`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from services.generator.sketch.palette import NAMED, Colour
from services.generator.sketch.pen import Pen

Place = Literal["ground", "sky", "water", "ceiling"]


@dataclass(frozen=True)
class Look:
    """How one thing is to look: what the prompt said of it, and a source of chance for the rest."""

    rng: random.Random
    colour: Colour | None = None
    clothes: str = ""
    pose: str = ""
    clothes_colour: Colour | None = None
    avoided: frozenset[str] = frozenset()
    """Names of colours that pick() leaves out."""

    def pick(self, *names: str) -> Colour:
        """The prompt's colour, or one of these by chance."""
        # Chance is used up either way, so that a colour changes nothing but the colour.
        chosen = NAMED[self.rng.choice([name for name in names if name not in self.avoided] or names)]
        return self.colour or chosen

    def pick_of(self, *colours: Colour) -> Colour:
        """Like pick(), for colours without a name."""
        chosen = self.rng.choice(colours)
        return self.colour or chosen


DrawingFunction = Callable[[Pen, Look], None]


@dataclass(frozen=True)
class Noun:
    """A thing that can be drawn."""

    name: str
    words: tuple[str, ...]
    """What it is called in the singular; plurals are formed by rule, or listed here too."""
    draw: DrawingFunction
    size: float
    """Its height where it stands alone, as a share of the picture's shorter side."""
    width: float
    """Its width as a share of its height, all that is drawn included."""
    place: Place
    home: str
    """The setting it is shown in where the prompt names none; empty: anywhere."""
    creature: bool
    """Whether it can wear clothes and dance."""
    flat: bool
    """Whether it can carry things: a table, a bed, a stage."""


NOUNS: dict[str, Noun] = {}


def draws(
    words: str,
    *,
    size: float = 0.4,
    width: float = 1.0,
    place: Place = "ground",
    home: str = "",
    creature: bool = False,
    flat: bool = False,
) -> Callable[[DrawingFunction], DrawingFunction]:
    """Enters a drawing function under its words, the first of which is its name. It draws between y = 0 and 1."""
    names = tuple(words.split(", "))

    def enter(function: DrawingFunction) -> DrawingFunction:
        NOUNS[names[0]] = Noun(names[0], names, function, size, width, place, home, creature, flat)
        return function

    return enter
