"""A small convolutional network over word vectors: it sees words in company, and what they mean.

Filters of one and of three words slide over a text; of each the highest answer counts, and a linear layer weighs those.
Trained here with Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980); the word vectors stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BATCH = 256


@dataclass(frozen=True)
class Network:
    """The weights. d: the vectors' dimensions, h: filters of each width, k: labels."""

    one: Floats
    """(d, h): filters over a single word."""
    one_bias: Floats
    """(h,)"""
    three: Floats
    """(3 d, h): filters over a word and its neighbours."""
    three_bias: Floats
    """(h,)"""
    out: Floats
    """(2 h, k)"""
    out_bias: Floats
    """(k,)"""

    def margins(self, vectors: Floats) -> Floats:
        """(texts, k) margins from (texts, words, d) word vectors; zeros stand for unknown words and for none."""
        _, answers = _answers(vectors, self.one, self.one_bias, self.three, self.three_bias)
        return np.asarray(np.maximum(answers.max(axis=1), 0) @ self.out + self.out_bias, dtype=np.float32)


def _answers(
    vectors: Floats, one: Floats, one_bias: Floats, three: Floats, three_bias: Floats
) -> tuple[Floats, Floats]:
    """(texts, words, 3 d) each word with its neighbours, and (texts, words, 2 h) what each filter says to it."""
    texts, _, dimensions = vectors.shape
    edge = np.zeros((texts, 1, dimensions), dtype=np.float32)
    padded = np.concatenate([edge, vectors, edge], axis=1)
    company = np.concatenate([padded[:, :-2], vectors, padded[:, 2:]], axis=2)
    return company, np.concatenate([vectors @ one + one_bias, company @ three + three_bias], axis=2)


@dataclass(frozen=True)
class Texts:
    """Texts as the network is trained on them. n texts, k labels."""

    rows: NDArray[np.int32]
    """(n, longest): the row of each word in `table`, 0 where a text has ended."""
    lengths: NDArray[np.int64]
    """(n,): words of each text."""
    targets: Floats
    """(n, k): 1 where a text has the label."""
    weights: Floats
    """(n,)"""
    groups: NDArray[np.int64]
    """(n,): each group has its own intercepts in training, so that what tells groups apart is not taken for a label."""


def fit(
    table: Floats,
    texts: Texts,
    chosen: NDArray[np.int64],
    *,
    filters: int = 48,
    epochs: int = 6,
    rate: float = 2e-3,
    decay: float = 1e-3,
    seed: int = 0,
) -> Network:
    """Trains on the texts with the indices `chosen`. The same arguments give the same network on the same machine."""
    random = np.random.default_rng(seed)
    dimensions, labels, groups = table.shape[1], texts.targets.shape[1], int(texts.groups.max()) + 1
    start: dict[str, NDArray[np.float64]] = {
        "one": random.normal(0, dimensions**-0.5, (dimensions, filters)),
        "one_bias": np.zeros(filters),
        "three": random.normal(0, (3 * dimensions) ** -0.5, (3 * dimensions, filters)),
        "three_bias": np.zeros(filters),
        "out": random.normal(0, 0.1, (2 * filters, labels)),
        "out_bias": np.zeros(labels),
        "groups": _log_odds(texts, chosen, groups),
    }
    weights = {name: array.astype(np.float32) for name, array in start.items()}
    adam = _Adam(weights, decay)
    steps, done = epochs * (len(chosen) // _BATCH + 1), 0
    for _ in range(epochs):
        for batch in _batches(texts.lengths, chosen, random):
            adam.step(_gradients(table, texts, batch, weights, random), rate * max(0.05, 1 - done / steps))
            done += 1
    del weights["groups"]
    return Network(**weights)


def _log_odds(texts: Texts, chosen: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """(groups, k): how likely each label is within each group, as intercepts to begin with."""
    odds = np.zeros((groups, texts.targets.shape[1]))
    for group in range(groups):
        members = chosen[texts.groups[chosen] == group]
        if len(members):
            share = np.clip(texts.targets[members].mean(axis=0), 0.01, 0.99)
            odds[group] = np.log(share / (1 - share))
    return odds


def _batches(
    lengths: NDArray[np.int64], chosen: NDArray[np.int64], random: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """The indices in random batches, each of texts that are about as long, so that little is computed for nothing."""
    shuffled = random.permutation(chosen)
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(shuffled), _BATCH * 20):
        part = shuffled[start : start + _BATCH * 20]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + _BATCH] for i in range(0, len(part), _BATCH)]
    for index in random.permutation(len(batches)):
        yield batches[index]


