"""The generator as its callers see it: a real server on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from PIL import Image

from safelight.common.v1 import image_format_pb2 as formats
from safelight.generator.v1 import generator_pb2 as pb
from safelight.generator.v1 import generator_pb2_grpc
from services.common.errors import STATUS_DETAILS_KEY
from services.common.executor import BoundedExecutor
from services.common.server import running
from services.generator.app import STAGE, build
from services.generator.backends.sketch import SketchBackend
from services.generator.settings import Settings
from services.generator.sketch.painting import Painting


@pytest.fixture
async def stub() -> AsyncIterator[generator_pb2_grpc.GeneratorServiceAsyncStub]:
    async with (
        running(build(Settings(port=0))) as [service],
        grpc.aio.insecure_channel(service.address, options=[("grpc.max_receive_message_length", 33 << 20)]) as channel,
    ):
        yield generator_pb2_grpc.GeneratorServiceStub(channel)  # type: ignore[misc]


async def collect(stub: Any, **fields: Any) -> list[pb.GenerateImagesResponse]:
    return [response async for response in stub.GenerateImages(pb.GenerateImagesRequest(**fields))]


async def test_the_stream_tells_of_every_step_and_image_in_order(stub: Any) -> None:
    responses = await collect(stub, prompt="two dogs", count=3, steps=13, width=64, height=64, seed=7)
    kinds = [response.WhichOneof("event") for response in responses]
    assert kinds == ["started", *(["progress"] * 13 + ["image"]) * 3, "completed"]
    progress = [response.progress for response in responses if response.WhichOneof("event") == "progress"]
    assert [(p.image_index, p.step, p.total_steps) for p in progress] == [
        (i, s, 13) for i in range(3) for s in range(1, 14)
    ]
    assert responses[0].started.backend == "sketch"
    assert responses[0].started.version
    assert responses[-1].completed.image_count == 3
    assert responses[-1].completed.duration.ToMicroseconds() > 0


async def images(stub: Any, **fields: Any) -> list[pb.GeneratedImage]:
    return [r.image for r in await collect(stub, **fields) if r.WhichOneof("event") == "image"]


async def test_each_image_can_be_made_again_from_its_own_seed(stub: Any) -> None:
    last = 2**32 - 1
    first, second = await images(stub, prompt="a castle", count=2, seed=last, width=64, height=64)
    assert (first.image_index, first.seed, second.image_index, second.seed) == (0, last, 1, 0)
    (again,) = await images(stub, prompt="a castle", seed=0, width=64, height=64)
    assert again.image == second.image
    assert first.image != second.image


async def test_an_unset_seed_is_random_and_returned(stub: Any) -> None:
    (first,), (second,) = [await images(stub, prompt="a castle", width=64, height=64) for _ in range(2)]
    assert first.seed != second.seed
    (again,) = await images(stub, prompt="a castle", seed=first.seed, width=64, height=64)
    assert again.image == first.image


@pytest.mark.parametrize(
    ("asked", "pil_format", "media_type"),
    [
        (formats.IMAGE_FORMAT_UNSPECIFIED, "PNG", "image/png"),
        (formats.IMAGE_FORMAT_PNG, "PNG", "image/png"),
        (formats.IMAGE_FORMAT_JPEG, "JPEG", "image/jpeg"),
        (formats.IMAGE_FORMAT_WEBP, "WEBP", "image/webp"),
    ],
)
async def test_format_and_size_are_honoured(stub: Any, asked: Any, pil_format: str, media_type: str) -> None:
    (made,) = await images(stub, prompt="a boat", width=200, height=96, output_format=asked)
    assert made.media_type == media_type
    with Image.open(io.BytesIO(made.image)) as decoded:
        assert decoded.format == pil_format
        assert decoded.size == (made.width, made.height) == (200, 96)


async def test_unset_size_is_512_by_512_as_the_contract_says(stub: Any) -> None:
    (made,) = await images(stub, prompt="a boat")
    assert (made.width, made.height) == (512, 512)


async def test_all_invalid_fields_come_back_as_bad_request(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await collect(stub, prompt="", width=63, count=9)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    trailing = dict(caught.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing[STATUS_DETAILS_KEY])  # type: ignore[arg-type]
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert [violation.field for violation in bad.field_violations] == ["prompt", "width", "count"]


class GatedPainting(Painting):
    """A real painting whose drawing goes on only when the test says so, and which notes the steps drawn."""

    gate: threading.Semaphore
    begun: threading.Event
    drawn: list[int]

    def draw_until(self, step: int) -> None:
        self.begun.set()
        assert self.gate.acquire(timeout=30)
        super().draw_until(step)
        self.drawn.append(step)


class WatchedBackend(SketchBackend):
    """The real backend, which says when a call's work has been given up."""

    def __init__(self, executor: BoundedExecutor, **arguments: Any) -> None:
        super().__init__(executor, **arguments)
        self.closed = asyncio.Event()

    async def generate(self, request: pb.GenerateImagesRequest) -> AsyncGenerator[pb.GenerateImagesResponse, None]:
        try:
            async with contextlib.aclosing(super().generate(request)) as responses:
                async for response in responses:
                    yield response
        finally:
            self.closed.set()


