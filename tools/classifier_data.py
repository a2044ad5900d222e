"""Turns labelled texts (JSON lines, gzip) into the training CSV of the text classifier.

    python tools/classifier_data.py prompts.jsonl.gz --out data.csv --rows rows.csv

Each line of the input is an object with `text`, `label` (allow, block or unsure), `cats`, `source`, `slice` and `weak`.
The project's own examples are added. `data.csv` is Amazon Comprehend's format for custom classification in multi-label
mode (no header, `LABEL|LABEL,text`); `rows.csv` says of each of its rows how much it weighs, which source it comes from
and whether it is an ordinary prompt or caption.
"""

from __future__ import annotations

import argparse
import collections
import csv
import gzip
import json
from pathlib import Path
from typing import Any

# The data's own words for what a text is about, in safelight.common.v1's vocabulary. What is not here ("bias": images
# that stereotype) says nothing about the text.
CATEGORIES = {
    "harassment": "harassment",
    "hate": "hate",
    "illegal activity": "illicit",
    "profanity": "profanity",
    "self-harm": "self_harm",
    "sexual": "sexual",
    "shocking": "disturbing",
    "toxicity": "toxicity",
    "violence": "violence",
}

# Of a slice this many rows at the most, evenly spaced, so that the largest does not drown the rest.
MOST_PER_SLICE = 6000
# Where the label describes something other than the text alone.
WEAK = 0.2
# The project's own examples are few, and are about image prompts.
OWN = 3.0
# What the service sees all day, and must not flag.
ORDINARY = ("benign_caption", "benign_lookalike_prompt", "benign_user_prompt")
EXAMPLES = Path(__file__).parents[1] / "services" / "text_moderation" / "classifier" / "examples.csv"


def labels_of(row: dict[str, Any]) -> list[str]:
    """The labels of a row: categories, or "safe"; none for a row that teaches nothing."""
    if row["label"] == "allow":
        return ["safe"]
    if row["label"] != "block":
        return []
    return sorted({CATEGORIES[c] for c in row["cats"] if c in CATEGORIES})


def main() -> None:
    """Reads the arguments and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="JSON lines, gzip")
    parser.add_argument("--out", type=Path, required=True, help="the CSV to write")
    parser.add_argument("--rows", type=Path, required=True, help="the CSV of weights and sources to write")
    arguments = parser.parse_args()
    rows = []
    for path in arguments.data:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    with EXAMPLES.open(encoding="utf-8", newline="") as file:
        examples = list(csv.reader(file))
    rows = [row for row in rows if labels_of(row) and row["text"].strip()]
    slices: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for row in rows:
        slices[row["slice"]].append(row)
    # The integer step keeps rows apart that differ only a little.
    chosen = [row for each in slices.values() for row in each[:: -(-len(each) // MOST_PER_SLICE)]]
    with (
        arguments.out.open("w", encoding="utf-8", newline="") as data,
        arguments.rows.open("w", encoding="utf-8", newline="") as about,
    ):
        texts, sources = csv.writer(data), csv.writer(about)
        sources.writerow(["weight", "source", "ordinary"])
        for row in chosen:
            texts.writerow(["|".join(labels_of(row)), row["text"]])
            sources.writerow([WEAK if row["weak"] else 1.0, row["source"], int(row["slice"] in ORDINARY)])
        for labels, text in examples:
            texts.writerow([labels, text])
            sources.writerow([OWN, "safelight-examples", 0])
    print(f"{len(chosen) + len(examples):,} rows -> {arguments.out}, {arguments.rows}")


if __name__ == "__main__":
    main()
