"""A server in a process of its own, and how the benchmark talks to it.

The child prints its address once it serves, answers each line on its standard input with the seconds of CPU time that
it has used, and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Child:
    """A running server, seen from the benchmark."""

    address: str
    """host:port."""
    _process: subprocess.Popen[str]

    def cpu_seconds(self) -> float:
        """The CPU time it has used so far, in all its threads."""
        return float(self._ask())

    def _ask(self) -> str:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with status {self._process.wait()}; its log has more")
        return line.strip()


@contextmanager
def started(module: str, *arguments: str, log: Path) -> Iterator[Child]:
    """`python -m module arguments`, serving, for the length of a `with`. Its log lines go to the end of a file."""
    # Settings of whoever runs this must not change what is measured.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env=environment,
        ) as process,
    ):
        child = Child("", process)
        try:
            child.address = child._read()
            yield child
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(server: AbstractAsyncContextManager[str]) -> None:
    """The child's side: runs the server, whose context gives its address, until standard input closes."""

    async def run() -> None:
        async with server as address:
            sys.stdout.write(f"{address}\n")
            sys.stdout.flush()
            async for _ in _lines():
                sys.stdout.write(f"{time.process_time()}\n")
                sys.stdout.flush()

    asyncio.run(run())


async def _lines() -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while line := await reader.readline():
            yield line
    finally:
        transport.close()
