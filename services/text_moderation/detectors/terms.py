"""Detector `terms`: the words and phrases of a lexicon, however they are spelled, and its rules about them.

The words of a text are looked up in a table, and phrases are followed from word to word, so that the time depends on
the text and not on the size of the lexicon. Aho-Corasick finds the few terms that count within other words too.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from safelight.common.v1 import finding_pb2
from services.text_moderation import lexicon, variants
from services.text_moderation.lexicon import NEAR, Entry, Lexicon, Rule, Selector
from services.text_moderation.normaliser import (
    BASE64,
    EMOJI,
    HOMOGLYPHS,
    LEETSPEAK,
    LINE_BREAK,
    MASKED,
    REPEATS,
    REVERSED,
    ROT13,
    SEPARATORS,
    ZERO_WIDTH,
    Folded,
    Origin,
    collapse,
    fold,
    letters_of,
    stretches,
    words_of,
)
from services.text_moderation.reader import (
    LONGEST_WORD,
    Reading,
    Step,
    classes_of,
    may_be_base64,
    may_be_joined,
    may_be_leet,
    may_be_masked,
)

# What people hardly do to a word by accident, for emphasis or for looks.
_DISGUISES = frozenset({LEETSPEAK, HOMOGLYPHS, SEPARATORS, ZERO_WIDTH, MASKED, REVERSED, ROT13, BASE64})
_DOUBTFUL, _FOR_DISGUISE = 0.4, 0.1
# Entries from this strength on are looked for in spellings that change their letters too.
RESPELLED_FROM = 0.6
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}+={0,2}")
_GLUE = re.compile(r"(?:\s|[-_.~¬])*")
_LONGEST_GLUE = 4
# What a short word is the rest of: "gr-ass". Of such a word in pieces nothing shows where it ends.
_FRAGMENT = re.compile(r"(?<![^\W_])[b-df-hj-np-tv-xz]{1,2}(?:[-_~]|-\n)$")
_SHORT_WORD, _FRAGMENT_LENGTH = 3, 5
_THRICE = re.compile(r"(.)\1\1")
_DIGITS = frozenset("0123456789")
_RUNS = re.compile(r"[^\W\d_]+|\d+")
_SIGNS_OF_TERMS = str.maketrans("@$", "as")
_STANDARD_BASE64 = str.maketrans("-_", "+/")
# How far a number may reach beyond the words of a term that has one.
_LONGEST_NUMBER = 12
# How many of each kind are looked at on either side of another, in rules.
_NEIGHBOURS = 4
_LONGEST_TERM = 100
# So many letters may stand in Base64 by chance and look like a word.
_LONGEST_CHANCE = 4
# Words whose meaning is remembered, at most, and the letters of the longest of them: a text may hold any.
_MOST_REMEMBERED = 50_000
_LONGEST_REMEMBERED = 32


@dataclass(slots=True, eq=False)
class _Pattern:
    """One form of what is looked for."""

    plain: str
    """As small letters, digits and spaces."""
    words: tuple[str, ...]
    """Its words as letter classes, without digits."""
    letters: tuple[str, ...]
    """Its words as they are, without digits."""
    entry: Entry | None = None
    set: str = ""
    """For a set's word: the set."""
    excuses: frozenset[str] | None = None
    """For a harmless phrase: the ids or sets it excuses; None for all of `categories`."""
    categories: frozenset[int] = frozenset()
    """For a harmless phrase that excuses categories: which. Empty: all."""
    exact: re.Pattern[str] | None = None
    """What the text must hold there too, for a term with digits."""
    selectors: int = 0
    """A bit for each of the rules' selectors that it belongs to."""


class _Node:
    """What the words so far are, and what may follow them."""

    __slots__ = ("following", "patterns", "selectors")

    def __init__(self) -> None:
        self.patterns: tuple[_Pattern, ...] = ()
        self.following: dict[str, _Node] | None = None
        self.selectors: int | None = 0
        """Of its patterns together; None where one of them is an entry's, and so a finding by itself."""


class _Meaning(NamedTuple):
    """What the lexicon has to say of a word."""

    selectors: int | None
    """Those of the sets it is in, as bits; None where it is a finding by itself."""
    node: _Node | None
    """What follows it in phrases."""
    halves: Mapping[tuple[str, str], _Pattern]
    """The broken words that it is a piece of."""
    numbered: tuple[re.Pattern[str], ...]
    """The terms that it would be with a number beside it."""


class _Word(NamedTuple):
    """A word as it stands in a text."""

    key: str
    """Its letter classes, collapsed."""
    meaning: _Meaning | None
    """None for most: ordinary words."""


