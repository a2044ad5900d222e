"""Threads for blocking work (inference, drawing, boto3), with a queue that has an end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from services.common.errors import Overloaded

WORKER_NICENESS = 10

P = ParamSpec("P")
T = TypeVar("T")


class Place:
    """One place in a BoundedExecutor, see `BoundedExecutor.place`."""

    def __init__(self, pool: ThreadPoolExecutor, free: Callable[[], None]) -> None:
        """`free` is called once, when the place has been left and no job of it runs or waits any more."""
        self._pool = pool
        self._free = free
        self._jobs = 0
        self._left = False

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `function(*args, **kwargs)` in a thread, after the jobs that already wait, and returns what it returns.

        If the awaiting task is cancelled, a job that waits is dropped; one that runs goes on, because a thread cannot
        be stopped. Raises RuntimeError once the place has been left.
        """
        if self._left:
            raise RuntimeError("the place has been left")
        loop = asyncio.get_running_loop()
        # With the caller's context, so that what the job logs carries the call's ids.
        job = self._pool.submit(contextvars.copy_context().run, partial(function, *args, **kwargs))
        self._jobs += 1
        job.add_done_callback(lambda _: _call_soon(loop, self._job_ended))
        return await asyncio.wrap_future(job)

    def leave(self) -> None:
        """Gives the place back, now or when its last job ends."""
        self._left = True
        self._free_when_idle()

    def _job_ended(self) -> None:
        self._jobs -= 1
        self._free_when_idle()

    def _free_when_idle(self) -> None:
        if self._left and not self._jobs:
            self._free()


class BoundedExecutor:
    """Runs functions in threads; refuses with Overloaded what neither a worker nor the queue has room for."""

    def __init__(self, name: str, *, workers: int, queue: int) -> None:
        """`name` is the stage's, for error metadata; `queue` is how many calls may wait."""
        self._name = name
        self._capacity = workers + queue
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name, initializer=_yield_to_the_loop)
        self._held = 0

    @property
    def held(self) -> int:
        """How many places are taken just now."""
        return self._held

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Takes one place for all the jobs of a call, so that a call once begun is not refused midway.

        Raises Overloaded when all are taken. A place whose job still runs when it is left stays taken until the job
        ends, because its thread is not free before.
        """
        if self._held >= self._capacity:
            raise Overloaded(
                f"{self._name} is at its limit of {self._capacity} calls at a time; try again later",
                metadata={"stage": self._name, "limit": str(self._capacity)},
            )
        self._held += 1
        place = Place(self._pool, self._release)
        try:
            yield place
        finally:
            place.leave()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Takes a place for this one job: see `place` and `Place.run`."""
        async with self.place() as place:
            return await place.run(function, *args, **kwargs)

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
