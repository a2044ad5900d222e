"""How a long text is cut for providers: nothing lost, nothing too large, no word without its neighbours."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.text_moderation.segments import Segment, batches, segments

# Words, spaces of all kinds, letters of one to four bytes, marks and joiners.
TEXTS = st.lists(
    st.one_of(
        st.text("abcdefgh", min_size=1, max_size=9),
        st.text("äßéЖ漢字🙂👩", min_size=1, max_size=4),
        st.sampled_from(
            [
                " ",
                "  ",
                "\n",
                "\t",
                "\u00a0",
                " " * 30,
                "\n" * 9,
                "e\u0301\u0323",
                "👩\u200d👩\u200d👧",
                "a" * 70,
                "\u0301" * 40,
            ]
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=200,
).map("".join)
SIZES = st.integers(32, 160)


@given(TEXTS, SIZES)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_nothing_too_large(text: str, most: int) -> None:
    """Each part is what its span says and small enough; only white space stands in none."""
    parts = segments(text, most)
    covered: set[int] = set()
    for part in parts:
        assert re.sub(r"\s+", " ", part.text) == re.sub(r"\s+", " ", text[part.start : part.end])
        for offset, character in enumerate(part.text):
            start, end = part.span(offset, offset + 1)
            assert part.start <= start < end <= part.end
            assert text[start:end] == character or character == " "
        assert 0 < part.size <= most or parts == [Segment(text, 0, len(text))]
        covered |= set(range(part.start, part.end))
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)
    assert [part.start for part in parts] == sorted({part.start for part in parts})


@given(TEXTS, SIZES)
@settings(max_examples=300, deadline=None)
def test_neighbouring_words_stand_together_in_some_part(text: str, most: int) -> None:
    """A phrase of two words cannot hide in a cut, unless its words alone fill a part."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    parts = segments(text, most)
    for (start, between), (_, end) in itertools.pairwise(words):
        both = text[start:end]
        short = all(len(word.encode()) <= most // 8 for word in both.split())
        gap, second = re.fullmatch(r"(\s+)(\S+)", text[between:end]).groups()  # type: ignore[union-attr]
        # White space beyond a word's share of a part counts as a word of its own, but very long one is shortened.
        if short and len(((gap if len(gap) <= 8 else " ") + second).encode()) <= most // 8:
            assert any(part.start <= start and end <= part.end for part in parts), both


# For words without end, so that every cut is between characters; each is a small share of the smallest part.
CHARACTERS = ["x", "\u00e9", "e\u0301\u0323", "\u0915\u093e", "x\u20dd", "a\u200db"]


@given(st.lists(st.sampled_from(CHARACTERS), min_size=60, max_size=200), st.integers(32, 48))
@settings(max_examples=100, deadline=None)
def test_no_character_is_parted_from_its_marks(characters: list[str], most: int) -> None:
    """Nor from what is joined to it: parts begin and end where characters do."""
    borders = set(itertools.accumulate(map(len, characters), initial=0))
    parts = segments("".join(characters), most)
    assert len(parts) > 1
    assert {place for part in parts for place in (part.start, part.end)} <= borders


def test_marks_without_end_are_cut_nevertheless() -> None:
    """No part is larger for them, and no byte of a code point is lost."""
    text = "e" + "\u0301" * 500 + " x"
    parts = segments(text, 100)
    assert max(part.size for part in parts) <= 100
    assert all(part.text == text[part.start : part.end] for part in parts)
    assert all(after.start < before.end for before, after in itertools.pairwise(parts))
    assert (parts[0].start, parts[-1].end) == (0, len(text))


def test_white_space_cannot_keep_words_apart() -> None:
    """However much of it stands between them, they are seen together; the span is that of the original."""
    text = "I will kill" + " " * 1100 + "your family" + " and so on" * 90
    first, *_ = segments(text, 1000)
    assert first.text.startswith("I will kill your family and so on")
    assert (first.start, text[slice(*first.span(12, 23))]) == (0, "your family")
    assert segments("a" + " " * 2000 + "b", 1000) == [Segment("a b", 0, 2002)]


def test_a_text_that_fits_is_one_part() -> None:
    """Then a finding needs no span: it is about the whole."""
    assert segments("a dog", 1000) == [Segment("a dog", 0, 5)]
    assert segments("é" * 16, 32) == [Segment("é" * 16, 0, 16)]


def test_parts_overlap_by_words() -> None:
    """An eighth of a part, rounded to words, stands in both."""
    text = " ".join(f"word{number:03}" for number in range(60))
    first, second, *_ = segments(text, 160)
    shared = text[second.start : first.end]
    assert shared.split() == ["word017", "word018", "word019"][-len(shared.split()) :]
    assert 1 <= len(shared.split()) <= 3
    assert not text[second.start - 1 : second.start].strip()


def test_a_word_without_end_is_cut_into_pieces_that_overlap() -> None:
    """Whoever leaves out the spaces gains nothing."""
    text = "x" * 500
    parts = segments(text, 100)
    assert all(after.start < before.end for before, after in itertools.pairwise(parts))
    assert parts[-1].end == 500


@pytest.mark.parametrize(
    ("most", "most_bytes", "expected"), [(10, 10_000, [10, 10, 5]), (10, 450, [4, 4, 4, 4, 4, 4, 1])]
)
def test_batches_keep_both_limits(most: int, most_bytes: int, expected: list[int]) -> None:
    """So many at a time, and so many bytes in all."""
    parts = [Segment("x" * 100, 0, 100)] * 25
    found = list(batches(parts, most=most, most_bytes=most_bytes))
    assert [len(batch) for batch in found] == expected
    assert [part for batch in found for part in batch] == parts
