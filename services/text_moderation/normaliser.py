"""Folds a text to plain letters, and keeps for each the place in the original text that it came from.

Two foldings of the same text serve the detector:

- `signs`: small Latin letters, with digits and signs as they stand. Case, width, styled letters, diacritics, invisible
  characters and look-alikes of other scripts are folded away (NFKD, case, the confusables of Unicode TR39,
  https://www.unicode.org/reports/tr39/).
- `letters`: the same in letter classes alone, everything else a space: the words as they stand. "l" and "i" are one
  class, because a "1" or a "|" may be either, and which of them it is shows only when a term is held against it.

A capital may look like another letter than its small form does: a capital eta is an H, a small one an n. Such letters
have two readings, so that a text reads the same in any case, and a text that has any is folded twice.

Everything is linear in the text's length; an ASCII text is folded by tables of bytes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Generic, NamedTuple, TypeVar

LEETSPEAK = "leetspeak"
HOMOGLYPHS = "homoglyphs"
SEPARATORS = "separators"
ZERO_WIDTH = "zero-width"
FULL_WIDTH = "full width"
STYLED = "styled letters"
DIACRITICS = "diacritics"
REPEATS = "repeats"
MASKED = "masked letters"
NO_VOWELS = "dropped vowels"
SOUND = "phonetic spelling"
SWAPPED = "swapped letters"
LINE_BREAK = "line break"
REVERSED = "reversed"
ROT13 = "ROT13"
BASE64 = "Base64"
EMOJI = "emoji"

# Look-alikes that TR39 does not count as such because a careful reader can tell them apart.
_MORE_LOOKALIKES = {
    **dict(zip("αβγεηικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abyenikvoptuxwabezhikmnoptyx", strict=True)),
    **dict(zip("авезиктмнпяьцгАВЕКМНОРСТУХ", "abeenktmhnrburabekmhopctyx", strict=True)),
    **dict(zip("æœøłđħŧȷʼ", ["ae", "oe", "o", "l", "d", "h", "t", "j", "'"], strict=True)),
    **dict(zip("€£¢¥§†", "elcyst", strict=True)),
}
# Signs outside ASCII that hide or part letters like their ASCII fellows.
_MORE_SIGNS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58", "-"),
    **dict.fromkeys("\u00b7\u2022\u2219\u25cf\u22c5\u30fb\u2027", "."),
    **dict.fromkeys("\u2018\u2019\u201b\u2032", "'"),
}
_INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"
_MARKS = ("Mn", "Mc", "Me")
_JOINERS = "\u200c\u200d"
_LATIN_NAME = re.compile(
    r"(?:MODIFIER LETTER |NEGATIVE (?:CIRCLED |SQUARED )|REGIONAL INDICATOR SYMBOL |TURNED |REVERSED )?"
    r"(?:LATIN )?(?:SMALL |CAPITAL |SMALL CAPITAL )?LETTER (?:SMALL CAPITAL |SMALL |TURNED |REVERSED |SCRIPT |OPEN )*"
    r"([A-Z])(?: WITH .*)?"
)
_STAR_NAME = re.compile(r".*\b(?:ASTERISK|STAR)\b.*")

CLASS_OF = {"l": "i"}
"""Letters that are looked up as another one."""
# Bytes of ASCII, folded. A control character is removed, and a text that has one takes the slower way.
_ASCII_LETTERS = bytes(
    ord(CLASS_OF.get(chr(c).lower(), chr(c).lower())) if chr(c).isalpha() else ord(" ") for c in range(128)
) + bytes(range(128, 256))
_ASCII_WORDS = bytes(ord(chr(c).lower()) if chr(c).isalpha() else ord(" ") for c in range(128)) + bytes(range(128, 256))
_CONTROL_CODES = (*range(0x09), *range(0x0E, 0x20), 0x7F)
_NOT_CONTROLS = bytes(c for c in range(256) if c not in _CONTROL_CODES)
_DOUBLED = [(letter * 2, letter) for letter in "abcdefghijkmnopqrstuvwxyz"]
_REPEAT = re.compile(r"([^\W\d_])\1+")
# Below so many characters one look for a repeat is faster than one for each letter.
_SHORT = 32
# Blocks of ideographs and syllables, and of nothing, which fold to nothing Latin.
_UNFOLDED = (range(0x3400, 0xA000), range(0xAC00, 0xF900), range(0x17000, 0x1B000), range(0x20000, 0xE0000),
    range(0xE0200, 0x110000))  # fmt: skip
# Code points whose folding is remembered, at most: a text may hold any.
_MOST_REMEMBERED = 30_000


@cache
def _confusables() -> dict[str, str]:
    """From a character to the one ASCII letter that it is confusable with, by TR39's data."""
    data = json.loads(resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8"))
    table: dict[str, str] = {}
    for character, twins in data.items():
        if len(character) == 1 and not character.isascii():
            letters = [t["c"] for t in twins if len(t["c"]) == 1 and t["c"].isascii() and t["c"].isalpha()]
            if letters:
                table[character] = letters[0].lower()
    return {**table, **_MORE_LOOKALIKES}


def _caseless(text: str) -> str:
    """The same for a text in any case: capitals first, so that letters which share a capital become one."""
    return text.upper().casefold()


@lru_cache(maxsize=4096)
def _canonical(character: str) -> str:
    """Its compatibility decomposition in no case and without marks; "" when nothing of it is seen."""
    if _invisible(character):
        return ""
    # Cased, decomposed and cased again: what a styled letter is made of has a case that the letter had not.
    decomposed = _caseless(unicodedata.normalize("NFKD", _caseless(unicodedata.normalize("NFKD", character))))
    kept = "".join(
        c
        for c in unicodedata.normalize("NFKD", decomposed)
        if unicodedata.category(c) not in _MARKS and not _invisible(c)
    )
    # Parenthesised letters decompose to "(a)".
    return kept[1:-1] if len(kept) == 3 and kept[0] == "(" and not character.isascii() else kept


def _invisible(character: str) -> bool:
    return (
        unicodedata.category(character) == "Cf"
        or ord(character) in _CONTROL_CODES
        or character in _INVISIBLE_LETTERS
        or "VARIATION SELECTOR" in unicodedata.name(character, "")
    )


def _latin(character: str) -> str:
    """The ASCII letters that a character looks like, or ""."""
    if character in _confusables():
        return _confusables()[character]
    if match := _LATIN_NAME.fullmatch(unicodedata.name(character, "")):
        return match[1].lower()
    return ""


def _readings(canonical: str) -> tuple[str, str]:
    """What a canonical character reads as, by its small form and by its capital; for one that is not Latin, itself."""
    if canonical.isascii():
        return canonical, canonical
    if canonical in _MORE_SIGNS:
        return _MORE_SIGNS[canonical], _MORE_SIGNS[canonical]
    capital = canonical.upper()
    small, large = _latin(canonical), _latin(capital) if len(capital) == 1 else ""
    if small == "i" and large == "l":
        large = small
    if small or large:
        return small or large, large or small
    if unicodedata.category(canonical)[0] in "LN":
        digit = unicodedata.digit(canonical, None)
        same = canonical if digit is None else str(digit)
        return same, same
    sign = "*" if _STAR_NAME.fullmatch(unicodedata.name(canonical, "")) else " "
    return sign, sign


class _Table(dict[int, str]):
    """A table for `str.translate` from code points to what they fold to, filled as they are met."""

    def __init__(self, letter: Callable[[str], str], *, capitals: bool) -> None:
        super().__init__()
        self._letter = letter
        self._capitals = capitals
        self.ambiguous: set[str] = set()
        """The characters met so far that have two readings."""
        self._begin()

    def __missing__(self, code: int) -> str:
        if len(self) >= _MOST_REMEMBERED:
            self._begin()
        folded = self[code] = self._fold(chr(code))
        return folded

    def _begin(self) -> None:
        self.clear()
        self.update({code: self._fold(chr(code)) for code in range(128)})

    def _fold(self, character: str) -> str:
        if any(ord(character) in block for block in _UNFOLDED):
            return self._letter(character)
        readings = [_readings(c) for c in _canonical(character)]
        if any(small != large for small, large in readings):
            self.ambiguous.add(character)
        return "".join(self._letter(c) for pair in readings for c in pair[self._capitals])


def _letter(character: str) -> str:
    """A letter, or a space. Scripts without case are written without gaps: each letter is a word."""
    if not character.isalpha():
        return " "
    if not character.isascii() and unicodedata.category(character) == "Lo":
        return f" {character} "
    return character


def _class(character: str) -> str:
    letter = _letter(character)
    return CLASS_OF.get(letter, letter)


_SIGNS = (_Table(str, capitals=False), _Table(str, capitals=True))
_WORDS = (_Table(_letter, capitals=False), _Table(_letter, capitals=True))
_LETTERS = (_Table(_class, capitals=False), _Table(_class, capitals=True))


T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 # used like @property
    """A property computed once: functools.cached_property without the lock that costs most of it before Python 3.12.

    For objects that one thread uses.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, _owner: type) -> T:
        instance.__dict__[self._name] = value = self._make(instance)
        return value


class Origin(NamedTuple):
    """Where a text comes from that was made from another."""

    text: Folded
    places: Sequence[int]
    """For each character its place in that text."""


class Folded:
    """A text folded in one reading, with the ways back to the original. Made for one call."""

    def __init__(self, original: str, *, capitals: bool = False, within: Origin | None = None) -> None:
        """`capitals`: letters with two readings are read by their capitals.

        `within`: where `original` comes from, when it was made from another text, such as by writing emoji out.
        """
        self.original = original
        self._capitals = capitals
        self._within = within
        self.raw = b""
        self.direct = original.isascii()
        """Whether each character folds to one character."""
        if self.direct:
            self.raw = original.encode()
            self.direct = not self.raw.translate(None, _NOT_CONTROLS)
        if self.direct:
            self.letters = self.raw.translate(_ASCII_LETTERS).decode()
        else:
            self.letters = original.translate(_LETTERS[capitals])

    @lazy
    def signs(self) -> str:
        """Small letters, digits and signs; not of the same length as the text or as `letters`."""
        return self.original.lower() if self.direct else self.original.translate(_SIGNS[self._capitals])

    @lazy
    def words(self) -> str:
        """As `letters`, with l and i as they stand."""
        return (
            self.raw.translate(_ASCII_WORDS).decode()
            if self.direct
            else self.original.translate(_WORDS[self._capitals])
        )

    @property
    def ambiguous(self) -> bool:
        """Whether any letter has another reading."""
        return not self.direct and not _LETTERS[0].ambiguous.isdisjoint(self.original)

    @lazy
    def from_letters(self) -> Sequence[int]:
        """For each character of `letters` its place in the original."""
        return self._origins(_LETTERS[self._capitals])

    @lazy
    def from_signs(self) -> Sequence[int]:
        """For each character of `signs` its place in the original."""
        return self._origins(_SIGNS[self._capitals])

    def _origins(self, table: _Table) -> Sequence[int]:
        if self.direct:
            return range(len(self.original))
        # Each entry of the table is asked for once more, which is what translating did.
        lengths = [len(table[ord(c)]) for c in self.original]
        return [index for index, length in enumerate(lengths) for _ in range(length)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A range widened so that it cuts no combining sequence; of the text that this one was made from, if any."""
        if self._within is not None:
            outer, places = self._within
            return outer.span(places[start], places[end - 1] + 1)
        if self.direct or self.original.isascii():
            return start, end
        starts, ends = self._clusters
        return starts[start], ends[end - 1]

    @lazy
    def _clusters(self) -> tuple[list[int], list[int]]:
        """For each character where the sequence that it is part of begins and ends: marks, joiners, joined emoji."""
        text = self.original
        starts: list[int] = []
        for index, character in enumerate(text):
            joined = index and (
                unicodedata.category(character) in _MARKS
                or character in _JOINERS
                or "\U0001f3fb" <= character <= "\U0001f3ff"
                or (text[index - 1] == "\u200d" and unicodedata.category(character) == "So")
            )
            starts.append(starts[-1] if joined else index)
        ends = [len(text)] * len(text)
        for index in range(len(text) - 2, -1, -1):
            ends[index] = ends[index + 1] if starts[index + 1] == starts[index] else index + 1
        return starts, ends

    def undone(self, start: int, end: int) -> set[str]:
        """The respellings by other characters within a range of the original."""
        if self.direct:
            return set()
        part = self.original[start:end]
        found = set(map(kind_of, part)) - {"", HOMOGLYPHS}
        # Asked of the letters in no case: a dotless i is a look-alike, and its capital an ordinary I.
        return found | {HOMOGLYPHS} if HOMOGLYPHS in map(kind_of, _caseless(part)) else found

    def may_be_latin(self, start: int, end: int) -> bool:
        """Whether look-alikes in a range are a disguise: a word of Cyrillic letters alone is one in Latin text only."""
        return any(c.isascii() and c.isalpha() for c in _canonical_text(self.original[start:end])) or self._mostly_latin

    @lazy
    def _mostly_latin(self) -> bool:
        canonical = _canonical_text(self.original)
        latin = sum(c.isascii() and c.isalpha() for c in canonical)
        return latin * 2 >= sum(c.isalpha() for c in canonical)


def _canonical_text(text: str) -> str:
    return "".join(map(_canonical, text))


@lru_cache(maxsize=4096)
def kind_of(character: str) -> str:
    """The respelling that folding a character undoes; "" for none, such as case."""
    if character.isascii():
        return ZERO_WIDTH if ord(character) in _CONTROL_CODES else ""
    if _invisible(character):
        return ZERO_WIDTH
    if unicodedata.category(character) in _MARKS:
        return DIACRITICS
    name = unicodedata.name(character, "")
    decomposed = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn")
    if decomposed.isascii() and decomposed.strip():
        canonical = unicodedata.normalize("NFD", character)[0] == decomposed
        return FULL_WIDTH if name.startswith("FULLWIDTH") else DIACRITICS if canonical else STYLED
    if character in _confusables():
        return HOMOGLYPHS
    if _LATIN_NAME.fullmatch(name):
        styled = name.startswith(("NEGATIVE", "REGIONAL"))
        return DIACRITICS if " WITH " in name else STYLED if styled else HOMOGLYPHS
    read = "".join(_readings(c)[0] for c in _canonical(character))
    return HOMOGLYPHS if any(c.isascii() and c.isalpha() for c in read) and character.isalpha() else ""


def fold(text: str) -> str:
    """The text in plain small letters, without respellings by other characters; leetspeak, repeats and gaps stay."""
    return Folded(text).signs


def letters_of(text: str) -> str:
    """A text's letter classes, a space for everything else."""
    return text.translate(_LETTERS[0])


def words_of(text: str) -> list[str]:
    """A text's words: its runs of letters, small."""
    return text.translate(_WORDS[0]).split()


def collapse(letters: str) -> str:
    """Each run of one letter as a single one, however long."""
    if len(letters) < _SHORT:
        return _REPEAT.sub(r"\1", letters) if _REPEAT.search(letters) else letters
    if letters.isascii():
        for doubled, letter in _DOUBLED:
            if doubled in letters:
                letters = letters.replace(doubled, letter)
                while doubled in letters:
                    letters = letters.replace(doubled, letter)
        return letters
    return _REPEAT.sub(r"\1", letters)


def stretches(word: str, plain: str) -> bool:
    """Whether `word` is `plain` with letters repeated. Both collapse to the same."""
    if len(word) < len(plain):
        return False
    at = 0
    for index, letter in enumerate(plain):
        if at >= len(word) or word[at] != letter:
            return False
        at += 1
        if index + 1 == len(plain) or plain[index + 1] != letter:
            while at < len(word) and word[at] == letter:
                at += 1
    return at == len(word)
