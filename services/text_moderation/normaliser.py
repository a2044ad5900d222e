"""Undoes respellings, and keeps for every folded letter the place in the original text that it came from.

A text becomes up to three views. The first has the words as they stand; the others, made only where there is something
to join, hold the words that were pulled apart ("f.l.o.w.e.r", "f l o w e r", "flo-wer") and whole sentences of such
letters. Each is a string in which

- case, width, styled letters, diacritics, invisible characters and look-alikes of other scripts are folded away (NFKD,
  casefold, the confusables of Unicode TR39, https://www.unicode.org/reports/tr39/),
- every letter stands for its class: all that one digit or symbol may mean is one class, so that "1", which may be an i
  or an l, folds together with both, and which of them it was is settled when a term is held against it,
- a run of one class is a single character, whatever its length.

An automaton searches that string; `View.align` then holds a hit against the text itself, letter by letter and run by
run. Everything is linear in the text's length.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from itertools import groupby, pairwise
from typing import NamedTuple

LEETSPEAK = "leetspeak"
HOMOGLYPHS = "homoglyphs"
SEPARATORS = "separators"
ZERO_WIDTH = "zero-width"
FULL_WIDTH = "full width"
STYLED = "styled letters"
DIACRITICS = "diacritics"
REPEATS = "repeats"

# What a digit or a symbol may stand for, besides itself. The first letter's class is the class of the character.
_LEET = {
    "0": "o",
    "1": "il",
    "2": "z",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "g",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "il",
    "|": "il",
    "+": "t",
}
# Look-alikes that TR39 does not count as such because a careful reader can tell them apart.
_MORE_LOOKALIKES = {
    **dict(zip("αβγεηικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abyenikvoptuxwabezhikmnoptyx", strict=True)),
    **dict(zip("авезиктмнпяьцгАВЕКМНОРСТУХ", "abe3nktmhnrburabekmhopctyx", strict=True)),
    **dict(zip("æœøłđħŧıȷʼ", ["ae", "oe", "o", "l", "d", "h", "t", "i", "j", " "], strict=True)),
    **dict(zip("€£¢¥§†", "elcyst", strict=True)),
}
_INVISIBLE_LETTERS = "\u115f\u1160\u3164\uffa0\u2800"
# Blocks of ideographs and syllables, which fold to nothing Latin.
_UNFOLDED = (range(0x3400, 0xA000), range(0xAC00, 0xF900), range(0x17000, 0x1B000))
_FOLDED = (range(0x80, 0x1F200), range(0xE0000, 0xE01F0))
_LATIN_NAME = re.compile(
    r"(?:MODIFIER LETTER |NEGATIVE (?:CIRCLED |SQUARED )|REGIONAL INDICATOR SYMBOL |TURNED |REVERSED )?"
    r"(?:LATIN )?(?:SMALL |CAPITAL |SMALL CAPITAL )?LETTER (?:SMALL CAPITAL |SMALL |TURNED |REVERSED |SCRIPT |OPEN )*"
    r"([A-Z])(?: WITH .*)?"
)


class _Fold(NamedTuple):
    letters: str
    """What the character becomes: "" when it is removed."""
    kind: str
    """The respelling that this undoes; "" for none, such as case."""


def _confusables() -> dict[str, str]:
    """From a character to the one ASCII letter that it is confusable with, by TR39's data."""
    data = json.loads(resources.files("confusable_homoglyphs").joinpath("confusables.json").read_text("utf-8"))
    table: dict[str, str] = {}
    for character, twins in data.items():
        letters = [t["c"] for t in twins if len(t["c"]) == 1 and t["c"].isascii() and t["c"].isalpha()]
        if letters and len(character) == 1 and not character.isascii():
            table[character] = letters[0].lower()
    return table


def _fold_table() -> dict[str, _Fold]:
    confusables = {**_confusables(), **_MORE_LOOKALIKES}
    table: dict[str, _Fold] = {}
    for code in (c for block in _FOLDED for c in block if not any(c in skipped for skipped in _UNFOLDED)):
        character = chr(code)
        fold = _fold_one(character, confusables)
        if fold.letters != character:
            table[character] = fold
    for code in (*range(0x09), *range(0x0E, 0x20), 0x7F):
        table[chr(code)] = _Fold("", ZERO_WIDTH)
    return table


