"""Trains the classifier."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.text_moderation.classifier import network, vectors
from services.text_moderation.classifier.data import Data
from services.text_moderation.classifier.features import BITS, LEAST_WORDS, hashed, words
from services.text_moderation.classifier.model import Linear, Model

FOLDS = 4
EPOCHS = 10
# Of the ordinary safe texts of any source, left out of training, the share that may be flagged at 0.5; and of all other
# safe texts together, which are chosen to be hard.
MOST_FALSE, MOST_FALSE_HARD = 0.01, 0.05
# The network is trained on this many words of a text.
LONGEST = 64
# The columns that hold a group's own intercept, in units of an ordinary feature: large, so that they are cheap to use.
_INTERCEPT = 5.0
# The margin of a label that all texts have, or none.
_CERTAIN = 10.0

Indices = NDArray[np.int64]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Hyperparameters:
    """What a training run can be told."""

    alpha: float = 1e-5
    """Strength of L2 regularisation over hashed features."""
    filters: int = 96
    """Filters of each kind in the network."""
    epochs: int = 6
    """Passes over the data in training the network."""
    seed: int = 0


def _one_thread() -> AbstractContextManager[Any]:
    """For matrices: they are small, and sums keep their order, so that a run can be repeated to the byte."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # without type information

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


class Trainer:
    """Holds the features of the data, which are the same for every model that is trained on a part of it."""

    def __init__(self, data: Data, settings: Hyperparameters) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped] # published without type information

        self.data, self.settings = data, settings
        self.names = data.names
        self.targets = data.targets(self.names)
        self._words = vectors.load()
        all_words = [words(text) for text in data.texts]
        indptr, indices, values = [0], [], []
        for text in all_words:
            where, what = hashed(text)
            indices.append(where)
            values.append(what)
            indptr.append(indptr[-1] + len(where))
        shape = (len(data), 1 << BITS)
        self._matrix = csr_matrix((np.concatenate(values), np.concatenate(indices), indptr), shape=shape)
        group_names, groups = np.unique(data.groups, return_inverse=True)
        self._intercepts = csr_matrix(
            (np.full(len(data), _INTERCEPT), groups, np.arange(len(data) + 1)), shape=(len(data), len(group_names))
        )
        rows, lengths = network.pad([self._words.rows(text[:LONGEST]) for text in all_words])
        self._texts = network.Texts(
            rows, lengths, self.targets.astype(np.float32), data.weights.astype(np.float32), groups.astype(np.int64)
        )

    def fit(self, chosen: Indices) -> tuple[Linear, network.Network]:
        """The two models, trained on the texts with the indices `chosen`."""
        settings = self.settings
        with _one_thread():
            net = network.fit(
                self._words.table, self._texts, chosen,
                filters=settings.filters, epochs=settings.epochs, seed=settings.seed,
            )  # fmt: skip
            return self._fit_linear(chosen), net

    def held_out(self, parts: NDArray[Any], report: Report) -> NDArray[np.float64]:
        """(2, n, k) margins for every text by models that were trained without its part. `parts`: (n,)"""
        found = np.zeros((2, *self.targets.shape))

        def without(part: str) -> None:
            inside = np.flatnonzero(parts == part)
            linear, net = self.fit(np.flatnonzero(parts != part))
            found[0, inside] = self._matrix[inside] @ linear.weights + linear.bias
            found[1, inside] = network.margins(
                net, self._words.table, self._texts.rows[inside], self._texts.lengths[inside]
            )
            report(f"  without {part}")

        # Each on one core, and none depends on another: the result is the same on any number of cores.
        with _one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(without, np.unique(parts)))
        return found

    def _fit_linear(self, chosen: Indices) -> Linear:
        from scipy.sparse import hstack
        from sklearn.linear_model import SGDClassifier

        matrix = self._matrix[chosen]
        frequency = np.asarray((matrix > 0).sum(axis=0)).ravel()
        rarity = np.log((1 + matrix.shape[0]) / (1 + frequency)) + 1
        # What stands in a single text says more about that text than about its label.
        rarity[frequency < 2] = 0
        rarity /= max(rarity.max(), 1.0)
        scaled = hstack([matrix.multiply(rarity), self._intercepts[chosen]]).tocsr().astype(np.float64)
        weights = np.zeros((matrix.shape[1], len(self.names)))
        bias = np.full(len(self.names), -_CERTAIN)
        for index in range(len(self.names)):
            target = self.targets[chosen, index]
            if target.all() or not target.any():
                bias[index] = _CERTAIN if target.all() else -_CERTAIN
                continue
            fitted = SGDClassifier(
                loss="log_loss", alpha=self.settings.alpha, max_iter=EPOCHS, tol=None, average=True,
                random_state=self.settings.seed,
            ).fit(scaled, target, sample_weight=self.data.weights[chosen])  # fmt: skip
            weights[:, index] = fitted.coef_[0, : matrix.shape[1]] * rarity
            bias[index] = fitted.intercept_[0]
        return Linear(weights.astype(np.float32), bias.astype(np.float32))


