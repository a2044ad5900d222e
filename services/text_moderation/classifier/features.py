"""From a text to what the model sees: its words, and hashed features of them (words, pairs of words, pieces of words).

Hashing needs no vocabulary, so a model file holds numbers only and no piece of any text that it was trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from services.text_moderation import normaliser

BITS = 17
"""There are 2**BITS hashed features."""
WINDOW = 40
"""Longer texts are judged in windows of this many words."""
STRIDE = 20
LEAST_WORDS = 3
"""Shorter texts say too little by themselves, and are left to the lexicon."""

_SIZE = 1 << BITS
_END = re.compile(r"[.!?;](?=\s|$)[.!?;\s]*|\n+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_STRETCHED = re.compile(r"(.)\1{2,}")
_SIGN_IN_WORD = re.compile(r"(?<=[a-z])[@$!|](?=[a-z])|[@$](?=[a-z])")
_SIGNS = {"@": "a", "$": "s", "!": "i", "|": "i"}
_MIXED = re.compile(r"(?=[a-z]*\d)(?=\d*[a-z])[a-z013457]{3,}")
_DIGITS = str.maketrans("013457", "oieast")
_PIECES = (3, 4, 5)
_LONGEST_REMEMBERED = 32


def words(text: str) -> list[str]:
    """The words of a text in small letters.

    Undone are look-alikes, diacritics, invisible characters, stretching, and digits and signs that stand for letters.
    """
    plain = _STRETCHED.sub(r"\1\1", normaliser.fold(text))
    if "@" in plain or "$" in plain or "!" in plain or "|" in plain:
        plain = _SIGN_IN_WORD.sub(lambda m: _SIGNS[m[0]], plain)
    return [
        word.translate(_DIGITS) if not word.isalpha() and _MIXED.fullmatch(word) and word.count("0") < 3 else word
        for word in _WORD.findall(plain)
    ]


def stretches(text: str) -> list[list[str]]:
    """The parts of a text that are judged by themselves, as words: each sentence, and the text in windows.

    None has fewer than LEAST_WORDS words or more than WINDOW; a text of one short sentence is one part. Every word of a
    text that has as many words is in at least one.
    """
    found: list[list[str]] = []
    sentences = [words(part) for part in _END.split(text)]
    if len(sentences) > 1:
        found += [part for sentence in sentences if len(sentence) >= LEAST_WORDS for part in _windows(sentence)]
    whole = [word for sentence in sentences for word in sentence]
    if len(whole) >= LEAST_WORDS and whole not in found:
        found += _windows(whole)
    return found


def _windows(some_words: list[str]) -> list[list[str]]:
    """Of WINDOW words, every STRIDE words; the last one begins so that it is as long as the others."""
    last = max(len(some_words) - WINDOW, 0)
    starts = [*range(0, last, STRIDE), last]
    return [some_words[start : start + WINDOW] for start in starts]


def hashed(some_words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The indices, each once and ascending, and the values of the hashed features; the values' squares add up to 1.

    A feature's value grows with the logarithm of its count. Both arrays are empty where there are no words.
    """
    counted: dict[int, int] = {}
    for word in some_words:
        for feature in _of_word(word) if len(word) <= _LONGEST_REMEMBERED else _of_word.__wrapped__(word):
            counted[feature] = counted.get(feature, 0) + 1
    for first, second in pairwise(some_words):
        feature = crc32(f"p{first} {second}".encode()) & (_SIZE - 1)
        counted[feature] = counted.get(feature, 0) + 1
    indices = np.array(sorted(counted), dtype=np.int64)
    counts = np.array([counted[feature] for feature in indices.tolist()], dtype=np.int64)
    values = (1.0 + np.log(counts)).astype(np.float32)
    norm = float(np.sqrt(np.dot(values, values)))
    return indices, values / norm if norm else values


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> tuple[int, ...]:
    """The features of a word by itself. Remembered, because texts share most of their words."""
    encoded = word.encode()
    bounded = b"<" + encoded + b">"
    pieces = [bounded[i : i + length] for length in _PIECES for i in range(len(bounded) - length + 1)]
    return tuple(crc32(piece) & (_SIZE - 1) for piece in (b"w" + encoded, *pieces))
