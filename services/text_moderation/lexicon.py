"""Forbidden terms and allowed phrases, from YAML files; the project's own list is lexicon/en.yaml.

The format is described in docs/text-moderation.md. A file that cannot be read stops the start with its name, the line
and the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from safelight.common.v1 import category_pb2
from services.common.server import StartError
from services.text_moderation.normaliser import shape_of

ENGLISH = Path(__file__).parent / "lexicon" / "en.yaml"

# libyaml's, where the wheel has it: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INFLECTIONS = ("none", "noun", "verb", "adjective")
_VOWELS = "aeiou"


class LexiconError(StartError):
    """A term or allowlist file is wrong; the message has the file, the line and the reason."""


@dataclass(frozen=True)
class Entry:
    """One thing that is forbidden, in all its forms."""

    id: str
    """Names the entry in findings, in place of the forbidden word."""
    category: int
    """A value of safelight.common.v1.Category."""
    terms: tuple[str, ...]
    """The word or phrase and other ways to write it, without inflections."""
    strength: float = 1.0
    """The confidence of its findings, 0 to 1."""
    inflect: str = "none"
    """"none", "noun", "verb" or "adjective": which endings it takes."""
    inside: bool = False
    """Whether it also counts within a longer word."""
    exceptions: tuple[str, ...] = ()
    """Phrases in which it is harmless."""
    near: frozenset[int] = frozenset()
    """Counts only with a term of one of these categories close by. Empty: always."""

    def forms(self) -> Iterator[str]:
        """Every spelling, inflected."""
        for term in self.terms:
            yield from inflections(term, self.inflect)


@dataclass(frozen=True)
class Allowance:
    """A phrase that is harmless whatever terms it holds, for the given categories or, when there are none, for all."""

    phrase: str
    categories: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Lexicon:
    """What the terms detector looks for."""

    entries: tuple[Entry, ...]
    allowances: tuple[Allowance, ...]
    version: str
    """Changes with the content of the files."""


def inflections(term: str, kind: str) -> tuple[str, ...]:
    """The regular English forms of a term's last word, the term itself first."""
    stem, last = term, term[-1:].lower()
    forms = [term]
    if kind in ("noun", "verb"):
        if term.endswith(("s", "x", "z", "ch", "sh")):
            forms.append(term + "es")
        elif last == "y" and term[-2:-1].lower() not in _VOWELS:
            forms += [term[:-1] + "ies", term + "s"]
        else:
            forms.append(term + "s")
    if kind in ("verb", "adjective"):
        if last == "e":
            stem = term[:-1]
        elif _doubles(term):
            stem = term + term[-1]
    if kind == "verb":
        past = term[:-1] + "i" if last == "y" and term[-2:-1].lower() not in _VOWELS else stem
        forms += [past + "ed", stem + "ing", stem + "in", past + "er", past + "ers"]
    if kind == "adjective":
        comparative = term[:-1] + "i" if last == "y" else stem
        forms += [comparative + "er", comparative + "est", comparative + "ly", comparative + "ness"]
    return tuple(forms)


def _doubles(term: str) -> bool:
    word = term.split()[-1].lower()
    vowels = sum(c in _VOWELS for c in word)
    return len(word) > 2 and vowels == 1 and word[-2] in _VOWELS and word[-1] not in "aeiouwxy"


def load(term_files: Sequence[Path] = (), allow_files: Sequence[Path] = ()) -> Lexicon:
    """The project's own lexicon with the operator's files. Raises LexiconError; no two entries may share an id."""
    digest = hashlib.sha256(ENGLISH.read_bytes())
    entries = {entry.id: entry for entry in _english()}
    for path in term_files:
        for entry, line in _read_terms(path, digest):
            if entry.id in entries:
                raise _error(path, line, f"id {entry.id!r} is used by another entry already")
            entries[entry.id] = entry
    allowances = [allowance for path in allow_files for allowance in _read_allowances(path, digest)]
    return Lexicon(tuple(entries.values()), tuple(allowances), f"en-{digest.hexdigest()[:12]}")


@cache
def _english() -> tuple[Entry, ...]:
    """The project's own entries: read once, because they do not change while a process runs."""
    return tuple(entry for entry, _ in _read_terms(ENGLISH, hashlib.sha256()))


def _error(path: Path, line: int, reason: str) -> LexiconError:
    return LexiconError(f"{path}, line {line}: {reason}")


def _read_terms(path: Path, digest: Any) -> Iterator[tuple[Entry, int]]:
    for item, line in _items(path, "entries", digest):
        fields = _Fields(path, item, line)
        terms = fields.phrases("term") + fields.phrases("terms")
        if not terms:
            raise _error(path, line, "an entry needs `term` or `terms`")
        entry = Entry(
            id=fields.text("id"),
            category=fields.categories("category", single=True)[0],
            terms=terms,
            strength=fields.number("strength", 1.0),
            inflect=fields.choice("inflect", _INFLECTIONS),
            inside=fields.flag("inside"),
            exceptions=fields.phrases("except"),
            near=frozenset(fields.categories("near")),
        )
        fields.done()
        yield entry, line


