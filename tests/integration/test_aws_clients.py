"""boto3 clients as the services make them, against the stand-in for AWS: settings, deadlines, retries, checks."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.common import deadline, errors, records
from services.common.aws import checks, clients
from services.common.aws.api import Api
from services.common.aws.errors import CREDENTIALS
from services.common.settings import ProviderSettings
from services.common.telemetry import configure_logging
from tests.support.aws import AwsStandIn, faults
from tests.support.images import clean, encoded

# Long, as a fault that a deadline does not end would otherwise end by itself.
LONG_S = 50.0
REGION = "eu-west-1"


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Every line, although the suite's level lets only errors through."""
    configure_logging("info", "json")
    with capture_logs() as lines:
        yield lines
    configure_logging("error", "json")


def settings(**values: Any) -> ProviderSettings:
    return ProviderSettings(**{"aws_read_timeout_s": LONG_S, "aws_connect_timeout_s": LONG_S, **values})


def rekognition(pool: int = 2, **values: Any) -> Api:
    return Api.of(
        "rekognition",
        settings(**values),
        provider="rekognition",
        stage="image_moderation",
        setting="aws_region",
        field="image",
        pool=pool,
    )


def ask(api: Api, **values: Any) -> dict[str, Any]:
    return api.call(
        "DetectModerationLabels",
        unit="rekognition.detect_moderation_labels.image",
        quantity=1,
        expect=("ModerationLabels",),
        Image={"Bytes": encoded(clean((96, 96)))},
        **values,
    )


def test_a_client_is_what_the_settings_say(aws: AwsStandIn) -> None:
    """Region, address, pool, retries and the name that AWS's logs will show."""
    client = clients.build("rekognition", settings(aws_region="us-west-2", aws_max_attempts=4), pool=7)
    assert client.meta.region_name == "us-west-2"
    assert client.meta.endpoint_url == aws.url
    assert client.meta.config.max_pool_connections == 7
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 4}
    ask(rekognition())
    (request,) = aws.requests
    assert " safelight/" in request.user_agent
    assert aws.invalid_requests == []


def test_a_service_has_one_client_for_all_calls(aws: AwsStandIn) -> None:
    """It is made once, also when the first calls come at the same time, and its connections are used again."""
    api = rekognition(pool=4)
    api.connect()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(api), range(8)))
    assert len(answers) == len(aws.requests) == 8
    made = api._connection.client(api.origin)
    api.connect()
    assert api._connection.client(api.origin) is made


def test_a_call_records_what_it_used(aws: AwsStandIn) -> None:
    """Request id, attempts, time and what is billed; failures that were repeated show as attempts."""
    aws.misbehave("DetectModerationLabels", faults.Error("InternalServerError"), times=2)
    with records.recording() as record:
        response = ask(rekognition())
    (usage,) = record.usage
    assert (usage.provider, usage.operation) == ("rekognition", "DetectModerationLabels")
    assert usage.request_id == response["ResponseMetadata"]["RequestId"]
    assert usage.attempts == 3 == len(aws.requests)
    assert usage.duration.ToNanoseconds() > 0
    assert (usage.unit, usage.quantity) == ("rekognition.detect_moderation_labels.image", 1)


def test_no_more_attempts_than_the_setting_allows(aws: AwsStandIn) -> None:
    """Then it is our own error, and nothing is billed."""
    aws.misbehave("DetectModerationLabels", faults.HtmlError(503))
    with records.recording() as record, pytest.raises(errors.ProviderUnavailable):
        ask(rekognition(aws_max_attempts=2))
    assert len(aws.requests) == 2
    assert not record.usage


def test_what_cannot_get_better_is_not_repeated(aws: AwsStandIn) -> None:
    """A refusal stays one."""
    aws.misbehave("DetectModerationLabels", faults.Error("AccessDeniedException"))
    with pytest.raises(errors.ProviderRejected):
        ask(rekognition())
    assert len(aws.requests) == 1


def test_no_attempt_that_could_not_end_in_time(aws: AwsStandIn) -> None:
    """The error of the last attempt is told at once, in place of waiting for a repetition until time is over."""
    asked_to_wait = faults.Error("ThrottlingException", headers={"x-amz-retry-after": "4000"})
    aws.misbehave("DetectModerationLabels", asked_to_wait)
    started = time.monotonic()
    with deadline.bound(3), pytest.raises(errors.ProviderThrottled) as caught:
        ask(rekognition())
    assert time.monotonic() - started < 2
    assert len(aws.requests) == 1
    assert caught.value.retry_after == 4


