"""A small convolutional network over word vectors: it sees words in company, and what they mean.

Filters of one and of three words slide over a text, and filters of three over the answers of the latter, which see five
words. Of each its highest and its mean answer count, and a linear layer weighs those. Trained here with Adam (Kingma
and Ba 2015, https://arxiv.org/abs/1412.6980); the word vectors stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BATCH = 256
# So many batches' texts are sorted by length among themselves; more of them would make a batch's texts too much alike.
_SORTED = 20


@dataclass(frozen=True)
class Network:
    """The weights. d: the vectors' dimensions, h: filters of each kind, k: labels."""

    one: Floats
    """(d, h): filters over a single word."""
    one_bias: Floats
    """(h,)"""
    three: Floats
    """(3, d, h): filters over the word before, a word, and the word after."""
    three_bias: Floats
    """(h,)"""
    five: Floats
    """(3, h, h): the same over the answers of `three`."""
    five_bias: Floats
    """(h,)"""
    out: Floats
    """(6 h, k): what the highest and the mean answers of `one`, `three` and `five` say for each label."""
    out_bias: Floats
    """(k,)"""

    def margins(self, vectors: Floats) -> Floats:
        """(texts, k) margins from (texts, words, d) word vectors; zeros stand for unknown words and for none."""
        known = np.asarray(vectors.any(axis=2))[:, :, None]
        first = (vectors.reshape(-1, vectors.shape[2]) @ self._first).reshape(*vectors.shape[:2], 4, -1)
        one = _answers(first[:, :, 0] + self.one_bias, known)
        three = _answers(_company(first[:, :, 1:]) + self.three_bias, known)
        second = (three.reshape(-1, three.shape[2]) @ self._second).reshape(*three.shape[:2], 3, -1)
        five = _answers(_company(second) + self.five_bias, known)
        return np.asarray(_pooled((one, three, five), known) @ self.out + self.out_bias, dtype=np.float32)

    @cached_property
    def _first(self) -> Floats:
        """(d, 4 h): `one` and `three` side by side, because one large product is faster than four."""
        return np.concatenate([self.one, *self.three], axis=1)

    @cached_property
    def _second(self) -> Floats:
        """(h, 3 h): `five`."""
        return np.concatenate(list(self.five), axis=1)


