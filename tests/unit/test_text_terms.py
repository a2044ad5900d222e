"""The terms detector: respellings, whole words, exceptions, spans."""
# ruff: noqa: RUF001 # look-alike letters are what is tested

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
    ("several signs for a letter", "a painting of a |\\|aked man", "|\\|aked", ["leetspeak"]),
    ("several signs for another", "a painting of a na|<ed man", "na|<ed", ["leetspeak"]),
    ("x for a vowel", "a painting of a naxed man and a nxked man", "nxked", ["masked letters"]),
    ("starred vowel", "a painting of a n*ked man", "n*ked", ["masked letters"]),
    ("hash for a vowel", "a painting of a n#ked man", "n#ked", ["masked letters"]),
    ("an l for an i", "a painting of a fuckIng man", "fuckIng", []),
    ("letters swapped", "a painting of a nkaed man", "nkaed", ["swapped letters"]),
    ("backwards", "a painting of a dekan man", "dekan", ["reversed"]),
    ("rot13", "a painting of a anxrq man", "anxrq", ["ROT13"]),
    ("base64", "a painting, bmFrZWQgbWFu is shown", "bmFrZWQgbWFu", ["Base64"]),
    ("in two pieces", "a painting of a na ked man", "na ked", ["separators"]),
    ("in two lines", "a painting of a nak-\ned man", "nak-\ned", ["line break"]),
    ("in two lines without a hyphen", "a painting of a nak\ned man", "nak\ned", ["line break"]),
    ("squared letters", "a painting of a 🅽🅰🅺🅴🅳 man", "🅽🅰🅺🅴🅳", ["styled letters"]),
    ("two at once", "a painting of a n4а4kkked man", "n4а4kkked", ["homoglyphs", "leetspeak", "repeats"]),
]


def found(text: str, terms: Terms = TERMS) -> list[finding_pb2.Finding]:
    return [f for f in terms.detect(text) if f.confidence >= 0.5]


def covered(text: str, finding: finding_pb2.Finding) -> str:
    return text[finding.text_span.start : finding.text_span.end]


def single(*terms: str, **fields: object) -> Terms:
    entry = Entry("test.001", category_pb2.CATEGORY_HATE, terms, **fields)  # type: ignore[arg-type]
    return Terms(Lexicon((entry,), (), "test"))


TERMS_OF_NUDITY = single("naked", "fucking")


@pytest.mark.parametrize(("text", "word", "respellings"), [r[1:] for r in RESPELLINGS], ids=[r[0] for r in RESPELLINGS])
def test_a_respelled_word_is_found_with_its_exact_span(text: str, word: str, respellings: list[str]) -> None:
    [finding] = TERMS_OF_NUDITY.detect(text)
    assert covered(text, finding) == word
    assert list(finding.respellings) == respellings


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
        "the pen is on the table, as sexton beetles do, it's hit the wall",
        "public libraries and a horse at the tools shop",
        "a list: (a) one, [b] two, <c> three; f(x) = g(x) + h|x|",
        "**bold** and *italic* words, 2 * 3 * 4, C# and R&B",
        "aHR0cHM6Ly9leGFtcGxlLm9yZy9pbWFnZQ==",
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


def compiled(content: str, folder: Path) -> Terms:
    path = folder / "terms.yaml"
    path.write_text(content, "utf-8")
    return Terms(lexicon.load(base=path))


COMPANY = """
entries:
  - {id: a.1, category: violence, term: zorb, inflect: noun, strength: 0.9}
sets:
  tools: {terms: [hammer, chisel], inflect: noun, except: [hammer toe]}
  shops: [garage]
rules:
  - {id: a.2, category: hate, strength: 0.8, all: [tools, violence], within: 10, unless: [shops]}
"""


def test_a_rule_needs_all_its_kinds_close_together(tmp_path: Path) -> None:
    """What rules ask for is no finding by itself, and their span covers all of it."""
    terms = compiled(COMPANY, tmp_path)
    assert terms.detect("two hammers on a bench") == []
    text = "with hammers or zorbs"
    assert [(f.label, covered(text, f)) for f in terms.detect(text)] == [
        ("a.2", "hammers or zorbs"),
        ("a.1", "zorbs"),
    ]
    assert [f.label for f in terms.detect("hammers, and after a long while a zorb")] == ["a.1"]


def test_a_rule_does_not_count_in_the_company_of_what_it_excepts(tmp_path: Path) -> None:
    terms = compiled(COMPANY, tmp_path)
    assert [f.label for f in terms.detect("zorb hammer in a garage")] == ["a.1"]
    assert [f.label for f in terms.detect("a zorb hammer; somewhere far from there, a garage")] == ["a.2", "a.1"]


