"""The lexicon's files: what operators may add, and how a file that is wrong is reported."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from safelight.common.v1 import category_pb2
from services.text_moderation import lexicon
from services.text_moderation.detectors.terms import Terms
from services.text_moderation.lexicon import LexiconError, inflections

TERMS = """
entries:
  - {id: acme.001, category: denied_topic, term: zorblax, inflect: noun}
  - id: acme.002
    category: hate
    terms: [flib flob, flibflob]
    strength: 0.8
    except: [flib flob tree]
"""


def write(folder: Path, content: str | bytes, name: str = "terms.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_projects_own_lexicon_is_sound() -> None:
    """Ids are unique, every entry has a category and a term, and the themes that matter are there."""
    entries = lexicon.load().entries
    assert len({e.id for e in entries}) == len(entries) >= 300
    categories = Counter(e.category for e in entries)
    for name in ("SEXUAL_EXPLICIT", "NUDITY", "MINORS_SEXUAL", "VIOLENCE_GRAPHIC", "SELF_HARM", "HATE", "EXTREMISM"):
        assert categories[category_pb2.Category.Value(f"CATEGORY_{name}")] > 2, name
    for name in ("DRUGS", "PROFANITY", "HARASSMENT", "ILLICIT_VIOLENT"):
        assert categories[category_pb2.Category.Value(f"CATEGORY_{name}")] > 2, name


def test_no_exception_excuses_everything() -> None:
    """An exception that is just the term itself would switch its entry off."""
    for entry in lexicon.load().entries:
        assert not {p.lower() for p in entry.exceptions} & {t.lower() for t in entry.terms}, entry.id


def test_an_operators_terms_are_found(tmp_path: Path) -> None:
    terms = Terms.load([write(tmp_path, TERMS)])
    labels = [f.label for f in terms.detect("two z0rblaxes, a flib-flob and a flib flob tree")]
    assert labels == ["acme.001", "acme.002"]


def test_an_operators_allowlist_silences_a_term(tmp_path: Path) -> None:
    allow = write(tmp_path, "allow:\n  - naked gardener\n  - {phrase: nude gardener, categories: [nudity]}\n")
    terms = Terms.load([], [allow])
    assert terms.detect("the naked gardener and the nude gardener") == []
    assert len(terms.detect("the naked baker")) == 1


def test_the_version_changes_with_the_files(tmp_path: Path) -> None:
    assert lexicon.load().version == lexicon.load().version
    assert lexicon.load().version != lexicon.load([write(tmp_path, TERMS)]).version


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "is empty"),
        ("- a\n- b\n", 1, "needs a mapping at its top"),
        ("{}\n", 1, "needs at least one of `entries`"),
        ("entries: {a: b}\n", 1, "`entries` must be a list"),
        ("# terms\nwords:\n  - a\n", 2, "unknown key 'words'"),
        ("entries:\n  - just a word\n", 2, "must be a mapping"),
        ("entries:\n  - {id: a, category: hate, term: [x}\n", 2, "is not YAML"),
        ("entries:\n  - {id: a, category: hate}\n", 2, "needs `term` or `terms`"),
        ("entries:\n  - {id: a, category: hate, terms: [x, f\uff01lth]}\n", 2, "terms has '!'"),
        ("entries:\n  - {id: a, category: hate, term: f%lth}\n", 2, "term has '%'"),
        ("entries:\n  - {id: a, category: hate, term: f!lth}\n", 2, "term has '!', which is not looked for"),
        ("entries:\n  - id: a\n    category: rudeness\n    term: x\n", 3, "must be a category"),
        ("entries:\n  - id: a\n    category: unspecified\n    term: x\n", 3, "must be a category"),
        ("entries:\n  - {category: hate, term: x}\n", 2, "id must be set"),
        ("entries:\n  - {id: a, category: hate, term: x, strength: 2}\n", 2, "must be from 0 to 1; is 2"),
        ("entries:\n  - {id: a, category: hate, term: x, strength: high}\n", 2, "must be a number"),
        ("entries:\n  - {id: a, category: hate, term: x, strength: .nan}\n", 2, "must be a number"),
        ("entries:\n  - {id: a, category: hate, term: x, inside: maybe}\n", 2, "must be true or false"),
        ("entries:\n  - {id: a, category: hate, term: x, inflect: greek}\n", 2, "must be one of none, noun"),
        ("entries:\n  - {id: a, category: hate, term: x, colour: red}\n", 2, "is not a known field"),
        ("entries:\n  - {id: a, id: b, category: hate, term: x}\n", 2, "is set twice"),
        ("entries:\n  - {id: a, category: hate, term: '!?'}\n", 2, "at least one letter or digit"),
        ("entries:\n  - {id: a, category: hate, term: x, respell: often}\n", 2, "respell must be true or false"),
        ("entries: []\nentries: []\n", 2, "'entries' is set twice"),
        ("compounds:\n  - {id: a, category: hate, first: [x]}\n", 2, "second must be set"),
        ("compounds:\n  - {id: a, category: hate, first: [x], second: []}\n", 2, "second must not be empty"),
        ("sets: [a]\n", 1, "`sets` must be a mapping"),
        ("sets:\n  hate: [a]\n", 2, "cannot have the name of a category"),
        ("sets:\n  a: {terms: [b], colour: red}\n", 2, "is not a known field"),
        ("rules:\n  - {id: a, category: hate, all: [drugs]}\n", 2, "must be a list of two or more"),
        ("rules:\n  - {id: a, category: hate, all: [drugs, nobody]}\n", 2, "'nobody' is no set, no category and no"),
        ("rules:\n  - {id: a, category: hate, all: [drugs, hate], within: 0}\n", 2, "must be from 1 to 1000; is 0"),
        ("rules:\n  - {id: a, category: hate, all: [drugs, hate], within: 2.5}\n", 2, "must be a whole number"),
        ("rules:\n  - {id: a, category: hate, all: [drugs, hate], unless: [b]}\n", 2, "'b' is no set"),
        ("doubts:\n  - {of: [hate]}\n", 2, "near must be a list of names"),
        ("doubts:\n  - {of: [nobody], near: [hate]}\n", 2, "'nobody' is no set, no category and no"),
        ("emoji:\n  ab: knife\n", 2, "'ab' is no emoji"),
        ("remove: [nobody.001]\n", 1, "which is no id and no set"),
        (
            "entries:\n  - {id: a, category: hate, term: x}\n  - {id: a, category: hate, term: y}\n",
            3,
            "is used already in line 2",
        ),
        (b"entries:\n  - {id: a, category: hate, term: \xff}\n", 2, "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_reported_with_line_and_reason(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(LexiconError) as caught:
        lexicon.load([path])
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("allow: [{phrase: x, categories: [y]}]", "must be a category"), ("allow: [{word: x}]", "phrase must be set")],
)
def test_a_wrong_allowlist_is_reported(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(LexiconError, match=reason):
        lexicon.load([], [write(tmp_path, content)])


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="cannot be read: No such file"):
        lexicon.load([tmp_path / "none.yaml"])


def test_everything_that_is_wrong_is_reported_at_once(tmp_path: Path) -> None:
    """One problem to a line, each with its file and line, of all files."""
    first = write(tmp_path, "entries:\n  - {id: a, category: no, term: x, strength: 2}\n  - {term: y}\n", "1.yaml")
    second = write(tmp_path, "allow:\n  - '!'\n", "2.yaml")
    with pytest.raises(LexiconError) as caught:
        lexicon.load([first], [second])
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{first}:2"] * 2 + [f"{first}:3"] * 2 + [f"{second}:2"]


def test_an_operators_entry_replaces_the_projects_own_of_that_id(tmp_path: Path) -> None:
    base = write(tmp_path, "entries:\n  - {id: a.1, category: hate, term: flib}\n", "base.yaml")
    own = write(tmp_path, "entries:\n  - {id: a.1, category: drugs, term: flob}\n", "own.yaml")
    [entry] = lexicon.load([own], base=base).entries
    assert (entry.terms, entry.category) == (("flob",), category_pb2.CATEGORY_DRUGS)


def test_an_operator_removes_ids_and_sets(tmp_path: Path) -> None:
    """A rule that asked for a set which is gone goes with it."""
    base = write(
        tmp_path,
        "entries:\n  - {id: a.1, category: hate, term: flib}\nsets: {tools: [hammer]}\n"
        "rules:\n  - {id: a.2, category: hate, all: [tools, hate]}\n",
        "base.yaml",
    )
    assert len(lexicon.load(base=base).rules) == 1
    loaded = lexicon.load([write(tmp_path, "remove: [a.1, tools]\n")], base=base)
    assert (loaded.entries, loaded.words, loaded.rules) == ((), (), ())


def test_two_files_of_an_operator_may_not_share_an_id(tmp_path: Path) -> None:
    files = [write(tmp_path, TERMS, "1.yaml"), write(tmp_path, TERMS, "2.yaml")]
    with pytest.raises(LexiconError, match=r"id 'acme.001' is used already in .*1\.yaml"):
        lexicon.load(files)


def test_a_folder_of_files_takes_the_place_of_the_projects_own(tmp_path: Path) -> None:
    """They may share what they hold: the sets of one name are one set."""
    write(tmp_path, "entries:\n  - {id: a.1, category: hate, term: flib}\nsets: {tools: [hammer]}\n", "a.yaml")
    write(tmp_path, "sets: {tools: [marteau]}\nrules:\n  - {id: a.2, category: hate, all: [tools, [a.1]]}\n", "b.yaml")
    terms = Terms(lexicon.load(base=tmp_path))
    assert [f.label for f in terms.detect("flib and a marteau")] == ["a.2"]
    assert terms.detect("nude") == []


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"has no \*\.yaml file"):
        lexicon.load(base=tmp_path)


@pytest.mark.parametrize(
    ("term", "kind", "some"),
    [
        ("witch", "noun", {"witch", "witches"}),
        ("pony", "noun", {"pony", "ponies"}),
        ("bake", "verb", {"bakes", "baked", "baking", "baker", "bakers", "bakin"}),
        ("jog", "verb", {"jogs", "jogged", "jogging", "jogger"}),
        ("bury", "verb", {"buries", "buried", "burying"}),
        ("gory", "adjective", {"gorier", "goriest", "goriness"}),
        ("sheep", "none", {"sheep"}),
    ],
)
def test_inflections(term: str, kind: str, some: set[str]) -> None:
    assert some <= set(inflections(term, kind))
