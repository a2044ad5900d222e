"""Detector `terms`: forbidden terms, by Aho-Corasick over the folded views of a text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from safelight.common.v1 import finding_pb2
from services.text_moderation import lexicon, normaliser
from services.text_moderation.lexicon import Entry, Lexicon

# How far apart a term and the one it has to be near to may be, in code points.
NEAR = 40


@dataclass(frozen=True)
class _Pattern:
    """One form of an entry, or a phrase in which terms do not count."""

    shape: tuple[str, ...]
    entry: Entry | None = None
    excuses: frozenset[str] | None = None
    """For a harmless phrase: the ids of the entries it excuses; None for all of `categories`."""
    categories: frozenset[int] = frozenset()
    """For a harmless phrase that excuses categories: which. Empty: all."""


@dataclass(frozen=True)
class _Match:
    entry: Entry
    start: int
    end: int
    respellings: tuple[str, ...]


class Terms:
    """Finds the terms of a lexicon, however they are spelled. Safe to share between threads."""

    name = "terms"

    def __init__(self, terms: Lexicon) -> None:
        """Compiles the lexicon: some tens of milliseconds for a thousand entries."""
        self.version = terms.version
        by_key: dict[str, list[_Pattern]] = {}
        for pattern in dict.fromkeys(_patterns(terms)):
            by_key.setdefault(normaliser.key_of(pattern.shape), []).append(pattern)
        self._patterns = list(by_key.values())
        self._automaton = AhoCorasick(
            list(by_key), matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
        )

    @classmethod
    def load(cls, term_files: Iterable[Path] = (), allow_files: Iterable[Path] = ()) -> Self:
        """From the project's lexicon and an operator's files. Raises LexiconError."""
        return cls(lexicon.load(tuple(term_files), tuple(allow_files)))

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """One finding for each place in the text, with its span; of terms within terms only the longer."""
        matches: list[_Match] = []
        for view in normaliser.views(subject):
            matches += self._search(view)
        if not matches:
            return []
        return [
            finding_pb2.Finding(
                category=match.entry.category,  # type: ignore[arg-type] # a value of the enum, as an int
                label=match.entry.id,
                confidence=match.entry.strength,
                detector=self.name,
                text_span=finding_pb2.TextSpan(start=match.start, end=match.end),
                respellings=match.respellings,
            )
            for match in _without_nested(_with_neighbours(matches))
        ]

    def _search(self, view: normaliser.View) -> list[_Match]:
        matches: list[_Match] = []
        excuses: list[tuple[int, int, _Pattern]] = []
        for index, start, end in self._automaton.find_matches_as_indexes(view.text, overlapping=True):
            in_word = view.within_word(start, end)
            for pattern in self._patterns[index]:
                inside = pattern.entry is not None and pattern.entry.inside
                if in_word and not inside:
                    continue
                place = view.align(start, end, pattern.shape, inside=inside)
                if place is None:
                    continue
                if pattern.entry is None:
                    excuses.append((place.start, place.end, pattern))
                else:
                    matches.append(_Match(pattern.entry, place.start, place.end, place.respellings))
        return _without_excused(matches, excuses) if matches and excuses else matches


def _patterns(terms: Lexicon) -> Iterable[_Pattern]:
    for entry in terms.entries:
        for form in entry.forms():
            yield _Pattern(normaliser.shape_of(form), entry)
        for phrase in entry.exceptions:
            for form in lexicon.inflections(phrase, "noun"):
                yield _Pattern(normaliser.shape_of(form), excuses=frozenset({entry.id}))
    for allowance in terms.allowances:
        for form in lexicon.inflections(allowance.phrase, "noun"):
            yield _Pattern(normaliser.shape_of(form), categories=allowance.categories)


def _without_excused(matches: list[_Match], excuses: list[tuple[int, int, _Pattern]]) -> list[_Match]:
    """Those that no harmless phrase covers. Sorted once, so that many of both stay cheap."""
    excuses.sort(key=lambda e: (e[0], -e[1]))
    kept: list[_Match] = []
    open_excuses: list[tuple[int, int, _Pattern]] = []
    upcoming = 0
    for match in sorted(matches, key=lambda m: m.start):
        while upcoming < len(excuses) and excuses[upcoming][0] <= match.start:
            open_excuses.append(excuses[upcoming])
            upcoming += 1
        open_excuses = [e for e in open_excuses if e[1] > match.start]
        if not any(end >= match.end and _excuses(pattern, match.entry) for _, end, pattern in open_excuses):
            kept.append(match)
    return kept


def _excuses(pattern: _Pattern, entry: Entry) -> bool:
    if pattern.excuses is not None:
        return entry.id in pattern.excuses
    return not pattern.categories or entry.category in pattern.categories


def _with_neighbours(matches: list[_Match]) -> list[_Match]:
    """Drops the matches of entries that count only near others and are not; widens the rest to their neighbour."""
    if not any(match.entry.near for match in matches):
        return matches
    kept = [match for match in matches if not match.entry.near]
    anchors: dict[frozenset[int], list[_Match]] = {}
    for match in matches:
        near = match.entry.near
        if not near:
            continue
        if near not in anchors:
            anchors[near] = sorted((m for m in matches if m.entry.category in near), key=lambda m: m.start)
        # The nearest on either side, found by bisection: a text may be nothing but terms.
        place = bisect_left(anchors[near], match.start, key=lambda m: m.start)
        for other in anchors[near][max(place - 1, 0) : place + 1]:
            if other.start - match.end <= NEAR and match.start - other.end <= NEAR:
                respellings = tuple(sorted({*match.respellings, *other.respellings}))
                start, end = min(match.start, other.start), max(match.end, other.end)
                kept.append(_Match(match.entry, start, end, respellings))
                break
    return kept


def _without_nested(matches: list[_Match]) -> list[_Match]:
    """Without what lies within another match of the same theme that is as strong."""
    matches.sort(key=lambda m: (m.start, -m.end, -m.entry.strength))
    kept: list[_Match] = []
    widest: dict[int, _Match] = {}
    for match in matches:
        theme = match.entry.category // 10
        cover = widest.get(theme)
        if cover is None or match.end > cover.end or match.entry.strength > cover.entry.strength:
            kept.append(match)
        if cover is None or match.end > cover.end:
            widest[theme] = match
    return kept
