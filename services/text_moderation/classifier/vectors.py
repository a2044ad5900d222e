"""What a word means, as a vector: words of like meaning lie close together, also those that no training text holds.

The vectors (vectors.npz) were taken from a sentence encoder by tools/word_vectors.py, which says from which. The file
has a hash for each word and not the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from services.text_moderation.classifier import arrays

SHIPPED = Path(__file__).parent / "vectors.npz"
KIND, FORMAT = "word vectors", 1


class Vectors:
    """A table of word vectors. Row 0 is zero: it stands for words that are not in it, and for no word."""

    def __init__(self, hashes: NDArray[np.uint32], table: NDArray[np.float32], version: str) -> None:
        """`hashes`: (n,), CRC-32 of each word in UTF-8. `table`: (n + 1, dimensions), the row of hash i at i + 1."""
        self._rows = {int(value): row for row, value in enumerate(hashes, start=1)}
        self.table = table
        self.version = version

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.table.shape[1])

    def __contains__(self, word: str) -> bool:
        return crc32(word.encode()) in self._rows

    def rows(self, words: Sequence[str]) -> NDArray[np.int32]:
        """(words,): the row of each word in `table`; 0 for those that are not in it."""
        get = self._rows.get
        return np.array([get(crc32(word.encode()), 0) for word in words], dtype=np.int32)


@cache
def load(path: Path = SHIPPED) -> Vectors:
    """Reads a file of vectors, once in a process. Raises ModelError."""
    file = arrays.load(path, kind=KIND, form=FORMAT)
    try:
        hashes, small, scale = (file.arrays[name] for name in ("hashes", "vectors", "scale"))
    except KeyError as error:
        raise arrays.ModelError(f"{path}: is not a model file of the text classifier: no {error}") from None
    if small.ndim != 2 or len(hashes) != len(small) or scale.shape != small.shape[1:]:
        raise arrays.ModelError(f"{path}: its arrays do not fit together")
    table = np.zeros((len(small) + 1, small.shape[1]), dtype=np.float32)
    # Eight bits a number on disk; whole in memory, where numpy is many times as fast with it.
    table[1:] = small * scale
    return Vectors(hashes, table, file.digest)
