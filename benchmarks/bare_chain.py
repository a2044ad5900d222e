"""The yardstick: four grpc.aio servers that carry the bytes of a Safelight stream and do nothing else.

client -> gateway -> text moderation (unary), generator (streaming), image moderation (unary), with the messages of a
real stream, recorded once from Safelight: as many messages of the same size in the same order at every hop. Bytes in,
bytes out: no protobuf, interceptors, metadata, deadlines, logs, health or reflection.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from benchmarks import child
from benchmarks.instant import Suite
from safelight.gateway.v1 import gateway_pb2
from services.common import telemetry

METHOD = "/safelight.gateway.v1.GatewayService/GenerateImages"
"""What both sides are called with."""

REQUEST = gateway_pb2.GenerateImagesRequest(
    prompt="A lady on the beach in swimming wear, water color style", seed=7
).SerializeToString()

OPTIONS = [("grpc.max_receive_message_length", 33 << 20), ("grpc.max_send_message_length", 33 << 20)]


@dataclass(frozen=True)
class Recording:
    """Every message of one stream, serialized."""

    text_request: bytes
    text_response: bytes
    generation_request: bytes
    generation: list[bytes]
    image_request: bytes
    image_response: bytes
    events: list[bytes]
    """What the gateway sent to the client."""


async def record(image_bytes: int) -> Recording:
    """Runs Safelight, with instant services, for one stream."""
    suite = Suite(image_bytes)
    async with suite.serving() as address, grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(METHOD)
        events = [event async for event in method(REQUEST)]
    return Recording(
        text_request=suite.text.request.SerializeToString(),
        text_response=suite.text.response.SerializeToString(),
        generation_request=suite.generator.request.SerializeToString(),
        generation=[response.SerializeToString() for response in suite.generator.responses],
        image_request=suite.images.request.SerializeToString(),
        image_response=suite.images.response.SerializeToString(),
        events=events,
    )


@asynccontextmanager
async def serving(image_bytes: int) -> AsyncIterator[str]:
    """Runs the four servers; gives the gateway's address."""
    recording = await record(image_bytes)

    async def moderate_text(request: bytes, context: Any) -> bytes:
        return recording.text_response

    async def moderate_image(request: bytes, context: Any) -> bytes:
        return recording.image_response

    async def generate(request: bytes, context: Any) -> AsyncIterator[bytes]:
        for message in recording.generation:
            yield message

    async with AsyncExitStack() as stack:

        async def upstream(handler: grpc.RpcMethodHandler[bytes, bytes]) -> grpc.aio.Channel:
            address = await stack.enter_async_context(_server(handler))
            return await stack.enter_async_context(grpc.aio.insecure_channel(address, options=OPTIONS))

        text: Any = (await upstream(grpc.unary_unary_rpc_method_handler(moderate_text))).unary_unary("/bare/Call")
        images: Any = (await upstream(grpc.unary_unary_rpc_method_handler(moderate_image))).unary_unary("/bare/Call")
        generator: Any = (await upstream(grpc.unary_stream_rpc_method_handler(generate))).unary_stream("/bare/Call")

        # When Safelight sends what: the start and end of text moderation and the start of generation; one event for
        # each step; the end of generation; the start of image moderation, its end and the image; the summary.
        events = recording.events
        steps = len(events) - 8

        async def gateway(request: bytes, context: Any) -> AsyncIterator[bytes]:
            yield events[0]
            await text(recording.text_request)
            yield events[1]
            yield events[2]
            position, sent = 0, 3
            async for _ in generator(recording.generation_request):
                if 0 < position <= steps:  # after `started`, and before the image and `completed`
                    yield events[sent]
                    sent += 1
                position += 1
            yield events[sent]
            yield events[sent + 1]
            await images(recording.image_request)
            for event in events[sent + 2 :]:
                yield event

        yield await stack.enter_async_context(_server(grpc.unary_stream_rpc_method_handler(gateway)))


@asynccontextmanager
async def _server(handler: grpc.RpcMethodHandler[bytes, bytes]) -> AsyncIterator[str]:
    server = grpc.aio.server(options=OPTIONS)
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(service, {method: handler}),
            grpc.method_handlers_generic_handler("bare", {"Call": handler}),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


if __name__ == "__main__":
    telemetry.configure_logging("error", "json")
    child.serve(serving(int(sys.argv[1])))