def _fold_one(character: str, confusables: dict[str, str]) -> _Fold:
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category == "Cf" or character in _INVISIBLE_LETTERS or "VARIATION SELECTOR" in name:
        return _Fold("", ZERO_WIDTH)
    if category in ("Mn", "Me"):
        return _Fold("", DIACRITICS)
    decomposed = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn")
    if decomposed.isascii() and decomposed.strip():
        canonical = unicodedata.normalize("NFD", character)[0] == decomposed
        kind = FULL_WIDTH if name.startswith("FULLWIDTH") else DIACRITICS if canonical else STYLED
        # Parenthesised letters decompose to "(a)".
        return _Fold(decomposed.strip("()") or decomposed, kind)
    if character in confusables:
        return _Fold(confusables[character], HOMOGLYPHS)
    if match := _LATIN_NAME.fullmatch(name):
        kind = DIACRITICS if " WITH " in name else STYLED if name.startswith(("NEGATIVE", "REGIONAL")) else HOMOGLYPHS
        return _Fold(match[1].lower(), kind)
    if not any(c.isalnum() for c in decomposed):
        return _Fold(" ", "")
    folded = "".join(confusables.get(c, c) for c in decomposed.casefold())
    return _Fold(folded, HOMOGLYPHS if folded.isascii() and decomposed.casefold() != folded else "")


_FOLDS = _fold_table()

_CLASSES = {ord("l"): "i", ord("L"): "i"}
_OPTIONS: dict[str, str] = {"I": "il"}
for _c in range(0x80):
    _character = chr(_c)
    if _character in _LEET:
        _CLASSES[_c] = _LEET[_character][0]
        _OPTIONS[_character] = _LEET[_character] + _character
    elif _character.isalpha():
        _CLASSES.setdefault(_c, _character.lower())
        _OPTIONS.setdefault(_character, _character.lower())
    else:
        _CLASSES[_c] = " "

_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_REPEAT = re.compile(r"(.)\1+", re.DOTALL)
# Letters pulled apart that join to more than this are several words.
LONGEST_WORD = 14
_LETTERLIKE = re.compile(r"[0-9@$!|+]")
# Signs that are letters only between letters: "k!ll" but not "kill!".
_SIGNS = re.compile(r"(?<![^\W_@$])[!|+]+|[!|+]+(?![^\W_]|[@$])")
_SPACED = re.compile(
    r"(?<![^\W_])(?<![@$])(?:[^\W_]|[@$])"
    r"(?:(?:(?![@$])[\W_]){1,3}(?:[^\W_]|[@$])(?![^\W_]|[@$])){2,}"
)
_MAYBE_BROKEN = re.compile(r"[-._~^][^\W_]|[-._~^][@$]")
_BROKEN = re.compile(r"(?<![^\W_])(?:[^\W_]|[@$])++(?:[-._~^]{1,2}(?:[^\W_]|[@$])++)+")


class Alignment(NamedTuple):
    """Where a term stands in the original text, as a half-open range of code points, and what was undone to see it."""

    start: int
    end: int
    respellings: tuple[str, ...]


