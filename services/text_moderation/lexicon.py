"""Forbidden terms, combination rules and allowed phrases, from YAML files; the project's own are lexicon/*.yaml.

The format is described in docs/text-moderation.md. What is wrong in a file is reported all at once, each thing with the
file, the line and the reason.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from safelight.common.v1 import category_pb2
from services.common.server import StartError
from services.text_moderation.normaliser import fold

SHIPPED = Path(__file__).parent / "lexicon"

# libyaml's, where the wheel has it: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INFLECTIONS = ("none", "noun", "verb", "adjective")
_VOWELS = "aeiou"
# How far apart what belongs together may be, in code points, unless a rule says otherwise.
NEAR = 40
FARTHEST = 1_000
_LETTER_SIGN = re.compile(r"[!+|*#<>(){}\[\]^~=\\]|(?<=[^\W\d_])[%?](?=[^\W\d_])")
# Beyond this many, the rest of what is wrong is counted.
_MOST_ERRORS = 100


class LexiconError(StartError):
    """A lexicon file is wrong. The message gives file, line and reason, one problem to a line."""


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
    respell: bool = True
    """Whether spellings that change its letters count too: masked, without vowels, backwards and the like."""

    def forms(self) -> Iterator[str]:
        """Every spelling, inflected."""
        for term in self.terms:
            yield from inflections(term, self.inflect)


@dataclass(frozen=True)
class Compound:
    """Every word of one list before every word of another, written as one word, with a space or with a hyphen."""

    id: str
    category: int
    first: tuple[str, ...]
    second: tuple[str, ...]
    strength: float = 1.0
    inflect: str = "none"
    exceptions: tuple[str, ...] = ()

    def entry(self) -> Entry:
        """The entry that lists them all. A hyphen is undone like any separator."""
        pairs = [(first, second) for first in self.first for second in self.second]
        terms = [first + gap + second for first, second in pairs for gap in ("", " ")]
        return Entry(
            self.id,
            self.category,
            tuple(dict.fromkeys(terms)),
            self.strength,
            self.inflect,
            exceptions=self.exceptions,
            respell=False,
        )


@dataclass(frozen=True)
class Words:
    """A set's words of one file: no finding of their own; rules ask for them."""

    set: str
    """The set's name. The words of all files with this name belong to it."""
    terms: tuple[str, ...]
    inflect: str = "none"
    exceptions: tuple[str, ...] = ()

    def forms(self) -> Iterator[str]:
        """Every spelling, inflected."""
        for term in self.terms:
            yield from inflections(term, self.inflect)