def _gradients(
    table: Floats,
    texts: Texts,
    batch: NDArray[np.int64],
    weights: dict[str, Floats],
    random: np.random.Generator,
    *,
    drop_words: float = 0.15,
    drop_numbers: float = 0.3,
    drop_filters: float = 0.4,
) -> dict[str, Floats]:
    """Of the weighted mean log loss over a batch, by each of the weights.

    Words, numbers and filters are left out at random (dropout).
    """

    def kept(shape: tuple[int, ...], drop: float) -> Floats:
        return (random.random(shape, dtype=np.float32) >= drop).astype(np.float32) / np.float32(1 - drop)

    longest = max(int(texts.lengths[batch].max()), 1)
    rows = texts.rows[batch, :longest] * (random.random((len(batch), longest), dtype=np.float32) >= drop_words)
    vectors = table[rows]
    vectors = vectors * kept(vectors.shape, drop_numbers)
    company, answers = _answers(vectors, *(weights[n] for n in ("one", "one_bias", "three", "three_bias")))
    where = answers.argmax(axis=1)
    highest = np.take_along_axis(answers, where[:, None], axis=1)[:, 0]
    mask = (highest > 0) * kept(highest.shape, drop_filters)
    hidden = highest * mask
    margins = hidden @ weights["out"] + weights["out_bias"] + weights["groups"][texts.groups[batch]]
    error = (1 / (1 + np.exp(-margins)) - texts.targets[batch]) * texts.weights[batch, None] / len(batch)
    back = (error @ weights["out"].T) * mask
    half = back.shape[1] // 2
    # Only the word with the highest answer of a filter has a part in it.
    text = np.arange(len(batch))[:, None]
    of_groups = np.zeros_like(weights["groups"])
    np.add.at(of_groups, texts.groups[batch], error)
    return {
        "one": np.einsum("tf,tfd->df", back[:, :half], vectors[text, where[:, :half]], optimize=True),
        "one_bias": back[:, :half].sum(axis=0),
        "three": np.einsum("tf,tfd->df", back[:, half:], company[text, where[:, half:]], optimize=True),
        "three_bias": back[:, half:].sum(axis=0),
        "out": hidden.T @ error,
        "out_bias": error.sum(axis=0),
        "groups": of_groups,
    }


class _Adam:
    """Adam with decoupled weight decay on matrices."""

    def __init__(self, weights: dict[str, Floats], decay: float) -> None:
        self._weights, self._decay, self._steps = weights, decay, 0
        self._mean = {name: np.zeros_like(array) for name, array in weights.items()}
        self._square = {name: np.zeros_like(array) for name, array in weights.items()}

    def step(self, gradients: dict[str, Floats], rate: float) -> None:
        """Changes the weights in place."""
        self._steps += 1
        for name, gradient in gradients.items():
            array, mean, square = self._weights[name], self._mean[name], self._square[name]
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient * gradient - square)
            update = (mean / (1 - 0.9**self._steps)) / (np.sqrt(square / (1 - 0.999**self._steps)) + 1e-8)
            if name == "groups":
                # Intercepts have a long way to go, and nothing to overfit.
                array -= np.float32(10 * rate) * update
                continue
            if array.ndim == 2:
                array *= np.float32(1 - rate * self._decay)
            array -= np.float32(rate) * update


def pad(rows: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(n, longest) rows, filled with 0, and (n,) lengths."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    padded = np.zeros((len(rows), max(1, int(lengths.max(initial=0)))), dtype=np.int32)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded, lengths


def margins(network: Network, table: Floats, rows: NDArray[np.int32], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """(n, k) margins of many texts, in batches of like length."""
    found = np.zeros((len(rows), network.out_bias.size), dtype=np.float32)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), 512):
        batch = order[start : start + 512]
        found[batch] = network.margins(table[rows[batch, : max(int(lengths[batch].max()), 1)]])
    return found