class View:
    """A folded text and the way back to the original. Indices are of `text` unless said otherwise."""

    def __init__(
        self, original: str, plain: str, origins: Sequence[int], *, joined: bool = False, unbroken: bool = False
    ) -> None:
        """`plain` has a character for each that is kept, `origins` its place in `original`.

        `joined`: words that were pulled apart. `unbroken`: whole sentences of them, in which nothing shows where a word
        ends.
        """
        self._original = original
        self._plain = plain
        self._origins = origins
        self._joined = joined
        self._unbroken = unbroken
        self._classes = plain.translate(_CLASSES)
        self.text = _REPEAT.sub(lambda m: m[1], self._classes)
        self._has_leet = _LETTERLIKE.search(plain) is not None

    @cached_property
    def _runs(self) -> list[int]:
        """Where each run begins in the uncollapsed text, and at last its length."""
        starts: list[int] = []
        done = 0
        for repeat in _REPEAT.finditer(self._classes):
            starts += range(done, repeat.start() + 1)
            done = repeat.end()
        starts += range(done, len(self._classes) + 1)
        return starts

    def within_word(self, start: int, end: int) -> bool:
        """A quick look: True when a hit certainly begins or ends within a word. False says nothing."""
        if self._has_leet or self._unbroken:
            return False
        text = self.text
        return (start > 0 and "a" <= text[start - 1] <= "z") or (end < len(text) and "a" <= text[end] <= "z")

    def align(self, start: int, end: int, shape: Sequence[str], *, inside: bool = False) -> Alignment | None:
        """Holds the hit text[start:end] against the original, or None when it is not the term after all.

        `shape` is the term's runs, as by `shape_of`. Unless `inside`, the term has to be whole words.
        """
        first, last = self._runs[start], self._runs[end]
        plain, spans = self._plain, self._runs
        # Signs at a word's edges that were folded into its first or last run: "$$hit!".
        while spans[start + 1] - first > len(shape[0]) and not plain[first].isalnum():
            first += 1
        while last - spans[end - 1] > len(shape[-1]) and not plain[last - 1].isalnum():
            last -= 1
        kinds: dict[str, None] = {}
        longest, size = 0, sum(map(len, shape))
        for index, wanted in enumerate(shape):
            if wanted == " ":
                continue
            run = plain[max(first, spans[start + index]) : min(last, spans[start + index + 1])]
            if not _fits(run, wanted):
                return None
            if len(run) > len(wanted):
                kinds[REPEATS] = None
                longest = max(longest, len(run))
            if any(not c.isalpha() and c not in wanted for c in run):
                kinds[LEETSPEAK] = None
        if not any(c.isalpha() for c in plain[first:last]) and any(w.isalpha() for w in shape):
            return None
        if size <= 3 and LEETSPEAK in kinds and sum(c.isdigit() for c in plain[first:last]) > 1:
            # "A55" is a road and a telephone.
            return None
        inside = inside or (self._unbroken and size >= 4)
        # Within a longer word a doubled letter is spelling and not stretching: "shiitake" is a mushroom.
        if (not inside or longest == 2) and not self._whole(first, last):
            return None
        return self._alignment(first, last, kinds)

    def _whole(self, first: int, last: int) -> bool:
        plain = self._plain
        before = plain[first - 1] if first else " "
        after = plain[last] if last < len(plain) else " "
        return not (_continues(before, plain[first]) or _continues(after, plain[last - 1]))

    def _alignment(self, first: int, last: int, kinds: dict[str, None]) -> Alignment | None:
        begin, stop = self._origins[first], self._origins[last - 1] + 1
        original = self._original
        if not original.isascii():
            while stop < len(original) and unicodedata.category(original[stop]) in ("Mn", "Me"):
                stop += 1
            for character in original[begin:stop]:
                kind = _FOLDS[character].kind if character in _FOLDS else ""
                if kind:
                    kinds[kind] = None
            if HOMOGLYPHS in kinds and not self._may_be_latin(begin, stop):
                return None
        elif not original.isprintable() and _CONTROLS.search(original, begin, stop):
            kinds[ZERO_WIDTH] = None
        if self._joined:
            kinds[SEPARATORS] = None
        return Alignment(begin, stop, tuple(sorted(kinds)))

    def _may_be_latin(self, begin: int, stop: int) -> bool:
        # A word of Cyrillic letters alone is Russian in a Russian text and a disguise in an English one.
        return any(c.isascii() and c.isalpha() for c in self._original[begin:stop]) or self._mostly_latin

    @cached_property
    def _mostly_latin(self) -> bool:
        ascii_letters = sum(c.isascii() and c.isalpha() for c in self._original)
        return ascii_letters * 2 >= sum(c.isalpha() for c in self._original)


def views(text: str) -> list[View]:
    """The views of a text: its words as they stand and, where there are any, its words and sentences pulled apart."""
    origins: Sequence[int]
    if text.isascii() and not _CONTROLS.search(text):
        plain, origins = text, range(len(text))
    else:
        plain, origins = _fold(text)
    if "!" in plain or "|" in plain or "+" in plain:
        plain = _SIGNS.sub(lambda m: " " * len(m[0]), plain)
    found = [View(text, plain, origins)]
    words, sentences = _join(plain)
    for letters, unbroken in ((words, False), (sentences, True)):
        if letters:
            joined = "".join(" " if i < 0 else plain[i] for i in letters)
            places = [0 if i < 0 else origins[i] for i in letters]
            found.append(View(text, joined, places, joined=True, unbroken=unbroken))
    return found


