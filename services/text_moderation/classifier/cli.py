"""The commands `classifier train` and `classifier evaluate`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from services.text_moderation.classifier import evaluate, model, train
from services.text_moderation.classifier.data import ANY, Data, DataError, read
from services.text_moderation.classifier.model import ModelError
from services.text_moderation.classifier.train import Hyperparameters


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit status: 0, or 2 when the arguments or the data are wrong."""
    parser = argparse.ArgumentParser(prog="classifier", description="Train and judge the text classifier.")
    commands = parser.add_subparsers(dest="command", required=True)
    learn = commands.add_parser("train", help="train from a CSV and write a model file")
    learn.add_argument("--out", type=Path, required=True, help="the model file to write (.npz)")
    for field in fields(Hyperparameters):
        kind = float if isinstance(field.default, float) else int
        learn.add_argument(f"--{field.name}", type=kind, default=field.default, help=f"default: {field.default}")
    check = commands.add_parser("evaluate", help="precision, recall, F1 and false positives by category and slice")
    check.add_argument("--model", type=Path, default=model.SHIPPED, help="the model file (default: the shipped one)")
    check.add_argument("--threshold", type=float, default=0.5, help="confidence from which a text counts as flagged")
    check.add_argument(
        "--leave-out",
        choices=("source", "part"),
        help="judge each source, or each of four random parts, by a model trained anew without it; the model file "
        "gives the calibration. Without this, the model file itself is judged: use data it was not trained on",
    )
    for command in (learn, check):
        command.add_argument("--plots", type=Path, help="a folder for precision_recall.png and reliability.png")
        command.add_argument(
            "data", type=Path, help="CSV: no header; LABEL,text or LABEL|LABEL,text; a category or safe"
        )
        command.add_argument(
            "--rows", type=Path, help="CSV with the header weight,source,slice,group,ordinary and a row for each text"
        )
    arguments = parser.parse_args(argv)
    try:
        data = read(arguments.data, arguments.rows)
        if arguments.command == "train":
            _train(arguments, data)
        else:
            _evaluate(arguments, data)
    except (DataError, ModelError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _train(arguments: argparse.Namespace, data: Data) -> None:
    began = time.monotonic()
    settings = Hyperparameters(**{field.name: getattr(arguments, field.name) for field in fields(Hyperparameters)})
    trained, margins = train.train(data, settings, _say)
    model.save(trained, arguments.out, {"settings": asdict(settings), "texts": len(data)})
    _say("\nEach source (or, where none is known, each random quarter) judged by models trained without it:\n")
    judged = evaluate.judge_held_out(trained, margins, data)
    _say(evaluate.by_category(judged, 0.5) + "\n")
    _say(evaluate.by_slice(judged, 0.5) + "\n")
    _plot(arguments, judged, "each source by a model trained without it")
    size = arguments.out.stat().st_size
    _say(f"{time.monotonic() - began:.0f} s, {size / 1e6:.1f} MB -> {arguments.out}")


def _evaluate(arguments: argparse.Namespace, data: Data) -> None:
    loaded = model.load(arguments.model)
    unknown = sorted(set(data.names) - set(loaded.labels))
    if unknown:
        _say(f"the model does not know {', '.join(unknown)}: texts of these count in the row {ANY!r} only\n")
    if arguments.leave_out is None:
        title = f"{loaded.version} on {arguments.data.name}"
        judged = evaluate.judge(loaded, data)
    else:
        parts = data.sources
        if arguments.leave_out == "part":
            parts = np.random.default_rng(0).integers(0, train.FOLDS, len(data)).astype(str)
        elif len(np.unique(parts)) < 2:
            raise DataError("--leave-out source needs --rows with two sources or more")
        title = f"each {arguments.leave_out} by a model trained without it"
        trainer = train.Trainer(data, Hyperparameters())
        if tuple(trainer.names) != loaded.labels:
            raise DataError(
                f"the data has the labels {', '.join(trainer.names)}; the model has {', '.join(loaded.labels)}"
            )
        judged = evaluate.judge_held_out(loaded, trainer.held_out(parts, _say), data)
    _say(f"{title}; {len(data):,} texts; flagged from {arguments.threshold:g}\n")
    _say(evaluate.by_category(judged, arguments.threshold) + "\n")
    _say(evaluate.by_slice(judged, arguments.threshold))
    _plot(arguments, judged, title)


def _plot(arguments: argparse.Namespace, judged: evaluate.Judged, title: str) -> None:
    if arguments.plots is not None:
        for path in evaluate.plot(judged, arguments.plots, title):
            _say(f"-> {path}")
