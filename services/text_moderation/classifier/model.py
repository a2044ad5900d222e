"""The model and its file.

For each category two small models: a logistic regression over hashed features (what words stand there), and a network
over word vectors (what they mean, and in which company). They are blended and calibrated into one probability. The file
is plain arrays (arrays.py): reading one runs no code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.text_moderation.classifier import arrays, vectors
from services.text_moderation.classifier.arrays import ModelError
from services.text_moderation.classifier.data import ANY
from services.text_moderation.classifier.features import BITS, hashed, stretches
from services.text_moderation.classifier.network import Network, pad
from services.text_moderation.classifier.vectors import Vectors

__all__ = ["Linear", "Model", "ModelError", "load", "save"]

SHIPPED = Path(__file__).parent / "model.npz"
# Of talk-page comments of eleven parts on average, from a source left out, 7 % of the harmless were flagged with this,
# and 29 % without; of the abusive, 48 % and 64 %.
DOUBT = 0.5
KIND, FORMAT = "text classifier", 3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """A logistic regression for each of k labels over hashed features."""

    weights: Floats
    """(2**BITS, k): what each feature says for each label, inverse document frequency included."""
    bias: Floats
    """(k,)"""

    def margins(self, indices: NDArray[np.int64], values: Floats) -> Floats:
        """(k,) from the features of a text."""
        return np.asarray(values @ self.weights[indices] + self.bias, dtype=np.float32)


@dataclass(frozen=True)
class Model:
    """A multi-label model with calibrated probabilities."""

    labels: tuple[str, ...]
    """Category names, such as "hate"; k of them, the last of which is data.ANY."""
    linear: Linear
    network: Network
    words: Vectors
    blend: Floats
    """(3, k): what each of the two margins weighs, in the order above, and an offset."""
    version: str = "untrained"

    def probabilities(self, text: str) -> Floats:
        """(k,): how likely the text belongs to each category: of a long text its worst part, of a very short one 0."""
        parts = stretches(text)
        if not parts:
            return np.zeros(len(self.labels), dtype=np.float32)
        linear = np.stack([self.linear.margins(*hashed(part)) for part in parts])
        rows, _ = pad([self.words.rows(part) for part in parts])
        margins = np.stack([linear, self.network.margins(self.words.table[rows])])
        # Of many parts one looks bad by chance: each has to look a little worse than a text that is judged as one.
        doubt = DOUBT * math.log(len(parts))
        return np.asarray(probabilities(margins, self.blend, doubt).max(axis=0), dtype=np.float32)


def probabilities(margins: NDArray[Any], blend: NDArray[Any], doubt: float = 0.0) -> NDArray[Any]:
    """(n, k) from the (2, n, k) margins of the two models.

    The last label says whether a text is unsafe at all; the others say in which way if it is, and are multiplied by it.
    `doubt` is taken off its log odds.
    """
    scores = np.einsum("mnk,mk->nk", margins, blend[:2]) + blend[2]
    scores[:, -1] -= doubt
    # The bound keeps exp() from overflowing; beyond it a probability is 0 or 1 in any case.
    found = np.asarray(1 / (1 + np.exp(-np.clip(scores, -60, 60))))
    found[:, :-1] *= found[:, -1:]
    return found


def save(model: Model, path: Path, about: Mapping[str, Any]) -> None:
    """Writes a model, without its word vectors; `about` is JSON, kept as metadata."""
    arrays.save(
        path,
        {
            # Half precision on disk; whole in memory, where numpy is many times as fast with it.
            "linear_weights": model.linear.weights.astype(np.float16),
            "linear_bias": model.linear.bias,
            "blend": model.blend,
            **{f"network_{field.name}": getattr(model.network, field.name) for field in fields(Network)},
        },
        {**about, "kind": KIND, "format": FORMAT, "bits": BITS, "labels": model.labels, "words": model.words.version},
    )


def load(path: Path = SHIPPED) -> Model:
    """Reads a model file. Raises ModelError when it is not one, is of another format, or does not fit the vectors."""
    file = arrays.load(path, kind=KIND, form=FORMAT)
    table = vectors.load()
    try:
        labels = tuple(str(label) for label in file.about["labels"])
        linear = Linear(file.arrays["linear_weights"].astype(np.float32), file.arrays["linear_bias"])
        network = Network(**{field.name: file.arrays[f"network_{field.name}"] for field in fields(Network)})
        blend, of_words, bits = file.arrays["blend"], file.about["words"], file.about["bits"]
    except KeyError as error:
        raise ModelError(f"{path}: is not a model file of the text classifier: no {error}") from None
    if not labels or labels[-1] != ANY:
        raise ModelError(f"{path}: its last label is not {ANY!r}")
    if bits != BITS or of_words != table.version:
        raise ModelError(
            f"{path}: was trained with other features or word vectors than this version has; train it anew"
        )
    count, filters, size = len(labels), network.one.shape[-1], table.dimensions
    shapes = [array.shape for array in (linear.weights, linear.bias)]
    shapes += [blend.shape, network.one.shape, network.three.shape, network.five.shape, network.out.shape]
    wanted = [(1 << BITS, count), (count,)]
    wanted += [(3, count), (size, filters), (3, size, filters), (3, filters, filters), (6 * filters, count)]
    if shapes != wanted:
        raise ModelError(f"{path}: its arrays do not fit together")
    return Model(labels, linear, network, table, blend, version=f"blend-{file.digest}")
