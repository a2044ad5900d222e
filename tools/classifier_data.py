"""Turns labelled texts (JSON lines, gzip) into the training CSV of the text classifier.

    python tools/classifier_data.py prompts.jsonl.gz --out data.csv --rows rows.csv

Each line of the input is an object with `text`, `label` (allow, block or unsure), `cats`, `source`, `slice` and `weak`.
The project's own examples are added. `data.csv` is Amazon Comprehend's format for custom classification in multi-label
mode (no header, `LABEL|LABEL,text`); `rows.csv` says of each of its rows how much it weighs, of which source, slice and
group of styles it is, and whether it is an ordinary prompt or caption.
"""

from __future__ import annotations

import argparse
import collections
import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from services.text_moderation.detectors.terms import Terms

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
MOST_PER_SLICE = 4000
# Where the label describes something other than the text alone, such as an image that was made from it.
WEAK = 0.1
# The project's own examples are few, and are about image prompts.
OWN = 3.0
# The project's own examples are left out a part of the files at a time.
OWN_PARTS = 3
# They are of two styles, prompts and all that people say; the other sources have a style each.
OWN_PROMPTS = ("prompts", "redteam")
# Lists of one origin are one source.
SOURCES = {"rustrict-false_positives": "rustrict", "rustrict-safe": "rustrict"}
# What the service sees all day, and must not flag.
ORDINARY = ("benign_caption", "benign_lookalike_prompt", "benign_user_prompt")
EXAMPLES = Path(__file__).parents[1] / "services" / "text_moderation" / "classifier" / "examples"


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
    parser.add_argument("data", type=Path, nargs="*", help="JSON lines, gzip")
    parser.add_argument("--out", type=Path, required=True, help="the CSV to write")
    parser.add_argument("--rows", type=Path, required=True, help="the CSV of weights, sources and slices to write")
    arguments = parser.parse_args()
    slices: dict[str, list[dict[str, Any]]] = collections.defaultdict(list)
    for path in arguments.data:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if labels_of(row) and row["text"].strip():
                    slices[row["slice"]].append(row)
    # The integer step keeps rows apart that differ only a little.
    chosen = [row for each in slices.values() for row in each[:: -(-len(each) // MOST_PER_SLICE)]]
    terms = Terms.load()
    count = 0
    with (
        arguments.out.open("w", encoding="utf-8", newline="") as data,
        arguments.rows.open("w", encoding="utf-8", newline="") as about,
    ):
        texts, rows = csv.writer(data), csv.writer(about)
        rows.writerow(["weight", "source", "slice", "group", "ordinary"])
        for row in chosen:
            weight = 1.0
            if row["weak"]:
                # A label that is not about the text counts where the text itself bears it out.
                plain = any(finding.confidence >= 0.5 for finding in terms.detect(row["text"]))
                if plain and row["label"] == "allow":
                    continue
                weight = 1.0 if plain else WEAK
            texts.writerow(["|".join(labels_of(row)), row["text"]])
            source, ordinary = SOURCES.get(row["source"], row["source"]), int(row["slice"] in ORDINARY)
            rows.writerow([weight, source, row["slice"], source, ordinary])
            count += 1
        files = sorted(EXAMPLES.glob("*.csv"), key=lambda path: (path.stem.endswith(OWN_PROMPTS), path.stem))
        for number, path in enumerate(files):
            source = f"safelight-{number % OWN_PARTS + 1}"
            group = "own prompts" if path.stem.endswith(OWN_PROMPTS) else "own talk"
            with path.open(encoding="utf-8", newline="") as file:
                for labels, text in csv.reader(file):
                    texts.writerow([labels, text])
                    rows.writerow([OWN, source, f"own_{path.stem}", group, 0])
                    count += 1
    print(f"{count:,} rows -> {arguments.out}, {arguments.rows}")


if __name__ == "__main__":
    main()
