"""Training and evaluation data: a CSV as Amazon Comprehend takes it, and what else is known of its rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.common.v1 import category_pb2

SAFE = "safe"
ANY = "toxicity"
"""The label of every text that is unsafe in any way, whether the data says so or not."""
COLUMNS = ("weight", "source", "slice", "group", "ordinary")
# What may be a misspelt category. Anything else may be a text, in a file whose columns are the other way round, and
# texts are not printed.
_LIKE_A_NAME = re.compile(r"[\w-]{0,40}")


class DataError(Exception):
    """The data is wrong; the message has the file, the line and the reason."""


@dataclass(frozen=True)
class Data:
    """Labelled texts. All have the same length, n."""

    texts: list[str]
    labels: list[frozenset[str]]
    """Category names; empty for a safe text."""
    weights: NDArray[np.float64]
    sources: NDArray[np.str_]
    """Where each text comes from, for judging by source; "" when that is not known."""
    slices: NDArray[np.str_]
    """What kind of text each is, for reporting; "" when that is not known."""
    groups: NDArray[np.str_]
    """Texts of one style. What tells one group from another must not be taken for what tells safe from unsafe."""
    ordinary: NDArray[np.bool_]
    """Which texts are like those that the service will see; of the safe ones hardly any may be flagged."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def names(self) -> list[str]:
        """The labels that occur, sorted; ANY last."""
        return [*sorted({name for labels in self.labels for name in labels} - {ANY}), ANY]

    def take(self, rows: NDArray[np.int64]) -> Data:
        """The texts of some rows, by index."""
        return Data(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            self.weights[rows],
            self.sources[rows],
            self.slices[rows],
            self.groups[rows],
            self.ordinary[rows],
        )

    def targets(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """(n, names): which text has which label; ANY is had by all that have one."""
        rows = [[name in labels or (name == ANY and bool(labels)) for name in names] for labels in self.labels]
        return np.array(rows, dtype=bool)


def read(csv_path: Path, rows_path: Path | None = None) -> Data:
    """Reads a CSV: UTF-8, no header, `LABEL,text` or `LABEL|LABEL,text`.

    Labels are category names in any case, without their prefix, or "safe" alone. `rows_path` is a CSV with the header
    `weight,source,slice,group,ordinary` and a row for each of the texts. Raises DataError. The format is described at
    https://docs.aws.amazon.com/comprehend/latest/dg/prep-classifier-data-multi-label.html.
    """
    texts: list[str] = []
    labels: list[frozenset[str]] = []
    try:
        with csv_path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                labels.append(labels_of(row, f"{csv_path}, line {reader.line_num}"))
                texts.append(row[1])
    except UnicodeDecodeError as error:
        raise DataError(f"{csv_path}: is not UTF-8 at byte {error.start:,}") from None
    except csv.Error as error:
        raise DataError(f"{csv_path}, line {reader.line_num}: is not CSV: {error}") from None
    if not any(labels) or all(labels):
        raise DataError(f"{csv_path}: needs texts that are safe and texts that are not")
    if rows_path is None:
        none = np.full(len(texts), "")
        return Data(texts, labels, np.ones(len(texts)), none, none, none, np.ones(len(texts), dtype=bool))
    with rows_path.open(encoding="utf-8", newline="") as file:
        about = list(csv.DictReader(file))
    if len(about) != len(texts):
        raise DataError(f"{rows_path}: has {len(about):,} rows for {len(texts):,} texts")
    try:
        weights = np.array([float(row["weight"]) for row in about])
        sources, slices, groups = (np.array([row[name] for row in about]) for name in ("source", "slice", "group"))
        ordinary = np.array([row["ordinary"] == "1" for row in about])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{rows_path}: needs the columns {', '.join(COLUMNS)}: {error}") from None
    return Data(texts, labels, weights, sources, slices, groups, ordinary)


def labels_of(row: Sequence[str], where: str) -> frozenset[str]:
    """The categories of a row of the CSV; empty for a safe text. Raises DataError, which begins with `where`."""
    if len(row) != 2:
        raise DataError(f"{where}: needs two columns, labels and text; has {len(row)}")
    names = frozenset(name.strip().lower() for name in row[0].split("|"))
    for name in sorted(names - {SAFE}):
        if not name or f"CATEGORY_{name.upper()}" not in category_pb2.Category.DESCRIPTOR.values_by_name:
            shown = repr(name) if _LIKE_A_NAME.fullmatch(name) else "as its first column"
            raise DataError(f"{where}: no category is named {shown}")
    if SAFE in names and len(names) > 1:
        raise DataError(f"{where}: a text is safe or it has categories, not both")
    return names - {SAFE}