def test_a_sets_word_may_be_excused(tmp_path: Path) -> None:
    assert [f.label for f in compiled(COMPANY, tmp_path).detect("zorb, hammer toe")] == ["a.1"]


def test_a_rule_sees_respelled_words_and_names_what_was_undone(tmp_path: Path) -> None:
    [rule, _] = compiled(COMPANY, tmp_path).detect("h4mmer a z-o-r-b")
    assert (rule.label, list(rule.respellings)) == ("a.2", ["leetspeak", "separators"])


def test_one_word_does_not_keep_itself_company(tmp_path: Path) -> None:
    content = COMPANY.replace("[hammer, chisel]", "[hammer, zorb]")
    assert [f.label for f in compiled(content, tmp_path).detect("a zorb")] == ["a.1"]


DOUBTS = """
entries:
  - {id: a.1, category: violence, terms: [zorb, zorbed], strength: 0.9}
  - {id: a.2, category: violence, term: flib, strength: 0.2}
sets: {courts: [verdict]}
rules:
  - {id: a.3, category: hate, strength: 0.8, all: [violence, NEIGHBOUR], within: 10}
doubts:
  - {of: [a.1, a.2], near: [courts], within: 20}
"""


def test_a_term_says_little_in_the_company_that_a_doubt_names(tmp_path: Path) -> None:
    """It is reported all the same, below the default threshold; what is weaker already stays as it is."""
    terms = compiled(DOUBTS.replace("NEIGHBOUR", "drugs"), tmp_path)
    for text, expected in {
        "zorbed": [("a.1", 0.9)],
        "a verdict on the zorb": [("a.1", 0.4)],
        "zorb, and long after that a verdict": [("a.1", 0.9)],
        "flib verdict": [("a.2", 0.2)],
        "a z0rb verdict": [("a.1", 0.5)],
    }.items():
        assert [(f.label, round(f.confidence, 2)) for f in terms.detect(text)] == expected, text


def test_a_doubt_binds_no_rule(tmp_path: Path) -> None:
    terms = compiled(DOUBTS.replace("NEIGHBOUR", "courts"), tmp_path)
    assert [(f.label, round(f.confidence, 2)) for f in terms.detect("zorb verdict")] == [("a.3", 0.8), ("a.1", 0.4)]


def test_compounds_are_found_in_one_word_and_in_two(tmp_path: Path) -> None:
    content = "compounds: [{id: a.1, category: hate, first: [zorb, flib], second: [nut], inflect: noun}]"
    terms = compiled(content, tmp_path)
    for text in ("zorbnuts", "zorb nut", "Zorb-Nut", "fl1bnut", "f l i b n u t"):
        assert [covered(text, f) for f in terms.detect(text)] == [text]
    assert terms.detect("nut flib, zorb") == []


def test_emoji_stand_for_words(tmp_path: Path) -> None:
    """For one or for either of several, with or without a variation selector, and as a part of a phrase."""
    content = """
entries:
  - {id: a.1, category: hate, terms: [flib, blue zorb]}
  - {id: a.2, category: drugs, term: tree}
emoji: {"\\u2602\\ufe0f": [tree, flib], "\\U0001F52E": zorb}
"""
    terms = compiled(content, tmp_path)
    for sign in ("\u2602", "\u2602\ufe0f"):
        text = f"a {sign} here"
        assert sorted(f.label for f in terms.detect(text)) == ["a.1", "a.2"]
        assert {covered(text, f) for f in terms.detect(text)} == {sign}
    [finding] = terms.detect("a blue\U0001f52e")
    assert (finding.text_span.start, finding.text_span.end, list(finding.respellings)) == (2, 7, ["emoji"])
    assert terms.detect("\U0001f4a1") == []


def test_an_entry_may_forgo_spellings_that_change_its_letters() -> None:
    """Gaps, digits and look-alikes are undone all the same."""
    assert len(single("flibber").detect("rebbilf fxibber")) == 1
    terms = single("flibber", respell=False)
    assert terms.detect("rebbilf flxbber syvoore") == []
    assert len(terms.detect("fl1bber f.l.i.b.b.e.r")) == 2


def test_only_words_that_are_commonly_masked_so_are_read_with_hardly_a_letter() -> None:
    terms = single("fuck", "fern")
    assert [f.text_span.start for f in terms.detect("f*** f**k f**n f***")] == [0, 5, 15]


def test_a_masked_word_may_be_part_of_a_phrase_whatever_it_is_alone() -> None:
    terms = single("flib the zorb")
    assert [covered(t, f) for t in ["to fl*b the z*rb"] for f in terms.detect(t)] == ["fl*b the z*rb"]
    assert terms.detect("fl*b, z*rb, the z*rb") == []


