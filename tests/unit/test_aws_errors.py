"""What botocore raises, as our own errors: nothing that its models name is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session
import grpc
import pytest
from botocore.parsers import ResponseParserError

from services.common import deadline, errors
from services.common.aws.errors import CREDENTIALS, MEANINGS, Meaning, Origin, meaning, translate

SERVICES = Path(__file__).parents[2] / "services"
ORIGIN = Origin("rekognition", "image_moderation", "SAFELIGHT_IMAGE_MODERATION_REKOGNITION_PROJECT_VERSION", "image")
WORDS = "the text of a prompt"

# boto3's names of the services whose operations are called. An operation that two of them have counts for both.
BOTO3_SERVICES = (
    "bedrock",
    "bedrock-runtime",
    "comprehend",
    "rekognition",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
)


def operations() -> set[str]:
    """Every operation that the services call, as written in their source."""
    found = set()
    for path in SERVICES.rglob("*.py"):
        source = path.read_text("utf-8")
        found |= set(re.findall(r"(?:\.call|describe)\(\s*(?:self\.\w+,\s*|\w+,\s*)?\"([A-Z]\w+)\"", source))
    return found


def modelled() -> Iterator[tuple[str, str]]:
    """Operation and error, for every error that the models name for what is called."""
    session, called = botocore.session.get_session(), operations()
    for service in BOTO3_SERVICES:
        model = session.get_service_model(service)
        for name in called.intersection(model.operation_names):
            for shape in model.operation_model(name).error_shapes:
                yield name, shape.metadata.get("error", {}).get("code", shape.name)
                yield name, shape.name


def client_error(code: str, status: int = 400, **headers: str) -> botocore.exceptions.ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": WORDS},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers, "RequestId": "r-1", "RetryAttempts": 2},
    }
    return botocore.exceptions.ClientError(response, "DetectModerationLabels")


def test_the_operations_that_are_called_are_found() -> None:
    """The walk below would prove nothing if it found no operation."""
    called = operations()
    assert called >= {"DetectModerationLabels", "ApplyGuardrail", "ClassifyDocument", "DetectToxicContent"}
    assert called >= {"InvokeEndpoint", "InvokeEndpointAsync", "InvokeModel"}
    models = [botocore.session.get_session().get_service_model(service) for service in BOTO3_SERVICES]
    assert called <= {name for model in models for name in model.operation_names}


def test_every_error_that_the_models_name_has_a_meaning() -> None:
    """A new version of botocore may name more: then this says which."""
    assert sorted({pair for pair in modelled() if pair[1] not in MEANINGS}) == []


# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and what botocore itself takes for throttling.
COMMON = {
    "AccessDeniedException": Meaning.CREDENTIALS,
    "ExpiredTokenException": Meaning.CREDENTIALS,
    "IncompleteSignature": Meaning.CREDENTIALS,
    "InternalFailure": Meaning.UNAVAILABLE,
    "InvalidClientTokenId": Meaning.CREDENTIALS,
    "InvalidSignatureException": Meaning.CREDENTIALS,
    "MissingAuthenticationToken": Meaning.CREDENTIALS,
    "NotAuthorized": Meaning.CREDENTIALS,
    "OptInRequired": Meaning.CREDENTIALS,
    "RequestExpired": Meaning.CREDENTIALS,
    "ServiceUnavailable": Meaning.UNAVAILABLE,
    "ThrottlingException": Meaning.THROTTLED,
    "UnrecognizedClientException": Meaning.CREDENTIALS,
    "ValidationError": Meaning.SETTING,
    "SlowDown": Meaning.THROTTLED,
}


def test_the_errors_that_any_service_may_give_have_a_meaning() -> None:
    """They stand in no model."""
    assert {code: meaning(code, 0) for code in COMMON} == COMMON


def test_what_botocore_takes_for_throttling_is_throttling() -> None:
    """Its list and ours must agree, or we would tell callers something else than what was retried."""
    from botocore.retries.standard import ThrottledRetryableChecker

    codes = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert {code for code in codes if meaning(code, 400) is not Meaning.THROTTLED} == set()


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("com.amazonaws#ThrottlingException", 400, Meaning.THROTTLED),
        ("ResourceNotFoundException:http://internal.amazon.com/", 400, Meaning.SETTING),
        ("NeverHeardOf", 429, Meaning.THROTTLED),
        ("NeverHeardOf", 401, Meaning.CREDENTIALS),
        ("NeverHeardOf", 403, Meaning.CREDENTIALS),
        ("404", 404, Meaning.SETTING),
        ("NeverHeardOf", 500, Meaning.UNAVAILABLE),
        ("", 0, Meaning.UNAVAILABLE),
    ],
)
def test_a_code_in_disguise_or_unknown_is_judged_all_the_same(code: str, status: int, expected: Meaning) -> None:
    """With a namespace or an address around it; and by its HTTP status."""
    assert meaning(code, status) is expected


@pytest.mark.parametrize(
    ("code", "kind", "setting"),
    [
        ("ThrottlingException", errors.ProviderThrottled, None),
        ("InternalServerError", errors.ProviderUnavailable, None),
        ("AccessDeniedException", errors.ProviderRejected, CREDENTIALS),
        ("ResourceNotFoundException", errors.ProviderRejected, ORIGIN.setting),
        ("ImageTooLargeException", errors.InvalidArgument, None),
    ],
)
def test_each_meaning_is_the_error_of_the_design(
    code: str, kind: type[errors.SafelightError], setting: str | None
) -> None:
    """Code, reason and metadata say which provider and stage; a rejection what to mend too; never AWS's words."""
    error = translate(client_error(code), ORIGIN)
    assert type(error) is kind
    assert error.metadata["provider"] == "rekognition"
    assert error.metadata["stage"] == "image_moderation"
    assert error.metadata.get("setting") == setting
    assert code in error.message
    assert WORDS not in str(error) + repr(error.metadata)
    if kind in (errors.ProviderThrottled, errors.ProviderUnavailable):
        assert error.retry_after


