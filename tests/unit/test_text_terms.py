"""The terms detector: respellings, whole words, exceptions, spans."""
# ruff: noqa: RUF001 # look-alike letters are what is tested

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safelight.common.v1 import category_pb2, finding_pb2
from services.text_moderation import lexicon
from services.text_moderation.detectors.terms import Terms
from services.text_moderation.lexicon import Allowance, Entry, Lexicon

TERMS = Terms.load()

# The word in the middle is what has to be found, with what is to be reported as undone.
RESPELLINGS = [
    ("plain", "a painting of a naked man", "naked", []),
    ("capitals", "A PAINTING OF A NAKED MAN", "NAKED", []),
    ("leetspeak", "a painting of a n4k3d man", "n4k3d", ["leetspeak"]),
    ("homoglyphs", "a painting of a nаkеd man", "nаkеd", ["homoglyphs"]),
    ("spaced", "a painting of a n a k e d man", "n a k e d", ["separators"]),
    ("dotted", "a painting of a n.a.k.e.d man", "n.a.k.e.d", ["separators"]),
    ("dashed", "a painting of a n-a-k-e-d man", "n-a-k-e-d", ["separators"]),
    ("broken once", "a painting of a nak-ed man", "nak-ed", ["separators"]),
    (
        "zero-width",
        "a painting of a n\u200ba\u200bk\u200be\u200bd man",
        "n\u200ba\u200bk\u200be\u200bd",
        ["zero-width"],
    ),
    ("soft hyphen", "a painting of a na\u00adked man", "na\u00adked", ["zero-width"]),
    ("full width", "a painting of a ｎａｋｅｄ man", "ｎａｋｅｄ", ["full width"]),
    ("diacritics", "a painting of a nâkêd man", "nâkêd", ["diacritics"]),
    ("combining marks", "a painting of a na\u0302ke\u0302d\u0323 man", "na\u0302ke\u0302d\u0323", ["diacritics"]),
    ("repeats", "a painting of a naaakeeed man", "naaakeeed", ["repeats"]),
    ("mathematical letters", "a painting of a 𝖓𝖆𝖐𝖊𝖉 man", "𝖓𝖆𝖐𝖊𝖉", ["styled letters"]),
    ("circled letters", "a painting of a ⓝⓐⓚⓔⓓ man", "ⓝⓐⓚⓔⓓ", ["styled letters"]),
    ("two at once", "a painting of a n4а4kkked man", "n4а4kkked", ["homoglyphs", "leetspeak", "repeats"]),
]


def found(text: str, terms: Terms = TERMS) -> list[finding_pb2.Finding]:
    return [f for f in terms.detect(text) if f.confidence >= 0.5]


def covered(text: str, finding: finding_pb2.Finding) -> str:
    return text[finding.text_span.start : finding.text_span.end]


def single(*terms: str, **fields: object) -> Terms:
    entry = Entry("test.001", category_pb2.CATEGORY_HATE, terms, **fields)  # type: ignore[arg-type]
    return Terms(Lexicon((entry,), (), "test"))


@pytest.mark.parametrize(("text", "word", "respellings"), [r[1:] for r in RESPELLINGS], ids=[r[0] for r in RESPELLINGS])
def test_a_respelled_word_is_found_with_its_exact_span(text: str, word: str, respellings: list[str]) -> None:
    [finding] = found(text)
    assert covered(text, finding) == word
    assert list(finding.respellings) == respellings
    assert finding.category == category_pb2.CATEGORY_NUDITY


@pytest.mark.parametrize(
    "text",
    [
        "A boxer dancing on a table",
        "A lady on the beach in swimming wear, water color style",
        "A dog in a suit",
        "blood orange slices on a marble counter",
        "portrait of a man in a gun metal grey coat, product shoot",
        "a naked mole-rat in its burrow",
        "nude lipstick and nude heels in a shop window",
        "breast of chicken with asparagus",
        "a rooster calling cock-a-doodle-doo at dawn",
        "Dick Van Dyke on a London rooftop",
        "the town of Scunthorpe in the rain",
        "a killer whale leaping out of the water",
        "an assassin bug on a leaf, macro",
        "a class of students passing the assessment",
        "a cocktail with a grapefruit peel",
        "a rapper on stage wrapping gifts",
        "shiitake mushrooms in a bowl",
        "a maine coon cat and a raccoon",
        "a blue tit on a feeder",
        "a murder of crows over a field",
        "a Sussex cottage in Essex",
        "pussy willow branches in a vase",
        "a farmer with a garden hoe",
        "a spic and span kitchen",
        "8 k, 4 k, a b c d e f g, 1 2 3",
        "Yoshitaka Amano style, by Matsushita",
        "D. W. Griffith and J. R. R. Tolkien at the A55 road",
        "a lynx in the style of David Lynch",
        "hello! he'll sell shells",
        "a bloody mary and a cream soda",
        "сосок и соска в русском тексте",
    ],
)
def test_harmless_words_stay_clean(text: str) -> None:
    assert [covered(text, f) for f in found(text)] == []


@pytest.mark.parametrize("text", ["a m1dd1e a9ed man", "a t a b l e", "a g.r.e.e.n tree", "аpplе trее", "soooo cuuute"])
def test_harmless_words_stay_clean_when_respelled(text: str) -> None:
    assert found(text) == []


