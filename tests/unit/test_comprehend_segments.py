"""How a long text is cut for providers: nothing lost, nothing too large, no word without its neighbours."""

from __future__ import annotations

import itertools
import re
import unicodedata

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
            [" ", "  ", "\n", "\t", "\u00a0", "e\u0301\u0323", "👩\u200d👩\u200d👧", "a" * 70, "\u0301" * 40]
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
        assert part.text == text[part.start : part.end]
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
        # White space beyond a word's share of a part counts as a word of its own.
        if short and len(text[between:end].encode()) <= most // 8:
            assert any(part.start <= start and end <= part.end for part in parts), both


@given(TEXTS, SIZES)
@settings(max_examples=200, deadline=None)
def test_no_character_is_parted_from_its_marks(text: str, most: int) -> None:
    """A part begins with a mark only where more of them are on one character than fit into a word."""
    for part in segments(text, most)[1:]:
        if unicodedata.category(text[part.start]) in ("Mn", "Me", "Mc"):
            before = text[: part.start + 1]
            run = re.search(r".[\u0300-\u036f\u200d]*\Z", before, re.DOTALL)
            assert run is not None
            marked = re.match(r".[\u0300-\u036f\u200d]*", text[run.start() :], re.DOTALL)
            assert marked is not None
            assert len(marked[0].encode()) > most // 4 or not "\u0300" <= text[part.start] <= "\u036f"


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