def test_a_call_without_time_is_not_sent(aws: AwsStandIn) -> None:
    """A deadline that has passed, or is about to."""
    api = rekognition()
    for left in (-1.0, 0.01):
        with deadline.bound(left), pytest.raises(errors.DeadlineExceeded) as caught:
            ask(api)
        assert caught.value.metadata == {"stage": "image_moderation", "provider": "rekognition"}
    assert aws.requests == []


def test_silence_ends_with_the_deadline(aws: AwsStandIn) -> None:
    """The time to read is what is left, although the client was made with fifty seconds; a little before its end."""
    aws.misbehave("DetectModerationLabels", faults.Hang())
    with deadline.bound(0.6), pytest.raises(errors.DeadlineExceeded):
        ask(rekognition())
    assert len(aws.requests) == 1


def test_silence_without_a_deadline_ends_with_the_setting(aws: AwsStandIn) -> None:
    """And then it is the provider that does not answer."""
    aws.misbehave("DetectModerationLabels", faults.Hang())
    with pytest.raises(errors.ProviderUnavailable):
        ask(rekognition(aws_read_timeout_s=0.3, aws_max_attempts=1))


def test_connecting_ends_with_the_deadline(aws: AwsStandIn) -> None:
    """To an address that lets nobody in: its queue of connections is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):
                each = socket.socket()
                each.setblocking(False)
                each.connect_ex(full.getsockname())
                waiting.append(each)
            api = rekognition(aws_endpoint_url=f"http://127.0.0.1:{full.getsockname()[1]}")
            started = time.monotonic()
            with deadline.bound(0.8), pytest.raises((errors.DeadlineExceeded, errors.ProviderUnavailable)):
                ask(api)
            assert time.monotonic() - started < LONG_S / 2
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("operation", ["DetectModerationLabels", "InvokeModel"])
def test_an_answer_that_drips_ends_with_the_deadline(aws: AwsStandIn, operation: str) -> None:
    """A byte now and then is never a silence; the answer has to be whole in time all the same, streamed or not."""
    bedrock = Api.of(
        "bedrock-runtime", settings(), provider="bedrock", stage="generation", setting="aws_region", pool=1
    )
    core = {"modelId": "stability.stable-image-core-v1:1", "body": b'{"prompt": "a dog"}'}
    api, labels = (bedrock, None) if operation == "InvokeModel" else (rekognition(), ask)
    aws.misbehave(operation, faults.Drip(), times=1)
    started = time.monotonic()
    with deadline.bound(1.5), pytest.raises(errors.DeadlineExceeded):
        labels(api) if labels else api.call(operation, expect=("body",), **core)
    assert time.monotonic() - started < LONG_S / 4


def test_half_an_answer_is_asked_for_again(aws: AwsStandIn) -> None:
    """A connection that broke off is one of the things that may be better the next time."""
    aws.misbehave("DetectModerationLabels", faults.HalfBody(), times=1)
    assert "ModerationLabels" in ask(rekognition())
    assert len(aws.requests) == 2


@pytest.mark.parametrize("url", ["localhost:4566", "ftp://localhost", "http://", "https:///path", "http://a b"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    """With the setting named by whoever loads it."""
    with pytest.raises(ValueError, match="must be an address"):
        settings(aws_endpoint_url=url)


def test_what_boto3_cannot_read_of_its_own_is_a_setting_to_mend(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody has been asked yet, so it is no answer that makes no sense, and the service is not serving."""
    (tmp_path / "config").write_text("[default\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(errors.ProviderRejected) as caught:
        rekognition().connect()
    assert caught.value.metadata["setting"] in (CREDENTIALS, "AWS_ENDPOINT_URL")


def test_a_failure_to_connect_keeps_nothing_of_the_calls(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call gets an exception of its own: one for all would keep every caller's text for as long as it lasts."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    api, caught = rekognition(), []
    for _ in range(3):
        with pytest.raises(errors.ProviderRejected) as each:
            ask(api)
        caught.append(each.value)
    assert len({id(error) for error in caught}) == 3
    assert caught[1].metadata == caught[0].metadata


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Reset(), errors.ProviderUnavailable),
        (faults.HalfBody(), errors.ProviderUnavailable),
        (faults.Garbage(), errors.ModelResponseInvalid),
        (faults.WrongShape(), errors.ModelResponseInvalid),
        (faults.EmptyBody(), errors.ModelResponseInvalid),
        (faults.HtmlError(500), errors.ProviderUnavailable),
        (faults.Error("ThrottlingException"), errors.ProviderThrottled),
        (faults.Error("ProvisionedThroughputExceededException"), errors.ProviderThrottled),
        (faults.Error("UnrecognizedClientException"), errors.ProviderRejected),
        (faults.Error("ExpiredTokenException"), errors.ProviderRejected),
    ],
    ids=repr,
)
def test_every_fault_is_an_error_of_ours(aws: AwsStandIn, fault: Any, expected: type[errors.SafelightError]) -> None:
    """Whatever the provider does, callers get what the design's table says, and never half an answer."""
    aws.misbehave("DetectModerationLabels", fault)
    with pytest.raises(errors.SafelightError) as caught:
        ask(rekognition(aws_max_attempts=1))
    assert type(caught.value) is expected


