"""The bounded executor: what it refuses, what it drops, and when a place is free again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from services.common.errors import Overloaded
from services.common.executor import BoundedExecutor
from services.common.telemetry import CallContext, bound, current_call


@pytest.fixture
def executor() -> Iterator[BoundedExecutor]:
    it = BoundedExecutor("image_moderation", workers=1, queue=1)
    yield it
    it.close()


async def free(executor: BoundedExecutor) -> None:
    """Lets the loop run until no job is held."""
    async with asyncio.timeout(10):
        while executor.held:  # noqa: ASYNC110 # it has no event to wait for, and a turn of the loop is enough
            await asyncio.sleep(0)


async def test_it_returns_what_the_function_returns(executor: BoundedExecutor):
    assert await executor.run(divmod, 7, 2) == (3, 1)
    assert await executor.run(int, "ff", base=16) == 255
    await free(executor)


async def test_it_raises_what_the_function_raises_and_frees_the_place(executor: BoundedExecutor):
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await executor.run(divmod, 1, 0)
        await free(executor)


async def test_what_neither_worker_nor_queue_has_room_for_is_refused(executor: BoundedExecutor):
    gate = threading.Event()
    jobs = [asyncio.create_task(executor.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    assert executor.held == 2
    with pytest.raises(Overloaded) as caught:
        await executor.run(int)
    assert caught.value.metadata == {"stage": "image_moderation", "limit": "2"}
    assert caught.value.retry_after
    assert executor.held == 2
    gate.set()
    assert await asyncio.gather(*jobs) == [True, True]
    await free(executor)
    assert await executor.run(int) == 0


async def test_a_waiting_job_that_is_cancelled_never_runs(executor: BoundedExecutor):
    gate, ran = threading.Event(), threading.Event()
    running = asyncio.create_task(executor.run(gate.wait))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(executor.run(ran.set))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(10):
        while executor.held > 1:  # noqa: ASYNC110 # as in free()
            await asyncio.sleep(0)
    gate.set()
    await running
    await free(executor)
    await executor.run(int)  # the one worker has been through the queue
    assert not ran.is_set()


async def test_a_running_job_that_is_cancelled_keeps_its_place_until_it_ends(executor: BoundedExecutor):
    """A thread cannot be stopped, so its place is not given away."""
    gate, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait()

    job = asyncio.create_task(executor.run(work))
    await asyncio.to_thread(begun.wait)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert executor.held == 1
    gate.set()
    await free(executor)


async def test_a_job_knows_the_call_that_it_is_for(executor: BoundedExecutor):
    """What a job logs carries the call's ids."""
    call = CallContext("r1", "a" * 32, "b" * 16)
    with bound(call):
        assert await executor.run(current_call) is call
    assert await executor.run(current_call) is None


async def test_a_place_lets_all_jobs_of_a_call_in_while_others_are_refused(executor: BoundedExecutor):
    """A call once begun is not refused midway; its place is one, whatever the number of its jobs."""
    async with executor.place() as first, executor.place() as second:
        assert executor.held == 2
        for place in (first, second, first, second):
            assert await place.run(int, "7") == 7
            assert executor.held == 2
            with pytest.raises(Overloaded):
                await executor.run(int)
            with pytest.raises(Overloaded):
                async with executor.place():
                    pass
    assert executor.held == 0
    assert await executor.run(int) == 0


async def test_a_place_is_freed_once_whatever_ends_the_call(executor: BoundedExecutor):
    async def call(error: type[BaseException]) -> None:
        async with executor.place() as place:
            await asyncio.gather(place.run(int), place.run(int))
            raise error

    for error in (ZeroDivisionError, asyncio.CancelledError):
        with pytest.raises(error):
            await call(error)
        assert executor.held == 0


async def test_a_place_that_is_left_stays_taken_until_its_last_job_ends(executor: BoundedExecutor):
    """Of its two jobs one runs and one waits as the call is cancelled: the second never runs, the first ends late."""
    gate, begun, ran = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait()

    async def call() -> None:
        async with executor.place() as place:
            await asyncio.gather(place.run(work), place.run(ran.set))

    cancelled = asyncio.create_task(call())
    assert await asyncio.to_thread(begun.wait, 10)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert executor.held == 1
    async with executor.place():
        with pytest.raises(Overloaded):
            await executor.run(int)
    assert executor.held == 1
    gate.set()
    await free(executor)
    await executor.run(int)  # the one worker has been through the queue
    assert executor.held == 0
    assert not ran.is_set()


async def test_a_place_that_was_left_takes_no_more_jobs(executor: BoundedExecutor):
    async with executor.place() as place:
        pass
    with pytest.raises(RuntimeError):
        await place.run(int)
    assert executor.held == 0


async def test_a_closed_executor_holds_nothing(executor: BoundedExecutor):
    executor.close()
    with pytest.raises(RuntimeError):
        await executor.run(int)
    assert executor.held == 0
