"""Reads a prompt: which things, how many, in which colours, where, when and in which style."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.generator.sketch import VERSION, vocabulary
from services.generator.sketch.palette import NAMED, SHADES, Colour, shade
from services.generator.sketch.things import NOUNS, Noun

MOST_OF_A_THING = 12
MOST_THINGS = 6
LONGEST_PHRASE = 3
# A prompt may be 10,000 characters; what comes later than this no longer fits into one picture. A negative prompt is
# read to its end, where the gateway puts the policy's.
MOST_WORDS = 400

_IRREGULAR_PLURALS = frozenset(
    (
        "men", "gentlemen", "businessmen", "women", "ladies", "people", "children", "grandchildren", "policemen",
        "firemen", "mice", "geese", "wolves", "oxen", "calves", "sheep", "cacti", "fungi", "leaves", "snowmen",
        "heroes",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A noun of the prompt with all that was said of it."""

    noun: Noun
    count: int = 1
    colours: tuple[str, ...] = ()
    """Names such as "red" or "dark red"; several take turns among several things."""
    clothes: str = ""
    clothes_colour: str = ""
    pose: str = ""
    on: str = ""
    """The name of the thing it stands on, if any; that thing is in the scene too."""

    @property
    def name(self) -> str:
        """The noun's name."""
        return self.noun.name

    @property
    def upright(self) -> bool:
        """Whether it stands on two legs: people, and animals that wear something or dance."""
        return self.noun.creature and bool(self.clothes or self.pose in ("dance", "box"))

    @property
    def size(self) -> float:
        """Height as a share of the picture's shorter side, alone in the picture."""
        return max(self.noun.size, 0.6) if self.upright and self.noun.size >= 0.2 else self.noun.size

    @property
    def width(self) -> float:
        """Width as a share of its height."""
        return min(self.noun.width, 0.62) if self.upright else self.noun.width

    def colour(self, index: int) -> Colour | None:
        """The colour of the index-th of them, or None where the prompt names none."""
        return rgb(self.colours[index % len(self.colours)]) if self.colours else None


@dataclass(frozen=True)
class Scene:
    """All that a prompt asks for, in words that can be drawn."""

    things: tuple[Thing, ...] = ()
    setting: str = ""
    time: str = ""
    weather: str = ""
    style: str = ""
    colours: tuple[str, ...] = ()
    """Colours that belong to no thing; they tint the whole."""
    ellipses: bool = False
    """Whether the picture is the moderation example."""
    avoided: frozenset[str] = field(default=frozenset())
    """Colours that the negative prompt names: not chosen by chance either."""
    key: str = ""
    """Seed and unknown words: what chance depends on."""

    def chance(self, use: str) -> random.Random:
        """A source of chance for one use, independent of all others, so that one thing less leaves the rest alike."""
        digest = hashlib.sha256(f"{VERSION}\n{self.key}\n{use}".encode()).digest()
        return random.Random(int.from_bytes(digest[:8]))


def rgb(name: str) -> Colour:
    """The colour of a name such as "red" or "dark red"."""
    *shades, base = name.split()
    return shade(NAMED[base], shades[0]) if shades else NAMED[base]


def read(prompt: str, negative_prompt: str, seed: int) -> Scene:
    """The scene of a prompt, without what the negative prompt names."""
    excluded = {(kind, name) for kind, name, _ in _tokens(negative_prompt) if kind != "word"}
    scene = _assemble([token for token in _tokens(prompt, MOST_WORDS) if token[:2] not in excluded], str(seed))
    avoided = frozenset(name for kind, name in excluded if kind == "colour")
    return replace(scene, avoided=avoided)


def _plurals(word: str) -> Iterator[str]:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        yield word[:-1] + "ies"
    elif word.endswith(("s", "x", "ch", "sh")):
        yield word + "es"
    else:
        yield word + "s"


def _index() -> dict[str, tuple[str, str]]:
    """Every known phrase, as (kind, name). Where two claim one, the later group of this function wins."""
    index: dict[str, tuple[str, str]] = {}
    for noun in NOUNS.values():
        for word in noun.words:
            for plural in _plurals(word):
                index[plural] = ("noun", noun.name)
    for noun in NOUNS.values():
        for word in noun.words:
            index[word] = ("noun", noun.name)
    groups: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = (
        ("setting", vocabulary.SETTINGS),
        ("time", vocabulary.TIMES),
        ("weather", vocabulary.WEATHER),
        ("style", vocabulary.STYLES),
        ("clothes", vocabulary.CLOTHES),
        ("pose", vocabulary.POSES),
    )
    for kind, group in groups:
        for name, words in group.items():
            index.update((word, (kind, name)) for word in words)
    index.update((name, ("colour", name)) for name in NAMED)
    index.update((name, ("shade", name)) for name in SHADES)
    index.update((word, ("ellipses", "ellipses")) for word in vocabulary.ELLIPSES)
    return index


