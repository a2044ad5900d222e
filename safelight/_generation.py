"""A running generation as a stream of events, and what has come of it in the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc

from safelight import _names
from safelight.common.v1 import finding_pb2
from safelight.errors import Cancelled, DeadlineExceeded, SafelightError, StreamIncomplete, from_rpc_error
from safelight.gateway.v1 import gateway_pb2

Event = gateway_pb2.GenerateImagesResponse
"""One event of the stream. `event.WhichOneof("event")` says which."""

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


@dataclass(frozen=True)
class GeneratedImage:
    """The final word on one image."""

    index: int
    """Which image of the request, from 0."""
    data: bytes = field(repr=False)
    """The encoded image, free of metadata. Empty when it was withheld."""
    media_type: str
    """Such as "image/png". Empty when it was withheld."""
    width: int
    """In pixels; 0 when it was withheld."""
    height: int
    """In pixels; 0 when it was withheld."""
    seed: int
    """The seed that made it."""
    attempt: int
    """The attempt that made it, from 1."""
    disposition: gateway_pb2.ImageDisposition.ValueType
    """What became of it: cleared, flagged, blurred or withheld."""
    findings: tuple[finding_pb2.Finding, ...]
    """What image moderation found in it as generated, flagged or not."""

    @classmethod
    def from_event(cls, event: gateway_pb2.ImageProduced) -> GeneratedImage:
        """The image that an `image_produced` event carries."""
        return cls(
            index=event.image_index,
            data=event.image,
            media_type=event.media_type,
            width=event.width,
            height=event.height,
            seed=event.seed,
            attempt=event.attempt,
            disposition=event.disposition,
            findings=tuple(event.findings),
        )

    @property
    def withheld(self) -> bool:
        """True when there is no image to look at."""
        return not self.data

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the image and returns the file's path.

        In a directory it takes the name `safelight-<seed>` with the suffix of its media type, and a number where that
        is taken; any other path is written to as it is. Raises ValueError when the image was withheld, and OSError.
        """
        if self.withheld:
            raise ValueError(f"image {self.index} was withheld: there is nothing to save")
        target = Path(path)
        if not target.is_dir():
            target.write_bytes(self.data)
            return target
        return write_new(target, f"safelight-{self.seed}", self.media_type, self.data)


def write_new(directory: Path, stem: str, media_type: str, data: bytes) -> Path:
    """Writes `data` to a file that did not exist before: `stem`, then `stem-2`, `stem-3`... Returns its path."""
    suffix = _SUFFIXES.get(media_type, ".bin")
    number = 1
    while True:
        target = directory / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
        try:
            with target.open("xb") as file:
                file.write(data)
        except FileExistsError:
            number += 1
        else:
            return target


@dataclass(frozen=True)
class GenerationResult:
    """What came of one generation."""

    outcome: gateway_pb2.Outcome.ValueType
    """How it ended, such as OUTCOME_DELIVERED."""
    message: str
    """Why, for people, in English."""
    images: tuple[GeneratedImage, ...]
    """One for each image asked for, by index, withheld ones too. Empty when nothing was generated."""
    warnings: tuple[gateway_pb2.Warning, ...]
    """Every warning, in the order in which they came."""
    findings: tuple[finding_pb2.Finding, ...]
    """The flagged findings that decided a refusal, a blur or a withholding."""
    completed: gateway_pb2.Completed
    """The terminal event, with the policy, the decision's id, and for a dry run the plan."""
    request_id: str
    """The call's id in the logs of every service that it passed through."""

    @property
    def delivered(self) -> bool:
        """True when at least one image came, blurred or not."""
        return any(not image.withheld for image in self.images)

    @property
    def refused(self) -> bool:
        """True when policy refused the prompt or withheld every image."""
        return self.outcome in (gateway_pb2.OUTCOME_PROMPT_REJECTED, gateway_pb2.OUTCOME_WITHHELD)

    @property
    def attempts(self) -> int:
        """How often images were generated."""
        return self.completed.attempts

    @property
    def stage_durations(self) -> dict[str, float]:
        """Seconds that each stage took in all, by its name ("text_moderation", ...), in the order in which they ran."""
        return {
            _names.short_name(gateway_pb2.Stage, each.stage): each.duration.ToTimedelta().total_seconds()
            for each in self.completed.stage_durations
        }

    @property
    def total_duration(self) -> float:
        """Seconds from the request's arrival at the gateway to the end."""
        return self.completed.total_duration.ToTimedelta().total_seconds()

    @property
    def moderation_share(self) -> float:
        """The part of the total duration that text and image moderation took, 0 to 1."""
        return self.completed.moderation_share

    @property
    def cost_estimate(self) -> gateway_pb2.CostEstimate:
        """What the providers in the cloud bill for it, by stage and in all; 0 with embedded providers."""
        return self.completed.cost_estimate


