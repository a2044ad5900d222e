"""Judges the classifier: figures by category and by slice, precision-recall curves, reliability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.text_moderation.classifier.data import ANY, Data
from services.text_moderation.classifier.features import LEAST_WORDS, words
from services.text_moderation.classifier.model import Model, probabilities

BINS = 10


@dataclass(frozen=True)
class Judged:
    """Probabilities beside the truth. n texts, k labels."""

    names: list[str]
    """The labels, the last of which is ANY."""
    probabilities: NDArray[np.float64]
    """(n, k)"""
    targets: NDArray[np.bool_]
    """(n, k)"""
    data: Data


def judge(model: Model, data: Data) -> Judged:
    """What a model says of each text of the data."""
    found = np.array([model.probabilities(text) for text in data.texts], dtype=np.float64)
    return _judged(list(model.labels), found, data)


def judge_held_out(model: Model, margins: NDArray[Any], data: Data) -> Judged:
    """The same from the (2, n, k) margins of held-out texts, with the model's calibration."""
    return _judged(list(model.labels), probabilities(margins, model.blend), data)


def _judged(names: list[str], found: NDArray[np.float64], data: Data) -> Judged:
    short = np.array([len(words(text)) < LEAST_WORDS for text in data.texts])
    return Judged(names, np.where(short[:, None], 0.0, found), data.targets(names), data)


def by_category(judged: Judged, threshold: float) -> str:
    """A table: precision, recall, F1, false-positive rate, average precision and calibration error of each category.

    A category's false positives are texts that lack it, safe or not; those of the row ANY are safe texts.
    """
    lines = [
        f"{'category':<12} {'texts':>7} {'precision':>9} {'recall':>7} {'F1':>6} {'false pos.':>10} {'avg. prec.':>10} "
        f"{'calib. err.':>11}"
    ]
    for index, name in enumerate(judged.names):
        truth, found = judged.targets[:, index], judged.probabilities[:, index]
        flagged = found >= threshold
        precision = _share(truth[flagged])
        recall = _share(flagged[truth])
        f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
        lines.append(
            f"{name:<12} {int(truth.sum()):>7,} {precision:>9.1%} {recall:>7.1%} {f1:>6.3f} "
            f"{_share(flagged[~truth]):>10.2%} {_average_precision(truth, found):>10.3f} "
            f"{calibration_error(truth, found):>11.3f}"
        )
    return "\n".join(lines)


def by_slice(judged: Judged, threshold: float) -> str:
    """A table: of each slice the unsafe texts and the share caught, the safe texts and the share flagged."""
    lines = [f"{'source / slice':<48} {'unsafe':>7} {'caught':>7} {'safe':>7} {'flagged':>8} {'ROC AUC':>8}"]
    truth, found = judged.targets[:, -1], judged.probabilities[:, -1]
    pairs = zip(judged.data.sources, judged.data.slices, strict=True)
    keys = np.array([f"{source} / {part}" if source or part else "all" for source, part in pairs])
    for key in np.unique(keys):
        unsafe, safe = (keys == key) & truth, (keys == key) & ~truth
        caught = f"{_share(found[unsafe] >= threshold):.1%}" if unsafe.any() else ""
        false = f"{_share(found[safe] >= threshold):.2%}" if safe.any() else ""
        area = f"{_roc_area(found[unsafe], found[safe]):.3f}" if unsafe.any() and safe.any() else ""
        lines.append(f"{key:<48} {int(unsafe.sum()):>7,} {caught:>7} {int(safe.sum()):>7,} {false:>8} {area:>8}")
    return "\n".join(lines)


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _average_precision(truth: NDArray[np.bool_], found: NDArray[np.float64]) -> float:
    if not truth.any():
        return 0.0
    precision, recall = _curve(truth, found)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _curve(truth: NDArray[np.bool_], found: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at each threshold, from the highest down."""
    order = np.argsort(-found, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.diff(found[order]) != 0, True)
    hits, flagged = hits[last], (np.arange(len(truth)) + 1)[last]
    return hits / flagged, hits / max(int(truth.sum()), 1)


def _roc_area(unsafe: NDArray[np.float64], safe: NDArray[np.float64]) -> float:
    """How often an unsafe text is rated above a safe one."""
    ranks = np.sort(safe)
    below, upto = np.searchsorted(ranks, unsafe, "left"), np.searchsorted(ranks, unsafe, "right")
    return float((below + upto).mean() / (2 * len(safe)))


def reliability(truth: NDArray[np.bool_], found: NDArray[np.float64]) -> list[tuple[float, float, int]]:
    """For each tenth of the confidence scale that holds texts: their mean confidence, the true share, their number."""
    bins = np.minimum((found * BINS).astype(int), BINS - 1)
    return [
        (float(found[bins == i].mean()), float(truth[bins == i].mean()), int((bins == i).sum()))
        for i in range(BINS)
        if (bins == i).any()
    ]


def calibration_error(truth: NDArray[np.bool_], found: NDArray[np.float64]) -> float:
    """Expected calibration error: how far confidence and truth lie apart, over tenths, weighed by their texts."""
    return sum(abs(confidence - share) * count for confidence, share, count in reliability(truth, found)) / len(found)


def plot(judged: Judged, folder: Path, title: str) -> list[Path]:
    """Writes precision_recall.png and reliability.png, which need matplotlib; returns their paths."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "precision_recall.png", folder / "reliability.png"]
    drawn = [i for i, name in enumerate(judged.names) if judged.targets[:, i].any() or name == ANY]
    colours = plt.get_cmap("tab20")

    figure, axes = plt.subplots(figsize=(8, 5.5), layout="constrained")
    for place, index in enumerate(drawn):
        truth, found = judged.targets[:, index], judged.probabilities[:, index]
        precision, recall = _curve(truth, found)
        name = judged.names[index]
        style: dict[str, Any] = {"color": "black", "linewidth": 2.5} if name == ANY else {"color": colours(place)}
        axes.plot(recall, precision, label=f"{name} ({_average_precision(truth, found):.2f})", **style)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=f"Precision and recall: {title}")
    axes.legend(title="average precision", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(paths[0], dpi=110)
    plt.close(figure)

    figure, (axes, counts) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained", height_ratios=(3, 1), sharex=True)
    axes.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    for place, index in enumerate(drawn):
        points = [p for p in reliability(judged.targets[:, index], judged.probabilities[:, index]) if p[2] >= 20]
        name = judged.names[index]
        style = {"color": "black", "linewidth": 2.5} if name == ANY else {"color": colours(place), "alpha": 0.8}
        axes.plot([p[0] for p in points], [p[1] for p in points], marker="o", markersize=4, label=name, **style)
    axes.set(ylabel="share that has the category", xlim=(0, 1), ylim=(0, 1), title=f"Reliability: {title}")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.grid(alpha=0.3)
    counts.hist(judged.probabilities[:, -1], bins=BINS, range=(0, 1), color="black")
    counts.set(xlabel="confidence", ylabel="texts", yscale="log")
    counts.grid(alpha=0.3)
    figure.savefig(paths[1], dpi=110)
    plt.close(figure)
    return paths