@dataclass(frozen=True)
class Selector:
    """Any term of these sets, categories or entries."""

    sets: frozenset[str] = frozenset()
    categories: frozenset[int] = frozenset()
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is selected."""
        return bool(self.sets or self.categories or self.ids)


@dataclass(frozen=True)
class Rule:
    """A finding where a term of each of several kinds stands close to the others."""

    id: str
    category: int
    all: tuple[Selector, ...]
    """At least two: of each a term has to be there."""
    strength: float = 1.0
    within: int = NEAR
    """How many code points may be between one of them and the next."""
    unless: Selector = Selector()
    """With one of these in the same stretch or as close to it, there is no finding."""


@dataclass(frozen=True)
class Doubt:
    """Terms that say little in some company: "stabbed" in the report of a trial, "nipple" in a doctor's leaflet."""

    of: Selector
    near: Selector
    within: int = NEAR
    """How many code points may be between them."""


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
    compounds: tuple[Compound, ...] = ()
    words: tuple[Words, ...] = ()
    rules: tuple[Rule, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    emoji: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What emoji stand for: each one with one or more words or phrases, any of which may be meant."""


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


def load(term_files: Iterable[Path] = (), allow_files: Iterable[Path] = (), *, base: Path = SHIPPED) -> Lexicon:
    """The lexicon of `base`, a file or a folder of *.yaml, with what the given files add, replace and remove.

    Both kinds of files have the same format. Raises LexiconError with everything that is wrong.
    """
    own = [_shipped(path) for path in _files(base)] if base == SHIPPED else [_read(path) for path in _files(base)]
    added = [_read(path) for path in (*term_files, *allow_files)]
    errors = [error for file in (*own, *added) for error in file.errors]
    merged = _merge(own, added, errors)
    if errors:
        more = len(errors) - _MOST_ERRORS
        raise LexiconError("\n".join(errors[:_MOST_ERRORS] + ([f"... and {more} more"] if more > 0 else [])))
    return merged


def _files(base: Path) -> list[Path]:
    if not base.is_dir():
        return [base]
    files = sorted(base.glob("*.yaml"))
    if not files:
        raise LexiconError(f"{base}: has no *.yaml file")
    return files


@dataclass
class _File:
    """What one file says, each thing with its line, and what is wrong with it."""

    path: Path
    digest: bytes = b""
    errors: list[str] = field(default_factory=list)
    items: dict[str, tuple[Entry | Compound | _RawRule, int]] = field(default_factory=dict)
    """Entries, compounds and rules by id."""
    words: list[Words] = field(default_factory=list)
    doubts: list[_RawDoubt] = field(default_factory=list)
    emoji: dict[str, tuple[str, ...]] = field(default_factory=dict)
    allowances: list[Allowance] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)

    def fail(self, line: int, reason: str) -> None:
        self.errors.append(f"{self.path}:{line}: {reason}")


@dataclass(frozen=True)
class _RawRule:
    """A rule whose names are not looked up yet, because they may be another file's. Each name comes with its line."""

    rule: Rule
    all: tuple[tuple[tuple[str, int], ...], ...]
    unless: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _RawDoubt:
    """A doubt whose names are not looked up yet."""

    of: tuple[tuple[str, int], ...]
    near: tuple[tuple[str, int], ...]
    within: int


@cache
def _shipped(path: Path) -> _File:
    """One of the project's own files: read once, because they do not change while a process runs."""
    return _read(path)


def _merge(own: Sequence[_File], added: Sequence[_File], errors: list[str]) -> Lexicon:
    items: dict[str, tuple[Entry | Compound | _RawRule, _File]] = {}
    for file in own:
        for id_, (item, line) in file.items.items():
            if id_ in items:
                errors.append(f"{file.path}:{line}: id {id_!r} is used already in {items[id_][1].path}")
            items[id_] = (item, file)
    words = [part for file in own for part in file.words]
    base_names = {*items, *(part.set for part in words)}
    removed: set[str] = set()
    for file in (*own, *added):
        for name, line in file.removed.items():
            if name not in base_names:
                errors.append(f"{file.path}:{line}: `remove` has {name!r}, which is no id and no set of the lexicon")
            removed.add(name)
            items.pop(name, None)
    words = [part for part in words if part.set not in removed]
    given: dict[str, _File] = {}
    for file in added:
        for id_, (item, line) in file.items.items():
            if id_ in given:
                errors.append(f"{file.path}:{line}: id {id_!r} is used already in {given[id_].path}")
            given[id_] = file
            items[id_] = (item, file)
        words += file.words
    files = (*own, *added)
    names = {part.set for part in words}
    rules: list[Rule] = []
    for raw, file in items.values():
        if isinstance(raw, _RawRule):
            groups = [_select(group, names, items, removed, file, errors) for group in raw.all]
            unless = _select(raw.unless, names, items, removed, file, errors)
            # One that asks for what an operator removed can never be met.
            if all(groups):
                rules.append(Rule(raw.rule.id, raw.rule.category, tuple(groups), raw.rule.strength, raw.rule.within,
                                  unless))  # fmt: skip
    doubts = [
        Doubt(of, near, raw.within)
        for file in files
        for raw in file.doubts
        if (of := _select(raw.of, names, items, removed, file, errors))
        if (near := _select(raw.near, names, items, removed, file, errors))
    ]
    digest = hashlib.sha256(b"".join(file.digest for file in files)).hexdigest()
    return Lexicon(
        entries=tuple(item for item, _ in items.values() if isinstance(item, Entry)),
        allowances=tuple(allowance for file in files for allowance in file.allowances),
        version=f"lexicon-{digest[:12]}",
        compounds=tuple(item for item, _ in items.values() if isinstance(item, Compound)),
        words=tuple(words),
        rules=tuple(rules),
        doubts=tuple(doubts),
        emoji=tuple({sign: meant for file in files for sign, meant in file.emoji.items()}.items()),
    )


def _select(
    names: Iterable[tuple[str, int]],
    sets: set[str],
    items: dict[str, Any],
    removed: set[str],
    file: _File,
    errors: list[str],
) -> Selector:
    chosen: tuple[set[str], set[int], set[str]] = (set(), set(), set())
    for name, line in names:
        category = _category(name)
        if name in sets:
            chosen[0].add(name)
        elif category:
            chosen[1].add(category)
        elif name in items and not isinstance(items[name][0], _RawRule):
            chosen[2].add(name)
        elif name not in removed:
            errors.append(f"{file.path}:{line}: {name!r} is no set, no category and no entry's id")
    return Selector(frozenset(chosen[0]), frozenset(chosen[1]), frozenset(chosen[2]))


def _category(name: str) -> int:
    """The number of a category by its name as in files; 0 when there is none."""
    value = category_pb2.Category.DESCRIPTOR.values_by_name.get(f"CATEGORY_{name.upper()}")
    return value.number if value is not None and name == name.lower() else 0


def _read(path: Path) -> _File:
    file = _File(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        file.errors.append(f"{path}: cannot be read: {error.strerror}")
        return file
    file.digest = hashlib.sha256(content).digest()
    try:
        root = yaml.compose(content.decode(), Loader=_LOADER)
    except UnicodeDecodeError as error:
        file.fail(content.count(b"\n", 0, error.start) + 1, f"is not UTF-8 at byte {error.start}")
        return file
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        file.fail(mark.line + 1 if mark else 1, f"is not YAML: {error.problem}")
        return file
    except RecursionError:
        file.fail(1, "is nested too deeply")
        return file
    except yaml.YAMLError as error:
        file.fail(1, f"is not YAML: {getattr(error, 'reason', error)}")
        return file
    known = ", ".join(f"`{name}`" for name in _SECTIONS)
    if root is None:
        file.fail(1, f"is empty; it needs at least one of {known}")
    elif not isinstance(root, yaml.MappingNode):
        file.fail(_line(root), f"needs a mapping at its top, with at least one of {known}")
    elif not root.value:
        file.fail(_line(root), f"needs at least one of {known}")
    else:
        seen: set[str] = set()
        for name, value in root.value:
            if name.value not in _SECTIONS:
                file.fail(_line(name), f"has an unknown key {name.value!r}; known are {known}")
            elif name.value in seen:
                file.fail(_line(name), f"{name.value!r} is set twice")
            else:
                _read_section(file, name.value, value)
            seen.add(str(name.value))
    return file


def _read_section(file: _File, name: str, value: yaml.Node) -> None:
    kind, read = _SECTIONS[name]
    if not isinstance(value, kind):
        shape = "a list" if kind is yaml.SequenceNode else "a mapping"
        file.fail(_line(value), f"`{name}` must be {shape}")
        return
    for item in value.value:
        read(file, item)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _add(file: _File, item: Entry | Compound | _RawRule, id_: str, line: int) -> None:
    if id_ in file.items:
        file.fail(line, f"id {id_!r} is used already in line {file.items[id_][1]}")
    elif id_:
        file.items[id_] = (item, line)


def _read_entry(file: _File, item: yaml.Node) -> None:
    fields = _Fields(file, item, "{id: ..., category: ..., term: ...}")
    if not fields.ok:
        return
    terms = fields.terms("term") + fields.terms("terms")
    if not terms and not fields.has("term", "terms"):
        file.fail(fields.line, "an entry needs `term` or `terms`")
    entry = Entry(
        id=fields.text("id"),
        category=fields.category("category"),
        terms=terms,
        strength=fields.number("strength", 1.0, 0, 1),
        inflect=fields.choice("inflect", _INFLECTIONS),
        inside=fields.flag("inside", default=False),
        exceptions=fields.phrases("except"),
        near=frozenset(fields.categories("near")),
        respell=fields.flag("respell", default=True),
    )
    fields.done()
    _add(file, entry, entry.id, fields.line)


def _read_compound(file: _File, item: yaml.Node) -> None:
    fields = _Fields(file, item, "{id: ..., category: ..., first: [...], second: [...]}")
    if not fields.ok:
        return
    compound = Compound(
        id=fields.text("id"),
        category=fields.category("category"),
        first=fields.terms("first", required=True),
        second=fields.terms("second", required=True),
        strength=fields.number("strength", 1.0, 0, 1),
        inflect=fields.choice("inflect", _INFLECTIONS),
        exceptions=fields.phrases("except"),
    )
    fields.done()
    _add(file, compound, compound.id, fields.line)


def _read_rule(file: _File, item: yaml.Node) -> None:
    fields = _Fields(file, item, "{id: ..., category: ..., all: [..., ...]}")
    if not fields.ok:
        return
    groups = fields.names("all")
    if len(groups) < 2:
        fields.fail("all", "must be a list of two or more: names of sets or categories, or lists of them or of ids")
    rule = Rule(
        id=fields.text("id"),
        category=fields.category("category"),
        all=(),
        strength=fields.number("strength", 1.0, 0, 1),
        within=int(fields.number("within", NEAR, 1, FARTHEST, whole=True)),
    )
    unless = tuple(name for group in fields.names("unless") for name in group)
    fields.done()
    _add(file, _RawRule(rule, groups, unless), rule.id, fields.line)


def _read_doubt(file: _File, item: yaml.Node) -> None:
    fields = _Fields(file, item, "{of: [...], near: [...]}")
    if not fields.ok:
        return
    of, near = ([name for group in fields.names(name) for name in group] for name in ("of", "near"))
    for name, found in (("of", of), ("near", near)):
        if not found:
            fields.fail(name, "must be a list of names of sets or categories, or of ids")
    within = int(fields.number("within", NEAR, 1, FARTHEST, whole=True))
    fields.done()
    file.doubts.append(_RawDoubt(tuple(of), tuple(near), within))


def _read_set(file: _File, item: tuple[yaml.Node, yaml.Node]) -> None:
    name, value = str(item[0].value), item[1]
    if _category(name):
        file.fail(_line(item[0]), f"a set cannot have the name of a category, {name!r}")
    if any(part.set == name for part in file.words):
        file.fail(_line(item[0]), f"{name!r} is set twice")
    if isinstance(value, yaml.SequenceNode):
        file.words.append(Words(name, _terms(file, name, value)))
        return
    fields = _Fields(file, value, "{terms: [...]}, or a list")
    if fields.ok:
        terms = fields.terms("terms", required=True)
        file.words.append(Words(name, terms, fields.choice("inflect", _INFLECTIONS), fields.phrases("except")))
        fields.done()


def _read_emoji(file: _File, item: tuple[yaml.Node, yaml.Node]) -> None:
    sign = str(item[0].value)
    if not sign or sign.isascii() or any(c.isalnum() or c.isspace() for c in sign):
        file.fail(_line(item[0]), f"{sign!r} is no emoji")
    elif sign in file.emoji:
        file.fail(_line(item[0]), f"{sign!r} is set twice")
    else:
        file.emoji[sign] = _phrases(file, sign, item[1])


def _read_allowance(file: _File, item: yaml.Node) -> None:
    if isinstance(item, yaml.ScalarNode):
        file.allowances += map(Allowance, _phrases(file, "allow", item))
        return
    fields = _Fields(file, item, "{phrase: ..., categories: [...]}, or text")
    if not fields.ok:
        return
    phrases = fields.phrases("phrase", required=True)
    categories = frozenset(fields.categories("categories"))
    fields.done()
    file.allowances += [Allowance(phrase, categories) for phrase in phrases]


def _read_removal(file: _File, item: yaml.Node) -> None:
    if isinstance(item, yaml.ScalarNode) and item.value:
        file.removed[str(item.value)] = _line(item)
    else:
        file.fail(_line(item), "`remove` must be a list of ids and names of sets")


_SECTIONS: dict[str, tuple[type[yaml.Node], Any]] = {
    "entries": (yaml.SequenceNode, _read_entry),
    "compounds": (yaml.SequenceNode, _read_compound),
    "sets": (yaml.MappingNode, _read_set),
    "rules": (yaml.SequenceNode, _read_rule),
    "doubts": (yaml.SequenceNode, _read_doubt),
    "emoji": (yaml.MappingNode, _read_emoji),
    "allow": (yaml.SequenceNode, _read_allowance),
    "remove": (yaml.SequenceNode, _read_removal),
}


def _phrases(file: _File, name: str, node: yaml.Node) -> tuple[str, ...]:
    """The texts of a scalar or a list, each with a letter or digit at least."""
    found: list[str] = []
    for scalar in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if not isinstance(scalar, yaml.ScalarNode):
            file.fail(_line(scalar), f"{name} must be text or a list of texts")
        elif not any(map(str.isalnum, fold(str(scalar.value)))):
            file.fail(_line(scalar), f"{name} needs at least one letter or digit; is {scalar.value!r}")
        else:
            found.append(str(scalar.value))
    return tuple(found)


def _terms(file: _File, name: str, node: yaml.Node) -> tuple[str, ...]:
    """As `_phrases`; without signs that texts have for letters, which would part the term in two."""
    for scalar in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(scalar, yaml.ScalarNode) and (sign := _LETTER_SIGN.search(fold(str(scalar.value)))):
            reason = "which is not looked for; leave it out, or write the letter that it stands for"
            file.fail(_line(scalar), f"{name} has {sign[0]!r}, {reason}")
    return _phrases(file, name, node)


class _Fields:
    """Reads a YAML mapping field by field; what is wrong goes to the file's errors. `done()` refuses the unasked."""

    def __init__(self, file: _File, item: yaml.Node, example: str) -> None:
        self._file = file
        self.line = _line(item)
        self.ok = isinstance(item, yaml.MappingNode)
        self._nodes: dict[str, yaml.Node] = {}
        self._asked: dict[str, None] = {}
        if not self.ok:
            file.fail(self.line, f"each item must be a mapping, such as {example}")
            return
        for name, value in item.value:
            if name.value in self._nodes:
                file.fail(_line(name), f"{name.value!r} is set twice")
            self._nodes[str(name.value)] = value

    def has(self, *names: str) -> bool:
        return any(name in self._nodes for name in names)

    def _take(self, name: str) -> yaml.Node | None:
        self._asked[name] = None
        return self._nodes.get(name)

    def fail(self, name: str, reason: str) -> None:
        node = self._nodes.get(name)
        self._file.fail(_line(node) if node is not None else self.line, f"{name} {reason}")

    def text(self, name: str) -> str:
        node = self._take(name)
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.fail(name, "must be set, and be text")
            return ""
        return str(node.value)

    def phrases(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        return self._texts(name, _phrases, required=required)

    def terms(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        return self._texts(name, _terms, required=required)

    def _texts(
        self, name: str, read: Callable[[_File, str, yaml.Node], tuple[str, ...]], *, required: bool
    ) -> tuple[str, ...]:
        node = self._take(name)
        if node is None:
            if required:
                self.fail(name, "must be set")
            return ()
        found = read(self._file, name, node)
        if required and isinstance(node, yaml.SequenceNode) and not node.value:
            self.fail(name, "must not be empty")
        return found

    def number(self, name: str, default: float, least: float, most: float, *, whole: bool = False) -> float:
        node = self._take(name)
        if node is None:
            return default
        kind = "whole number" if whole else "number"
        try:
            value = int(node.value) if whole else float(node.value)
        except (TypeError, ValueError):
            self.fail(name, f"must be a {kind} from {least:g} to {most:g}")
            return default
        if math.isnan(value):
            self.fail(name, f"must be a {kind} from {least:g} to {most:g}")
        elif not least <= value <= most:
            self.fail(name, f"must be from {least:g} to {most:g}; is {value:g}")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str:
        node = self._take(name)
        if node is not None and node.value not in choices:
            self.fail(name, f"must be one of {', '.join(choices)}")
        return str(node.value) if node is not None else choices[0]

    def flag(self, name: str, *, default: bool) -> bool:
        node = self._take(name)
        if node is None:
            return default
        if node.value not in ("true", "false"):
            self.fail(name, "must be true or false")
        return bool(node.value == "true")

    def category(self, name: str) -> int:
        node = self._take(name)
        if node is None:
            self.fail(name, "must be set")
            return 0
        return self._number_of(name, node)

    def categories(self, name: str) -> list[int]:
        node = self._take(name)
        if node is None:
            return []
        nodes: Iterable[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return [self._number_of(name, scalar) for scalar in nodes]

    def _number_of(self, name: str, node: yaml.Node) -> int:
        value = _category(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if not value:
            shown = repr(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            self._file.fail(_line(node), f"{name} must be a category of safelight.common.v1, such as hate; is {shown}")
        return value

    def names(self, name: str) -> tuple[tuple[tuple[str, int], ...], ...]:
        """A list of names or of lists of names, each name with its line."""
        node = self._take(name)
        if node is None:
            return ()
        groups = []
        for group in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            scalars = group.value if isinstance(group, yaml.SequenceNode) else [group]
            if not scalars or not all(isinstance(s, yaml.ScalarNode) and s.value for s in scalars):
                self._file.fail(_line(group), f"{name} must be a list of names or of lists of names")
                continue
            groups.append(tuple((str(s.value), _line(s)) for s in scalars))
        return tuple(groups)

    def done(self) -> None:
        for name in self._nodes:
            if name not in self._asked:
                self.fail(name, f"is not a known field; known are {', '.join(sorted(self._asked))}")
