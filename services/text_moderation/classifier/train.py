"""Trains the classifier from a CSV in the format of Amazon Comprehend's custom classification."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.common.v1 import category_pb2
from services.text_moderation.classifier import model as model_file
from services.text_moderation.classifier.features import BITS, features
from services.text_moderation.classifier.model import Model

SAFE = "safe"
FOLDS = 4
EPOCHS = 10
# Of ordinary safe texts, the share that one category may flag at a probability of 0.5.
MOST_FALSE = 0.002


class DataError(Exception):
    """The training data is wrong; the message has the file, the line and the reason."""


@dataclass(frozen=True)
class Data:
    """Labelled texts. All have the same length."""

    texts: list[str]
    labels: list[frozenset[str]]
    """Category names; empty for a safe text."""
    weights: NDArray[np.float64]
    sources: list[str]
    """Where each text comes from, for judging by source; "" when that is not known."""
    ordinary: NDArray[np.bool_]
    """Which texts are like those that the service will see; of the safe ones hardly any may be flagged."""


def read(csv_path: Path, rows_path: Path | None = None) -> Data:
    """Reads a CSV: UTF-8, no header, `LABEL,text` or `LABEL|LABEL,text`.

    Labels are category names in any case, without their prefix, or "safe" alone. `rows_path` is a CSV with the header
    `weight,source,ordinary` and a row for each of the texts. Raises DataError. The format is described at
    https://docs.aws.amazon.com/comprehend/latest/dg/prep-classifier-data-multi-label.html.
    """
    texts: list[str] = []
    labels: list[frozenset[str]] = []
    with csv_path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        for row in reader:
            where = f"{csv_path}, line {reader.line_num}"
            if len(row) != 2:
                raise DataError(f"{where}: needs two columns, labels and text; has {len(row)}")
            names = frozenset(name.strip().lower() for name in row[0].split("|"))
            for name in names - {SAFE}:
                if not name or f"CATEGORY_{name.upper()}" not in category_pb2.Category.DESCRIPTOR.values_by_name:
                    raise DataError(f"{where}: no category is named {name!r}")
            if SAFE in names and len(names) > 1:
                raise DataError(f"{where}: a text is safe or it has categories, not both")
            texts.append(row[1])
            labels.append(names - {SAFE})
    if not any(labels) or all(labels):
        raise DataError(f"{csv_path}: needs texts that are safe and texts that are not")
    if rows_path is None:
        return Data(texts, labels, np.ones(len(texts)), [""] * len(texts), np.ones(len(texts), dtype=bool))
    with rows_path.open(encoding="utf-8", newline="") as file:
        about = list(csv.DictReader(file))
    if len(about) != len(texts):
        raise DataError(f"{rows_path}: has {len(about):,} rows for {len(texts):,} texts")
    try:
        weights = np.array([float(row["weight"]) for row in about])
        ordinary = np.array([row["ordinary"] == "1" for row in about])
        return Data(texts, labels, weights, [row["source"] for row in about], ordinary)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{rows_path}: needs the columns weight, source and ordinary: {error}") from None


def train(csv_path: Path, out_path: Path, *, rows_path: Path | None = None, alpha: float = 1e-5) -> dict[str, Any]:
    """Trains on the whole of the data and writes the model to `out_path`. `alpha` is the strength of L2 regularisation.

    Probabilities are calibrated (Platt scaling, and no more than 0.2 % of the ordinary safe texts of any source flagged
    in any one category) on predictions for texts that the predicting model was not trained on. Returns the figures,
    which are the model file's metadata too: by random folds, and where sources are known by leaving out one at a time.
    """
    data = read(csv_path, rows_path)
    matrix = _matrix(data.texts)
    names = sorted({name for labels in data.labels for name in labels})
    targets = np.array([[name in labels for name in names] for labels in data.labels])

    def held_out(groups: NDArray[Any]) -> NDArray[np.float64]:
        margins = np.zeros(targets.shape)
        for group in np.unique(groups):
            inside = groups == group
            weights, bias = _fit(matrix[~inside], targets[~inside], data.weights[~inside], alpha)
            margins[inside] = matrix[inside] @ weights + bias
        return margins

    margins = held_out(np.random.default_rng(0).integers(0, FOLDS, len(data.texts)))
    scale, shift = _calibrate(margins, targets, data)
    figures: dict[str, Any] = {
        "rows": len(data.texts),
        "random folds": _figures(margins * scale + shift, targets, data),
    }
    sources = np.array(data.sources)
    if len(np.unique(sources)) > 1:
        figures["leave one source out"] = _figures(held_out(sources) * scale + shift, targets, data)
    weights, bias = _fit(matrix, targets, data.weights, alpha)
    trained = Model(tuple(names), weights.astype(np.float32), bias.astype(np.float32), scale, shift)
    model_file.save(trained, out_path, {"alpha": alpha, "figures": figures})
    return {"labels": {name: int(targets[:, i].sum()) for i, name in enumerate(names)}, **figures}


def _matrix(texts: Sequence[str]) -> Any:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped] # published without type information

    indptr, indices, values = [0], [], []
    for text in texts:
        where, what = features(text)
        indices.append(where)
        values.append(what)
        indptr.append(indptr[-1] + len(where))
    return csr_matrix((np.concatenate(values), np.concatenate(indices), indptr), shape=(len(texts), 1 << BITS))


def _fit(
    matrix: Any, targets: NDArray[np.bool_], row_weights: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(features, labels) weights and (labels,) bias. Rare features count more, by inverse document frequency."""
    from sklearn.linear_model import SGDClassifier

    frequency = np.asarray((matrix > 0).sum(axis=0)).ravel()
    rarity = np.log((1 + matrix.shape[0]) / (1 + frequency)) + 1
    # What stands in a single text says more about that text than about its label.
    rarity[frequency < 2] = 0
    rarity /= max(rarity.max(), 1.0)
    scaled = matrix.multiply(rarity).tocsr().astype(np.float64)
    weights = np.zeros((matrix.shape[1], targets.shape[1]))
    bias = np.full(targets.shape[1], -10.0)
    for index in range(targets.shape[1]):
        if not targets[:, index].any():
            continue
        fitted = SGDClassifier(
            loss="log_loss", alpha=alpha, max_iter=EPOCHS, tol=None, average=True, random_state=0
        ).fit(scaled, targets[:, index], sample_weight=row_weights)
        weights[:, index] = fitted.coef_[0] * rarity
        bias[index] = fitted.intercept_[0]
    return weights, bias