def _answers(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """None below zero, and none of unknown words, so that what a text is filled up with has no say."""
    return np.maximum(values, 0) * known


def _company(products: Floats) -> Floats:
    """(texts, words, h) of filters over each word and its neighbours.

    `products`: (texts, words, 3, h), what they say to each word as the one before, as itself and as the one after.
    """
    total = products[:, :, 1].copy()
    total[:, 1:] += products[:, :-1, 0]
    total[:, :-1] += products[:, 1:, 2]
    return np.asarray(total)


def _products(inputs: Floats, weights: Floats) -> Floats:
    """(texts, words, 3, h), for `_company`, from (texts, words, d) and (3, d, h)."""
    texts, words, size = inputs.shape
    flat = inputs.reshape(-1, size)
    return np.stack([flat @ each for each in weights], axis=1).reshape(texts, words, 3, -1)


def _by_neighbour(error: Floats) -> list[Floats]:
    """From the (texts, words, h) gradient by what `_company` returned to those by its products, (texts * words, h)."""
    before, after = np.zeros_like(error), np.zeros_like(error)
    before[:, :-1] = error[:, 1:]
    after[:, 1:] = error[:, :-1]
    return [each.reshape(-1, error.shape[2]) for each in (before, error, after)]


def _count(known: NDArray[np.bool_]) -> Floats:
    """(texts, 1): one more than there are known words, so that a mean answer of one word weighs little."""
    return np.asarray(known.sum(axis=1, dtype=np.float32) + np.float32(1), dtype=np.float32)


def _pooled(answers: Sequence[Floats], known: NDArray[np.bool_]) -> Floats:
    """(texts, 6 h): of each kind of filter the highest answers, then the mean ones."""
    count = _count(known)
    return np.concatenate([part for each in answers for part in (each.max(axis=1), each.sum(axis=1) / count)], axis=1)


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
    filters: int = 96,
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
        "three": random.normal(0, (3 * dimensions) ** -0.5, (3, dimensions, filters)),
        "three_bias": np.zeros(filters),
        "five": random.normal(0, (3 * filters) ** -0.5, (3, filters, filters)),
        "five_bias": np.zeros(filters),
        "out": random.normal(0, 0.1, (6 * filters, labels)),
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
    for start in range(0, len(shuffled), _BATCH * _SORTED):
        part = shuffled[start : start + _BATCH * _SORTED]
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
    drop_answers: float = 0.2,
    drop_pooled: float = 0.4,
) -> dict[str, Floats]:
    """Of the weighted mean log loss over a batch, by each of the weights.

    Words, and numbers on each layer, are left out at random (dropout).
    """

    def kept(shape: tuple[int, ...], drop: float) -> Floats:
        return (random.random(shape, dtype=np.float32) >= drop).astype(np.float32) / np.float32(1 - drop)

    longest = max(int(texts.lengths[batch].max()), 1)
    rows = texts.rows[batch, :longest] * (random.random((len(batch), longest), dtype=np.float32) >= drop_words)
    known = (rows > 0)[:, :, None]
    vectors = table[rows]
    vectors *= kept(vectors.shape, drop_numbers)
    flat = vectors.reshape(-1, vectors.shape[2])

    one = _answers((flat @ weights["one"]).reshape(*rows.shape, -1) + weights["one_bias"], known)
    three = _answers(_company(_products(vectors, weights["three"])) + weights["three_bias"], known)
    some = kept(three.shape, drop_answers)
    inner = three * some
    five = _answers(_company(_products(inner, weights["five"])) + weights["five_bias"], known)
    mask = kept((len(batch), weights["out"].shape[0]), drop_pooled)
    hidden = _pooled((one, three, five), known) * mask
    margins = hidden @ weights["out"] + weights["out_bias"] + weights["groups"][texts.groups[batch]]

    error = (1 / (1 + np.exp(-margins)) - texts.targets[batch]) * texts.weights[batch, None] / len(batch)
    back = (error @ weights["out"].T) * mask
    count = _count(known)
    by_kind: list[Floats] = np.split(np.asarray(back, dtype=np.float32), 6, axis=1)
    of_one, of_three, of_five = (
        _back_through_pool(answers, by_kind[2 * i], by_kind[2 * i + 1] / count)
        for i, answers in enumerate((one, three, five))
    )
    errors = _by_neighbour(of_five)
    by_five = np.stack([inner.reshape(len(flat), -1).T @ each for each in errors])
    by_inner = errors[0] @ weights["five"][0].T + errors[1] @ weights["five"][1].T + errors[2] @ weights["five"][2].T
    of_three += by_inner.reshape(three.shape) * some * (three > 0)
    by_three = np.stack([flat.T @ each for each in _by_neighbour(of_three)])
    of_groups = np.zeros_like(weights["groups"])
    np.add.at(of_groups, texts.groups[batch], error)
    return {
        "one": flat.T @ of_one.reshape(len(flat), -1),
        "one_bias": of_one.sum(axis=(0, 1)),
        "three": by_three,
        "three_bias": of_three.sum(axis=(0, 1)),
        "five": by_five,
        "five_bias": of_five.sum(axis=(0, 1)),
        "out": hidden.T @ error,
        "out_bias": error.sum(axis=0),
        "groups": of_groups,
    }


def _back_through_pool(answers: Floats, by_highest: Floats, by_mean: Floats) -> Floats:
    """(texts, words, h) by the filters' answers before the cut at zero, from the (texts, h) gradients of a pool."""
    error = np.repeat(by_mean[:, None], answers.shape[1], axis=1)
    where = answers.argmax(axis=1)[:, None]
    np.put_along_axis(error, where, np.take_along_axis(error, where, axis=1) + by_highest[:, None], axis=1)
    error *= answers > 0
    return np.asarray(error)


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
            if array.ndim > 1:
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
