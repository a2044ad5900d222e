"""Cuts a text into parts that a provider takes, so that nothing hides in a cut.

Parts overlap: every word stands in one part together with the word before it and the word after it, and most words with
many more. Words are what white space divides; a very long one is cut, at characters, into pieces that count as words.
Of white space that goes on and on one character is left: it says nothing, and would keep words apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# The share of a part that the next one holds again, where words allow.
_OVERLAP = 1 / 8
# No word is longer than this share of a part: then any two neighbours fit into one.
_LONGEST_WORD = 1 / 4

# White space of more characters than this is one space.
_MOST_SPACE = 8

_LONG_SPACE = re.compile(rf"\s{{{_MOST_SPACE + 1},}}")
_JOINER = "\N{ZERO WIDTH JOINER}"


@dataclass(frozen=True)
class Segment:
    """A part of a text."""

    text: str
    """As it is judged: long white space in it is shortened."""
    start: int
    """Its first code point in the whole."""
    end: int
    """One past its last code point in the whole."""
    places: Sequence[int] = field(default=(), compare=False, repr=False)
    """Where each of its code points stands in the whole; empty where they stand next to each other."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """What the code points from `start` to `end` of its text are in the whole."""
        if self.places:
            return self.places[start], self.places[end - 1] + 1
        return self.start + start, self.start + end

    @property
    def size(self) -> int:
        """In bytes of UTF-8."""
        return len(self.text.encode())


def segments(text: str, most_bytes: int) -> list[Segment]:
    """The parts of `text`, in order, of at most `most_bytes` (32 or more) bytes of UTF-8.

    One part, which is the whole, where that is small enough. Parts of nothing but white space are left out.
    """
    if len(text.encode()) <= most_bytes:
        return [Segment(text, 0, len(text))]
    whole, text, places = len(text), *_squeezed(text)
    if len(text.encode()) <= most_bytes:
        return [Segment(text, 0, whole, places)]
    words = list(_words(text, int(most_bytes * _LONGEST_WORD)))
    sizes = [len(text[start:end].encode()) for start, end in words]
    found: list[Segment] = []
    first = 0
    while True:
        last, size = first, sizes[first]
        while last + 1 < len(words) and size + sizes[last + 1] <= most_bytes:
            last += 1
            size += sizes[last]
        start, end = words[first][0], words[last][1]
        if not text[start:end].isspace():
            there = places[start:end]
            span = (there[0], there[-1] + 1) if there else (start, end)
            found.append(Segment(text[start:end], *span, there))
        if last + 1 == len(words):
            return found
        # The next one begins with this one's last word, or with more of them; later than this one in any case.
        began, first, again = first, last, sizes[last]
        while first - 1 > began and again + sizes[first - 1] <= most_bytes * _OVERLAP:
            first -= 1
            again += sizes[first]


def _squeezed(text: str) -> tuple[str, Sequence[int]]:
    """The text with one space for each long stretch of white space, and where each of its characters stands in `text`:
    nothing where that is where it was.
    """
    pieces: list[str] = []
    places: list[int] = []
    last = 0
    for match in _LONG_SPACE.finditer(text):
        pieces += [text[last : match.start()], " "]
        places += range(last, match.start() + 1)
        last = match.end()
    if not pieces:
        return text, ()
    places += range(last, len(text))
    return "".join((*pieces, text[last:])), places


def batches(parts: Sequence[Segment], *, most: int, most_bytes: int) -> Iterator[list[Segment]]:
    """The parts in order, `most` at a time at most and `most_bytes` of UTF-8 in all."""
    batch: list[Segment] = []
    for part in parts:
        if batch and (len(batch) == most or sum(each.size for each in batch) + part.size > most_bytes):
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch


def _words(text: str, most_bytes: int) -> Iterator[tuple[int, int]]:
    """From where to where each word goes, with the white space behind it; what is longer comes in pieces."""
    start, size, in_space = 0, 0, False
    for first, end in _characters(text):
        here = len(text[first:end].encode())
        begins = in_space and not text[first].isspace()
        if first > start and (begins or size + here > most_bytes):
            yield start, first
            start, size = first, 0
        size += here
        in_space = text[first].isspace()
        while size > most_bytes:
            # One character with more marks on it than fit: nothing is lost by dividing these.
            cut = start + len(text[start : start + most_bytes].encode()[:most_bytes].decode(errors="ignore"))
            yield start, cut
            size -= len(text[start:cut].encode())
            start = cut
    if start < len(text):
        yield start, len(text)


def _characters(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each character goes as people see it: with its marks, and with what is joined to it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place < len(text) and (
            unicodedata.category(text[place]) in ("Mn", "Me", "Mc")
            or text[place] == _JOINER
            or text[place - 1] == _JOINER
        ):
            continue
        yield start, place
        start = place
