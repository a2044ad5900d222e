"""The model: one logistic regression for each category, over hashed features, and its file.

The file is numpy's .npz with plain arrays (loaded with allow_pickle=False, so that reading one runs no code) and its
metadata as JSON in an array of bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.server import StartError
from services.text_moderation.classifier.features import BITS, features

SHIPPED = Path(__file__).parent / "model.npz"
FORMAT = 1


class ModelError(StartError):
    """A model file cannot be used; the message has the file and the reason."""


@dataclass(frozen=True)
class Model:
    """A multi-label linear model with calibrated probabilities."""

    labels: tuple[str, ...]
    """Category names, such as "hate"."""
    weights: NDArray[np.float32]
    """(2**BITS, labels): what each feature says for each label, inverse document frequency included."""
    bias: NDArray[np.float32]
    """(labels,)"""
    scale: NDArray[np.float32]
    """(labels,): calibration, probability = sigmoid(scale * margin + shift)."""
    shift: NDArray[np.float32]
    """(labels,)"""
    version: str = "untrained"

    def margins(self, text: str) -> NDArray[np.float32]:
        """(labels,): the margin of each label; 0 is as likely as not, before calibration."""
        indices, values = features(text)
        return np.asarray(values @ self.weights[indices].astype(np.float32) + self.bias, dtype=np.float32)

    def probabilities(self, text: str) -> NDArray[np.float32]:
        """(labels,): how likely the text belongs to each category, 0 to 1, each on its own."""
        return np.asarray(1 / (1 + np.exp(-(self.scale * self.margins(text) + self.shift))), dtype=np.float32)


def save(model: Model, path: Path, metadata: dict[str, Any]) -> None:
    """Writes a model; `metadata` is JSON. The same model and metadata give the same bytes."""
    about = json.dumps({**metadata, "format": FORMAT, "bits": BITS, "labels": model.labels}, sort_keys=True)
    arrays = {
        "weights": model.weights.astype(np.float16),
        "bias": model.bias.astype(np.float32),
        "scale": model.scale.astype(np.float32),
        "shift": model.shift.astype(np.float32),
        "metadata": np.frombuffer(about.encode(), dtype=np.uint8),
    }
    # Not numpy.savez: it stamps the time of day into the file.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), content.getvalue(), 8)


def load(path: Path = SHIPPED) -> Model:
    """Reads a model file. Raises ModelError when it is not one, or is of another format."""
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            about = json.loads(bytes(file["metadata"]))
            arrays = {name: file[name] for name in ("weights", "bias", "scale", "shift")}
        labels = tuple(about["labels"])
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: is not a model file of the text classifier: {error}") from None
    if (about.get("format"), about.get("bits")) != (FORMAT, BITS) or arrays["weights"].shape != (
        1 << BITS,
        len(labels),
    ):
        raise ModelError(f"{path}: is of another format than this version reads; train it anew")
    return Model(
        labels=labels,
        # Half precision on disk; whole in memory, where numpy is many times as fast with it.
        weights=arrays["weights"].astype(np.float32),
        bias=arrays["bias"],
        scale=arrays["scale"],
        shift=arrays["shift"],
        version=f"linear-{hashlib.sha256(content).hexdigest()[:12]}",
    )