class _Spelling(NamedTuple):
    """A respelled form of a word, or a piece of it."""

    pattern: _Pattern
    kind: str
    raw: str
    """As it is written, in small letters."""


class _Hit(NamedTuple):
    """A pattern in a reading."""

    pattern: _Pattern
    steps: tuple[int | Step, ...]
    """The words, by index, and the steps that it was read from."""
    kinds: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Match:
    """A pattern at its place in the original text."""

    pattern: _Pattern
    entry: Entry
    start: int
    end: int
    respellings: frozenset[str]

    @property
    def of_its_pattern(self) -> bool:
        """Whether its entry is the pattern's, and not that of a rule."""
        return self.pattern.entry is not None and self.pattern.entry.id == self.entry.id


_Edges = dict[int, list[Step]]
_SET_WORD = Entry("", 0, ())
# Readings that begin at one word, at most: signs without letters all begin at the word that follows.
_MOST_EDGES = 12


class Terms:
    """Finds the terms of a lexicon, however they are spelled. Safe to share between threads."""

    name = "terms"

    def __init__(self, terms: Lexicon, *, name_terms: bool = False) -> None:
        """Compiles the lexicon: some tenths of a second for some thousand entries.

        With `name_terms` a finding has the forbidden word too, besides its id.
        """
        self.version = terms.version
        self._name_terms = name_terms
        self._known: dict[str, _Node] = {}
        """By first word, collapsed."""
        self._spelled: dict[str, list[_Spelling]] = {}
        """Respelled words, by letter classes, collapsed."""
        self._pieces: dict[str, dict[tuple[str, str], _Pattern]] = {}
        """Broken words as their two pieces, by one that is no word of its own."""
        self._excuses: dict[str, _Node] = {}
        self._masked: dict[tuple[str, str, int], dict[str, bool]] = {}
        """Words by first letter, last letter ("" for any) and length: whether they count outside a phrase too."""
        self._numbers: dict[str, list[_Pattern]] = {}
        """Terms of digits alone."""
        self._rules = _Rules(terms)
        # There are so many of these, and what they are made of is mostly a term itself, that masks alone are undone.
        self._compounds = {compound.id for compound in terms.compounds}
        patterns = list(_patterns(terms, self._rules))
        for pattern in patterns:
            self._add(pattern)
        for pattern in patterns:
            self._respell(pattern)
        self._vocabulary = {*_words_of(self._known), *_words_of(self._excuses), *self._spelled}
        self._beginnings = frozenset((*self._known, *self._spelled, *self._pieces))
        self._met: dict[str, _Word] = {}
        """By word as it stands: filled as they are met, because texts share most of their words."""
        self._inside = _Automaton(p for p in patterns if p.entry and p.entry.inside and len(p.words) == 1)
        self._anywhere = _Automaton(p for p in patterns if p.entry and not p.exact and sum(map(len, p.words)) >= 4)
        self._emoji = {sign.replace("\ufe0f", ""): meant for sign, meant in terms.emoji}
        signs = sorted(self._emoji, key=len, reverse=True)
        self._emoji_pattern = re.compile("|".join("\ufe0f?".join(map(re.escape, sign)) for sign in signs) or "(?!)")

    @classmethod
    def load(cls, term_files: Iterable[Path] = (), allow_files: Iterable[Path] = ()) -> Self:
        """From the project's lexicon and an operator's files. Raises LexiconError."""
        return cls(lexicon.load(tuple(term_files), tuple(allow_files)))

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """One finding for each place in the text, with its span; of terms within terms only the longer."""
        folded = Folded(subject)
        signs = [] if folded.direct else list(self._emoji_pattern.finditer(subject))
        matches = self._matches(folded, alone=not signs)
        if not folded.direct:
            matches += self._other_readings(folded, signs)
        matches = self._encoded(folded, matches)
        if not self._rules.concern(matches):
            return []
        return [
            finding_pb2.Finding(
                category=match.entry.category,  # type: ignore[arg-type] # a value of the enum, as an int
                label=match.entry.id,
                term=match.pattern.plain if self._name_terms and match.of_its_pattern else "",
                confidence=_confidence(match),
                detector=self.name,
                text_span=finding_pb2.TextSpan(start=match.start, end=match.end),
                respellings=sorted(match.respellings),
            )
            for match in _without_nested(self._rules.apply(matches))
        ]

    def _add(self, pattern: _Pattern) -> None:
        if not pattern.words:
            self._numbers.setdefault(pattern.plain, []).append(pattern)
            return
        nodes = self._known if pattern.entry or pattern.set else self._excuses
        for index, word in enumerate(pattern.words, 1):
            node = nodes.setdefault(collapse(word), _Node())
            if index < len(pattern.words):
                if node.following is None:
                    node.following = {}
                nodes = node.following
        node.patterns += (pattern,)
        if pattern.entry is not None:
            node.selectors = None
        elif node.selectors is not None:
            node.selectors |= pattern.selectors

    def _respell(self, pattern: _Pattern) -> None:
        """Adds the spellings that change a word's letters, for single words that are strong enough."""
        entry, plain = pattern.entry, pattern.plain
        if not entry or entry.near or entry.strength < RESPELLED_FROM or not plain.isascii():
            return
        if not plain.isalpha():
            for word in pattern.letters if entry.respell else ():
                if len(word) >= 3:
                    self._may_be_masked(word, alone=False)
            return
        if entry.respell or entry.id in self._compounds:
            self._may_be_masked(plain, alone=True)
        if not entry.respell or len(plain) < variants.SHORTEST:
            return
        for spelling, kind in variants.spellings(plain):
            key = collapse(letters_of(spelling))
            known = self._known.get(key)
            # What is a term itself needs no reading as another, and of two readings the first is as good.
            if (known is None or all(p.plain != spelling for p in known.patterns)) and all(
                s.raw != spelling for s in self._spelled.get(key, ())
            ):
                self._spelled.setdefault(key, []).append(_Spelling(pattern, kind, spelling))
        for first, second in variants.splits(plain):
            odd = second if variants.is_piece(first) else first
            self._pieces.setdefault(collapse(letters_of(odd)), {}).setdefault((first, second), pattern)

    def _may_be_masked(self, word: str, *, alone: bool) -> None:
        for last in (word[-1], ""):
            words = self._masked.setdefault((word[0], last, len(word)), {})
            words[word] = alone or words.get(word, False)

    def _matches(self, folded: Folded, *, alone: bool = True) -> list[_Match]:
        """What is in one reading of a text and not excused there.

        `alone`: no other reading adds to it, so that words of sets count only where they make up a rule.
        """
        plain, met = folded.words.split(), self._met
        words = [met.get(word) or self._meet(word) for word in plain]
        reading = Reading(folded, plain, [word.key for word in words])
        edges = self._edges(reading) if reading.spaced or reading.oddities else {}
        if alone and not edges and not reading.spaced and self._plainly_harmless(words, reading):
            return []
        hits = self._hits(reading, edges)
        if not hits or (alone and not self._rules.concern(hits)):
            return []
        matches = [match for hit in hits if (match := _place(hit, reading)) is not None]
        excuses = self._excused(reading, edges) if matches else []
        return _without_excused(matches, excuses) if excuses else matches

    def _meet(self, word: str) -> _Word:
        key = collapse(letters_of(word).strip())
        node = self._known.get(key)
        patterns = [p for p in node.patterns if _fits(word, p.letters[0])] if node else []
        numbered = tuple(p.exact for p in patterns if p.exact is not None)
        selectors: int | None = 0
        for pattern in patterns:
            if pattern.exact is None:
                selectors = None if selectors is None or pattern.entry is not None else selectors | pattern.selectors
        if any(_as_spelled(word, s.raw) for s in self._spelled.get(key, ())) or self._inside.hits(key):
            selectors = None
        meaning = _Meaning(selectors, node if node and node.following else None, self._pieces.get(key, {}), numbered)
        found = _Word(key, meaning if any(meaning) or selectors is None else None)
        if len(word) <= _LONGEST_REMEMBERED:
            if len(self._met) >= _MOST_REMEMBERED:
                self._met.clear()
            self._met[word] = found
        return found

    def _plainly_harmless(self, words: Sequence[_Word], reading: Reading) -> bool:
        """Whether a look at each word and those that follow it rules out any finding: true of most texts, and quick.

        May be false of a text without any.
        """
        present, plain = 0, reading.plain
        digits = not _DIGITS.isdisjoint(reading.oddities)
        # Each is held against the text once, however often its word stands there.
        exact: set[re.Pattern[str]] = set()
        for index, (_, meaning) in enumerate(words):
            if meaning is None:
                continue
            selectors, node, halves, numbered = meaning
            if selectors is None:
                return False
            present |= selectors
            if halves and any(pair in halves for pair in pairwise(plain[max(index - 1, 0) : index + 2])):
                return False
            if digits and numbered:
                exact.update(numbered)
            after = index + 1
            while node is not None and node.following is not None and after < len(words):
                node = node.following.get(words[after].key)
                if node is not None:
                    if node.selectors is None:
                        return False
                    present |= node.selectors
                after += 1
        if present and self._rules.complete(present):
            return False
        if any(pattern.search(reading.folded.signs) for pattern in exact):
            return False
        return not digits or not any(reading.numbers(self._numbers))

    def _hits(self, reading: Reading, edges: _Edges) -> list[_Hit]:
        words, known, spelled, pieces = reading.words, self._known, self._spelled, self._pieces
        hits: list[_Hit] = []
        beginnings = self._beginnings
        for index in [i for i, word in enumerate(words) if word in beginnings]:
            word = words[index]
            if node := known.get(word):
                _follow(node, reading, edges, (index,), index + 1, hits)
            for spelling in spelled.get(word, ()):
                if _as_spelled(reading.plain[index], spelling.raw):
                    hits.append(_Hit(spelling.pattern, (index,), frozenset({spelling.kind})))
            if halves := pieces.get(word):
                for first in (index - 1, index):
                    if 0 <= first < len(words) - 1:
                        pattern = halves.get((reading.plain[first], reading.plain[first + 1]))
                        if pattern is not None and (kind := _broken(reading, first)):
                            hits.append(_Hit(pattern, (first, first + 1), frozenset({kind})))
        for steps in edges.values():
            for step in steps:
                if node := known.get(step.key):
                    _follow(node, reading, edges, (step,), step.after, hits, alone=not step.in_phrase)
                for spelling in spelled.get(step.key, ()):
                    # A cipher over signs that may be letters fits too much.
                    if spelling.kind != ROT13 and _as_spelled(step.plain or step.likely, spelling.raw):
                        hits.append(_Hit(spelling.pattern, (step,), frozenset({spelling.kind})))
                within = [hit for hit in self._inside.hits(step.key) if hit[2] - hit[1] < len(step.key)]
                runs = _runs(step.raw) if within else []
                for number, start, end in within:
                    hits += [
                        _Hit(pattern, (step.part(begin, stop),))
                        for pattern, begin, stop in self._inside.hold(number, start, end, step.raw, runs)
                    ]
        found = self._inside.hits(reading.flat)
        if found:
            self._within_words(reading, found, hits)
        if reading.spaced:
            self._pulled_apart(reading, hits)
        if self._numbers and not _DIGITS.isdisjoint(reading.oddities):
            for step in reading.numbers(self._numbers):
                hits += [_Hit(pattern, (step,)) for pattern in self._numbers[step.key]]
        return hits

    def _within_words(self, reading: Reading, found: list[tuple[int, int, int]], hits: list[_Hit]) -> None:
        """Terms that count within longer words, in words as they stand."""
        starts = reading.flat_starts
        # Once for each word, not for each term in it: a word may be as long as the text.
        runs: dict[int, list[int]] = {}
        for number, start, end in found:
            index = bisect_right(starts, start) - 1
            first, last = start - starts[index], end - starts[index]
            raw = reading.raw[index]
            if last - first < len(reading.words[index]):
                if index not in runs:
                    runs[index] = _runs(raw)
                for pattern, begin, stop in self._inside.hold(number, first, last, raw, runs[index]):
                    hits.append(_Hit(pattern, (reading.part(index, begin, stop),)))

    def _pulled_apart(self, reading: Reading, hits: list[_Hit]) -> None:
        """Phrases and sentences whose letters all stand apart: nothing shows where their words end."""
        for letters in reading.pulled_apart():
            for plain in reading.spelled(letters):
                raw = classes_of(plain)
                key, runs = collapse(raw), _runs(raw)
                for number, start, end in self._anywhere.hits(key):
                    # In what may be one word, what it holds is part of it.
                    if len(letters) <= LONGEST_WORD and end - start < len(key):
                        continue
                    for pattern, begin, stop in self._anywhere.hold(number, start, end, raw, runs):
                        if stop <= len(letters):
                            places = [(i, i + 1) for i in letters[begin:stop]]
                            step = reading.step(
                                places[0][0], places[-1][1], plain[begin:stop], SEPARATORS, places=places
                            )
                            if not step.plain or stretches(step.plain, "".join(pattern.letters)):
                                hits.append(_Hit(pattern, (step,)))

    def _edges(self, reading: Reading) -> _Edges:
        """Other readings of parts of the text, by the word at which they begin."""
        edges: _Edges = {}
        for step in self._steps(reading):
            if self._wanted(step.key):
                beside = edges.setdefault(reading.word_at(step.start), [])
                if len(beside) < _MOST_EDGES and step not in beside:
                    beside.append(step)
        return edges

    def _wanted(self, key: str) -> bool:
        return key in self._vocabulary or bool(self._inside.hits(key))

    def _steps(self, reading: Reading) -> Iterator[Step]:
        if reading.spaced:
            for letters in reading.pulled_apart():
                if len(letters) <= LONGEST_WORD:
                    for plain in reading.spelled(letters):
                        places = [(i, i + 1) for i in letters]
                        yield reading.step(letters[0], letters[-1] + 1, plain, SEPARATORS, places=places)
        odd = reading.oddities
        if may_be_leet(odd):
            yield from reading.leet(self._wanted)
        if may_be_masked(odd):
            yield from self._unmasked(reading)
        if may_be_joined(odd):
            yield from reading.joined(self._wanted, self._vocabulary.__contains__)

    def _unmasked(self, reading: Reading) -> Iterator[Step]:
        seen: dict[str, list[tuple[str, bool]]] = {}
        for text, start, end in reading.masked():
            if text not in seen:
                candidates = self._masked.get((text[0], text[-1].strip("*1"), len(text)), {})
                seen[text] = [(w, alone) for w, alone in candidates.items() if variants.unmasks(text, w)][:_MOST_EDGES]
            for word, alone in seen[text]:
                yield reading.step(start, end, word, MASKED)._replace(in_phrase=not alone)

    def _excused(self, reading: Reading, edges: _Edges) -> list[_Match]:
        hits: list[_Hit] = []
        excuses = self._excuses
        for index in [i for i, word in enumerate(reading.words) if word in excuses]:
            _follow(excuses[reading.words[index]], reading, edges, (index,), index + 1, hits)
        for steps in edges.values():
            for step in steps:
                if node := excuses.get(step.key):
                    _follow(node, reading, edges, (step,), step.after, hits)
        return [match for hit in hits if (match := _place(hit, reading)) is not None]

    def _other_readings(self, folded: Folded, signs: list[re.Match[str]]) -> list[_Match]:
        """By capitals, and with emoji, `signs`, written out."""
        text, found = folded.original, []
        if folded.ambiguous:
            found += self._matches(Folded(text, capitals=True), alone=not signs)
        most = max((len(self._emoji[_bare(sign[0])]) for sign in signs), default=0)
        for meaning in range(most):
            pieces: list[str] = []
            places: list[int] = []
            done = 0
            for sign in signs:
                start, end = sign.span()
                meanings = self._emoji[_bare(sign[0])]
                word = f" {meanings[min(meaning, len(meanings) - 1)]} "
                pieces += (text[done:start], word)
                places += range(done, start)
                places += [start] + [end - 1] * (len(word) - 1)
                done = end
            pieces.append(text[done:])
            places += range(done, len(text))
            starts = [sign.start() for sign in signs]
            for match in self._matches(Folded("".join(pieces), within=Origin(folded, places))):
                if bisect_left(starts, match.start) < bisect_left(starts, match.end):
                    found.append(
                        _Match(match.pattern, match.entry, match.start, match.end, match.respellings | {EMOJI})
                    )
        return found

    def _encoded(self, folded: Folded, matches: list[_Match]) -> list[_Match]:
        """The matches, with those in parts that are text in Base64, instead of what those parts happen to look like.

        Its case means something, unlike that of every other spelling.
        """
        if folded.direct and not may_be_base64(folded.raw):
            return matches
        decoded = [(m.span(), text) for m in _BASE64.finditer(folded.original) if (text := _decoded(m[0]))]
        if not decoded:
            return matches
        starts = [span[0] for span, _ in decoded]
        ends = [span[1] for span, _ in decoded]
        kept = [
            match
            for match in matches
            if match.end - match.start > _LONGEST_CHANCE
            or bisect_left(starts, match.end) == bisect_right(ends, match.start)
        ]
        for span, text in decoded:
            start, end = folded.span(*span)
            for match in self._matches(Folded(text)):
                kept.append(_Match(match.pattern, match.entry, start, end, match.respellings | {BASE64}))
        return kept