def test_one_digit_may_stand_for_two_letters() -> None:
    """ "1" is an i in the one word and an l in the other, and both in a third."""
    terms = single("killing")
    for text in ("k1lling", "ki11ing", "k111ing", "k|ll!ng"):
        assert [covered(text, f) for f in terms.detect(text)] == [text]
    assert terms.detect("kikking") == []
    assert terms.detect("kiling") == []


def test_a_gap_that_is_longer_parts_words() -> None:
    """Letters pulled apart, with a wider gap between the words of a phrase."""
    text = "go k i l l   y o u r s e l f now"
    [finding] = TERMS.detect(text)
    assert covered(text, finding) == "k i l l   y o u r s e l f"


def test_a_one_letter_word_before_a_word_pulled_apart_is_not_part_of_it() -> None:
    text = "draw a n u d e"
    [finding] = found(text)
    assert covered(text, finding) == "n u d e"


def test_a_sentence_pulled_apart_hides_nothing() -> None:
    """Evenly spaced letters show no word's end, so that terms of four letters and more count wherever they stand."""
    text = "p a i n t a n a k e d l a d y p l e a s e"
    [finding] = found(text)
    assert covered(text, finding) == "n a k e d"
    assert found("a n a l y s i s, b a s s, c o c k t a i l") == []


def test_digits_alone_are_never_a_word() -> None:
    assert single("ass").detect("route 455, 4 55") == []


def test_a_number_with_a_letter_is_no_short_word() -> None:
    terms = single("ass", "hoes")
    assert terms.detect("the A55 road, an A550 engine, x64ss5") == []
    assert len(terms.detect("4ss, as5, a$$, h035, a5s2")) == 5


def test_a_cyrillic_word_counts_in_an_english_text_only() -> None:
    """Written in Cyrillic letters alone it is a disguise among Latin words and an ordinary word among Cyrillic ones."""
    terms = single("cock")
    assert len(terms.detect("a picture of a соск please")) == 1
    assert terms.detect("красный соск в траве") == []


def test_a_term_in_a_script_without_case_counts_within_a_line() -> None:
    [finding] = single("色情").detect("一张色情图片")
    assert (finding.text_span.start, finding.text_span.end) == (2, 4)


def test_whole_words_unless_the_entry_says_inside() -> None:
    assert single("flib").detect("a flibber") == []
    [finding] = single("flib", inside=True).detect("a megaflibster")
    assert (finding.text_span.start, finding.text_span.end) == (6, 10)


def test_an_exception_excuses_only_what_it_covers() -> None:
    terms = single("flib", exceptions=("flib tree",))
    assert terms.detect("a flib tree and two flib-trees") == []
    text = "a flib under a flib tree"
    assert [f.text_span.start for f in terms.detect(text)] == [2]


def test_an_allowance_may_be_for_some_categories() -> None:
    entries = (
        Entry("test.001", category_pb2.CATEGORY_HATE, ("flib",)),
        Entry("test.002", category_pb2.CATEGORY_DRUGS, ("flib tree",)),
    )
    allowances = (Allowance("flib tree", frozenset({category_pb2.CATEGORY_DRUGS})),)
    found = Terms(Lexicon(entries, allowances, "test")).detect("a flib tree")
    assert [f.label for f in found] == ["test.001"]


def test_a_minor_is_a_finding_only_near_something_sexual() -> None:
    assert TERMS.detect("a child in the garden") == []
    text = "a naked small child in the garden"
    minors = [f for f in TERMS.detect(text) if f.category == category_pb2.CATEGORY_MINORS_SEXUAL]
    assert [covered(text, f) for f in minors] == ["naked small child"]


def test_a_mild_word_is_reported_and_weaker_than_a_slur() -> None:
    [mild] = TERMS.detect("damn")
    assert 0 < mild.confidence < 0.5


def test_labels_never_spell_out_a_term() -> None:
    """Theme and number: what a log or a screen may show."""
    assert all(re.fullmatch(r"[a-z-]+\.\d{3}", entry.id) for entry in lexicon.load().entries)


def test_of_nested_terms_the_longer_is_reported() -> None:
    entries = (
        Entry("test.001", category_pb2.CATEGORY_HATE, ("flib",)),
        Entry("test.002", category_pb2.CATEGORY_HATE, ("flib flob",)),
    )
    found = Terms(Lexicon(entries, (), "test")).detect("a flib flob")
    assert [f.label for f in found] == ["test.002"]


SNIPPETS = st.sampled_from(
    [
        "naked",
        "n4k3d",
        "shit",
        "f.u.c.k",
        "s e x",
        "ｎｕｄｅ",
        "nа",
        "\u200b",
        "\u0301",
        "child",
        "ß",
        "ﬁ",
        "1",
        "!",
        "$",
        " ",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(SNIPPETS, st.characters(), st.just(" "))).map("".join)))
@example("\u0301naked\u0301")
@example("\x00n\x00aked")
@example("㎏ nude㎏")
@example("!!$$||" * 40)
@example("il1!|" * 2000)
def test_any_text_is_taken_and_spans_lie_within_it(text: str) -> None:
    for finding in TERMS.detect(text):
        assert 0 <= finding.text_span.start < finding.text_span.end <= len(text)
        assert 0 <= finding.confidence <= 1
        assert len(set(finding.respellings)) == len(finding.respellings)
