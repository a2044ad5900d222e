"""Files that may change while the service runs: read anew, and put in force once they are right.

Files are looked at by their content, every so often, in a thread. That sees every way in which they change: written
over, replaced by renaming, reached through a symbolic link that is set anew (as Kubernetes does with a ConfigMap's
`..data`), deleted, made unreadable, and on file systems that notify nobody.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from services.common import telemetry
from services.common.executor import BoundedExecutor
from services.common.server import StartError

# A change is taken up when the files have stood still for so long: they may be half written.
SETTLE_S = 0.5
# Larger files are not read at each look; their size, times and inode stand for their content.
_LARGEST_READ = 16 << 20
_NEVER = 1 << 30

log = telemetry.logger("reload")


class Versioned(Protocol):
    """What is made of files."""

    @property
    def version(self) -> str:
        """Changes with their content."""
        ...


T = TypeVar("T", bound=Versioned)


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """What was made of the files."""

    value: T
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the log says of it, such as the number of entries."""


@dataclass(frozen=True)
class Source(Generic[T]):
    """Files, and what is made of them."""

    part: str
    """What they are, in logs and in health: "lexicon"."""
    paths: tuple[Path, ...]
    """Files, and folders of *.yaml. Empty for what comes with the service and does not change while it runs."""
    load: Callable[[], Loaded[T]]
    """Reads them. Blocks; raises StartError with everything that is wrong, one problem to a line."""


def fingerprint(paths: Sequence[Path]) -> tuple[object, ...]:
    """Changes with the content of the files, and with what hinders reading them. Blocks."""
    return tuple(_of(path) for path in paths)


def _of(path: Path) -> object:
    try:
        if path.is_dir():
            return tuple((each.name, _of(each)) for each in sorted(path.glob("*.yaml")))
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_size > _LARGEST_READ or not stat.S_ISREG(about.st_mode):
                return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
            return hashlib.sha256(file.read()).digest()
    except OSError as error:
        return "cannot be read", error.errno


def _without_pauses(load: Callable[[], Loaded[T]]) -> Loaded[T]:
    """Loads while calls are answered.

    Python's collector of cycles stops everything while it looks through what is old, and would look through a growing
    lexicon several times, for a quarter of a second at last. Here it sees to what is young only, and from then on
    leaves alone what is there: what is loaded is freed without it.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], _NEVER)
    try:
        loaded = load()
        gc.freeze()
    finally:
        gc.set_threshold(*thresholds)
    return loaded


class Reloading(Generic[T]):
    """What was made of a source's files, and is made anew when they change.

    As long as they are wrong, the version before stays in force, or none where not `keep`.
    """

    def __init__(self, source: Source[T], report: Callable[[bool], None], *, keep: bool = True) -> None:
        """`report` is told, in the event loop, whether the files are right."""
        self._source = source
        self._report = report
        self._keep = keep
        self.value: T | None = None
        """What is in force; None before it is loaded, and while the files are wrong if that is wanted."""
        self._seen: object = None
        self._in_force: object = None

    @property
    def watched(self) -> bool:
        """Whether there is any file that may change."""
        return bool(self._source.paths)

    async def load(self, executor: BoundedExecutor) -> None:
        """For the first time. Raises StartError where the files are wrong and `keep`."""
        self._seen = await executor.run(fingerprint, self._source.paths)
        outcome = await self._attempt(executor) if not self._keep else await executor.run(self._source.load)
        if isinstance(outcome, StartError):
            self._fail(str(outcome))
        else:
            self._put(outcome)

    async def look(self, executor: BoundedExecutor, settle_s: float = SETTLE_S) -> None:
        """Looks at the files and, if they have changed and stand still, takes them up. Raises nothing."""
        try:
            await self._look(executor, settle_s)
        except Exception as error:
            # A fault of ours must not end the watch.
            log.error("reload.unexpected", part=self._source.part, kind=type(error).__name__)

    async def _look(self, executor: BoundedExecutor, settle_s: float) -> None:
        paths = self._source.paths
        seen = await executor.run(fingerprint, paths)
        if seen == self._seen:
            return
        await asyncio.sleep(settle_s)
        if seen != await executor.run(fingerprint, paths):
            return
        if self.value is not None and seen == self._in_force:
            self._seen = seen
            log.info("reload.repaired", part=self._source.part, version=self.value.version)
            self._report(True)
            return
        outcome = await self._attempt(executor)
        # What was read belongs together only if nothing changed meanwhile; otherwise the next look sees to it.
        if seen == await executor.run(fingerprint, paths):
            self._seen = seen
            if isinstance(outcome, StartError):
                self._fail(str(outcome))
            else:
                self._put(outcome)

    async def _attempt(self, executor: BoundedExecutor) -> Loaded[T] | StartError:
        try:
            return await executor.run(_without_pauses, self._source.load)
        except StartError as error:
            return error
        except Exception as error:
            # A fault of ours that only these files bring to light.
            return StartError(f"cannot be loaded: {type(error).__name__}")

    def _put(self, loaded: Loaded[T]) -> None:
        old, self.value, self._in_force = self.value, loaded.value, self._seen
        log.info(
            "reload.loaded" if old is None else "reload.replaced",
            part=self._source.part,
            old=old and old.version,
            new=loaded.value.version,
            **loaded.about,
        )
        self._report(True)

    def _fail(self, message: str) -> None:
        if not self._keep:
            self.value = None
        in_force = self.value and self.value.version
        log.error("reload.refused", part=self._source.part, problems=message.splitlines(), in_force=in_force)
        self._report(False)


async def watch(each: Sequence[Reloading[Any]], executor: BoundedExecutor, interval_s: float) -> None:
    """Looks at all of them every `interval_s` seconds, until cancelled."""
    while True:
        await asyncio.sleep(interval_s)
        for reloading in each:
            await reloading.look(executor, min(SETTLE_S, interval_s))
