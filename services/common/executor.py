"""Threads for blocking work (inference, drawing, boto3), with a queue that has an end."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from services.common.errors import Overloaded

WORKER_NICENESS = 10

P = ParamSpec("P")
T = TypeVar("T")


class BoundedExecutor:
    """Runs functions in threads; refuses with Overloaded what neither a worker nor the queue has room for."""

    def __init__(self, name: str, *, workers: int, queue: int) -> None:
        """`name` is the stage's, for error metadata; `queue` is how many jobs may wait."""
        self._name = name
        self._capacity = workers + queue
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name, initializer=_yield_to_the_loop)
        self._held = 0

    @property
    def held(self) -> int:
        """How many jobs run or wait just now."""
        return self._held

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `function(*args, **kwargs)` in a thread and returns what it returns.

        If the awaiting task is cancelled, a job that waits is dropped; one that runs keeps its place until it ends,
        because a thread cannot be stopped.
        """
        if self._held >= self._capacity:
            raise Overloaded(
                f"{self._name} is at its limit of {self._capacity} jobs at a time; try again later",
                metadata={"stage": self._name, "limit": str(self._capacity)},
            )
        loop = asyncio.get_running_loop()
        # With the caller's context, so that what the job logs carries the call's ids.
        job = self._pool.submit(contextvars.copy_context().run, partial(function, *args, **kwargs))
        self._held += 1
        job.add_done_callback(lambda _: _call_soon(loop, self._release))
        return await asyncio.wrap_future(job)

    def _release(self) -> None:
        self._held -= 1

    def close(self) -> None:
        """Drops waiting jobs. Does not wait for running ones."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    # A job may outlive the loop that asked for it, at shutdown.
    if not loop.is_closed():
        loop.call_soon_threadsafe(function)


def _yield_to_the_loop() -> None:
    # Where threads have priorities of their own, as on Linux, the event loop comes first, so that health and other
    # short calls are answered while all workers compute.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WORKER_NICENESS)
