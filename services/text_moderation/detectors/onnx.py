"""Detector `onnx`: a text classifier of the operator's own, such as a transformer, run with ONNX Runtime.

It takes what Hugging Face's exporters write: a model whose inputs are `input_ids` and, where it has them,
`attention_mask` and `token_type_ids`, with one output of shape (batch, labels), and the `tokenizer.json` beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from safelight.common.v1 import category_pb2, finding_pb2
from services.common import telemetry
from services.common.errors import ModelResponseInvalid
from services.common.server import StartError
from services.text_moderation.settings import Activation, Settings

# As in services/image_moderation/__init__.py: nobody else is told what is moderated here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Below this confidence a category is not worth reporting.
LEAST = 0.2
# How much of a window the next one sees again, so that nothing falls between two.
_OVERLAP = 1 / 4
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_TYPES: dict[str, type[np.signedinteger[Any]]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
# Their outputs show whether a model gives probabilities already. Raw outputs that all happen to lie between 0 and 1
# would be taken for such, which is why the log tells what was found.
_SAMPLES = ("a dog in a suit", "I hate you and will kill you", "naked people", "zzz", "The weather is nice today.")

log = telemetry.logger("onnx")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Input:
    """One of the model's inputs."""

    name: str
    type: type[np.signedinteger[Any]]