async def test_cancelling_the_call_stops_the_work() -> None:
    """After a cancel, the hop that runs ends, its place is given back, and no further step is drawn."""
    gate, begun, drawn = threading.Semaphore(1), threading.Event(), list[int]()
    painting = type("Gated", (GatedPainting,), {"gate": gate, "begun": begun, "drawn": drawn})
    executor = BoundedExecutor(STAGE, workers=1, queue=4)
    backend = WatchedBackend(executor, painting=painting)
    async with (
        running(build(Settings(port=0), backend=backend, executor=executor)) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        call = stub.GenerateImages(pb.GenerateImagesRequest(prompt="a dog", width=64, height=64, steps=20, count=8))
        while not (response := await call.read()).HasField("progress"):
            pass
        assert response.progress.step == 1
        # Steps 1 to 4 are done; steps 5 to 8 wait at the gate in a thread, or are about to.
        call.cancel()
        async with asyncio.timeout(30):
            await backend.closed.wait()
            gate.release()
            # There is one worker: what runs after the step in hand shows that it has ended.
            await executor.run(lambda: None)
            assert executor.held == 0
    assert drawn in ([4], [4, 8])


async def test_a_full_executor_refuses_with_retry_info() -> None:
    """One worker and no queue: while one call draws, the next is RESOURCE_EXHAUSTED with a time to wait."""
    gate, begun, drawn = threading.Semaphore(0), threading.Event(), list[int]()
    painting = type("Gated", (GatedPainting,), {"gate": gate, "begun": begun, "drawn": drawn})
    executor = BoundedExecutor(STAGE, workers=1, queue=0)
    backend = SketchBackend(executor, painting=painting)
    async with (
        running(build(Settings(port=0), backend=backend, executor=executor)) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        first = stub.GenerateImages(pb.GenerateImagesRequest(prompt="a dog", width=64, height=64))
        assert (await first.read()).WhichOneof("event") == "started"
        assert await asyncio.to_thread(begun.wait, 30)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await collect(stub, prompt="a cat", width=64, height=64)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        trailing = dict(caught.value.trailing_metadata() or ())
        status = status_pb2.Status.FromString(trailing[STATUS_DETAILS_KEY])  # type: ignore[arg-type]
        retry = error_details_pb2.RetryInfo()
        assert any(detail.Unpack(retry) for detail in status.details)
        for _ in range(10):
            gate.release()
        while not (await first.read()).HasField("completed"):
            pass


async def test_a_generation_that_has_begun_is_not_refused_midway() -> None:
    """One worker and a queue of two: three calls at once all finish, a fourth is refused before its first message."""
    gate, begun, drawn = threading.Semaphore(0), threading.Event(), list[int]()
    painting = type("Gated", (GatedPainting,), {"gate": gate, "begun": begun, "drawn": drawn})
    executor = BoundedExecutor(STAGE, workers=1, queue=2)
    backend = SketchBackend(executor, painting=painting)
    async with (
        running(build(Settings(port=0), backend=backend, executor=executor)) as [service],
        grpc.aio.insecure_channel(service.address) as channel,
    ):
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        request = pb.GenerateImagesRequest(prompt="a dog", width=64, height=64, steps=5, count=2)
        calls = [aiter(stub.GenerateImages(request)) for _ in range(3)]
        for call in calls:
            assert (await anext(call)).WhichOneof("event") == "started"
        assert executor.held == 3
        fourth = stub.GenerateImages(request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await fourth.read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not drawn
        for _ in range(3 * 2 * 5):
            gate.release()
        rest = await asyncio.gather(*(read_to_the_end(call) for call in calls))
        assert rest == [[*(["progress"] * 5 + ["image"]) * 2, "completed"]] * 3
    assert executor.held == 0


async def read_to_the_end(call: Any) -> list[str]:
    return [response.WhichOneof("event") async for response in call]


async def test_paintings_are_made_by_the_worker_one_at_a_time() -> None:
    """Neither the canvas nor the reading of a long prompt is the event loop's, and a call that waits has none yet."""
    gate, begun, drawn = threading.Semaphore(0), threading.Event(), list[int]()
    makers = list[int]()

    class Noted(GatedPainting):
        def __init__(self, **arguments: Any) -> None:
            makers.append(threading.get_ident())
            super().__init__(**arguments)

    painting = type("Gated", (Noted,), {"gate": gate, "begun": begun, "drawn": drawn})
    executor = BoundedExecutor(STAGE, workers=1, queue=2)
    request = pb.GenerateImagesRequest(
        prompt="a dog", width=64, height=64, steps=5, count=1, output_format=formats.IMAGE_FORMAT_PNG
    )

    async def generate() -> int:
        async with contextlib.aclosing(SketchBackend(executor, painting=painting).generate(request)) as responses:
            return len([response async for response in responses])

    calls = [asyncio.create_task(generate()) for _ in range(3)]
    assert await asyncio.to_thread(begun.wait, 30)
    for part in range(1, 5):
        # The first call's progress has reached the loop, and the others have had their turns there.
        gate.release()
        async with asyncio.timeout(30):
            while len(drawn) < part:  # noqa: ASYNC110 # it has no event to wait for, and a turn of the loop is enough
                await asyncio.sleep(0)
    assert executor.held == 3
    assert len(makers) == 1
    for _ in range(11):
        gate.release()
    assert await asyncio.gather(*calls) == [1 + 5 + 1 + 1] * 3
    assert len(makers) == 3
    assert threading.get_ident() not in makers
    assert executor.held == 0
    executor.close()


async def test_the_sketch_needs_nothing_of_amazons() -> None:
    """boto3 is imported where a provider is chosen: a fresh process that serves the sketch has none of it."""
    code = (
        "import sys; from services.generator.app import build; from services.generator.settings import Settings;"
        "build(Settings(port=0)); assert not {'boto3', 'botocore'} & set(sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
