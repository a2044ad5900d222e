"""What a text is about as a whole: its words' vectors pooled into one, and a logistic regression over that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# The spread counts half: with more, single words drown what the words say together.
_SPREAD = 0.5


def pooled(vectors: Floats) -> Floats:
    """(2 d,) from a text's (words, d) vectors: their mean and the root of their mean square, by the mean's length.

    Words without a vector (all zeros) do not count; where no word has one, the result is all zeros.
    """
    known = vectors[vectors.any(axis=1)]
    if not len(known):
        return np.zeros(2 * vectors.shape[1], dtype=np.float32)
    mean = known.mean(axis=0)
    spread = np.sqrt(np.einsum("wd,wd->d", known, known) / len(known))
    return np.asarray(np.concatenate([mean, _SPREAD * spread]) / (np.linalg.norm(mean) + 1e-6), dtype=np.float32)


@dataclass(frozen=True)
class Meaning:
    """A logistic regression for each of k labels over pooled vectors."""

    weights: Floats
    """(2 d, k)"""
    bias: Floats
    """(k,)"""

    def margins(self, features: NDArray[Any]) -> Floats:
        """(n, k) from the (n, 2 d) pooled vectors of texts."""
        return np.asarray(features @ self.weights + self.bias, dtype=np.float32)