class _Automaton:
    """Finds single words within others, by Aho-Corasick over collapsed letter classes."""

    def __init__(self, patterns: Iterable[_Pattern]) -> None:
        by_key: dict[str, list[tuple[_Pattern, str]]] = {}
        for pattern in patterns:
            raw = "".join(pattern.words)
            by_key.setdefault(collapse(raw), []).append((pattern, raw))
        self._patterns = list(by_key.values())
        self._automaton = AhoCorasick(
            list(by_key), matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
        )

    def hits(self, text: str) -> list[tuple[int, int, int]]:
        """The number of what may be there, and its range in the collapsed text."""
        return self._automaton.find_matches_as_indexes(text, overlapping=True)

    def hold(
        self, number: int, start: int, end: int, raw: str, runs: Sequence[int]
    ) -> Iterator[tuple[_Pattern, int, int]]:
        """The patterns of a hit at start:end of a collapsed text that fit the text itself, with their range in that.

        `runs`: where each run of a letter begins in that, as by `_runs`.
        """
        first, last = runs[start], runs[end]
        for pattern, wanted in self._patterns[number]:
            part = raw[first:last]
            # Within a longer word a doubled letter is spelling and not stretching: "shiitake" is a mushroom.
            if part == wanted or (stretches(part, wanted) and _THRICE.search(part)):
                yield pattern, first, last


