"""The words of a text, and the other words that some of its parts may be read as.

A `Reading` has the words as they stand: its maximal runs of letters. `readings` of parts that hold more than letters
(digits, signs, gaps) are `Step`s beside them: "f l 0 w e r" is six words and a step over all six that reads "flower".
A term is then looked for along every path through words and steps. All of it is linear in the text's length, and only
texts with something odd pay for any of it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from services.text_moderation.normaliser import (
    LEETSPEAK,
    LINE_BREAK,
    SEPARATORS,
    Folded,
    collapse,
    lazy,
    letters_of,
)

# Letters pulled apart that join to more than this are several words.
LONGEST_WORD = 14
# A broken word has at most so many pieces of more than a letter, and so many letters.
_MOST_PIECES = 4
_LONGEST_JOINED = 24

_LEET_SIGNS = "@$!|+(<"
_LEET = str.maketrans("0123456789@$!|+(<", "o1zeasgtbgas11tcc")
_EITHER = "1"
_EITHER_CLASS = str.maketrans("1l", "ii")
"""In a text whose digits and signs are read as letters: an l or an i."""
# Second choices: each is another reading of the whole word.
_OTHER_LEET = (("6", "b"), ("9", "q"), ("2", "s"))

# Several characters that draw one letter, the longest first.
_DRAWN = {
    r"|\/|": "m", r"|v|": "m", "/\\/\\": "m", r"(\/)": "m", r"|\|": "n", r"/\/": "n", r"[\]": "n",
    r"\/\/": "w", r"\^/": "w", r"|/\|": "w", r"\|/": "w",
    "|-|": "h", "]-[": "h", "}{": "h", ")-(": "h", "(-)": "h", "/-/": "h", "#": "h", "}-{": "h", "|~|": "h", "[-]": "h",
    "|_|": "u", "(_)": "u", r"\_/": "u", "[_]": "u", "/_/": "u",
    "()": "o", "[]": "o", "<>": "o", "{}": "o",
    "|<": "k", "|{": "k", "|(": "k",
    "|)": "d", "|}": "d", "|]": "d", "[)": "d", "|>": "p", "|*": "p", "|°": "p", "|o": "p", "|3": "b", "|2": "r",
    "|=": "f", "|_": "l", "1_": "l", "/\\": "a", "/-\\": "a", "^": "a", r"\/": "v", "><": "x", ")(": "x", "`/": "y",
    "¥": "y", "-|-": "t", "~|~": "t", "{": "c", "[": "c",
}  # fmt: skip
_SINGLE_DRAWN = "#^{["
_DRAWING = re.compile("|".join(re.escape(d) for d in sorted(_DRAWN, key=len, reverse=True) if d not in _SINGLE_DRAWN)
    + r"|(?<=[a-z])[{[](?=[a-z])|(?<=[a-z])[\^#](?=[a-z])")  # fmt: skip

_WORD = re.compile(r"\S+")
# Each begins where no word goes on, so that a long run is tried once only.
_SIGN = re.escape(_LEET_SIGNS)
_LEET_WORD = re.compile(rf"(?<![^\W_])(?<![{_SIGN}])[^\W\d_]*+[0-9{_SIGN}](?:[^\W_]|[{_SIGN}])*+")
_LEET_SIGN_OR_DIGIT = re.compile(rf"[0-9{_SIGN}]")
_MASKED_WORD = re.compile(
    r"(?<![^\W_])[^\W\d_](?:[^\W_]|[@$!]){0,40}+(?:[*#%&?]++|[-_.~=]{2,}+)"
    r"(?:[^\W_]|[@$!*#%&?]|[-_.~=](?=[-_.~=])|(?<=[-_.~=])[-_.~=])*+"
)
_MASK_SIGN = re.compile(r"[*#%&?]|[-_.~=]{2}")
_MASK = re.compile(r"[*#%&?\-_.~=]")
_SPACED = re.compile(
    r"(?<![^\W_])(?<![@$])(?:[^\W_]|[@$!])"
    r"(?:(?:(?![@$!|+])[\W_]){1,3}(?:[^\W_]|[@$!|+])(?![^\W_]|[@$])){2,}"
)
_GAP = r"(?:[-._~^*/\\|:=+]{1,2}|[-¬][ \t\r]*\n[ \t]*)"
_BROKEN = re.compile(rf"(?<![^\W_])(?<![@$])(?:[^\W_]|[@$])++(?:{_GAP}(?:[^\W_]|[@$]|[!|+](?=[^\W_]))++)+")
_GAP_SIGN = re.compile(r"[-._~^*/\\|:=+](?=[^\W_]|[-._~^*/\\|:=+@$!])")
_DOUBLE_GAP = re.compile(r"[-_.~=]{2}")
_PIECE = re.compile(r"(?:[^\W_]|[@$]|(?<=[^\W_])[!](?=[^\W_]))+")
_TWO_LETTERS = re.compile(r"(?<!\S)\S \S(?!\S)")
_THREE_LETTERS = re.compile(r"(?<!\S)\S \S \S(?!\S)")

_NUMBER = re.compile(r"\d+")

# What ordinary text is made of, besides letters.
_LOWER_AND_GAPS = b"abcdefghijklmnopqrstuvwxyz ,\n"
_UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


Wanted = Callable[[str], bool]
"""Whether the lexicon has a word, given as collapsed letter classes."""


class Step(NamedTuple):
    """A part of the text read as a word."""

    key: str
    """The word's letter classes, collapsed."""
    raw: str
    """The same, not collapsed."""
    plain: str
    """Its letters as they are, in which l and i are two; "" where one of them may be either."""
    likely: str
    """The same, with an i where it may be either."""
    after: int
    """The index of the word that follows."""
    start: int
    """Where it begins in the original, and where it ends."""
    end: int
    kinds: frozenset[str]
    """The respellings that are undone in it."""
    places: Sequence[tuple[int, int]] = ()
    """Where each letter of `raw` stands in the original, where that is known."""
    in_phrase: bool = False
    """Whether it counts only as a word of a phrase."""

    def part(self, start: int, end: int) -> Step:
        """Some of its letters, by `raw`."""
        begin, stop = (self.places[start][0], self.places[end - 1][1]) if self.places else (self.start, self.end)
        raw = self.raw[start:end]
        return Step(
            collapse(raw), raw, self.plain[start:end], self.likely[start:end], self.after, begin, stop, self.kinds
        )