def _calibrate(
    margins: NDArray[np.float64], targets: NDArray[np.bool_], data: Data
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(labels,) scale and shift: probability = sigmoid(scale * margin + shift)."""
    from sklearn.linear_model import LogisticRegression

    ordinary = np.asarray(data.ordinary & ~targets.any(axis=1))
    sources = np.array(data.sources)
    scale, shift = [], []
    for index in range(targets.shape[1]):
        fitted = LogisticRegression(C=1e6).fit(margins[:, [index]], targets[:, index], sample_weight=data.weights)
        slope, offset = max(float(fitted.coef_[0, 0]), 0.1), float(fitted.intercept_[0])
        for source in np.unique(sources[ordinary]):
            highest = np.quantile(margins[ordinary & (sources == source), index], 1 - MOST_FALSE)
            offset = min(offset, -slope * float(highest))
        scale.append(slope)
        shift.append(offset)
    return np.array(scale, np.float32), np.array(shift, np.float32)


def _figures(calibrated: NDArray[np.float64], targets: NDArray[np.bool_], data: Data) -> dict[str, dict[str, str]]:
    """For each source: how many texts are unsafe and safe, and the shares flagged at a probability of 0.5."""
    flagged = np.asarray((calibrated >= 0).any(axis=1))
    unsafe, sources = np.asarray(targets.any(axis=1)), np.array(data.sources)
    figures: dict[str, dict[str, str]] = {}
    for source in np.unique(sources):
        figures[str(source) or "all"] = {
            f"flagged of {name}": f"{flagged[chosen].mean():.1%} of {chosen.sum():,}"
            for name, chosen in (("unsafe", (sources == source) & unsafe), ("safe", (sources == source) & ~unsafe))
            if chosen.any()
        }
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """The command `train`. Returns the exit status: 0, or 2 when the data is wrong."""
    parser = argparse.ArgumentParser(prog="classifier", description="Train the text classifier.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train", help="train from a CSV (no header; LABEL,text or LABEL|LABEL,text)")
    command.add_argument("data", type=Path, help="the CSV; labels are category names, or safe")
    command.add_argument("--out", type=Path, required=True, help="the model file to write (.npz)")
    command.add_argument(
        "--rows", type=Path, help="a CSV with the header weight,source,ordinary and a row for each text"
    )
    command.add_argument("--alpha", type=float, default=1e-5, help="strength of L2 regularisation (default: 1e-5)")
    arguments = parser.parse_args(argv)
    try:
        figures = train(arguments.data, arguments.out, rows_path=arguments.rows, alpha=arguments.alpha)
    except (DataError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0