def _read_allowances(path: Path, digest: Any) -> Iterator[Allowance]:
    for item, line in _items(path, "allow", digest):
        if isinstance(item, yaml.ScalarNode):
            phrase = str(item.value)
            _check_phrase(path, line, phrase)
            yield Allowance(phrase)
            continue
        fields = _Fields(path, item, line)
        phrases = fields.phrases("phrase")
        if not phrases:
            raise _error(path, line, "an allowance needs `phrase`")
        categories = frozenset(fields.categories("categories"))
        fields.done()
        for phrase in phrases:
            yield Allowance(phrase, categories)


def _items(path: Path, key: str, digest: Any) -> Iterator[tuple[yaml.Node, int]]:
    try:
        content = path.read_text("utf-8")
    except OSError as error:
        raise LexiconError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise _error(path, line, "is not UTF-8") from None
    digest.update(content.encode())
    try:
        root = yaml.compose(content, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _error(path, mark.line + 1 if mark else 1, f"is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise _error(path, 1, f"is not YAML: {getattr(error, 'reason', error)}") from None
    if root is None:
        raise _error(path, 1, f"is empty; it needs a list under `{key}`")
    if not isinstance(root, yaml.MappingNode):
        raise _error(path, root.start_mark.line + 1, f"needs a list under `{key}` at its top")
    found = False
    for name, value in root.value:
        line = name.start_mark.line + 1
        if name.value != key:
            raise _error(path, line, f"has an unknown key {name.value!r}; it knows `{key}`")
        if not isinstance(value, yaml.SequenceNode):
            raise _error(path, line, f"`{key}` must be a list")
        found = True
        for item in value.value:
            yield item, item.start_mark.line + 1
    if not found:
        raise _error(path, 1, f"needs a list under `{key}`")


def _check_phrase(path: Path, line: int, phrase: str) -> None:
    if not any(run != " " for run in shape_of(phrase)):
        raise _error(path, line, "a term or phrase needs at least one letter or digit")


class _Fields:
    """Reads a YAML mapping field by field; `done()` refuses what nobody asked for."""

    def __init__(self, path: Path, item: yaml.Node, line: int) -> None:
        self._path, self._line = path, line
        if not isinstance(item, yaml.MappingNode):
            raise _error(path, line, "each item must be a mapping, such as {id: ..., category: ..., term: ...}")
        self._nodes: dict[str, yaml.Node] = {}
        for name, value in item.value:
            if name.value in self._nodes:
                raise _error(path, name.start_mark.line + 1, f"{name.value!r} is set twice")
            self._nodes[name.value] = value
        self._asked: set[str] = set()

    def _take(self, name: str) -> yaml.Node | None:
        self._asked.add(name)
        return self._nodes.get(name)

    def fail(self, name: str, reason: str) -> LexiconError:
        node = self._nodes.get(name)
        return _error(self._path, node.start_mark.line + 1 if node else self._line, f"{name} {reason}")

    def text(self, name: str) -> str:
        node = self._take(name)
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            raise self.fail(name, "must be set, and be text")
        return str(node.value)

    def phrases(self, name: str) -> tuple[str, ...]:
        node = self._take(name)
        if node is None:
            return ()
        scalars = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for scalar in scalars:
            if not isinstance(scalar, yaml.ScalarNode):
                raise self.fail(name, "must be text or a list of texts")
            _check_phrase(self._path, scalar.start_mark.line + 1, str(scalar.value))
        return tuple(str(s.value) for s in scalars)

    def number(self, name: str, default: float) -> float:
        node = self._take(name)
        if node is None:
            return default
        try:
            value = float(node.value)
        except (TypeError, ValueError):
            raise self.fail(name, "must be a number from 0 to 1") from None
        if not 0 <= value <= 1:
            raise self.fail(name, f"must be from 0 to 1; is {value:g}")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        node = self._take(name)
        if node is None:
            return choices[0]
        if node.value not in choices:
            raise self.fail(name, f"must be one of {', '.join(choices)}")
        return str(node.value)

    def flag(self, name: str) -> bool:
        node = self._take(name)
        if node is None:
            return False
        if node.value not in ("true", "false"):
            raise self.fail(name, "must be true or false")
        return bool(node.value == "true")

    def categories(self, name: str, *, single: bool = False) -> list[int]:
        node = self._take(name)
        if node is None:
            if single:
                raise self.fail(name, "must be set")
            return []
        scalars: Iterable[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) and not single else [node]
        found = []
        for scalar in scalars:
            value = category_pb2.Category.DESCRIPTOR.values_by_name.get(f"CATEGORY_{str(scalar.value).upper()}")
            if value is None or not value.number:
                raise self.fail(name, f"must be a category of safelight.common.v1, such as hate; is {scalar.value!r}")
            found.append(value.number)
        return found

    def done(self) -> None:
        for name in self._nodes:
            if name not in self._asked:
                raise self.fail(name, f"is not a known field; known are {', '.join(sorted(self._asked))}")