def calibrate(margins: NDArray[np.float64], targets: NDArray[np.bool_], data: Data) -> NDArray[np.float32]:
    """(3, k) `Model.blend`: logistic regression on held-out margins (Platt scaling), and a bound on false alarms.

    The last label is calibrated on all texts, the others on those that are unsafe. Then the last one's offset is
    lowered until at 0.5 no more than MOST_FALSE of the ordinary safe texts of any source are flagged, and no more than
    MOST_FALSE_HARD of the other safe ones: unsafe texts are rarer in use than in the data.
    """
    unsafe = targets[:, -1]
    long = np.array([len(words(text)) >= LEAST_WORDS for text in data.texts])
    last = targets.shape[1] - 1
    blend = np.zeros((3, last + 1))
    for index in range(last + 1):
        rows = long if index == last else long & unsafe
        blend[:, index] = _platt(margins[:, rows, index], targets[rows, index], data.weights[rows])
    scores = blend[:2, last] @ margins[:, :, last] + blend[2, last]
    safe = ~unsafe & long
    ordinary = safe & data.ordinary
    # A label that describes something other than the text says little about what may be flagged.
    hard = safe & ~data.ordinary & (data.weights >= 1)
    bounds = [(ordinary & (data.sources == source), MOST_FALSE) for source in np.unique(data.sources[ordinary])]
    for texts, share in (*bounds, (hard, MOST_FALSE_HARD)):
        highest = float(np.quantile(scores[texts], 1 - share)) if texts.any() else 0.0
        if highest > 0:
            blend[2, last] -= highest
            scores -= highest
    return blend.astype(np.float32)


def _platt(
    margins: NDArray[np.float64], target: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(3,) what each of the two margins weighs, and an offset; nothing for one that counts against its label."""
    from sklearn.linear_model import LogisticRegression

    found = np.zeros(3)
    if target.all() or not target.any():
        # Such as where all that is unsafe has the same label.
        found[2] = _CERTAIN if target.all() else -_CERTAIN
        return found
    used = [0, 1]
    while True:
        fitted = LogisticRegression(C=1e3).fit(margins[used].T, target, sample_weight=weights)
        worst = int(fitted.coef_[0].argmin())
        if fitted.coef_[0, worst] > 0 or len(used) == 1:
            break
        del used[worst]
    found[used], found[2] = np.maximum(fitted.coef_[0], 0.05), fitted.intercept_[0]
    return found


def train(data: Data, settings: Hyperparameters, report: Report = lambda line: None) -> tuple[Model, NDArray[Any]]:
    """Trains on the whole of the data.

    Also returns the (2, n, k) margins that it was calibrated on, each by models that were trained without the text's
    source or, where sources are not known, without the random part that it is in.
    """
    trainer = Trainer(data, settings)
    report(f"{len(data):,} texts, labels: {', '.join(trainer.names)}")
    parts = data.sources
    if len(np.unique(parts)) < 2:
        parts = np.random.default_rng(settings.seed).integers(0, FOLDS, len(data)).astype(str)
    margins = trainer.held_out(parts, report)
    blend = calibrate(margins, trainer.targets, data)
    report("  on all")
    return Model(tuple(trainer.names), *trainer.fit(np.arange(len(data))), vectors.load(), blend), margins