def _runs(raw: str) -> list[int]:
    """Where each run of a letter begins, and at last the length."""
    return [i for i in range(len(raw)) if not i or raw[i] != raw[i - 1]] + [len(raw)]


def _words_of(nodes: dict[str, _Node]) -> Iterator[str]:
    for word, node in nodes.items():
        yield word
        if node.following:
            yield from _words_of(node.following)


def _patterns(terms: Lexicon, rules: _Rules) -> Iterator[_Pattern]:
    seen: set[tuple[str, str]] = set()
    for entry in (*terms.entries, *(compound.entry() for compound in terms.compounds)):
        selectors = rules.selectors_of(entry)
        for form in entry.forms():
            if (entry.id, form) not in seen:
                seen.add((entry.id, form))
                yield _pattern(form, entry=entry, selectors=selectors)
        for phrase in entry.exceptions:
            for form in lexicon.inflections(phrase, "noun"):
                yield _pattern(form, excuses=frozenset({entry.id}))
    for words in terms.words:
        for form in words.forms():
            if (words.set, form) not in seen and rules.selectors_of_set(words.set):
                seen.add((words.set, form))
                yield _pattern(form, set=words.set, selectors=rules.selectors_of_set(words.set))
        for phrase in words.exceptions:
            for form in lexicon.inflections(phrase, "noun"):
                yield _pattern(form, excuses=frozenset({words.set}))
    for allowance in terms.allowances:
        for form in lexicon.inflections(allowance.phrase, "noun"):
            yield _pattern(form, categories=allowance.categories)