class _Record:
    """What the events so far amount to; shared by both kinds of generation."""

    def __init__(self, target: str, request_id: str, timeout: float | None) -> None:
        self._target = target
        self._request_id = request_id
        self._timeout = timeout
        self._images: dict[int, GeneratedImage] = {}
        self._warnings: list[gateway_pb2.Warning] = []
        self._completed: gateway_pb2.Completed | None = None
        self._running: list[gateway_pb2.Stage.ValueType] = []
        self._error: SafelightError | None = None
        self._ended = False

    @property
    def request_id(self) -> str:
        """The call's id in the logs of every service that it passes through."""
        return self._request_id

    @property
    def images(self) -> tuple[GeneratedImage, ...]:
        """The images that have come so far, by index. They remain good when the stream ends with an error."""
        return tuple(self._images[index] for index in sorted(self._images))

    @property
    def warnings(self) -> tuple[gateway_pb2.Warning, ...]:
        """The warnings that have come so far."""
        return tuple(self._warnings)

    def _take(self, event: Event) -> Event:
        match event.WhichOneof("event"):
            case "stage_started":
                self._running.append(event.stage_started.stage)
            case "stage_finished" if event.stage_finished.stage in self._running:
                self._running.remove(event.stage_finished.stage)
            case "warning":
                self._warnings.append(event.warning)
            case "image_produced":
                image = GeneratedImage.from_event(event.image_produced)
                self._images[image.index] = image
            case "completed":
                self._completed = event.completed
        return event

    def _end(self) -> None:
        """Called when the stream has ended with OK."""
        self._ended = True
        if self._completed is None:
            self._error = StreamIncomplete(
                f"the stream from {self._target} ended without its terminal event: what came of the request is unknown",
                request_id=self._request_id,
            )
            raise self._error

    def _fail(self, cause: grpc.RpcError) -> SafelightError:
        """The error for a stream that has ended with a status other than OK."""
        self._ended = True
        error = from_rpc_error(cause, target=self._target, request_id=self._request_id, timeout=self._timeout)
        if isinstance(error, DeadlineExceeded) and error.stage is None and self._running:
            # Our own deadline ran out before the server could say where it was; the events have said it.
            stage = _names.short_name(gateway_pb2.Stage, self._running[-1])
            error.metadata["stage"] = stage
            error.message = f"{error.message}; {stage.replace('_', ' ')} was running"
            error.args = (error.message,)
        self._error = error
        return error

    def _result(self) -> GenerationResult:
        if self._error is not None:
            raise self._error
        completed = cast("gateway_pb2.Completed", self._completed)
        return GenerationResult(
            outcome=completed.outcome,
            message=completed.message,
            images=self.images,
            warnings=self.warnings,
            findings=tuple(completed.findings),
            completed=completed,
            request_id=self._request_id,
        )


class Generation(_Record, Iterator[Event]):
    """A running generation, from Client.generate. Iterate over it for the events, or call result().

    Leaving a `for` loop or a `with` block early cancels the call, and all work on it stops. `next()` steps by hand.
    """

    def __init__(self, call: Any, *, target: str, request_id: str, timeout: float | None) -> None:
        """Made by Client.generate."""
        super().__init__(target, request_id, timeout)
        self._call = call

    def __iter__(self) -> Iterator[Event]:
        """The events that have not been read yet. Leaving the loop early cancels the call."""
        try:
            while (event := self._next()) is not None:
                yield event
        finally:
            self.cancel()

    def __next__(self) -> Event:
        """The next event, waiting for it. Raises StopIteration after the last, SafelightError when the call fails."""
        event = self._next()
        if event is None:
            raise StopIteration
        return event

    def _next(self) -> Event | None:
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        try:
            return self._take(next(self._call))
        except StopIteration:
            self._end()
            return None
        except grpc.RpcError as error:
            raise self._fail(error) from error

    def result(self) -> GenerationResult:
        """Waits for the end and returns what came of it, the events that were iterated over included.

        Raises SafelightError when the call fails; images that came before are in `images` and remain good.
        """
        for _ in self:
            pass
        return self._result()

    def cancel(self) -> None:
        """Cancels the call if it still runs. Reading on then raises Cancelled."""
        if not self._ended:
            self._call.cancel()

    close = cancel

    def __enter__(self) -> Self:
        """Cancels the call on leaving, if it still runs."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancels the call if it still runs."""
        self.cancel()


class AsyncGeneration(_Record, AsyncIterator[Event]):
    """A running generation, from AsyncClient.generate. Iterate over it for the events, or await result().

    Leaving an `async for` loop or an `async with` block early cancels the call, and all work on it stops. So does
    cancelling the task that reads it. `anext()` steps by hand.
    """

    def __init__(self, call: Any, *, target: str, request_id: str, timeout: float | None) -> None:
        """Made by AsyncClient.generate."""
        super().__init__(target, request_id, timeout)
        self._call = call
        self._cancelled = False

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events that have not been read yet. Leaving the loop early cancels the call."""
        try:
            while (event := await self._next()) is not None:
                yield event
        finally:
            self.cancel()

    async def __anext__(self) -> Event:
        """The next event. Raises StopAsyncIteration after the last, SafelightError when the call fails."""
        event = await self._next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def _next(self) -> Event | None:
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        try:
            event = await self._call.read()
        except grpc.RpcError as error:
            raise self._fail(error) from error
        except asyncio.CancelledError:
            # grpc.aio says the same whether the task that reads was cancelled or only the call.
            task = asyncio.current_task()
            if not self._cancelled or (task is not None and task.cancelling()):
                raise
            self._ended = True
            self._error = Cancelled("the call was cancelled by this client", request_id=self._request_id)
            raise self._error from None
        if event is grpc.aio.EOF:
            self._end()
            return None
        return self._take(event)

    async def result(self) -> GenerationResult:
        """Waits for the end and returns what came of it, the events that were iterated over included.

        Raises SafelightError when the call fails; images that came before are in `images` and remain good.
        """
        while await self._next() is not None:
            pass
        return self._result()

    def cancel(self) -> None:
        """Cancels the call if it still runs. Reading on then raises Cancelled."""
        if not self._ended:
            self._cancelled = True
            self._call.cancel()

    async def close(self) -> None:
        """Cancels the call if it still runs, like cancel(); for contextlib.aclosing and its kind."""
        self.cancel()

    aclose = close

    async def __aenter__(self) -> Self:
        """Cancels the call on leaving, if it still runs."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancels the call if it still runs."""
        self.cancel()
