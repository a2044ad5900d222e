"""Training data as Amazon Comprehend takes it: checked against its documented limits, and written anew for it.

Sources: https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html (quotas for custom models,
classification of plain text) and https://docs.aws.amazon.com/comprehend/latest/dg/prep-classifier-data.html.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Literal

from services.text_moderation.classifier.data import SAFE, DataError, labels_of

Mode = Literal["MULTI_CLASS", "MULTI_LABEL"]

DELIMITER = "|"
TOXIC, NOT_TOXIC = "Toxic", "Not Toxic"
"""The classes of a classifier that only tells whether a text is unsafe; the detector knows them without a setting."""


@dataclass(frozen=True)
class Limits:
    """What Comprehend asks of training data in one mode."""

    most_classes: int
    least_texts_of_class: int
    least_texts: int


LIMITS: Mapping[Mode, Limits] = {
    "MULTI_CLASS": Limits(most_classes=1000, least_texts_of_class=50, least_texts=0),
    "MULTI_LABEL": Limits(most_classes=100, least_texts_of_class=10, least_texts=50),
}
MOST_TEXTS = 1_000_000
# "5 GB" and "10 KB", whichever of the two meanings is the smaller.
MOST_BYTES = 5_000_000_000
MOST_BYTES_OF_TEXT = 10_000
"""What an endpoint takes; training has no documented limit for one text."""
MOST_CLASS_NAME = 5_000
# Comprehend's advice for better classifiers, not a limit.
MOST_SKEW = 10


@dataclass(frozen=True)
class Prepared:
    """What is uploaded."""

    body: bytes
    """CSV, UTF-8: `CLASS,text` or `CLASS|CLASS,text`, a line for each text."""
    texts: int
    classes: Mapping[str, int]
    """How many texts each class has."""
    notes: Sequence[str]
    """What the operator should know and need not mend."""

    @cached_property
    def sha256(self) -> str:
        """Of the body, in hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest()


def prepare(path: Path, mode: Mode, *, two_class: bool) -> Prepared:
    """Reads the CSV that trains the local classifier too (data.py) and makes of it what Comprehend is given.

    Labels are written in small letters, because "Hate" and "hate" would be two classes; with `two_class` they become
    "Toxic" or "Not Toxic". A line break within a text becomes a space: Comprehend's documentation has one text to a
    line, and does not say whether quotes change that. Raises DataError with everything that is wrong, a line for each
    reason, which has the numbers of all lines of the file that it is true of; never with a text.
    """
    wrong: dict[str, list[int]] = {}
    classes: Counter[str] = Counter()
    rows, broken, long = 0, 0, 0
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for line, row in _rows(path, wrong):
        try:
            labels = labels_of(row, "")
            if mode == "MULTI_CLASS" and len(labels) > 1 and not two_class:
                raise DataError(": has more than one label; multi-class mode takes one (or use --two-class)")
            if not row[1].strip():
                raise DataError(": has no text")
        except DataError as error:
            wrong.setdefault(str(error).removeprefix(": "), []).append(line)
            continue
        text = " ".join(row[1].splitlines())
        named = [TOXIC if labels else NOT_TOXIC] if two_class else sorted(labels) or [SAFE]
        writer.writerow([DELIMITER.join(named), text])
        classes.update(named)
        rows += 1
        broken += text != row[1]
        long += len(text.encode()) > MOST_BYTES_OF_TEXT
    body = out.getvalue().encode()
    problems = [f"{path}, {_lines(lines)}: {reason}" for reason, lines in wrong.items()]
    problems += [f"{path}: {problem}" for problem in broken_limits(classes, rows, len(body), mode)]
    if problems:
        raise DataError("\n".join(problems))
    notes = []
    if broken:
        notes.append(f"{broken:,} texts have line breaks, which are spaces in what is uploaded")
    if long:
        notes.append(f"{long:,} texts are longer than 10 KB, which an endpoint does not take in one piece")
    most, least = max(classes, key=classes.__getitem__), min(classes, key=classes.__getitem__)
    if classes[most] > MOST_SKEW * classes[least]:
        notes.append(
            f"class {most!r} has {classes[most]:,} texts and {least!r} {classes[least]:,}: "
            f"Comprehend advises at most {MOST_SKEW} times as many"
        )
    return Prepared(body, rows, dict(classes), notes)


def broken_limits(classes: Mapping[str, int], texts: int, size: int, mode: Mode) -> list[str]:
    """What of Comprehend's limits is not kept by data of that many `texts`, and `size` bytes in all."""
    limits, name = LIMITS[mode], mode.lower().replace("_", "-")
    found = []
    if len(classes) < 2:
        found.append(f"has {len(classes)} classes; a classifier needs two or more")
    if len(classes) > limits.most_classes:
        found.append(f"has {len(classes):,} classes; {name} mode takes at most {limits.most_classes:,}")
    if texts < limits.least_texts:
        found.append(f"has {texts:,} texts; {name} mode needs at least {limits.least_texts:,}")
    if texts > MOST_TEXTS:
        found.append(f"has {texts:,} texts; Comprehend takes at most {MOST_TEXTS:,}")
    if size > MOST_BYTES:
        found.append(f"has {size:,} bytes; Comprehend takes at most {MOST_BYTES:,}")
    for label, count in sorted(classes.items()):
        if count < limits.least_texts_of_class:
            found.append(
                f"class {label!r} has {count:,} texts; {name} mode needs at least {limits.least_texts_of_class:,}"
            )
        if len(label) > MOST_CLASS_NAME:
            found.append(f"a class has a name of {len(label):,} characters; at most {MOST_CLASS_NAME:,} are taken")
        if DELIMITER in label:
            found.append(f"class {label!r} has the delimiter {DELIMITER!r} in its name")
    return found


def _rows(path: Path, wrong: dict[str, list[int]]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line that it begins on; what ends the reading goes into `wrong`."""
    raw = path.read_bytes()
    if raw.startswith(b"\xef\xbb\xbf"):
        wrong.setdefault("begins with a byte order mark, which is taken for a part of the label", []).append(1)
        raw = raw[3:]
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        wrong.setdefault("is not UTF-8", []).append(raw.count(b"\n", 0, error.start) + 1)
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        wrong.setdefault(f"is not CSV: {error}", []).append(line)


def _lines(numbers: Iterable[int]) -> str:
    """Such as "line 3" or "lines 3, 5-9"."""
    runs = []
    for _, run in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        runs.append(str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}")
    return f"{'line' if re.fullmatch('[0-9]+', ', '.join(runs)) else 'lines'} {', '.join(runs)}"
