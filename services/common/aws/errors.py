"""What botocore raises, as our own errors.

Every error that the models of the operations in use name has its meaning here, and so have those that any AWS service
may give (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html); a test walks the models. A code that
is not listed is judged by its HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from services.common import deadline, errors

CREDENTIALS = "AWS credentials"
"""What stands in the place of a setting where boto3's own chain is to be mended."""


class Meaning(Enum):
    """What a failure means to us."""

    THROTTLED = auto()
    """Too much at a time, or a quota is used up: RESOURCE_EXHAUSTED."""
    UNAVAILABLE = auto()
    """It fails, and may not the next time: UNAVAILABLE."""
    CREDENTIALS = auto()
    """It does not know us, or does not let us: FAILED_PRECONDITION."""
    SETTING = auto()
    """It does not know what our setting names, or does not take a request for it: FAILED_PRECONDITION."""
    CONTENT = auto()
    """It does not take what the caller sent: INVALID_ARGUMENT."""


_CODES: dict[Meaning, tuple[str, ...]] = {
    Meaning.THROTTLED: (
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "HumanLoopQuotaExceededException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ResourceLimitExceededException",
        "ServiceQuotaExceededException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    ),
    Meaning.UNAVAILABLE: (
        "InternalDependencyException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "ModelError",
        "ModelErrorException",
        "ModelNotReadyException",
        "ModelTimeoutException",
        "NoSuchKey",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceInUseException",
        "ResourceUnavailableException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "UnknownOperationException",
    ),
    Meaning.CREDENTIALS: (
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "SubscriptionRequiredException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    ),
    Meaning.SETTING: (
        "EncryptionTypeMismatch",
        "InvalidAction",
        "InvalidObjectState",
        "InvalidPaginationTokenException",
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "InvalidQueryParameter",
        "InvalidRequest",
        "InvalidRequestException",
        "InvalidWriteOffset",
        "KmsKeyValidationException",
        "MalformedQueryString",
        "MissingAction",
        "MissingParameter",
        "NoSuchBucket",
        "PermanentRedirect",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ResourceNotReadyException",
        "TooManyParts",
        "TooManyTagsException",
        "UnsupportedLanguageException",
        "ValidationError",
        "ValidationException",
    ),
    Meaning.CONTENT: (
        "ImageTooLargeException",
        "InvalidImageFormatException",
        "InvalidS3ObjectException",
        "TextSizeLimitExceededException",
    ),
}

MEANINGS: dict[str, Meaning] = {code: meaning for meaning, codes in _CODES.items() for code in codes}
"""By the error's code."""

_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")


@dataclass(frozen=True)
class Origin:
    """Who was called, for what."""

    provider: str
    """Such as "rekognition"."""
    stage: str
    """Such as "image_moderation"."""
    setting: str
    """The variable that names what is called: an endpoint, a model."""
    field: str = ""
    """The field of the caller's request that the call was about, such as "image"."""
    variables: tuple[str, str] = ("SAFELIGHT_AWS_REGION", "SAFELIGHT_AWS_ENDPOINT_URL")
    """The variables of the region and the address."""


def meaning(code: str, status: int) -> Meaning:
    """What an error's code means; for one that is not known, what its HTTP status means."""
    # Some services put a shape's namespace in front, or an address behind.
    known = MEANINGS.get(code.rsplit("#", 1)[-1].split(":", 1)[0])
    if known is not None:
        return known
    if status == 429:
        return Meaning.THROTTLED
    if status in (401, 403):
        return Meaning.CREDENTIALS
    return Meaning.SETTING if 400 <= status < 500 else Meaning.UNAVAILABLE


# What botocore raises without an answer that names a code, by class; a subclass of one is like it.
_CREDENTIALS = (
    "ConfigNotFound",
    "ConfigParseError",
    "CredentialRetrievalError",
    "InvalidConfigError",
    "LoginError",
    "MetadataRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshWithMFAUnsupportedError",
    "SSOError",
    "TokenRetrievalError",
    "UnknownCredentialError",
    "UnknownTokenProviderError",
)
_REGION = (
    "EndpointProviderError",
    "InvalidRegionError",
    "NoRegionError",
    "ServiceNotInRegionError",
    "UnknownEndpointError",
    "UnknownRegionError",
)
_UNAVAILABLE = ("CapacityNotAvailableError", "ConnectionError", "HTTPClientError", "IncompleteReadError")
_NONSENSE = ("ChecksumError", "FlexibleChecksumError", "ResponseParserError")


def translate(cause: Exception, origin: Origin) -> errors.SafelightError:
    """Our error for whatever a boto3 client raised. The provider's own words are left out: they may quote a text."""
    if isinstance(cause, errors.SafelightError):
        cause.metadata.setdefault("stage", origin.stage)
        cause.metadata.setdefault("provider", origin.provider)
        return cause
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    name = type(cause).__name__
    if "ClientError" in kinds:
        return _answered(getattr(cause, "response", {}), origin)
    if kinds & {"ReadTimeoutError", "ConnectTimeoutError"} and _out_of_time():
        return errors.DeadlineExceeded(
            f"time ran out while {origin.provider} was asked",
            metadata={"stage": origin.stage, "provider": origin.provider},
        )
    if kinds.intersection(_UNAVAILABLE):
        return _unavailable(origin, name)
    if kinds.intersection(_CREDENTIALS):
        return rejected(origin, CREDENTIALS, f"cannot be called, for want of credentials ({name})")
    if kinds.intersection(_REGION):
        return rejected(origin, origin.variables[0], f"cannot be called in this region ({name})")
    if "BotoCoreError" in kinds and not kinds.intersection(_NONSENSE):
        # Such as an ARN that is shorter than any.
        return rejected(origin, origin.setting, f"cannot be called with it ({name})")
    # Parsers fail in many ways on what is no answer.
    return nonsense(origin, f"answered with something that cannot be read ({name})")


def rejected(origin: Origin, setting: str, what: str, code: str = "") -> errors.ProviderRejected:
    """The error for a setting that is to be mended, or for CREDENTIALS; with the provider's own `code` for it."""
    metadata = {"stage": origin.stage, "provider": origin.provider, "setting": setting}
    if code:
        metadata["code"] = code
    return errors.ProviderRejected(f"{origin.provider} {what}; check {setting}", metadata=metadata)


def nonsense(origin: Origin, what: str) -> errors.ModelResponseInvalid:
    """The error for an answer that makes no sense."""
    return errors.ModelResponseInvalid(
        f"{origin.provider} {what}", metadata={"stage": origin.stage, "provider": origin.provider}
    )


def _unavailable(origin: Origin, name: str, retry_after: float | None = None) -> errors.ProviderUnavailable:
    return errors.ProviderUnavailable(
        f"{origin.provider} cannot be reached or fails ({name}); try again shortly",
        metadata={"stage": origin.stage, "provider": origin.provider},
        retry_after=retry_after,
    )


def _answered(response: Mapping[str, Any], origin: Origin) -> errors.SafelightError:
    about, answer = response.get("Error", {}), response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    name = code_of(response) or f"HTTP {status}"
    match meaning(str(about.get("Code", "")), status):
        case Meaning.THROTTLED:
            return errors.ProviderThrottled(
                f"{origin.provider} throttles us ({name}); try again later",
                metadata={"stage": origin.stage, "provider": origin.provider},
                retry_after=_retry_after(answer.get("HTTPHeaders", {})),
            )
        case Meaning.UNAVAILABLE:
            return _unavailable(origin, name, _retry_after(answer.get("HTTPHeaders", {})))
        case Meaning.CREDENTIALS:
            return rejected(origin, CREDENTIALS, f"does not accept our credentials or what they allow ({name})", name)
        case Meaning.SETTING:
            return rejected(origin, origin.setting, f"does not accept what we ask of it ({name})", name)
        case Meaning.CONTENT:
            field = origin.field or "request"
            return errors.InvalidArgument(
                [errors.FieldViolation(field, f"is not accepted by {origin.provider} ({name})")],
                metadata={"stage": origin.stage, "provider": origin.provider},
            )


def code_of(response: Mapping[str, Any]) -> str:
    """The code of an error's answer; "" for what is none: a server that is no AWS service may put anything there."""
    code = str(response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait, at most a minute; None if it does not say."""
    for header, unit in (("x-amz-retry-after", 0.001), ("retry-after", 1.0)):
        try:
            return min(60.0, max(0.0, float(headers[header]) * unit))
        except (KeyError, ValueError):
            continue
    return None


def _out_of_time() -> bool:
    left = deadline.remaining()
    # The wait for the provider was cut to what was left, less a reserve for our answer.
    return left is not None and left < LEAST_S + MOST_RESERVE_S


LEAST_S = 0.05
"""No call is begun with less time left than this, in seconds."""
MOST_RESERVE_S = 0.2
"""At most this is kept of the time left, in seconds, so that our error is there before the caller's time is over."""