def _pattern(
    form: str,
    *,
    entry: Entry | None = None,
    set: str = "",  # as in the lexicon
    excuses: frozenset[str] | None = None,
    categories: frozenset[int] = frozenset(),
    selectors: int = 0,
) -> _Pattern:
    plain = fold(form).translate(_SIGNS_OF_TERMS)
    runs = _RUNS.findall(plain)
    exact = None
    if any(run.isdigit() for run in runs):
        exact = re.compile(r"(?<![^\W_])" + r"[\W_]{0,2}".join(map(re.escape, runs)) + r"(?![^\W_])")
    words = tuple(letters_of(plain).split())
    letters = tuple(words_of(plain))
    return _Pattern(
        plain if words else "".join(runs), words, letters, entry, set, excuses, categories, exact, selectors
    )


def _follow(
    node: _Node,
    reading: Reading,
    edges: _Edges,
    steps: tuple[int | Step, ...],
    after: int,
    hits: list[_Hit],
    *,
    alone: bool = True,
) -> None:
    """Takes down the patterns that end here, unless not `alone`, and goes on with the word and readings that follow."""
    for pattern in node.patterns if alone else ():
        for step, word, letters in zip(steps, pattern.words, pattern.letters, strict=True):
            if isinstance(step, int):
                if not _fits(reading.plain[step], letters):
                    break
            elif not (stretches(step.plain, letters) if step.plain else stretches(step.raw, word)):
                break
        else:
            hits.append(_Hit(pattern, steps))
    following = node.following
    if following is None:
        return
    if after < len(reading.words) and (next_node := following.get(reading.words[after])):
        _follow(next_node, reading, edges, (*steps, after), after + 1, hits)
    for step in edges.get(after, ()):
        if next_node := following.get(step.key):
            _follow(next_node, reading, edges, (*steps, step), step.after, hits)


