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


async def test_a_closed_executor_holds_nothing(executor: BoundedExecutor):
    executor.close()
    with pytest.raises(RuntimeError):
        await executor.run(int)
    assert executor.held == 0