def test_a_port_where_nobody_listens(aws: AwsStandIn) -> None:
    """Refused is unavailable."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(errors.ProviderUnavailable):
            ask(rekognition(aws_endpoint_url=url, aws_max_attempts=1))


def test_without_credentials_the_error_says_so(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, nothing is sent, and it is not looked for again at every call."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    api = rekognition()
    for _ in range(2):
        with pytest.raises(errors.ProviderRejected) as caught:
            ask(api)
        assert caught.value.metadata["setting"] == CREDENTIALS
    assert aws.requests == []


def test_without_a_region_the_error_names_the_variable(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's own variables count too, so both must be unset."""
    for name in ("SAFELIGHT_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.ProviderRejected) as caught:
        ask(rekognition())
    assert caught.value.metadata["setting"] == "AWS_REGION"


def test_nothing_sensitive_is_logged(aws: AwsStandIn, caplog: pytest.LogCaptureFixture, logged: list[Any]) -> None:
    """A failure's line has operation, code and request id; neither keys nor content nor the provider's words."""
    caplog.set_level("INFO")
    aws.misbehave("DetectModerationLabels", faults.Error("AccessDeniedException", message="about a naked dog"))
    with pytest.raises(errors.ProviderRejected):
        ask(rekognition())
    (line,) = logged
    assert (line["event"], line["cause"]) == ("provider.failed", "AccessDeniedException")
    assert line["provider_request_id"]
    told = repr(logged) + caplog.text
    for secret in (*(aws.environment()[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")), "naked"):
        assert secret not in told


def test_an_arn_has_to_be_of_the_service_and_region(aws: AwsStandIn) -> None:
    """A slip in a setting is found at the start, and named."""
    api = rekognition(aws_region=REGION)
    api.connect()
    good = f"arn:aws:comprehend:{REGION}:123456789012:document-classifier-endpoint/toxicity"
    require: Any = lambda value: checks.require_arn(  # noqa: E731
        api, value, service="comprehend", resource="document-classifier-endpoint/", setting="SAFELIGHT_X"
    )
    require(good)
    for wrong in (
        "toxicity",
        "",
        good.replace("comprehend", "sagemaker"),
        good.replace("-endpoint", ""),
        good.replace(REGION, "us-east-1"),
    ):
        with pytest.raises(errors.ProviderRejected) as caught:
            require(wrong)
        assert caught.value.metadata["setting"] == "SAFELIGHT_X"
        assert wrong not in caught.value.message or not wrong


class Scripted:
    """A provider whose check does what it is told, look by look."""

    name = "scripted"

    def __init__(self, *looks: Exception | None) -> None:
        self._looks = list(looks)

    def check(self) -> None:
        if (look := self._looks.pop(0)) is not None:
            raise look


async def reports_of(*looks: Exception | None) -> tuple[list[bool], list[Any]]:
    reports: list[bool] = []
    done = asyncio.Event()

    async def report(ready: bool) -> None:
        reports.append(ready)
        if len(reports) == len(looks):
            done.set()

    configure_logging("info", "json")
    with capture_logs() as lines:
        task = asyncio.create_task(checks.watch([Scripted(*looks)], 0.001, report))
        await done.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    configure_logging("error", "json")
    return reports, [(line["event"], line.get("setting")) for line in lines]


async def test_a_watch_reports_every_look_and_logs_changes_once() -> None:
    """Not serving with the setting's name, once for each new problem, and serving again when it is mended."""
    wrong = errors.ProviderRejected("no", metadata={"setting": "SAFELIGHT_X"})
    other = errors.ProviderRejected("other", metadata={"setting": "SAFELIGHT_Y"})
    reports, lines = await reports_of(wrong, wrong, other, None, None, wrong)
    assert reports == [False, False, False, True, True, False]
    assert lines == [
        ("provider.not_usable", "SAFELIGHT_X"),
        ("provider.not_usable", "SAFELIGHT_Y"),
        ("provider.usable", None),
        ("provider.not_usable", "SAFELIGHT_X"),
    ]


async def test_what_cannot_be_looked_at_stays_as_it_was() -> None:
    """A control plane that is down, or a fault of ours, says nothing about the provider: calls will."""
    down, fault = errors.ProviderUnavailable("down"), RuntimeError("ours")
    wrong = errors.ProviderRejected("no", metadata={"setting": "SAFELIGHT_X"})
    reports, _ = await reports_of(down, fault, wrong, down, None)
    assert reports == [True, True, False, False, True]


async def test_credentials_that_aws_refused_stay_refused_until_it_answers() -> None:
    """A look that gets no answer says nothing about these."""
    refused = errors.ProviderRejected("no", metadata={"setting": CREDENTIALS, "code": "ExpiredTokenException"})
    reports, _ = await reports_of(refused, errors.ProviderUnavailable("down"), None)
    assert reports == [False, False, True]


async def test_a_look_has_a_deadline_of_its_own() -> None:
    """A provider that does not answer keeps no service from starting or stopping."""
    lefts: list[float | None] = []

    class Asks:
        name = "asks"

        def check(self) -> None:
            lefts.append(deadline.remaining())

    done = asyncio.Event()

    async def report(ready: bool) -> None:
        done.set()

    task = asyncio.create_task(checks.watch([Asks()], 60, report))
    await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert lefts[0] is not None
    assert 0 < lefts[0] <= checks.LONGEST_LOOK_S


async def test_mended_credentials_count_also_where_nothing_else_can_be_looked_at() -> None:
    """A look that gets as far as the network has found credentials."""
    missing = errors.ProviderRejected("none", metadata={"setting": CREDENTIALS})
    reports, _ = await reports_of(missing, errors.ProviderUnavailable("down"), missing, None)
    assert reports == [False, True, False, True]


def test_shared_credentials_of_a_file_are_found_by_boto3s_own_chain(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing of ours stands between boto3 and where it looks."""
    environment = aws.environment()
    file = tmp_path / "credentials"
    file.write_text(
        f"[own]\naws_access_key_id = {environment['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {environment['AWS_SECRET_ACCESS_KEY']}\n"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "own")
    assert "ModerationLabels" in ask(rekognition())


def test_credentials_that_change_in_their_file_are_taken_up(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Those of a session are written anew before they expire, by others; boto3 itself would never look again."""
    environment, file = aws.environment(), tmp_path / "credentials"
    secret = environment["AWS_SECRET_ACCESS_KEY"]

    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    write("EXPIRED")
    api = rekognition()
    api.connect()
    with pytest.raises(errors.ProviderRejected):
        ask(api)
    write(environment["AWS_ACCESS_KEY_ID"])
    api.connect()
    assert "ModerationLabels" in ask(api)
    made = api._connection.client(api.origin)
    api.connect()
    assert api._connection.client(api.origin) is made


@contextmanager
def credentials_of_a_container(aws: AwsStandIn) -> Iterator[tuple[str, list[str]]]:
    """Where a container's role is told, as on ECS and EKS, and who asked for it."""
    asked: list[str] = []
    environment = aws.environment()
    told = {
        "AccessKeyId": environment["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": environment["AWS_SECRET_ACCESS_KEY"],
        "Expiration": (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(told | {"Token": None}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/role", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_role_is_asked_for_once_and_not_at_every_look(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore fetches its credentials again before they expire; more would be calls to AWS for nothing."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with credentials_of_a_container(aws) as (url, asked):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        api = rekognition()
        for _ in range(3):
            api.connect()
        assert "ModerationLabels" in ask(api)
    assert asked == ["/role"]


@pytest.mark.parametrize(
    "labels",
    [None, "none", [None], [{"Name": 3, "Confidence": 50.0}], [{"Name": "Violence", "Confidence": "very"}]],
    ids=repr,
)
def test_members_of_another_type_make_no_sense(aws: AwsStandIn, labels: Any) -> None:
    """botocore passes on whatever stands in a member; here that ends as an answer that makes no sense."""
    aws.misbehave("DetectModerationLabels", faults.Garbage(json.dumps({"ModerationLabels": labels}).encode()))
    with pytest.raises(errors.ModelResponseInvalid):
        ask(rekognition())