def _fits(word: str, letters: str) -> bool:
    return word == letters or stretches(word, letters)


def _as_spelled(word: str, spelling: str) -> bool:
    """As it is, or with a letter three times and more: what is doubled, or has an l for an i, may be another word."""
    return word == spelling or (_THRICE.search(word) is not None and stretches(word, spelling))


def _broken(reading: Reading, first: int) -> str:
    """How a word may be broken between the word of this index and the next; "" when it may not."""
    gap = reading.folded.original[reading.spans[first][1] : reading.spans[first + 1][0]]
    if len(gap) > _LONGEST_GLUE or not _GLUE.fullmatch(gap):
        return ""
    return LINE_BREAK if "\n" in gap else SEPARATORS


def _place(hit: _Hit, reading: Reading) -> _Match | None:
    """The hit in the original text, or None when it is not the term after all."""
    folded, pattern = reading.folded, hit.pattern
    kinds = set(hit.kinds)
    starts, ends = [], []
    for number, step in enumerate(hit.steps):
        if isinstance(step, int):
            start, end = reading.spans[step]
            raw = reading.raw[step]
        else:
            start, end, raw = step.start, step.end, step.raw
            kinds |= step.kinds
        if not hit.kinds and len(raw) > (
            len(pattern.words[number]) if len(hit.steps) > 1 else sum(map(len, pattern.words))
        ):
            kinds.add(REPEATS)
        starts.append(start)
        ends.append(end)
    start, end = min(starts), max(ends)
    if pattern.exact is not None:
        signs, origins = folded.signs, folded.from_signs
        first, last = bisect_left(origins, start), bisect_left(origins, end)
        match = pattern.exact.search(signs, max(first - _LONGEST_NUMBER, 0), last + _LONGEST_NUMBER)
        if match is None or match.start() > last or match.end() < first:
            return None
        start, end = origins[match.start()], origins[match.end() - 1] + 1
    if not folded.direct:
        kinds |= folded.undone(start, end)
        if HOMOGLYPHS in kinds and not folded.may_be_latin(start, end):
            return None
    if end - start <= _SHORT_WORD and _FRAGMENT.search(
        folded.original[max(start - _FRAGMENT_LENGTH, 0) : start].casefold()
    ):
        return None
    start, end = folded.span(start, end)
    return _Match(pattern, pattern.entry or _SET_WORD, start, end, frozenset(kinds))