class Reading:
    """The words of a folded text. Indices are of words."""

    def __init__(self, folded: Folded, plain: list[str], words: list[str]) -> None:
        """Looks only at the words; what else there is to read is looked at when it is asked for."""
        self.folded = folded
        self.plain = plain
        """The words with their own letters, in which l and i are two."""
        self.words = words
        """As collapsed letter classes."""

    @lazy
    def flat(self) -> str:
        """The words with a single space between them."""
        return " ".join(self.words)

    @lazy
    def flat_starts(self) -> list[int]:
        """Where each word begins in `flat`."""
        return [m.start() for m in _WORD.finditer(self.flat)]

    @lazy
    def spans(self) -> list[tuple[int, int]]:
        """Where each word stands in the original."""
        origins = self.folded.from_letters
        return [(origins[m.start()], origins[m.end() - 1] + 1) for m in _WORD.finditer(self.folded.letters)]

    @lazy
    def _starts(self) -> list[int]:
        return [start for start, _ in self.spans]

    @lazy
    def raw(self) -> list[str]:
        """As letter classes, not collapsed."""
        return self.folded.letters.split()

    @lazy
    def _places(self) -> list[int]:
        return [m.start() for m in _WORD.finditer(self.folded.letters)]

    def part(self, index: int, start: int, end: int) -> Step:
        """A part of a word, by the letters of `raw`."""
        origins, place = self.folded.from_letters, self._places[index]
        raw = self.raw[index][start:end]
        begin, stop = origins[place + start], origins[place + end - 1] + 1
        plain = self.plain[index][start:end]
        return Step(collapse(raw), raw, plain, plain, index + 1, begin, stop, frozenset())

    def numbers(self, wanted: Collection[str]) -> Iterator[Step]:
        """The wanted numbers; keys are digits."""
        signs = self.folded.signs
        for match in _NUMBER.finditer(signs):
            start, end = match.span()
            if match[0] in wanted and not (signs[start - 1 : start].isalnum() or signs[end : end + 1].isalnum()):
                yield self.step(match.start(), match.end(), match[0])._replace(key=match[0])

    def word_at(self, place: int) -> int:
        """The index of the first word that begins at `place` of the original or after it."""
        return bisect_left(self._starts, place)

    @lazy
    def spaced(self) -> bool:
        """Whether single letters stand beside each other: three, or two with a digit or sign that may be the third."""
        if len([word for word in self.words if len(word) == 1]) < 2:
            return False
        if may_be_leet(self.oddities):
            return _TWO_LETTERS.search(self.flat) is not None
        return _THREE_LETTERS.search(self.flat) is not None

    @lazy
    def oddities(self) -> str:
        """The characters other than letters, spaces and commas; all of the text where it is not plain ASCII."""
        if self.folded.direct:
            return self.folded.raw.translate(None, _LOWER_AND_GAPS + _UPPER).decode()
        return self.folded.signs

    def step(
        self, start: int, end: int, plain: str, *kinds: str, places: Iterable[tuple[int, int]] | None = None
    ) -> Step:
        """Of a range of `folded.signs`, read as `plain`: small letters, and a 1 for an l or an i.

        `places`: the ranges of its letters; without, each character of the range is a letter.
        """
        origins = self.folded.from_signs
        begin, stop = origins[start], origins[end - 1] + 1
        raw = classes_of(plain)
        likely = plain.replace(_EITHER, "i")
        plain = "" if _EITHER in plain else plain
        if places is None:
            places = ((i, i + 1) for i in range(start, end))
        known = [(origins[a], origins[b - 1] + 1) for a, b in places]
        return Step(collapse(raw), raw, plain, likely, self.word_at(stop), begin, stop, frozenset(kinds), known)

    def masked(self) -> Iterator[tuple[str, int, int]]:
        """Words with letters hidden: with a * for each such letter, a 1 for an l or an i, and the range in signs."""
        signs = self.folded.signs
        for match in _within_parts(_MASKED_WORD, _MASK_SIGN, signs):
            text = match[0].rstrip("!?&%._-~=")
            text = _MASK.sub("*", text)
            # "H&E" is a stain, "B&B" a bed; "y = s*x" is a formula.
            if len(text) == 3 and (match[0][1] == "&" or "=" in signs):
                continue
            if "*" in text and not text.isalnum():
                yield letters_of_mask(text), match.start(), match.start() + len(text)

    def leet(self, wanted: Wanted) -> Iterator[Step]:
        """Words with digits and signs for letters that read as a wanted one."""
        signs = self.folded.signs
        yield from self._leet(signs, wanted)
        if not _DRAWING_CHARACTERS.isdisjoint(self.oddities):
            drawn, places = _draw(signs)
            if places:
                yield from self._drawn(drawn, places, wanted)

    def _leet(self, signs: str, wanted: Wanted) -> Iterator[Step]:
        for match in _within_parts(_LEET_WORD, _LEET_SIGN_OR_DIGIT, signs):
            text, start = match[0], match.start()
            for begin, stop, plain, key in _leet_words(text) if len(text) < _LONGEST_CACHED else _leet_words_of(text):
                if wanted(key):
                    yield self.step(start + begin, start + stop, plain, LEETSPEAK)

    def _drawn(self, drawn: str, places: list[tuple[int, int]], wanted: Wanted) -> Iterator[Step]:
        for match in _PIECE_WITH_DRAWING.finditer(drawn):
            text = match[0]
            if not any(c in _DRAWN_LETTERS for c in text):
                continue
            plain = text.translate(_UNDRAWN).translate(_LEET)
            if wanted(collapse(classes_of(plain))):
                letters = places[match.start() : match.end()]
                yield self.step(letters[0][0], letters[-1][1], plain, LEETSPEAK, places=letters)

    def joined(self, wanted: Wanted, known: Wanted) -> Iterator[Step]:
        """Words in pieces with signs between them that join to a wanted one; some pieces of many, to a known."""
        signs = self.folded.signs
        broken = _BROKEN.finditer(signs) if "\n" in signs else _within_parts(_BROKEN, _GAP_SIGN, signs)
        for match in broken:
            pieces = [(m.start(), m.end()) for m in _PIECE.finditer(signs, match.start(), match.end())]
            yield from self._joins(pieces, wanted, known)

    def _joins(self, pieces: list[tuple[int, int]], wanted: Wanted, known: Wanted) -> Iterator[Step]:
        # Letters that all stand alone are `pulled_apart`: where a word of them ends is another question.
        single = [end - start == 1 for start, end in pieces]
        if all(single):
            return
        for first in range(len(pieces)):
            if first and single[first - 1]:
                continue
            letters = long = 0
            for last in range(first, len(pieces)):
                letters += pieces[last][1] - pieces[last][0]
                long += not single[last]
                if letters > _LONGEST_JOINED or long > _MOST_PIECES:
                    break
                if last > first and (last + 1 == len(pieces) or not single[last + 1]):
                    whole = last == first + 1 or last + 1 - first == len(pieces)
                    yield from self._join(pieces[first : last + 1], wanted if whole else known)

    def _join(self, pieces: list[tuple[int, int]], wanted: Wanted) -> Iterator[Step]:
        signs = self.folded.signs
        text = "".join([signs[start:end] for start, end in pieces])
        if text.isalpha():
            readings, kinds = [text], []
        elif _too_little(text):
            return
        else:
            readings, kinds = leet_readings(text), [LEETSPEAK]
        for plain in readings:
            if wanted(collapse(classes_of(plain))):
                start, end = pieces[0][0], pieces[-1][1]
                kinds.append(LINE_BREAK if "\n" in signs[start:end] else SEPARATORS)
                letters = [(i, i + 1) for piece in pieces for i in range(*piece)]
                yield self.step(start, end, plain, *kinds, places=letters)

    def pulled_apart(self) -> Iterator[list[int]]:
        """Words whose letters stand apart, each as the places of its letters in signs."""
        signs = self.folded.signs
        for match in _SPACED.finditer(signs):
            yield from _parted(signs, match.start(), match.end())

    def spelled(self, letters: list[int]) -> tuple[str, ...]:
        """What letters at these places of signs may read as, for `step`."""
        text = "".join(self.folded.signs[i] for i in letters)
        return (text,) if text.isalpha() else tuple(leet_readings(text))


