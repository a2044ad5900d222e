"""The domain errors, and how each becomes a google.rpc.Status.

    SafelightError
    ├── InvalidArgument          INVALID_ARGUMENT     FIELD_INVALID           + BadRequest
    │   ├── ImageUnreadable      INVALID_ARGUMENT     IMAGE_UNREADABLE        + BadRequest
    │   └── PolicyUnknown        INVALID_ARGUMENT     POLICY_UNKNOWN          + BadRequest
    ├── CredentialsInvalid       UNAUTHENTICATED      CREDENTIALS_INVALID
    ├── PolicyNotAllowed         PERMISSION_DENIED    POLICY_NOT_ALLOWED
    ├── QuotaExceeded            RESOURCE_EXHAUSTED   QUOTA_EXCEEDED          + RetryInfo
    ├── Overloaded               RESOURCE_EXHAUSTED   OVERLOADED              + RetryInfo
    ├── ProviderThrottled        RESOURCE_EXHAUSTED   PROVIDER_THROTTLED      + RetryInfo
    ├── ProviderUnavailable      UNAVAILABLE          PROVIDER_UNAVAILABLE    + RetryInfo
    ├── UpstreamUnavailable      UNAVAILABLE          UPSTREAM_UNAVAILABLE    + RetryInfo
    ├── NotReady                 UNAVAILABLE          NOT_READY               + RetryInfo
    ├── ProviderRejected         FAILED_PRECONDITION  PROVIDER_REJECTED
    ├── ModelResponseInvalid     INTERNAL             MODEL_RESPONSE_INVALID
    ├── DeadlineExceeded         DEADLINE_EXCEEDED    DEADLINE_EXCEEDED
    └── Unexpected               INTERNAL             UNEXPECTED

Handlers raise these; one interceptor (interceptors.py) turns them into a status, once. What each reason means to a
caller, with an example, stands in protos/safelight/common/v1/error_reason.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from safelight.common.v1 import error_reason_pb2 as reasons

DOMAIN = "safelight"
STATUS_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """One field that is wrong: its proto path, such as `thresholds[1].threshold`, and what is wrong with it."""

    field: str
    description: str


class SafelightError(Exception):
    """Base of all domain errors. Its message is sent to the caller: it never holds a prompt or a secret."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    reason: ClassVar[reasons.ErrorReason.ValueType] = reasons.ERROR_REASON_UNEXPECTED
    default_retry_after: ClassVar[float | None] = None

    def __init__(
        self, message: str, *, metadata: Mapping[str, str] | None = None, retry_after: float | None = None
    ) -> None:
        """`metadata` goes into ErrorInfo; `retry_after` (seconds) into RetryInfo, by default the class's own."""
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after = self.default_retry_after if retry_after is None else retry_after


class InvalidArgument(SafelightError):
    """One or more fields are out of range; all of them are named at once."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = reasons.ERROR_REASON_FIELD_INVALID

    def __init__(self, violations: Sequence[FieldViolation], *, metadata: Mapping[str, str] | None = None) -> None:
        """`violations` holds at least one entry."""
        fields = ",".join(dict.fromkeys(v.field for v in violations))
        super().__init__(
            "; ".join(f"{v.field}: {v.description}" for v in violations),
            metadata={"fields": fields, **(metadata or {})},
        )
        self.violations = tuple(violations)


class ImageUnreadable(InvalidArgument):
    """The bytes are no image that can be read."""

    reason = reasons.ERROR_REASON_IMAGE_UNREADABLE


class PolicyUnknown(InvalidArgument):
    """No policy of that name exists."""

    reason = reasons.ERROR_REASON_POLICY_UNKNOWN


class CredentialsInvalid(SafelightError):
    """The caller sent no credentials, or none that is valid."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = reasons.ERROR_REASON_CREDENTIALS_INVALID