def _confidence(match: _Match) -> float:
    """The entry's strength; more where a doubtful word is disguised, for which a harmless use has no reason."""
    strength = match.entry.strength
    doubtful = _DOUBTFUL <= strength < _DOUBTFUL + _FOR_DISGUISE
    return strength + _FOR_DISGUISE if doubtful and match.respellings & _DISGUISES else strength


def _bare(sign: str) -> str:
    return sign.replace("\ufe0f", "")


def _decoded(candidate: str) -> str:
    """The text that a part of a text is the Base64 of, or ""."""
    bare = candidate.rstrip("=")
    if bare.islower() or bare.isupper() or not any(map(str.isupper, bare[1:])) or len(bare) % 4 == 1:
        return ""
    try:
        data = base64.b64decode(bare.translate(_STANDARD_BASE64) + "=" * (-len(bare) % 4), validate=True)
        text = data.decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text if text.isascii() and sum(c.isalpha() or c == " " for c in text) * 5 >= len(text) * 4 else ""


class _Rules:
    """What counts only in company: entries that need a neighbour, and rules."""

    def __init__(self, terms: Lexicon) -> None:
        self._bits: dict[Selector, int] = {}
        self._rules: list[tuple[int, Rule, Entry]] = []
        for rule in terms.rules:
            need = 0
            for selector in rule.all:
                need |= self._bit(selector)
            self._bit(rule.unless)
            self._rules.append((need, rule, Entry(rule.id, rule.category, (), rule.strength)))
        self._doubts = [(self._bit(doubt.of), self._bit(doubt.near), doubt) for doubt in terms.doubts]
        # Each under the selector that fewest share, so that few are looked at.
        shared = Counter(selector for rule in terms.rules for selector in set(rule.all))
        self._by_bit: dict[int, list[tuple[int, Rule, Entry]]] = {}
        for need, rule, entry in self._rules:
            rarest = min(rule.all, key=lambda s: shared[s])
            self._by_bit.setdefault(self._bit(rarest), []).append((need, rule, entry))

    def _bit(self, selector: Selector) -> int:
        if not selector:
            return 0
        return self._bits.setdefault(selector, 1 << len(self._bits))

    def selectors_of(self, entry: Entry) -> int:
        """A bit for each selector that takes the entry. One that needs a neighbour is not of its category yet."""
        return sum(
            bit
            for selector, bit in self._bits.items()
            if entry.id in selector.ids or (entry.category in selector.categories and not entry.near)
        )

    def selectors_of_set(self, name: str) -> int:
        """A bit for each selector that takes the set's words."""
        return sum(bit for selector, bit in self._bits.items() if name in selector.sets)

    def concern(self, found: Sequence[_Hit] | Sequence[_Match]) -> bool:
        """Whether there is anything besides the words of sets, or enough of those for a rule."""
        present = 0
        for item in found:
            if item.pattern.entry is not None:
                return True
            present |= item.pattern.selectors
        return bool(self.complete(present))

    def complete(self, present: int) -> list[tuple[Rule, Entry]]:
        """The rules of which there is a term for each selector, by the selectors' bits."""
        found: list[tuple[Rule, Entry]] = []
        left = present
        while left:
            bit = left & -left
            left ^= bit
            found += [(rule, entry) for need, rule, entry in self._by_bit.get(bit, ()) if need & present == need]
        return found

    def apply(self, matches: list[_Match]) -> list[_Match]:
        """The matches of entries that count, and those of rules."""
        present = 0
        for match in matches:
            present |= match.pattern.selectors
        found = _with_neighbours([match for match in matches if match.pattern.entry is not None])
        if present:
            by_bit: dict[int, list[_Match]] = {}
            found = self._with_doubts(found, matches, present, by_bit)
            for rule, entry in self.complete(present):
                found += self._apply(rule, entry, matches, by_bit)
        return found

    def _with_doubts(
        self, found: list[_Match], matches: list[_Match], present: int, by_bit: dict[int, list[_Match]]
    ) -> list[_Match]:
        """Weaker matches in the place of those that stand in company where they say little."""
        for of, near, doubt in self._doubts:
            if of & present and near & present:
                company = self._of(doubt.near, matches, by_bit)
                found = [
                    replace(match, entry=_doubtful(match.entry))
                    if match.pattern.selectors & of and _any_near(company, match.start, match.end, doubt.within)
                    else match
                    for match in found
                ]
        return found

    def _of(self, selector: Selector, matches: list[_Match], by_bit: dict[int, list[_Match]]) -> list[_Match]:
        bit = self._bits[selector]
        if bit not in by_bit:
            by_bit[bit] = sorted((m for m in matches if m.pattern.selectors & bit), key=lambda m: m.start)
        return by_bit[bit]

    def _apply(
        self, rule: Rule, entry: Entry, matches: list[_Match], by_bit: dict[int, list[_Match]]
    ) -> Iterator[_Match]:
        groups = sorted((self._of(selector, matches, by_bit) for selector in rule.all), key=len)
        against = self._of(rule.unless, matches, by_bit) if rule.unless else []
        done = -1
        for pivot in groups[0]:
            if pivot.start < done:
                continue
            chosen = [pivot]
            for group in groups[1:]:
                other = _nearest(group, chosen, rule.within)
                if other is None:
                    break
                chosen.append(other)
            else:
                start, end = min(m.start for m in chosen), max(m.end for m in chosen)
                done = end
                if not _any_near(against, start, end, rule.within):
                    respellings = frozenset().union(*(m.respellings for m in chosen))
                    yield _Match(pivot.pattern, entry, start, end, respellings)


