"""Cuts a text into parts that a provider takes, so that nothing hides in a cut.

Parts overlap: every word stands in one part together with the word before it and the word after it, and most words with
many more. Words are what white space divides; a very long one is cut, at characters, into pieces that count as words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# The share of a part that the next one holds again, where words allow.
_OVERLAP = 1 / 8
# No word is longer than this share of a part: then any two neighbours fit into one.
_LONGEST_WORD = 1 / 4

_JOINER = "\N{ZERO WIDTH JOINER}"


@dataclass(frozen=True)
class Segment:
    """A part of a text."""

    text: str
    start: int
    """Its first code point in the whole."""
    end: int
    """One past its last code point in the whole."""

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
            found.append(Segment(text[start:end], start, end))
        if last + 1 == len(words):
            return found
        # The next one begins with this one's last word, or with more of them; later than this one in any case.
        began, first, again = first, last, sizes[last]
        while first - 1 > began and again + sizes[first - 1] <= most_bytes * _OVERLAP:
            first -= 1
            again += sizes[first]


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