def fold(text: str) -> str:
    """The text in plain small letters, without respellings by other characters; leetspeak, repeats and gaps stay."""
    return (text if text.isascii() and not _CONTROLS.search(text) else _fold(text)[0]).lower()


def shape_of(term: str) -> tuple[str, ...]:
    """A term's runs, folded: "Bottle" is ("b", "o", "tt", "l", "e"); a gap between words is " "."""
    plain = " ".join("".join(c if c.isalnum() or c in "@$" else " " for c in fold(term)).split())
    return tuple(
        " " if key == " " else "".join(run) for key, run in groupby(plain, key=lambda c: c.translate(_CLASSES))
    )


def key_of(shape: Sequence[str]) -> str:
    """What `View.text` holds where a term of this shape stands: one class for each run."""
    return "".join(run[0] for run in shape).translate(_CLASSES)


def _fold(text: str) -> tuple[str, list[int]]:
    letters: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text):
        folded = _FOLDS.get(character)
        if folded is None:
            letters.append(character)
            origins.append(index)
        else:
            letters.append(folded.letters)
            origins += [index] * len(folded.letters)
    return "".join(letters), origins


def _join(plain: str) -> tuple[list[int], list[int]]:
    """The letters, by index, of words pulled apart and of sentences pulled apart; -1 between two words."""
    words: list[int] = []
    sentences: list[int] = []
    for match in _SPACED.finditer(plain):
        letters = _joined_letters(plain, match.start(), match.end())
        words += letters
        if _longest_word(letters) > LONGEST_WORD:
            sentences += letters
    for match in _BROKEN.finditer(plain) if _MAYBE_BROKEN.search(plain) else ():
        words += [i for i in range(match.start(), match.end()) if plain[i].isalnum() or plain[i] in "@$"]
        words.append(-1)
    return words, sentences


def _longest_word(letters: Sequence[int]) -> int:
    return max(len(list(run)) for gap, run in groupby(letters, key=lambda i: i < 0) if not gap)


def _joined_letters(plain: str, start: int, end: int) -> list[int]:
    """The letters of "f l o w e r   p o t" by index, with -1 where one word ends: there the gap is longer or other."""
    letters = [i for i in range(start, end) if plain[i].isalnum() or plain[i] in "@$"]
    gaps = [plain[a + 1 : b] for a, b in pairwise(letters)]
    usual = min(gaps, key=len)
    word: list[int] = []
    for index, letter in enumerate(letters):
        if index and len(gaps[index - 1]) > len(usual) and any(c.isspace() for c in gaps[index - 1]):
            word.append(-1)
        word.append(letter)
    word.append(-1)
    # These may be words of their own, in haste, before a word that is pulled apart: "a", "I", "u", "'n", "r".
    if plain[letters[0]] in "aAiIuUnNrR" and len(letters) > 3:
        word += word[1:]
    return word


def _fits(run: str, wanted: str) -> bool:
    """Whether a run of the text can be read as the run of a term, its letters repeated at will."""
    if len(run) < len(wanted):
        return False
    options = [_OPTIONS.get(c, c) for c in run]
    if len(set(wanted)) == 1:
        return all(wanted[0] in o for o in options)
    # i and l are one class, so "il" and "ll" are runs too. `reached` is how much of `wanted` may be read by now.
    reached = {0}
    for option in options:
        reached = {
            place
            for done in reached
            for place in (done, done + 1)
            if (place > done and place <= len(wanted) and wanted[done] in option)
            or (place == done and done and wanted[done - 1] in option)
        }
    return len(wanted) in reached


def _continues(neighbour: str, edge: str) -> bool:
    """Whether a word goes on from its character `edge` into `neighbour`."""
    if neighbour.isdigit():
        # "a550" is a number with a letter; "p0rn2" is a word with a number.
        return edge.isdigit()
    # Scripts without case, such as Chinese, are written without gaps: their letters do not make a word longer.
    return neighbour.isalpha() and unicodedata.category(neighbour) != "Lo" and unicodedata.category(edge) != "Lo"
