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
        ("- a\n- b\n", 1, "needs a list under `entries` at its top"),
        ("entries: {a: b}\n", 1, "`entries` must be a list"),
        ("# terms\nwords:\n  - a\n", 2, "unknown key 'words'"),
        ("entries:\n  - just a word\n", 2, "must be a mapping"),
        ("entries:\n  - {id: a, category: hate, term: [x}\n", 2, "is not YAML"),
        ("entries:\n  - {id: a, category: hate}\n", 2, "needs `term` or `terms`"),
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
        (
            "entries:\n  - {id: a, category: hate, term: x}\n  - {id: a, category: hate, term: y}\n",
            3,
            "used by another",
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
    assert f"{path}, line {line}: " in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("allow: [{phrase: x, categories: [y]}]", "must be a category"), ("allow: [{word: x}]", "needs `phrase`")],
)
def test_a_wrong_allowlist_is_reported(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(LexiconError, match=reason):
        lexicon.load([], [write(tmp_path, content)])


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="cannot be read: No such file"):
        lexicon.load([tmp_path / "none.yaml"])


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
