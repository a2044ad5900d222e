"""`make bench-text`: text moderation beside other filters in one run: what each catches and flags falsely, how long it
takes and how much memory it needs. Writes its tables into docs/text-moderation.md.

Texts: the project's own (benchmarks/sentences.csv, never trained on) and, where DATA names its folder, the development
data. The classifier is judged on the development data by models trained without the source that a text comes from.
All thresholds are the defaults; nothing is tuned here.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.metadata
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.text_filters import OTHERS, Filter
from services.text_moderation import respell
from services.text_moderation.classifier import data as data_file
from services.text_moderation.classifier import model as model_file
from services.text_moderation.classifier.model import Model
from services.text_moderation.classifier.train import Hyperparameters, Trainer
from services.text_moderation.detectors.classifier import Classifier
from services.text_moderation.detectors.terms import Terms

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = Path(__file__).parent / "sentences.csv"
REPORT = ROOT / "docs" / "text-moderation.md"
BEGIN, END = "<!-- begin: written by make bench-text -->", "<!-- end: written by make bench-text -->"
THRESHOLD = 0.5
_WORD = re.compile(r"[^\W\d_]+")
# Of each slice at the most this many texts, evenly spaced: one of the filters takes tens of milliseconds for a text.
MOST = 200
LENGTHS = (20, 100, 1_000, 10_000)
PROMPT = (
    "a quiet harbour at dawn with three small boats, two gulls on a wooden post and a red lighthouse behind them in "
    "the fog, painted in water colour with a broad brush; an old man mends a net, his dog sleeps beside him, "
)


@dataclass(frozen=True)
class Text:
    """A text of a slice."""

    text: str
    unsafe: bool
    source: str


@dataclass(frozen=True)
class Slice:
    """Texts that are reported together."""

    name: str
    texts: list[Text]


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.text", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with prompts.jsonl.gz and obfuscated.jsonl.gz")
    parser.add_argument("--no-report", action="store_true", help="print only; leave the document as it is")
    arguments = parser.parse_args()
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    others = {name: make() for name, make in OTHERS.items()}
    terms = Terms.load()
    shipped = Classifier.load()
    slices = list(_own_slices())
    by_source: dict[str, Classifier] = {}
    if arguments.data is not None and (arguments.data / "prompts.jsonl.gz").is_file():
        slices += _data_slices(arguments.data, terms)
        print("training the classifier without each source in turn...", file=sys.stderr, flush=True)
        by_source = _trained_without(arguments.data, model_file.load())
    else:
        print(f"no development data at {arguments.data}: only the project's own texts", file=sys.stderr, flush=True)
    for line in _quality_table(slices, terms, shipped, by_source, others):
        say(line)
    say("")
    for line in _time_table({"terms": _flags(terms), "classifier": _flags(shipped), **others}):
        say(line)
    say("")
    for line in _linear_table(terms):
        say(line)
    if not arguments.no_report:
        _write(lines)


def _flags(detector: Terms | Classifier) -> Filter:
    return lambda text: any(finding.confidence >= THRESHOLD for finding in detector.detect(text))


# Texts


def _own_slices() -> Iterator[Slice]:
    texts: dict[str, list[Text]] = defaultdict(list)
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts[row["slice"]].append(Text(row["text"], row["label"] != "safe", ""))
    for name, found in texts.items():
        yield Slice(f"own: {name}", found)


def _data_slices(folder: Path, terms: Terms) -> Iterator[Slice]:
    for name in ("obfuscated.jsonl.gz", "prompts.jsonl.gz"):
        rows: dict[str, list[Text]] = defaultdict(list)
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if row["label"] != "unsure":
                    text = Text(row["text"], row["label"] == "block", row["source"])
                    rows[_slice_name(row)].append(text)
        for key, found in sorted(rows.items()):
            yield Slice(key, _some(found))
            if key == "tweets, abusive":
                yield from _respelled(found, terms)
            if key == "captions":
                yield Slice("captions, a word respelled in any of our ways", list(_any_way(_some(found))))


def _slice_name(row: dict[str, Any]) -> str:
    name = str(row["slice"])
    if name.startswith("synthetic_obf_benign"):
        return "respelled captions, eight ways"
    if name.startswith("synthetic_obf_"):
        kind = "list words" if "surge" in row["source"] else "tweets' words"
        return f"respelled {kind}: {name.removeprefix('synthetic_obf_')}"
    name = {"benign_caption": "captions", "benign_lookalike_prompt": "captions with look-alike words"}.get(name, name)
    if name in ("captions", "captions with look-alike words", "benign_user_prompt", "scunthorpe_words", "chat_safe"):
        return name.replace("benign_user_prompt", "users' prompts (weak labels)")
    return f"{name}, {'abusive' if row['label'] == 'block' else 'harmless'}"


def _respelled(texts: Sequence[Text], terms: Terms) -> Iterator[Slice]:
    """Abusive texts in which the words that `terms` finds are respelled in each way that Safelight knows: by
    construction the words are in its lexicon, so this tells how well respelling hides a known word. Of a phrase each
    word is respelled by itself.
    """
    for way, apply in respell.WAYS.items():
        chance = random.Random(way)
        changed: list[Text] = []
        for text in _some(texts):
            spans = [f.text_span for f in terms.detect(text.text) if f.confidence >= THRESHOLD]
            if spans:
                start, end = spans[0].start, spans[0].end
                rest = re.sub(r"\w+", "thing", text.text[end:]) if len(spans) > 1 else text.text[end:]
                words = _WORD.sub(lambda match: apply(match[0], chance), text.text[start:end])  # noqa: B023 # used at once
                changed.append(Text(text.text[:start] + words + rest, True, text.source))
        yield Slice(f"respelled known words: {way}", changed)


def _any_way(texts: Sequence[Text]) -> Iterator[Text]:
    ways = itertools.cycle(sorted(respell.WAYS))
    chance = random.Random(0)
    for text, way in zip(texts, ways, strict=False):
        yield Text(respell.respelled(text.text, way, chance), text.unsafe, text.source)


def _some(texts: Sequence[Text]) -> list[Text]:
    return list(texts[:: -(-len(texts) // MOST)])


def _trained_without(folder: Path, shipped: Model) -> dict[str, Classifier]:
    """From a source to a classifier trained without it, with the shipped model's calibration."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = Path(scratch) / "data.csv", Path(scratch) / "rows.csv"
        command = [sys.executable, str(ROOT / "tools" / "classifier_data.py"), str(folder / "prompts.jsonl.gz")]
        subprocess.run(
            [*command, "--out", str(paths[0]), "--rows", str(paths[1])], check=True, stdout=subprocess.DEVNULL
        )
        data = data_file.read(*paths)
    trainer = Trainer(data, Hyperparameters())

    def without(source: str) -> Classifier:
        models = trainer.fit(np.flatnonzero(data.sources != source))
        return Classifier(Model(shipped.labels, *models, shipped.words, shipped.blend, f"without {source}"))

    sources = [str(source) for source in np.unique(data.sources) if not str(source).startswith("safelight-")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(sources, pool.map(without, sources), strict=True))
    found["rustrict-false_positives"] = found["rustrict-safe"] = found["rustrict"]
    found["synthetic-from-davidson"] = found["davidson"]
    found["synthetic-from-coco"] = found["synthetic-surge+coco"] = found["coco-30k"]
    return found