class PolicyNotAllowed(SafelightError):
    """The caller may not use this policy."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = reasons.ERROR_REASON_POLICY_NOT_ALLOWED


class QuotaExceeded(SafelightError):
    """The caller is over its own quota."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = reasons.ERROR_REASON_QUOTA_EXCEEDED
    default_retry_after = 1.0


class Overloaded(SafelightError):
    """The workers and their queue are full."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = reasons.ERROR_REASON_OVERLOADED
    default_retry_after = 1.0


class ProviderThrottled(SafelightError):
    """A provider throttles us, after our retries."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = reasons.ERROR_REASON_PROVIDER_THROTTLED
    default_retry_after = 1.0


class ProviderUnavailable(SafelightError):
    """A provider cannot be reached or fails, after our retries."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = reasons.ERROR_REASON_PROVIDER_UNAVAILABLE
    default_retry_after = 1.0


class UpstreamUnavailable(SafelightError):
    """A service behind the gateway cannot be reached, fails, or does not answer in time, after our retries."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = reasons.ERROR_REASON_UPSTREAM_UNAVAILABLE
    default_retry_after = 1.0


class NotReady(SafelightError):
    """The service is still loading or is shutting down."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = reasons.ERROR_REASON_NOT_READY
    default_retry_after = 1.0


class ProviderRejected(SafelightError):
    """A provider rejects our credentials or endpoint; the metadata names the setting to fix."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = reasons.ERROR_REASON_PROVIDER_REJECTED


class ModelResponseInvalid(SafelightError):
    """A model, a provider or an upstream service answered with nonsense."""

    reason = reasons.ERROR_REASON_MODEL_RESPONSE_INVALID


class DeadlineExceeded(SafelightError):
    """The caller's deadline ran out; the metadata names the stage."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = reasons.ERROR_REASON_DEADLINE_EXCEEDED


class Unexpected(SafelightError):
    """A fault of ours. The caller gets an id; the cause is in the log under the same id."""


def to_status(error: SafelightError) -> status_pb2.Status:
    """The google.rpc.Status of an error: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    name = reasons.ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    details: list[any_pb2.Any] = [
        _pack(error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata=error.metadata))
    ]
    if isinstance(error, InvalidArgument):
        details.append(
            _pack(
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
                        for v in error.violations
                    ]
                )
            )
        )
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    # grpc.StatusCode and google.rpc.Code have the same names and numbers.
    return status_pb2.Status(code=code_pb2.Code.Value(error.code.name), message=error.message, details=details)


def error_info(status: status_pb2.Status) -> error_details_pb2.ErrorInfo | None:
    """The ErrorInfo among a status's details, if it carries one."""
    info = error_details_pb2.ErrorInfo()
    return next((info for detail in status.details if detail.Unpack(info)), None)


def from_status(status: status_pb2.Status) -> SafelightError | None:
    """The domain error that a status was made from, or None when it is none of ours."""
    info = error_info(status)
    if info is None or info.domain != DOMAIN:
        return None
    kind = next((c for c in _all_errors() if reasons.ErrorReason.Name(c.reason) == f"ERROR_REASON_{info.reason}"), None)
    if kind is None:
        return None
    metadata = dict(info.metadata)
    if issubclass(kind, InvalidArgument):
        bad, violations = error_details_pb2.BadRequest(), [FieldViolation("", status.message)]
        if any(detail.Unpack(bad) for detail in status.details) and bad.field_violations:
            violations = [FieldViolation(v.field, v.description) for v in bad.field_violations]
        return kind(violations, metadata=metadata)
    retry, retry_after = error_details_pb2.RetryInfo(), None
    if any(detail.Unpack(retry) for detail in status.details):
        retry_after = retry.retry_delay.ToMilliseconds() / 1000
    return kind(status.message, metadata=metadata, retry_after=retry_after)


def _pack(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _all_errors(root: type[SafelightError] = SafelightError) -> list[type[SafelightError]]:
    found: list[type[SafelightError]] = []
    for child in root.__subclasses__():
        found += [child, *_all_errors(child)]
    return found