@lru_cache(maxsize=4096)
def _doubtful(entry: Entry) -> Entry:
    return replace(entry, strength=min(entry.strength, _DOUBTFUL))


def _nearest(group: list[_Match], chosen: list[_Match], within: int) -> _Match | None:
    """The closest of a group that is within reach of all that are chosen and overlaps none of them."""
    place = bisect_left(group, chosen[0].start, key=lambda m: m.start)
    candidates = [
        other
        for other in group[max(place - _NEIGHBOURS, 0) : place + _NEIGHBOURS]
        if all(0 <= max(other.start - m.end, m.start - other.end) <= within for m in chosen)
    ]
    return min(candidates, key=lambda o: abs(o.start - chosen[0].start), default=None)


def _any_near(group: list[_Match], start: int, end: int, within: int) -> bool:
    place = bisect_left(group, start - within - _LONGEST_TERM, key=lambda m: m.start)
    for other in group[place:]:
        if other.start - end > within:
            break
        if start - other.end <= within:
            return True
    return False


def _without_excused(matches: list[_Match], excuses: list[_Match]) -> list[_Match]:
    """Those that no harmless phrase covers. Sorted once, so that many of both stay cheap."""
    excuses.sort(key=lambda e: (e.start, -e.end))
    kept: list[_Match] = []
    open_excuses: list[_Match] = []
    upcoming = 0
    for match in sorted(matches, key=lambda m: m.start):
        while upcoming < len(excuses) and excuses[upcoming].start <= match.start:
            open_excuses.append(excuses[upcoming])
            upcoming += 1
        open_excuses = [e for e in open_excuses if e.end > match.start]
        if not any(e.end >= match.end and _excuses(e.pattern, match.pattern) for e in open_excuses):
            kept.append(match)
    return kept


def _excuses(excuse: _Pattern, pattern: _Pattern) -> bool:
    if excuse.excuses is not None:
        return (pattern.entry.id if pattern.entry else pattern.set) in excuse.excuses
    return not excuse.categories or (pattern.entry is not None and pattern.entry.category in excuse.categories)


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
                start, end = min(match.start, other.start), max(match.end, other.end)
                kept.append(_Match(match.pattern, match.entry, start, end, match.respellings | other.respellings))
                break
    return kept


def _without_nested(matches: list[_Match]) -> list[_Match]:
    """Without what lies within another match of the same theme that is as strong."""
    matches.sort(key=lambda m: (m.start, -m.end, -m.entry.strength, len(m.respellings)))
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
