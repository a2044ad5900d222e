"""Files of plain arrays: numpy's .npz without pickle, with JSON metadata, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.common.server import StartError


class ModelError(StartError):
    """A file of the classifier cannot be used; the message has the file and the reason."""


class Arrays(NamedTuple):
    """What a file holds."""

    arrays: dict[str, NDArray[Any]]
    about: dict[str, Any]
    """The metadata."""
    digest: str
    """Twelve hexadecimal digits that change with the file's content."""


def save(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Writes `arrays` and the metadata `about`, which is JSON."""
    text = json.dumps(about, sort_keys=True)
    content = {**arrays, "metadata": np.frombuffer(text.encode(), dtype=np.uint8)}
    # Not numpy.savez: it stamps the time of day into the file.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in content.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(), 8)


def load(path: Path, *, kind: str, form: int) -> Arrays:
    """Reads a file that `save` wrote, whose metadata has this `kind` and `format`. Raises ModelError."""
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(bytes(arrays.pop("metadata")))
        found = (about["kind"], about["format"])
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    # KeyError and TypeError: an archive of something else.
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: is not a model file of the text classifier: {error}") from None
    if found != (kind, form):
        raise ModelError(
            f"{path}: is of another format ({found[0]}, {found[1]}) than this version reads ({kind}, {form})"
        )
    return Arrays(arrays, about, hashlib.sha256(content).hexdigest()[:12])
