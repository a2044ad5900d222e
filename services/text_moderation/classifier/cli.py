"""The commands `classifier train`, `evaluate`, `deploy`, `status` and `delete`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.text_moderation.classifier import evaluate, model, train
from services.text_moderation.classifier.comprehend_state import beside
from services.text_moderation.classifier.data import ANY, SAFE, Data, DataError, labels_of, read
from services.text_moderation.classifier.model import ModelError
from services.text_moderation.classifier.train import Hyperparameters

if TYPE_CHECKING:
    from services.text_moderation.classifier.comprehend_data import Mode
    from services.text_moderation.classifier.comprehend_remote import Tools

LOCAL, COMPREHEND = "local", "comprehend"
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def main(
    argv: Sequence[str] | None = None,
    *,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    ask: Callable[[str], bool] | None = None,
) -> int:
    """Runs a command. Returns the exit status.

    0; 1 when a training or an endpoint failed at Amazon; 2 when arguments, data or the account are wrong; 130 when it
    was interrupted. `wait` (seconds), `clock` (seconds) and `ask` (a question) are for tests.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        match arguments.command, arguments.provider:
            case "train", "local":
                if arguments.out is None:
                    parser.error("train needs --out, or --provider comprehend")
                _train(arguments, read(arguments.data, arguments.rows))
            case "evaluate", "local":
                _evaluate_local(arguments, _sample(read(arguments.data, arguments.rows), arguments.limit))
            case command, _:
                _check_comprehend(parser, arguments)
                return _comprehend(command, arguments, wait, clock, ask or _ask)
    except (DataError, ModelError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="classifier", description="Train, judge and deploy a text classifier.")
    commands = parser.add_subparsers(dest="command", required=True)
    data = "CSV: no header; LABEL,text or LABEL|LABEL,text; a category or safe"

    learn = commands.add_parser("train", help="train from a CSV: a model file, or a classifier at Amazon Comprehend")
    learn.add_argument("--provider", choices=(LOCAL, COMPREHEND), default=LOCAL, help="default: local")
    here = learn.add_argument_group("with --provider local")
    here.add_argument("--out", type=Path, help="the model file to write (.npz)")
    for field in fields(Hyperparameters):
        kind = float if isinstance(field.default, float) else int
        here.add_argument(f"--{field.name}", type=kind, default=field.default, help=f"default: {field.default}")
    there = learn.add_argument_group("with --provider comprehend")
    there.add_argument("--bucket", help="S3 bucket for the data, in Comprehend's region")
    there.add_argument("--role", help="ARN of the IAM role with which Comprehend reads the bucket")
    there.add_argument("--name", default="safelight-text", help="name of the classifier (default: safelight-text)")
    there.add_argument("--prefix", default="safelight", help="folder in the bucket (default: safelight)")
    there.add_argument(
        "--mode", choices=("multi-label", "multi-class"), help="default: multi-label, with --two-class multi-class"
    )
    there.add_argument(
        "--two-class", action="store_true", help="train the classes Toxic and Not Toxic in place of the categories"
    )
    there.add_argument("--language", default="en", help="language of the texts, as Comprehend names it (default: en)")

    check = commands.add_parser("evaluate", help="precision, recall, F1 and false positives by category and slice")
    check.add_argument("--provider", choices=(LOCAL, COMPREHEND), default=LOCAL, help="default: local")
    check.add_argument("--threshold", type=float, default=0.5, help="confidence from which a text counts as flagged")
    check.add_argument(
        "--limit", type=_positive, help="judge so many of the texts, drawn at random, the same each time"
    )
    here = check.add_argument_group("with --provider local")
    here.add_argument("--model", type=Path, default=model.SHIPPED, help="the model file (default: the shipped one)")
    here.add_argument(
        "--leave-out",
        choices=("source", "part"),
        help="judge each source, or each of four random parts, by a model trained anew without it; the model file "
        "gives the calibration. Without this, the model file itself is judged: use data it was not trained on",
    )
    there = check.add_argument_group("with --provider comprehend")
    there.add_argument("--endpoint", help="ARN of the classifier's endpoint")
    there.add_argument("--labels", help="JSON: the category of each of its labels, null for a harmless one")
    there.add_argument("--concurrency", type=_positive, default=4, help="texts asked about at a time (default: 4)")
    for command in (learn, check):
        command.add_argument("--plots", type=Path, help="a folder for precision_recall.png and reliability.png")
        command.add_argument("data", type=Path, help=data)
        command.add_argument(
            "--rows", type=Path, help="CSV with the header weight,source,slice,group,ordinary and a row for each text"
        )

    up = commands.add_parser("deploy", help="give the classifier at Amazon Comprehend an endpoint, or change it")
    up.add_argument("--units", type=_positive, default=1, help="inference units: 100 characters a second (default: 1)")
    up.add_argument("--endpoint-name", help="default: the classifier's name")
    up.add_argument("--yes", action="store_true", help="do not ask whether it may cost that")
    show = commands.add_parser("status", help="what there is at Amazon Comprehend, and what it costs")
    down = commands.add_parser("delete", help="delete the endpoint at Amazon Comprehend")
    down.add_argument("--classifier", action="store_true", help="the classifier too, all versions")
    down.add_argument("--all", action="store_true", help="the classifier and the data in S3 too")
    for command in (up, show, down):
        command.add_argument("--provider", choices=(COMPREHEND,), default=COMPREHEND, help="default: comprehend")
        command.add_argument("data", type=Path, nargs="?", help="the CSV of the training, beside which its state is")
    for command in (learn, up, show, down):
        command.add_argument("--state", type=Path, help="state file (default: beside the data, .comprehend.json)")
    for command in (learn, up, down):
        command.add_argument("--no-wait", action="store_true", help="do not wait for Comprehend to finish")
    for command in (check, up, show):
        command.add_argument(
            "--price-per-unit-second", type=float, help="dollars for an inference unit, in place of the price list's"
        )
    for command in (learn, check, up, show, down):
        command.add_argument("--region", help="AWS region (default: SAFELIGHT_AWS_REGION, or boto3's own)")
        command.add_argument("--endpoint-url", help="address of AWS's services, in place of their own")
        command.add_argument("--poll", type=_seconds, default=30.0, help="seconds between looks at it (default: 30)")
    return parser


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _seconds(text: str) -> float:
    if not 0 < (value := float(text)) < 86400:
        raise argparse.ArgumentTypeError("must be more than 0, and less than a day")
    return value