class Onnx:
    """Judges a text by a model file. Safe to share between threads."""

    name = "onnx"

    def __init__(
        self,
        session: Any,
        tokenizer: Any,
        labels: Mapping[int, tuple[str, int]],
        *,
        activation: Activation,
        max_tokens: int,
        version: str,
        multi_label: bool = False,
        named: str = "the model",
    ) -> None:
        """From an onnxruntime.InferenceSession and a tokenizers.Tokenizer, which becomes this detector's.

        `labels` give for the numbers of the model's outputs the label's name and its category; with `multi_label`
        several may be true of a text at once. Raises StartError, which calls the model `named`, where parts do not fit.
        """
        self.version = version
        self._session = session
        self._named = named
        self._labels = dict(labels)
        self._inputs = _inputs(session, named)
        self._length = _fixed_length(session, named)
        self._tokenizer = tokenizer
        self._pad = int((tokenizer.padding or {}).get("pad_id", 0))
        tokenizer.no_padding()
        most = min(max_tokens, self._length or max_tokens)
        room = most - tokenizer.num_special_tokens_to_add(False)
        if room < 2:
            raise StartError(f"{named}: leaves no room for a text: it takes {most} tokens at a time")
        tokenizer.enable_truncation(most, stride=int(room * _OVERLAP))
        self._activation: Literal["softmax", "sigmoid", "none"] = "none"
        sampled = [outputs for text in _SAMPLES if len(outputs := self._try(text))]
        if not sampled:
            raise StartError(f"{named}: its tokenizer finds nothing in any text")
        outputs = np.concatenate(sampled)
        # A text that fills the window, because a model may take fewer tokens than it was told to.
        self._try("a " * most)
        self.labels = count = outputs.shape[1]
        """How many the model has."""
        if self._labels and max(self._labels) >= count:
            label = self._labels[max(self._labels)][0]
            raise StartError(
                f"{named}: has {count} labels, with the numbers 0 to {count - 1}; onnx_labels has {label!r}"
            )
        self._activation = _activation_of(outputs, multi_label) if activation == "auto" else activation

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """As the settings say. Raises StartError with the setting that is wrong. Blocks while the model is read."""
        try:
            import onnxruntime  # type: ignore[import-untyped] # published without types
            import tokenizers
        except ImportError as error:
            raise StartError(
                f"the detector onnx needs the package {error.name}: install requirements/onnx.txt"
            ) from None
        model = _variable(settings, "onnx_model")
        tokenizer = _variable(settings, "onnx_tokenizer")
        if settings.onnx_model is None or settings.onnx_tokenizer is None:
            raise StartError(f"{model if settings.onnx_model is None else tokenizer} must be set for the detector onnx")
        _require_file(settings.onnx_model, model)
        _require_file(settings.onnx_tokenizer, tokenizer)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.onnx_threads
        options.inter_op_num_threads = 1
        # What it has to say is in the error.
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(settings.onnx_model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own have no base class of their own
            raise StartError(f"{model}: is not a model that ONNX Runtime can run: {_first_line(error)}") from None
        try:
            read = tokenizers.Tokenizer.from_file(str(settings.onnx_tokenizer))
        except Exception as error:  # plain Exception is what it raises
            raise StartError(f"{tokenizer}: is not a tokenizer.json of tokenizers: {_first_line(error)}") from None
        config = _read_config(settings.onnx_model)
        detector = cls(
            session,
            read,
            _labels(settings, config),
            activation=settings.onnx_activation,
            max_tokens=settings.onnx_max_tokens,
            version=f"onnx-{_digest(*_files(settings.onnx_model), settings.onnx_tokenizer)}",
            multi_label=config.multi_label,
            named=model,
        )
        if config.labels and len(config.labels) != detector.labels:
            raise StartError(f"{model}: has {detector.labels} labels; {config.path} names {len(config.labels)}")
        return detector

    @property
    def about(self) -> dict[str, Any]:
        """What the log says of it: how outputs become probabilities, and which labels count."""
        return {
            "activation": self._activation,
            "labels": {
                name: category_pb2.Category.Name(category).removeprefix("CATEGORY_").lower()  # type: ignore[arg-type]
                for name, category in self._labels.values()
            },
        }

    def detect(self, subject: str) -> list[finding_pb2.Finding]:
        """One finding for each label from a confidence of 0.2 on, the surest first; without a location.

        A text longer than the model takes is read in windows that overlap; a label is as sure as in the surest of them.
        Raises ModelResponseInvalid where the model fails.
        """
        try:
            outputs = self._outputs(subject)
        except Exception as error:  # ONNX Runtime's own have no base class of their own
            # It speaks of shapes and numbers, not of the text.
            log.error("onnx.failed", reason=_first_line(error))
            raise ModelResponseInvalid(
                "the model of the detector onnx failed", metadata={"detector": self.name}
            ) from None
        if not len(outputs):
            return []
        confidences = self._probabilities(outputs).max(axis=0)
        found = [
            finding_pb2.Finding(category=category, label=label, confidence=confidence, detector=self.name)  # type: ignore[arg-type]
            for number, (label, category) in self._labels.items()
            # Not a number is let through, for the caller to refuse.
            if not (confidence := float(confidences[number])) < LEAST
        ]
        return sorted(found, key=lambda finding: -finding.confidence)

    def _probabilities(self, outputs: Floats) -> Floats:
        match self._activation:
            case "softmax":
                powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
                return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
            case "sigmoid":
                # By tanh, which does not overflow.
                return np.asarray((1 + np.tanh(outputs / 2)) / 2, dtype=np.float32)
            case "none":
                return outputs

    def _outputs(self, text: str) -> Floats:
        """(windows, labels), as the model gives them."""
        encoding = self._tokenizer.encode(text)
        # One by one: the windows of a text need no padding then, and models that take one at a time will do.
        rows = [self._run(window) for window in (encoding, *encoding.overflowing) if window.ids]
        # A tokenizer may find nothing at all in a text.
        return np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float32)

    def _run(self, window: Any) -> Floats:
        """(1, labels)"""
        missing = max((self._length or 0) - len(window.ids), 0)
        values: dict[str, list[int]] = {
            "input_ids": window.ids + [self._pad] * missing,
            "attention_mask": window.attention_mask + [0] * missing,
            "token_type_ids": window.type_ids + [0] * missing,
        }
        feed = {each.name: np.asarray([values[each.name]], dtype=each.type) for each in self._inputs}
        [outputs, *_] = self._session.run(None, feed)
        if np.ndim(outputs) != 2 or len(outputs) != 1:
            raise ValueError(f"the first output must have the shape (batch, labels); is {np.shape(outputs)}")
        return np.asarray(outputs, dtype=np.float32)

    def _try(self, text: str) -> Floats:
        """Outputs, at the start: raises StartError where the model cannot give them."""
        try:
            return self._outputs(text)
        except Exception as error:  # ONNX Runtime's own have no base class of their own
            most = self._tokenizer.truncation["max_length"]
            raise StartError(f"{self._named}: fails, told to take {most} tokens: {_first_line(error)}") from None


