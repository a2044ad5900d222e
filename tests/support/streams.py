"""Reads a whole stream of the gateway's, and writes it down compactly for tests to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from safelight.gateway.v1 import gateway_pb2 as pb
from services.common import errors


@dataclass
class Told:
    """What a stream told: its events, then its error if it ended with one."""

    events: list[pb.GenerateImagesResponse] = field(default_factory=list)
    error: grpc.aio.AioRpcError | None = None

    def of(self, member: str) -> list[Any]:
        """The events of one kind, such as "image_produced"."""
        return [getattr(event, member) for event in self.events if event.HasField(member)]

    @property
    def completed(self) -> pb.Completed:
        """The terminal event; there must be just one, and it must be the last."""
        assert [e.WhichOneof("event") == "completed" for e in self.events] == [False] * (len(self.events) - 1) + [True]
        return self.events[-1].completed

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        """The ErrorInfo of the error; there must be one."""
        assert self.error is not None, "the stream ended with OK"
        info = errors.error_info(status_of(self.error))
        assert info is not None, f"no ErrorInfo: {self.error!r}"
        return info


async def collect(stub: Any, *, timeout: float | None = None, metadata: Any = None, **request: Any) -> Told:
    """Reads a stream to its end, whatever that is."""
    told = Told()
    try:
        async for event in stub.GenerateImages(pb.GenerateImagesRequest(**request), timeout=timeout, metadata=metadata):
            told.events.append(event)
    except grpc.aio.AioRpcError as error:
        told.error = error
    return told


def status_of(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """The google.rpc.Status in the error's trailing metadata; it must be there and agree with the error."""
    values = [value for key, value in error.trailing_metadata() or () if key == errors.STATUS_DETAILS_KEY]
    assert len(values) == 1, f"no status details: {error!r}"
    status = status_pb2.Status.FromString(values[0])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    return status


def detail(status: status_pb2.Status, kind: type[Any]) -> Any:
    """The status detail of that kind, or None."""
    found = kind()
    return next((found for each in status.details if each.Unpack(found)), None)


def compact(events: Iterable[pb.GenerateImagesResponse]) -> str:
    """One short line for each event, without times and ids."""
    return "\n".join(_line(event) for event in events)


def _line(event: pb.GenerateImagesResponse) -> str:
    kind = event.WhichOneof("event")
    match kind:
        case "stage_started":
            it = event.stage_started
            return f"start {_stage(it)}{_where(it)}"
        case "stage_progress":
            it = event.stage_progress
            return f"step {it.step}/{it.total_steps} of {it.attempt}.{it.image_index}"
        case "stage_finished":
            it = event.stage_finished
            runs = "".join(f" {run.detector}" for run in it.detector_runs) + (f" {it.backend}" if it.backend else "")
            return f"end {_stage(it)}{_where(it)}{runs}{' flagged' if it.flagged else ''}{_kinds(it.findings)}"
        case "warning":
            it = event.warning
            reason = pb.WarningReason.Name(it.reason).removeprefix("WARNING_REASON_").lower()
            return f"warning {reason} ({_stage(it)}{_where(it)}){_kinds(it.findings)}"
        case "image_produced":
            it = event.image_produced
            disposition = pb.ImageDisposition.Name(it.disposition).removeprefix("IMAGE_DISPOSITION_").lower()
            return f"image {it.attempt}.{it.image_index} {disposition} {it.image.decode()!r}{_kinds(it.findings)}"
        case "completed":
            it = event.completed
            outcome = pb.Outcome.Name(it.outcome).removeprefix("OUTCOME_").lower()
            return f"completed {outcome}, attempts {it.attempts}{_kinds(it.findings)}"
    raise AssertionError(f"an event of no known kind: {kind}")


def _stage(it: Any) -> str:
    return pb.Stage.Name(it.stage).removeprefix("STAGE_").lower()


def _where(it: Any) -> str:
    if it.HasField("image_index"):
        return f" {it.attempt}.{it.image_index}"
    return f" {it.attempt}" if it.attempt else ""


def _kinds(findings: Any) -> str:
    return f" [{', '.join(finding.label for finding in findings)}]" if findings else ""
