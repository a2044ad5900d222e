"""A stage that works until it fails: the scripted services behind raw bytes, and a TCP relay that can cut the line."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from safelight.generator.v1 import generator_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2
from services.gateway.upstreams import GENERATOR_SERVICE, IMAGE_SERVICE, TEXT_SERVICE
from tests.support.services import Live, ScriptedGenerator, ScriptedImages, ScriptedText

TEXT, GENERATION, IMAGE = "text_moderation", "generation", "image_moderation"
TARGET = {TEXT: "text_moderation_target", GENERATION: "generator_target", IMAGE: "image_moderation_target"}

# What to send instead of an honest answer (serialised), or it aborts the call, or hangs.
Fault = Callable[[Any, bytes], Awaitable[bytes]]


@dataclass
class FaultyStage(Live):
    """One stage as a bare server: honest up to answer number `at - 1`, from 1, and `fault` from there on.

    For the generator an answer is an image; its other events are honest. No interceptor of ours stands in between, so a
    fault can be any status and any bytes.
    """

    stage: str = TEXT
    fault: Fault | None = None
    at: int = 1
    answers: int = 0
    text: ScriptedText = field(default_factory=ScriptedText)
    generator: ScriptedGenerator = field(default_factory=ScriptedGenerator)
    images: ScriptedImages = field(default_factory=ScriptedImages)
    honest: set[bytes] = field(default_factory=set)
    """For image moderation: the images that got an honest answer."""

    async def _answer(self, context: Any, honest: bytes) -> bytes:
        self.answers += 1
        return await self.fault(context, honest) if self.fault and self.answers >= self.at else honest

    async def moderate_text(self, request: bytes, context: Any) -> bytes:
        with self.call():
            honest = await self.text.ModerateText(text_moderation_pb2.ModerateTextRequest.FromString(request), context)
            return await self._answer(context, honest.SerializeToString())

    async def moderate_image(self, request: bytes, context: Any) -> bytes:
        with self.call():
            asked = image_moderation_pb2.ModerateImageRequest.FromString(request)
            honest = (await self.images.ModerateImage(asked, context)).SerializeToString()
            answer = await self._answer(context, honest)
            if answer == honest:
                self.honest.add(asked.image)
            return answer

    async def generate(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        with self.call():
            asked = generator_pb2.GenerateImagesRequest.FromString(request)
            async for event in self.generator.GenerateImages(asked, context):
                honest = event.SerializeToString()
                yield await self._answer(context, honest) if event.HasField("image") else honest

    def handler(self) -> grpc.GenericRpcHandler:
        """The stage's one method, without (de)serialisers."""
        service, method, rpc = {
            TEXT: (TEXT_SERVICE, "ModerateText", grpc.unary_unary_rpc_method_handler(self.moderate_text)),
            GENERATION: (GENERATOR_SERVICE, "GenerateImages", grpc.unary_stream_rpc_method_handler(self.generate)),
            IMAGE: (IMAGE_SERVICE, "ModerateImage", grpc.unary_unary_rpc_method_handler(self.moderate_image)),
        }[self.stage]
        return grpc.method_handlers_generic_handler(service, {method: rpc})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Runs it; gives its address."""
        server = grpc.aio.server()
        states = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(states, server)
        for name in (TEXT_SERVICE, GENERATOR_SERVICE, IMAGE_SERVICE):
            await states.set(name, health_pb2.HealthCheckResponse.SERVING)
        server.add_generic_rpc_handlers((self.handler(),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(0)


@dataclass
class Relay:
    """Passes TCP connections on to `target` until told to cut them, in the middle of an answer if need be."""

    target: str = ""
    left: int | None = None
    """How many bytes of answers still pass before every connection is reset; None: no end."""
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @asynccontextmanager
    async def relaying(self, target: str) -> AsyncIterator[str]:
        """Runs it; gives its address."""
        self.target = target
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        finally:
            self.reset()

    def reset(self) -> None:
        """Resets all connections (RST, no orderly end) and takes no new ones."""
        if self._server:
            self._server.close()
        for line in self._lines:
            with suppress(OSError):
                # Lingering for no time makes close() send RST.
                line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.transport.abort()
        self._lines.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.target.rsplit(":", 1)
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        self._lines |= {writer, behind_writer}
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, behind_writer), self._pump(behind_reader, writer, counted=True))
        for each in (writer, behind_writer):
            self._lines.discard(each)
            each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool = False) -> None:
        while data := await reader.read(65536):
            if counted and self.left is not None:
                data, self.left = data[: self.left], self.left - len(data)
                writer.write(data)
                if self.left <= 0:
                    await writer.drain()
                    self.reset()
                    return
            else:
                writer.write(data)
            await writer.drain()
        writer.write_eof()