def _check_comprehend(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Ends the process with status 2 where options are missing or out of place that argparse cannot tell."""
    match arguments.command:
        case "train":
            missing = [f"--{name}" for name in ("bucket", "role") if getattr(arguments, name) is None]
        case "evaluate":
            missing = [] if arguments.endpoint else ["--endpoint"]
        case _:
            missing = [] if arguments.data or arguments.state else ["the data file or --state"]
    local = {"train": ("out", "rows", "plots"), "evaluate": ("leave_out",)}.get(arguments.command, ())
    if given := [f"--{name.replace('_', '-')}" for name in local if getattr(arguments, name) is not None]:
        parser.error(f"{arguments.command} with --provider comprehend does not know {' and '.join(given)}")
    if missing:
        parser.error(f"{arguments.command} with --provider comprehend needs {' and '.join(missing)}")


def _comprehend(
    command: str,
    arguments: argparse.Namespace,
    wait: Callable[[float], None],
    clock: Callable[[], float],
    ask: Callable[[str], bool],
) -> int:
    try:
        from services.text_moderation.classifier import comprehend, comprehend_remote
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in ("boto3", "botocore"):
            raise
        sys.stderr.write("--provider comprehend needs boto3: pip install boto3\n")
        return 2
    try:
        remote, storage = comprehend_remote.connect(
            region=arguments.region,
            endpoint_url=arguments.endpoint_url,
            pool=arguments.concurrency if command == "evaluate" else 1,
        )
        tools = comprehend_remote.Tools(
            comprehend=remote, storage=storage, say=_say, ask=ask, wait=wait, clock=clock, poll=arguments.poll
        )
        if command == "evaluate":
            _evaluate_remote(arguments, tools)
            return 0
        state = arguments.state or beside(arguments.data)
        match command:
            case "train":
                options = comprehend.TrainingOptions(
                    name=arguments.name,
                    bucket=arguments.bucket,
                    prefix=arguments.prefix,
                    role=arguments.role,
                    mode=_mode(arguments),
                    two_class=arguments.two_class,
                    language=arguments.language,
                    wait=not arguments.no_wait,
                )
                comprehend.train(tools, arguments.data, state, options)
            case "deploy":
                wanted = comprehend.EndpointOptions(
                    units=arguments.units,
                    name=arguments.endpoint_name,
                    price=arguments.price_per_unit_second,
                    yes=arguments.yes,
                    wait=not arguments.no_wait,
                )
                comprehend.deploy(tools, state, wanted)
            case "status":
                comprehend.status(tools, state, arguments.price_per_unit_second)
            case "delete":
                comprehend.delete(
                    tools,
                    state,
                    classifier=arguments.classifier or arguments.all,
                    data=arguments.all,
                    wait=not arguments.no_wait,
                )
    except comprehend_remote.CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; run the same command again to go on\n")
        return INTERRUPTED
    return 0


def _mode(arguments: argparse.Namespace) -> Mode:
    chosen = arguments.mode or ("multi-class" if arguments.two_class else "multi-label")
    return "MULTI_CLASS" if chosen == "multi-class" else "MULTI_LABEL"


def _ask(question: str) -> bool:
    from services.text_moderation.classifier.comprehend_remote import CommandError

    if not sys.stdin.isatty():
        raise CommandError(f"{question} There is no terminal to ask: give --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _sample(data: Data, limit: int | None) -> Data:
    if limit is None or limit >= len(data):
        return data
    return data.take(np.sort(np.random.default_rng(0).permutation(len(data))[:limit]))


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


def _evaluate_local(arguments: argparse.Namespace, data: Data) -> None:
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
    _report(arguments, judged, title)


def _evaluate_remote(arguments: argparse.Namespace, tools: Tools) -> None:
    from services.text_moderation.classifier import comprehend_evaluate

    labels = _labels(arguments.labels) if arguments.labels else comprehend_evaluate.LABELS
    judged = comprehend_evaluate.judge(
        tools,
        arguments.endpoint,
        _sample(read(arguments.data, arguments.rows), arguments.limit),
        labels,
        concurrency=arguments.concurrency,
        price=arguments.price_per_unit_second,
    )
    _report(arguments, judged, f"{arguments.endpoint.rsplit('/', 1)[-1]} on {arguments.data.name}")


def _labels(text: str) -> Mapping[str, str | None]:
    try:
        labels = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"--labels: is not JSON: {error}") from None
    if not isinstance(labels, dict) or not labels:
        raise DataError('--labels: must be an object, such as {"Toxic": "toxicity", "Not Toxic": null}')
    for category in labels.values():
        if category is not None and labels_of([str(category), ""], "--labels") == frozenset():
            raise DataError(f"--labels: a harmless label has null, not {SAFE!r}")
    return labels


def _report(arguments: argparse.Namespace, judged: evaluate.Judged, title: str) -> None:
    """The tables, which are the same whoever judged."""
    _say(f"{title}; {len(judged.data):,} texts; flagged from {arguments.threshold:g}\n")
    _say(evaluate.by_category(judged, arguments.threshold) + "\n")
    _say(evaluate.by_slice(judged, arguments.threshold))
    _plot(arguments, judged, title)


def _plot(arguments: argparse.Namespace, judged: evaluate.Judged, title: str) -> None:
    if arguments.plots is not None:
        for path in evaluate.plot(judged, arguments.plots, title):
            _say(f"-> {path}")