INDEX = _index()
_LISTED = {word for noun in NOUNS.values() for word in noun.words}
_PLURALS = {plural for word in _LISTED for plural in _plurals(word)} | _IRREGULAR_PLURALS


def _tokens(text: str, most_words: int | None = None) -> list[tuple[str, str, str]]:
    """The text as (kind, name, phrase), the longest known phrase first; unknown words are of kind "word"."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", folded)[:most_words]
    tokens = []
    i = 0
    while i < len(words):
        for length in range(LONGEST_PHRASE, 0, -1):
            phrase = " ".join(words[i : i + length])
            known = INDEX.get(phrase)
            if known and i + length <= len(words):
                tokens.append((*known, phrase))
                i += length
                break
        else:
            tokens.append(("word", words[i], words[i]))
            i += 1
    return tokens


def _assemble(tokens: list[tuple[str, str, str]], key: str) -> Scene:
    things: list[Thing] = []
    found: dict[str, str] = {}
    loose: list[str] = []
    colours: list[str] = []
    unknown: list[str] = []
    tone, count, on, of = "", 0, False, ""
    clothes, clothes_colour, pose = "", "", ""

    for kind, name, phrase in tokens:
        match kind:
            case "shade":
                tone = name
            case "colour":
                colours.append(f"{tone} {name}".strip())
                tone = ""
            case "noun":
                noun = NOUNS[name]
                many = min(MOST_OF_A_THING, count or (3 if phrase in _PLURALS else 1))
                thing = Thing(noun, many, tuple(colours))
                if noun.creature:
                    thing = replace(thing, clothes=clothes, clothes_colour=clothes_colour, pose=pose)
                    clothes, clothes_colour, pose = "", "", ""
                if on and things and noun.place in ("ground", "water") and things[-1].name != name:
                    things[-1] = replace(things[-1], on=name)
                same = next((i for i, other in enumerate(things) if other.name == name), None)
                if same is not None and of == name:
                    # "A cup of tea" is one cup.
                    pass
                elif same is not None:
                    # "A red car and a blue car" are two cars.
                    old = things[same]
                    both = (*(old.colours or ()), *thing.colours)
                    things[same] = replace(old, count=min(MOST_OF_A_THING, old.count + many), colours=both)
                elif len(things) < MOST_THINGS:
                    things.append(thing)
                colours, count, on, tone, of = [], 0, False, "", ""
            case "clothes" | "pose":
                wearer = next((i for i in range(len(things) - 1, -1, -1) if things[i].noun.creature), None)
                if kind == "clothes":
                    worn = colours[-1] if colours else ""
                    colours = []
                    if wearer is None:
                        clothes, clothes_colour = name, worn
                    else:
                        things[wearer] = replace(things[wearer], clothes=name, clothes_colour=worn)
                elif wearer is None or count:
                    # "A man and a dancing woman": what stands before the next noun is said of that one.
                    pose = name
                else:
                    things[wearer] = replace(things[wearer], pose=name)
                on = phrase == "riding"
            case "setting" | "time" | "weather" | "style":
                found.setdefault(kind, name)
                loose += colours
                colours, count, on = [], 0, False
            case "word":
                if phrase in vocabulary.COUNTS:
                    count = max(count, vocabulary.COUNTS[phrase])
                elif phrase in vocabulary.BREAKS:
                    of = things[-1].name if phrase == "of" and things else ""
                    on = phrase in vocabulary.ON
                    if phrase != "of":
                        loose += colours
                        colours, count, tone = [], 0, ""
                elif phrase in vocabulary.ON:
                    on = True
                elif phrase not in vocabulary.STOP:
                    unknown.append(phrase)
    names = {thing.name for thing in things}
    things = [thing if thing.on in names else replace(thing, on="") for thing in things]
    return Scene(
        things=tuple(things),
        setting=found.get("setting", ""),
        time=found.get("time", ""),
        weather=found.get("weather", ""),
        style=found.get("style", ""),
        colours=tuple(loose + colours),
        ellipses=any(kind == "ellipses" for kind, _, _ in tokens),
        key=f"{key}\n{' '.join(unknown)}",
    )
