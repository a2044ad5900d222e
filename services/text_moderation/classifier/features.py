"""From a text to hashed features: words, pairs of words and pieces of words.

Hashing needs no vocabulary, so a model file holds numbers only and no piece of any text that it was trained on.
"""

from __future__ import annotations

import re
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from services.text_moderation import normaliser

BITS = 17
"""The model has 2**BITS features."""
MOST_WORDS = 1500
"""Longer texts are judged by their first words."""

_SIZE = 1 << BITS
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_STRETCHED = re.compile(r"(.)\1{2,}")
_PIECES = (3, 4, 5)


def words(text: str) -> list[str]:
    """The words of a text in small letters, without look-alikes, diacritics, invisible characters or stretching."""
    return _WORD.findall(_STRETCHED.sub(r"\1\1", normaliser.fold(text)))[:MOST_WORDS]


def features(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The indices, each once and ascending, and the values of a text's features; their squares add up to 1.

    A feature's value grows with the logarithm of its count. Both arrays are empty for a text without words.
    """
    found: list[bytes] = []
    all_words = [word.encode() for word in words(text)]
    for word in all_words:
        found.append(b"w" + word)
        bounded = b"<" + word + b">"
        for length in _PIECES:
            found += [bounded[i : i + length] for i in range(len(bounded) - length + 1)]
    found += [b"p" + a + b" " + b for a, b in pairwise(all_words)]
    hashes = np.fromiter(map(crc32, found), dtype=np.int64, count=len(found)) & (_SIZE - 1)
    indices, counts = np.unique(hashes, return_counts=True)
    values = (1.0 + np.log(counts)).astype(np.float32)
    norm = float(np.sqrt(np.dot(values, values)))
    return indices, values / norm if norm else values