def test_words_of_three_letters_are_masked_by_convention_only() -> None:
    """An ampersand there is an "and"."""
    terms = single("sex", "hoe", "zob")
    assert [f.text_span.start for f in terms.detect("s*x z*b h*e H&E")] == [0, 8]


def test_a_doubtful_word_in_disguise_is_less_doubtful() -> None:
    """Nobody has a harmless reason to hide it; stretching and accents are no disguise."""
    terms = single("flibber", strength=0.45)
    for text, confidence in {
        "flibber": 0.45,
        "fliiibber": 0.45,
        "flîbber": 0.45,
        "fl1bber": 0.55,
        "f.l.i.b.b.e.r": 0.55,
        "fli\u200bbber": 0.55,
    }.items():
        assert [round(f.confidence, 2) for f in terms.detect(text)] == [confidence], text
    for strength in (0.3, 0.6):
        [finding] = single("flibber", strength=strength).detect("fl1bber")
        assert round(finding.confidence, 2) == strength


def test_a_short_word_after_a_fragment_is_the_rest_of_another() -> None:
    terms = single("ass", "fuck")
    assert terms.detect("green gr-ass, a gl_ass, gr-\nass") == []
    for text in ("big-ass", "my-ass", "tv.\nass", "tv-fuck", "ass!"):
        assert len(terms.detect(text)) == 1, text
    assert terms.detect("ß-ass") == terms.detect("SS-ASS") == []


def test_a_word_broken_after_its_first_letter() -> None:
    """Only where the rest is no word, or hardly one; initials, notes and grades are no part of a word."""
    assert len(single("bitch", "porn").detect("you b itch, p orn")) == 2
    terms = single("shit", "clit", "fucking", "gore", "jism")
    assert terms.detect("the plan's hit, the building c lit up, F. King, grade g ore, J. ism") == []


def test_a_formula_masks_no_word() -> None:
    terms = single("sex", "cum")
    assert terms.detect("x = c*m + b, y = s*x") == []
    assert len(terms.detect("a s*x scene")) == 1


def test_an_emoji_keeps_company_with_words_elsewhere(tmp_path: Path) -> None:
    """A word that is no finding by itself counts for a rule with an emoji, in any reading of the rest."""
    content = """
sets: {tools: [blue zorb], people: [wife]}
rules: [{id: a.1, category: violence, all: [tools, people], within: 12}]
emoji: {"\\U0001F52E": blue zorb}
"""
    terms = compiled(content, tmp_path)
    text = "\U0001f52e my wife"
    assert [(f.label, covered(text, f)) for f in terms.detect(text)] == [("a.1", text)]


def test_a_word_that_is_a_term_with_a_number_is_looked_at_once() -> None:
    """However often it stands in the text; it is the term where its number stands beside it."""
    terms = single("10 zob", "20 zob", "zob 30")
    assert [f.text_span.start for f in terms.detect("zob " * 2000 + "20 zob")] == [8000]
    assert terms.detect("zob " * 2000 + "40 zob") == []


def test_a_term_with_digits_is_held_against_them() -> None:
    terms = single("rule 34", "1488", "3d flib")
    for text in ("rule34", "Rule 34", "1488", "3D-flib"):
        assert [covered(text, f) for f in terms.detect(text)] == [text]
    assert terms.detect("rule 35, rule 345, 14881, 2d flib") == []


def test_a_capital_that_looks_like_another_letter_than_its_small_form_is_read_both_ways() -> None:
    """A capital eta is an H, and a small one an n."""
    terms = single("hen", "nun")
    for text in ("Ηen", "ηun"):
        for cased in (text, text.lower(), text.upper()):
            assert len(terms.detect(cased)) == 1, cased


def test_spans_keep_combining_sequences_whole() -> None:
    text = "a na\u0302ked\u0323\u200d man"
    [finding] = found(text)
    assert covered(text, finding) == "na\u0302ked\u0323\u200d"


def test_what_stands_in_base64_by_chance_is_no_word() -> None:
    """The letters between its digits and signs are not words of the text."""
    assert single("nig").detect("VGhlIHBhaW50aW5nIG9mIGEgY2F0") == []


def test_labels_never_spell_out_a_term() -> None:
    """Theme and number: what a log or a screen may show."""
    assert all(re.fullmatch(r"[a-z._-]+\.\d{3}", entry.id) for entry in lexicon.load().entries)


def test_of_nested_terms_the_longer_is_reported() -> None:
    entries = (
        Entry("test.001", category_pb2.CATEGORY_HATE, ("flib",)),
        Entry("test.002", category_pb2.CATEGORY_HATE, ("flib flob",)),
    )
    found = Terms(Lexicon(entries, (), "test")).detect("a flib flob")
    assert [f.label for f in found] == ["test.002"]