def _within_parts(pattern: re.Pattern[str], sign: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Where `pattern`, which needs `sign` and matches no space, matches: looks only between spaces around a sign."""
    end = 0
    while found := sign.search(text, end):
        start, end = text.rfind(" ", end, found.start()) + 1 or end, text.find(" ", found.end())
        if end < 0:
            end = len(text)
        yield from pattern.finditer(text, start, end)


_LEET_CHARACTERS = frozenset("0123456789@$!|+(</\\)[]{}>^#~`")
_DRAWING_CHARACTERS = frozenset("|/\\()[]{}<>^#~`")
_MASK_CHARACTERS = frozenset("*#%&?")
_GAP_CHARACTERS = frozenset("-._~^*/\\|:=+¬")


def may_be_leet(oddities: str) -> bool:
    """Whether digits or signs may stand for letters, by `Reading.oddities`."""
    return not _LEET_CHARACTERS.isdisjoint(oddities)


def may_be_masked(oddities: str) -> bool:
    """Whether signs may hide letters."""
    return not _MASK_CHARACTERS.isdisjoint(oddities) or _DOUBLE_GAP.search(oddities) is not None


def may_be_joined(oddities: str) -> bool:
    """Whether signs may stand between letters."""
    return not _GAP_CHARACTERS.isdisjoint(oddities)


def may_be_base64(raw: bytes) -> bool:
    """Whether an ASCII text has enough capitals and digits for a part of it to be Base64."""
    return len(raw.translate(None, _LOWER_AND_GAPS)) > 2


def _leet_words_of(text: str) -> tuple[tuple[int, int, str, str], ...]:
    """What parts of a leet word may read as: range, reading and its key."""
    if text.isdigit():
        return ()
    return tuple(
        (begin, stop, plain, collapse(classes_of(plain)))
        for begin, stop in _readable(text)
        if not text[begin:stop].isalpha() and not _too_little(text[begin:stop])
        for plain in leet_readings(text[begin:stop])
    )


# Few of them make up most of what is met: "4k", "8k", "3d", "35mm".
_leet_words = lru_cache(maxsize=2048)(_leet_words_of)
_LONGEST_CACHED = 24


def leet_readings(text: str) -> list[str]:
    """What a text with digits and signs may read as, the likeliest first: small letters, and a 1 for an l or an i."""
    found = [text.translate(_LEET)]
    found += [text.replace(digit, letter).translate(_LEET) for digit, letter in _OTHER_LEET if digit in text]
    return found


def classes_of(plain: str) -> str:
    """The letter classes of a word that has a 1 for an l or an i."""
    if plain.isascii():
        return plain.translate(_EITHER_CLASS)
    return letters_of(plain.replace(_EITHER, "i")).replace(" ", "")


def letters_of_mask(text: str) -> str:
    """A masked word in small letters, with a 1 for an l or an i; what is hidden stays a *."""
    return text.translate(_LEET)


def _readable(text: str) -> list[tuple[int, int]]:
    """The ranges of a leet word that may be the word: signs at its edges may be punctuation, digits a number."""
    start, end = 0, len(text)
    while end > start and text[end - 1] in "!|+(<":
        end -= 1
    while start < end and text[start] in "!|+(<":
        start += 1
    if start == end:
        return []
    ranges = [(start, end)]
    # A sign at an edge is a letter more likely where others are; "!" is one only there.
    others = any(c in "0123456789@$!|+" for c in text[start:end])
    first = start - next((n for n in (2, 1) if _edge(text[max(start - n, 0) : start], n, others, "|<!+")), 0)
    last = end + next((n for n in (2, 1) if _edge(text[end : end + n], n, others, "|+")), 0)
    if first < start:
        ranges.append((first, end))
    if last > end:
        ranges.append((start, last))
    if first < start and last > end:
        ranges.append((first, last))
    inner, outer = start, end
    while inner < outer and text[inner].isdigit():
        inner += 1
    while outer > inner and text[outer - 1].isdigit():
        outer -= 1
    if inner < outer and (inner, outer) != (start, end):
        ranges += {(start, outer), (inner, end), (inner, outer)} - {(start, end)}
    return ranges


def _edge(signs: str, count: int, others: bool, alone: str) -> bool:
    """Whether so many signs at a word's edge may be letters, `alone` those that may without others in the word."""
    if signs == "!+" and "+" in alone:
        return True
    return len(signs) == count and all(c in "|+!<" and (others or c in alone) for c in signs)


def _too_little(text: str) -> bool:
    """Digits alone are never a word, and "A55" is a road and a telephone."""
    digits = sum(map(str.isdigit, text))
    letters = sum(map(str.isalpha, text))
    return (letters == 0 and not any(c in "@$" for c in text)) or (digits > 1 and len(text) <= 3)


# Letters drawn of several signs, as private characters until a word is cut out: 0xE061 for "a" and so on.
_DRAWN_LETTERS = {chr(0xE000 + ord(c)): c for c in "abcdefghijklmnopqrstuvwxyz"}
_UNDRAWN = str.maketrans(_DRAWN_LETTERS)
_PIECE_WITH_DRAWING = re.compile(r"(?:[^\W_]|[@$!|+\ue061-\ue07a])+")


def _draw(signs: str) -> tuple[str, list[tuple[int, int]]]:
    """The signs with each drawn letter as one, and for each character its range; without any, no ranges."""
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    done = 0
    for match in _DRAWING.finditer(signs):
        pieces += signs[done : match.start()]
        places += [(i, i + 1) for i in range(done, match.start())]
        pieces.append(chr(0xE000 + ord(_DRAWN[match[0]])))
        places.append(match.span())
        done = match.end()
    if not places:
        return "", []
    pieces += signs[done:]
    places += [(i, i + 1) for i in range(done, len(signs))]
    return "".join(pieces), places


def _parted(plain: str, start: int, end: int) -> Iterator[list[int]]:
    """The letters of "f l o w e r   p o t" by place, word by word: where one ends the gap is longer or other."""
    letters = [i for i in range(start, end) if plain[i].isalnum() or plain[i] in "@$!|+"]
    gaps = [plain[a + 1 : b] for a, b in pairwise(letters)]
    usual = min(gaps, key=len)
    spaced = any(map(str.isspace, usual))
    words: list[list[int]] = [[letters[0]]]
    mixed = False
    for letter, gap in zip(letters[1:], gaps, strict=True):
        space = any(map(str.isspace, gap))
        if space and (len(gap) > len(usual) or not spaced):
            mixed = mixed or len(gap) == len(usual)
            words.append([])
        words[-1].append(letter)
    yield from words
    if mixed:
        # "f.u c.k" is one word and "f.u.c.k i.t" is two.
        yield letters
    # These may be words of their own, in haste, before a word that is pulled apart: "a", "I", "u", "'n", "r", numbers.
    if plain[letters[0]] in "aiunr0123456789" and len(words[0]) > 3:
        yield words[0][1:]