# Tables


def _quality_table(
    slices: Iterable[Slice],
    terms: Terms,
    shipped: Classifier,
    by_source: dict[str, Classifier],
    others: dict[str, Filter],
) -> Iterator[str]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in others]
    yield f"| texts | flagged should be | number | `terms` | `classifier` | both | {' | '.join(versions)} |"
    yield "|---|---|--:|--:|--:|--:|" + "--:|" * len(others)
    by_terms = _flags(terms)
    for part in slices:
        for unsafe in (True, False):
            texts = [text for text in part.texts if text.unsafe is unsafe]
            if not texts:
                continue
            first = [by_terms(text.text) for text in texts]
            second = [_flags(by_source.get(text.source, shipped))(text.text) for text in texts]
            shares = [first, second, [a or b for a, b in zip(first, second, strict=True)]]
            shares += [[other(text.text) for text in texts] for other in others.values()]
            cells = " | ".join(f"{statistics.fmean(flags):.1%}" for flags in shares)
            yield f"| {part.name} | {'yes' if unsafe else 'no'} | {len(texts):,} | {cells} |"


def _prompt(length: int, number: int) -> str:
    """A harmless prompt of that length, another for each number."""
    start = number * 7 % len(PROMPT)
    return (f"{number} " + (PROMPT * (length // len(PROMPT) + 2))[start:])[:length]


def _time_table(filters: dict[str, Filter]) -> Iterator[str]:
    yield "| filter | " + " | ".join(f"{length:,} characters" for length in LENGTHS) + " | memory |"
    yield "|---|" + "--:|" * (len(LENGTHS) + 1)
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    # In turn, so that a noisy moment of the machine is shared by all; several at a time, as a busy service would.
    for round_ in range(10):
        for length in LENGTHS:
            for name, flag in filters.items():
                calls = 20 if length <= 1_000 else 5
                if name == "better-profanity":
                    calls = 1 if length > 1_000 and round_ else 2
                for call in range(calls):
                    text = _prompt(length, round_ * 20 + call)
                    start = time.perf_counter()
                    flag(text)
                    took[name, length].append(time.perf_counter() - start)
    for name in filters:
        cells = " | ".join(_microseconds(statistics.median(took[name, length])) for length in LENGTHS)
        yield f"| {name} | {cells} | {_memory(name)} |"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"


def _memory(name: str) -> str:
    """What importing, loading and first using a filter adds to a bare interpreter."""
    setup = {
        "terms": "from services.text_moderation.detectors.terms import Terms; flag = Terms.load().detect",
        "classifier": "from services.text_moderation.detectors.classifier import Classifier; "
        "flag = Classifier.load().detect",
    }.get(name, f"from benchmarks.text_filters import OTHERS; flag = OTHERS[{name!r}]()")
    code = (
        "import pathlib\n"
        "resident = lambda: int(pathlib.Path('/proc/self/statm').read_text().split()[1]) * 4096\n"
        f"before = resident()\n{setup}\n"
        f"for number in range(20): flag({_prompt(200, 0)!r} + str(number))\n"
        "print(resident() - before)"
    )
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    except subprocess.CalledProcessError:
        return "?"
    return f"{int(done.stdout) / 2**20:.0f} MB"


HOSTILE: dict[str, Callable[[int], str]] = {
    "an ordinary prompt": partial(_prompt, number=1),
    "one letter": lambda n: "a" * n,
    "combining marks": lambda n: "a" + "\u0301" * (n - 1),
    "zero-width joiners": lambda n: "\u200d" * n,
    "nested brackets": lambda n: "(" * (n // 2) + ")" * (n // 2),
    "single letters": lambda n: ("f u " * n)[:n],
    "letters and dashes": lambda n: ("s-h-" * n)[:n],
    "stars": lambda n: ("f*" * n)[:n],
    "digits and signs": lambda n: ("1!|3$" * n)[:n],
    "terms back to back": lambda n: ("fuck shit " * n)[:n],
    "terms without gaps": lambda n: ("fuckshit" * n)[:n],
    "emoji": lambda n: "\U0001f52a" * n,
    "base64": lambda n: ("ZnVjayB5b3Ug" * n)[:n],
}


def _linear_table(terms: Terms) -> Iterator[str]:
    sizes = (1_250, 2_500, 5_000, 10_000)
    yield (
        "| text | " + " | ".join(f"{size:,} characters" for size in sizes) + " | last : first, for 8 times the length |"
    )
    yield "|---|" + "--:|" * (len(sizes) + 1)
    for name, make in HOSTILE.items():
        took = [min(_seconds(terms, make(size)) for _ in range(5)) for size in sizes]
        yield f"| {name} | " + " | ".join(map(_microseconds, took)) + f" | {took[-1] / took[0]:.1f} |"


def _seconds(terms: Terms, text: str) -> float:
    start = time.perf_counter()
    terms.detect(text)
    return time.perf_counter() - start


def _write(lines: Sequence[str]) -> None:
    before, rest = REPORT.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    REPORT.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