def _inputs(session: Any, named: str) -> tuple[_Input, ...]:
    problems, found = [], []
    for each in session.get_inputs():
        if each.name not in _INPUTS:
            problems.append(f"has an input {each.name!r}; known are {', '.join(_INPUTS)}")
        elif each.type not in _TYPES:
            problems.append(f"its input {each.name} must be of integers; is {each.type}")
        else:
            found.append(_Input(each.name, _TYPES[each.type]))
    if not problems and "input_ids" not in {each.name for each in found}:
        problems.append("has no input input_ids")
    if problems:
        raise StartError("\n".join(f"{named}: {problem}" for problem in problems))
    return tuple(found)


def _fixed_length(session: Any, named: str) -> int | None:
    """The number of tokens of a model that takes no fewer and no more; None for any number."""
    shape = session.get_inputs()[0].shape
    if len(shape) != 2:
        raise StartError(f"{named}: its inputs must have the shape (batch, tokens); have {len(shape)} dimensions")
    return shape[1] if isinstance(shape[1], int) else None


def _activation_of(outputs: Floats, multi_label: bool) -> Literal["softmax", "sigmoid", "none"]:
    """What is missing to make the (samples, labels) outputs probabilities."""
    if outputs.min() >= 0 and outputs.max() <= 1:
        return "none"
    return "sigmoid" if multi_label or outputs.shape[1] == 1 else "softmax"


@dataclass(frozen=True)
class _Config:
    """What a config.json beside the model says of it, as Hugging Face's exporters write it."""

    path: Path
    labels: Mapping[str, int]
    """Their numbers by name; empty where it has none."""
    multi_label: bool
    """Whether several may be true of a text at once; False where it does not say."""


def _read_config(model: Path) -> _Config:
    path = model.with_name("config.json")
    try:
        read = json.loads(path.read_bytes())
        labels = {str(name): int(number) for number, name in read.get("id2label", {}).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        # It is no file of ours, and nothing that is needed.
        return _Config(path, {}, False)
    return _Config(path, labels, read.get("problem_type") == "multi_label_classification")


def _labels(settings: Settings, config: _Config) -> dict[int, tuple[str, int]]:
    """By number: name and category. Names are those of a config.json beside the model, or LABEL_ and the number."""
    variable = settings.variable("onnx_labels")
    found: dict[int, tuple[str, int]] = {}
    for label, category in settings.onnx_labels.items():
        number = config.labels.get(label, _number(label))
        if number is None:
            known = (
                f"{', '.join(config.labels)} in" if config.labels else "numbers and LABEL_0, LABEL_1, ..., no names in"
            )
            raise StartError(f"{variable}: the model has no label {label!r}; there are {known} {config.path}")
        if number in found:
            raise StartError(f"{variable}: {label!r} and {found[number][0]!r} are the same label")
        if category is not None:
            found[number] = (label, category_pb2.Category.Value(f"CATEGORY_{category.upper()}"))
    return found


def _number(label: str) -> int | None:
    digits = label.removeprefix("LABEL_")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None


def _variable(settings: Settings, field: str) -> str:
    return f"{settings.variable(field)}={getattr(settings, field)}"


def _require_file(path: Path, variable: str) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise StartError(f"{variable}: cannot be read: {error.strerror}") from None


def _files(model: Path) -> list[Path]:
    """The model and, where it keeps its weights apart, the file with them."""
    beside = (model.with_name(model.name + ending) for ending in ("_data", ".data"))
    return [model, *(path for path in beside if path.is_file())]


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
