"""What a failed call raises.

    SafelightError
    ├── InvalidArgument      a field of the request is wrong; `field_violations` says which and why
    ├── Unauthenticated      no credentials, or none that is valid
    ├── PermissionDenied     not allowed this policy
    ├── NotFound             the health of a service that does not exist was asked for
    ├── ResourceExhausted    a quota is used up, or the service is full; `retry_after` says when to try again
    ├── FailedPrecondition   a provider rejects the operator's credentials or endpoint; the metadata names the setting
    ├── Unavailable          the gateway or something behind it cannot be reached
    ├── DeadlineExceeded     the timeout ran out
    ├── Cancelled            the call was cancelled, by this side or by the server
    ├── Unimplemented        what answers at the target does not offer this method
    └── Internal             something answered nonsense, or a fault of the service
        └── StreamIncomplete     a stream ended well, but without its terminal event

A refusal by policy is not an error: it is an outcome. An argument that cannot be put into a request at all (a negative
width, an unknown category name) raises ValueError before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "safelight"
"""The `domain` of the google.rpc.ErrorInfo of every error that a Safelight service raises itself."""

REQUEST_ID_KEY = "x-request-id"
_STATUS_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """One field that is wrong: its proto path, such as `thresholds[1].threshold`, and what is wrong with it."""

    field: str
    description: str


class SafelightError(Exception):
    """Base of every error that a call can raise. Raised itself only for codes that have no class of their own."""

    default_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        field_violations: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        """`code` is the class's own unless given; see the properties for the rest."""
        super().__init__(message)
        self.message = message
        """What went wrong, for people, in English."""
        self.code = code or self.default_code
        """The gRPC status code."""
        self.reason = reason
        """For machines: a name of safelight.common.v1.ErrorReason without its prefix, such as "FIELD_INVALID".
        Empty when no Safelight service said so, as when nothing answers."""
        self.metadata = dict(metadata or {})
        """What goes with the reason, such as {"stage": "generation", "provider": "sagemaker"}."""
        self.field_violations = tuple(field_violations)
        """The fields that are wrong, all at once. Empty unless the code is INVALID_ARGUMENT."""
        self.retry_after = retry_after
        """Seconds after which another try makes sense, or None when the service does not say."""
        self.request_id = request_id
        """The call's id in the logs of every service that it passed through."""

    @property
    def stage(self) -> str | None:
        """The stage that failed ("text_moderation", "generation", "image_moderation"), where it is known."""
        return self.metadata.get("stage")


class InvalidArgument(SafelightError):
    """One or more fields of the request are wrong; `field_violations` names all of them."""

    default_code = grpc.StatusCode.INVALID_ARGUMENT


class Unauthenticated(SafelightError):
    """The call carried no credentials, or none that is valid."""

    default_code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(SafelightError):
    """The caller may not do this, for instance use this policy."""

    default_code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(SafelightError):
    """There is no such thing: the health of an unknown service was asked for."""

    default_code = grpc.StatusCode.NOT_FOUND


class ResourceExhausted(SafelightError):
    """A quota is used up, a service or a provider is full, or a message is larger than this client accepts."""

    default_code = grpc.StatusCode.RESOURCE_EXHAUSTED


class FailedPrecondition(SafelightError):
    """A provider rejects the operator's credentials or endpoint; the metadata names the setting to fix."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION


class Unavailable(SafelightError):
    """The gateway cannot be reached, or something behind it cannot; `metadata` then names the stage."""

    default_code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(SafelightError):
    """The timeout ran out. `stage` is the one that was running, where it is known."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(SafelightError):
    """The call was cancelled, by this side or by the server."""

    default_code = grpc.StatusCode.CANCELLED


class Unimplemented(SafelightError):
    """What answers at the target does not offer this method: another service, or an older one."""

    default_code = grpc.StatusCode.UNIMPLEMENTED


class Internal(SafelightError):
    """Something answered nonsense, or the service is at fault; `metadata["error_id"]` is in its log, where set."""

    default_code = grpc.StatusCode.INTERNAL


class StreamIncomplete(Internal):
    """A stream of events ended with OK but without its terminal event, so that its outcome is not known."""


def from_rpc_error(
    error: grpc.RpcError, *, target: str, request_id: str | None = None, timeout: float | None = None
) -> SafelightError:
    """The error that stands for a failed call of either grpc API.

    `target`, `request_id` and `timeout` (seconds) are the call's own; they complete what the server did not say,
    which is everything when no server answered.
    """
    code = error.code() or grpc.StatusCode.UNKNOWN
    pairs: Any = error.trailing_metadata() or ()
    trailing: dict[str, str | bytes] = dict(pairs)
    info, violations, retry_after = _details(trailing.get(_STATUS_DETAILS_KEY))
    ours = info is not None and info.domain == DOMAIN
    said = error.details() or ""
    returned_id = trailing.get(REQUEST_ID_KEY)
    return _CLASSES.get(code, SafelightError)(
        said if ours else _explain(code, said, target, timeout),
        code=code,
        reason=info.reason if info is not None else "",
        metadata=info.metadata if info is not None else None,
        field_violations=violations,
        retry_after=retry_after,
        request_id=returned_id if isinstance(returned_id, str) else request_id,
    )


_CLASSES: dict[grpc.StatusCode, type[SafelightError]] = {
    kind.default_code: kind
    for kind in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        ResourceExhausted,
        FailedPrecondition,
        Unavailable,
        DeadlineExceeded,
        Cancelled,
        Unimplemented,
        Internal,
    )
}


def _details(
    value: str | bytes | None,
) -> tuple[error_details_pb2.ErrorInfo | None, list[FieldViolation], float | None]:
    """The three details that Safelight's services send, out of a serialised google.rpc.Status."""
    info, violations, retry_after = None, [], None
    status = status_pb2.Status()
    if isinstance(value, bytes):
        try:
            status.ParseFromString(value)
        except DecodeError:  # The code and the message still stand; a proxy's garbage must not hide them.
            return None, [], None
    for detail in status.details:
        error_info, bad_request, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        try:
            if detail.Unpack(error_info):
                info = error_info
            elif detail.Unpack(bad_request):
                violations += [FieldViolation(v.field, v.description) for v in bad_request.field_violations]
            elif detail.Unpack(retry):
                retry_after = retry.retry_delay.ToMilliseconds() / 1000
        except DecodeError:
            continue
    return info, violations, retry_after


def _explain(code: grpc.StatusCode, said: str, target: str, timeout: float | None) -> str:
    """A message for a status that no Safelight service wrote: grpc's own, a proxy's, or another server's."""
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            # Of "failed to connect to all addresses; last error: UNKNOWN: ipv4:..." the end is what helps.
            cause = re.sub(r"^failed to connect to all addresses; last error: [A-Z_]+: ", "", said) or "no details"
            if "handshake" in cause or "erification" in cause:
                advice = "Check the TLS settings: the authority, our certificate, the server's name"
            elif "Socket closed" in cause or "reset by peer" in cause:
                advice = "It closed the connection: do the TLS settings of both sides agree?"
            else:
                advice = "Is it running, and is the address right? Start it with: make serve"
            return f"cannot reach the gateway at {target} ({cause}). {advice}"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            within = "in time" if timeout is None else f"within {timeout:g} s"
            return f"{target} did not finish {within}"
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"{target} does not offer this method; is it a Safelight gateway? ({said or 'no details'})"
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than max" in said:
            return f"{said}. Give the client a larger max_receive_bytes, or ask for a smaller copy of the image"
        case _:
            return said or code.name
