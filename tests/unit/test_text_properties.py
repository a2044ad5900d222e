"""What holds for any text and any respelling: nothing raises, spans are sound, case and respelling change nothing."""

# ruff: noqa: RUF001 # look-alike letters are what is tested
from __future__ import annotations

import random
import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2
from services.text_moderation import lexicon, respell
from services.text_moderation.detectors.terms import RESPELLED_FROM, Terms
from services.text_moderation.variants import NOT_MASKED, ORDINARY

TERMS = Terms.load()
# Single words that are looked for in every spelling.
WORDS = sorted(
    {
        term
        for entry in lexicon.load().entries
        for term in entry.terms
        if term.isascii() and term.isalpha() and len(term) >= 5
        if entry.respell and not entry.near and entry.strength >= RESPELLED_FROM
    }
)
SNIPPETS = st.sampled_from(
    [
        *[
            "naked",
            "n4k3d",
            "shit",
            "f.u.c.k",
            "s_e_x",
            "ｎｕｄｅ",
            "nа",
            "child",
            "ß",
            "ﬁ",
            "İ",
            "η",
            "Η",
            "1",
            "!",
            "$",
            "-",
            "f*ck",
            "n|g",
            "()",
            "|-|",
            "kcuf",
            "ZnVjayB5b3U=",
        ],
        *(" ", "\n", "\u200b", "\u0301", "\u200d", "\ufe0f", "\U0001f52a"),
    ]
)
WORDS_AND_SIGNS = re.findall(
    r"\S+|\n",
    """a the s t yo do er as ass on it its to get high child little girl smoking a joint kill time yourself bit ch po rn
    ak 47 20 88 14 words wife gun museum trial sex education covered in blood red paint young boys , k.i.l.l n-a-k-e-d
    fuuuck sh1t d*ck \U0001f341 \U0001f52b \U0001f52a \U0001f476""",
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(SNIPPETS, st.characters(), st.just(" "))).map("".join))
INVENTED = Terms(
    lexicon.Lexicon(
        tuple(
            lexicon.Entry(word, category_pb2.CATEGORY_HATE, (word,))
            for word in ("flibberzock", "zerplung", "vuxhammer")
        ),
        (),
        "test",
    )
)
CASES = {"upper": str.upper, "lower": str.lower, "title": str.title, "casefold": str.casefold, "swapcase": str.swapcase}
MARKS = ("Mn", "Mc", "Me")
# What is broken into words of their own, or shows hardly a letter, is found for some words only.
WAYS = sorted(set(respell.WAYS) - {"masked", "split"})


def ids(text: str) -> set[str]:
    return {finding.label for finding in TERMS.detect(text)}


def verdicts(text: str) -> set[tuple[str, float]]:
    return {(finding.label, finding.confidence) for finding in TERMS.detect(text)}


@given(TEXTS)
@example("\u0301naked\u0301")
@example("\x00n\x00aked")
@example("㎏ nude㎏")
@example("!!$$||" * 40)
@example("il1!|" * 2000)
@example("(" * 5000 + ")" * 5000)
@example("\u200d" * 10_000)
@example("naked" + "\u0301" * 10_000)
def test_any_text_is_taken_and_spans_lie_within_it_at_its_boundaries(text: str) -> None:
    """A span begins at no combining mark and is followed by none."""
    for finding in TERMS.detect(text):
        start, end = finding.text_span.start, finding.text_span.end
        assert 0 <= start < end <= len(text)
        assert start == 0 or unicodedata.category(text[start]) not in MARKS
        assert end == len(text) or unicodedata.category(text[end]) not in MARKS
        assert 0 <= finding.confidence <= 1
        assert list(finding.respellings) == sorted(set(finding.respellings))


@pytest.mark.parametrize("case", CASES)
@given(TEXTS)
@example("ΝAKED ηaked ʼn ΰ ᾳ ﬁ ß ı İ ǅ Ⱥ")
@example("KILL kiII kilI")
@example("ıdiot mørøn Łoser")
def test_case_never_changes_what_is_found(case: str, text: str) -> None:
    """Base64 apart, whose case is its content."""
    cased = CASES[case](text)
    assume("Base64" not in {kind for t in (text, cased) for f in TERMS.detect(t) for kind in f.respellings})
    assert verdicts(text) == verdicts(cased)


class Thorough(Terms):
    """Without the quick look that spares most texts the rest."""

    def _plainly_harmless(self, words: object, reading: object) -> bool:
        return False


THOROUGH = Thorough.load()


@given(st.one_of(TEXTS, st.lists(st.sampled_from(WORDS_AND_SIGNS)).map(" ".join)))
@example("let's get high \U0001f341")
@example("do you want to \U0001f52b my wife")
def test_the_quick_look_loses_nothing(text: str) -> None:
    assert TERMS.detect(text) == THOROUGH.detect(text)


@pytest.mark.parametrize("way", WAYS)
def test_a_respelled_word_stays_found(way: str) -> None:
    """Each word of the project's own lexicon, but for spellings that are another, ordinary word."""
    chance = random.Random(way)
    missed = []
    for word in WORDS:
        spelled = respell.WAYS[way](word, chance)
        harmless = spelled in ORDINARY or spelled.replace("#", "*").replace("%", "*") in NOT_MASKED
        # Base64 needs some company to be worth a look, in which a few words are harmless.
        plain = f"{word} in the park" if way == "Base64" else f"show {word} here"
        if not harmless and any(map(str.isalpha, spelled)) and ids(plain):
            missed += [] if ids(f"show {spelled} here") else [(word, spelled)]
    assert missed == []


@pytest.mark.parametrize("way", WAYS)
@given(word=st.sampled_from(["flibberzock", "zerplung", "vuxhammer"]), seed=st.integers(0, 1000))
@settings(max_examples=15)
def test_the_entry_of_a_respelled_word_is_named(way: str, word: str, seed: int) -> None:
    spelled = respell.WAYS[way](word, random.Random(seed))
    assert [finding.label for finding in INVENTED.detect(f"a {spelled} here")] == [word], spelled


@given(
    word=st.sampled_from(["flibberzock", "zerplung", "vuxhammer"]),
    ways=st.lists(st.sampled_from(["homoglyph", "marked", "zero-width", "mixed case"]), unique=True),
    first=st.sampled_from(["dotted", "spaced", "hyphenated", "repeated", "leet", "line split"]),
    seed=st.integers(0, 1000),
)
def test_ways_may_be_combined(word: str, ways: list[str], first: str, seed: int) -> None:
    chance = random.Random(seed)
    spelled = respell.WAYS[first](word, chance)
    for way in ways:
        spelled = respell.respelled(spelled, way, chance, words=20)
    assert [finding.label for finding in INVENTED.detect(f"the {spelled} here")] == [word], spelled


@given(st.text(max_size=40), st.sampled_from(sorted(respell.WAYS)), st.integers(0, 1000))
def test_any_text_can_be_respelled(text: str, way: str, seed: int) -> None:
    assert isinstance(respell.respelled(text, way, random.Random(seed)), str)
