"""What has been begun at Amazon Comprehend, kept in a file, so that a command that was cut off can go on."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from services.text_moderation.classifier.comprehend_data import Mode

FORMAT = 1


class StateError(Exception):
    """The file is not one of ours; the message has its path."""


@dataclass
class Training:
    """One version of a classifier. What is decided is written before the call it is for, what comes of it after."""

    name: str
    version: str
    mode: Mode
    language: str
    classes: list[str]
    sha256: str
    """Of what is uploaded."""
    bucket: str
    key: str
    role: str
    token: str
    """ClientRequestToken: a call that is repeated with it makes nothing twice."""
    uploaded: bool = False
    arn: str | None = None
    failed: bool = False
    """It has failed, and the operator has been told: the next run begins anew."""


@dataclass
class Endpoint:
    """The endpoint, of which there is one."""

    name: str
    model: str
    """ARN of the classifier's version."""
    units: int
    token: str
    arn: str | None = None


@dataclass
class State:
    """The file's content."""

    path: Path
    region: str
    trainings: list[Training] = field(default_factory=list)
    """The last one is the current one."""
    endpoint: Endpoint | None = None

    def save(self) -> None:
        """Writes the file, whole or not at all; removes it when there is nothing to remember."""
        if not self.trainings and self.endpoint is None:
            self.path.unlink(missing_ok=True)
            return
        about = {"format": FORMAT, **{name: value for name, value in asdict(self).items() if name != "path"}}
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(about, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def beside(data: Path) -> Path:
    """Where the state of a data file is kept unless an option says otherwise."""
    return data.with_name(f"{data.name}.comprehend.json")


def load(path: Path) -> State | None:
    """Reads a file; None where there is none. Raises StateError for one that cannot be read."""
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise StateError(f"{path}: is of format {about['format']}; this version reads {FORMAT}")
        endpoint = None if about["endpoint"] is None else Endpoint(**about["endpoint"])
        return State(path, about["region"], [Training(**one) for one in about["trainings"]], endpoint)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError):
        raise StateError(f"{path}: is not a state file of this command; give another with --state") from None