def test_a_refused_field_is_named() -> None:
    """What the provider does not take of the caller's is INVALID_ARGUMENT on the caller's field."""
    error = translate(client_error("InvalidImageFormatException"), ORIGIN)
    assert isinstance(error, errors.InvalidArgument)
    assert [violation.field for violation in error.violations] == ["image"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "86400"}, 60),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1),
        ({}, 1),
    ],
)
def test_the_wait_that_a_provider_asks_for_is_passed_on(headers: dict[str, str], seconds: float) -> None:
    """In RetryInfo, within a minute; a second where it says nothing that can be read."""
    assert translate(client_error("ThrottlingException", **headers), ORIGIN).retry_after == seconds


def test_what_is_no_aws_service_cannot_put_words_into_our_errors() -> None:
    """A code is a name; anything else that stands there is replaced by the HTTP status."""
    error = translate(client_error("<script> a prompt", 502), ORIGIN)
    assert isinstance(error, errors.ProviderUnavailable)
    assert "HTTP 502" in error.message
    assert "prompt" not in error.message


def every_botocore_error(
    root: type[Exception] = botocore.exceptions.BotoCoreError,
) -> Iterator[type[Exception]]:
    for kind in root.__subclasses__():
        yield kind
        yield from every_botocore_error(kind)


def instance(kind: type[Exception]) -> Exception:
    """One of its kind, with whatever its text asks for."""

    class Anything(dict[str, Any]):
        def __missing__(self, key: str) -> str:
            return WORDS

    error = kind.__new__(kind)
    Exception.__init__(
        error, getattr(kind, "fmt", "").format_map(Anything()) if "{" in getattr(kind, "fmt", "") else ""
    )
    return error


@pytest.mark.parametrize("kind", sorted(set(every_botocore_error()), key=lambda kind: kind.__name__))
def test_every_error_of_botocores_own_is_one_of_ours(kind: type[Exception]) -> None:
    """Connections, credentials, regions, parameters, parsers: none of it comes out as UNEXPECTED, nor with its text."""
    error = translate(instance(kind), ORIGIN)
    assert type(error) in (errors.ProviderUnavailable, errors.ProviderRejected, errors.ModelResponseInvalid)
    assert WORDS not in error.message
    if isinstance(error, errors.ProviderRejected):
        assert error.metadata["setting"] in (CREDENTIALS, ORIGIN.setting, *ORIGIN.variables)


@pytest.mark.parametrize(
    ("kind", "expected", "setting"),
    [
        (botocore.exceptions.NoCredentialsError, errors.ProviderRejected, CREDENTIALS),
        (botocore.exceptions.UnauthorizedSSOTokenError, errors.ProviderRejected, CREDENTIALS),
        (botocore.exceptions.NoRegionError, errors.ProviderRejected, ORIGIN.variables[0]),
        (botocore.exceptions.ParamValidationError, errors.ProviderRejected, ORIGIN.setting),
        (botocore.exceptions.EndpointConnectionError, errors.ProviderUnavailable, None),
        (botocore.exceptions.ConnectionClosedError, errors.ProviderUnavailable, None),
        (botocore.exceptions.IncompleteReadError, errors.ProviderUnavailable, None),
        (ResponseParserError, errors.ModelResponseInvalid, None),
        (UnicodeDecodeError, errors.ModelResponseInvalid, None),
        (KeyError, errors.ModelResponseInvalid, None),
    ],
)
def test_those_that_matter_most_are_what_one_would_expect(
    kind: type[Exception], expected: type[errors.SafelightError], setting: str | None
) -> None:
    """Credentials, region and endpoint name what to mend; the network may be better the next time."""
    error = translate(instance(kind), ORIGIN)
    assert type(error) is expected
    assert error.metadata.get("setting") == setting


@pytest.mark.parametrize("left", [-1.0, 0.01])
def test_a_wait_that_the_deadline_cut_short_is_no_fault_of_the_provider(left: float) -> None:
    """With time left it is the provider that does not answer; without, the caller's deadline."""
    timeout = instance(botocore.exceptions.ReadTimeoutError)
    with deadline.bound(60):
        assert isinstance(translate(timeout, ORIGIN), errors.ProviderUnavailable)
    with deadline.bound(left):
        late = translate(timeout, ORIGIN)
    assert late.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert late.metadata == {"stage": "image_moderation", "provider": "rekognition"}
