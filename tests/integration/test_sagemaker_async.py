"""Long generations: an asynchronous SageMaker endpoint, asked and answered through S3 (moto's, as a server)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import structlog

from safelight.generator.v1 import generator_pb2 as pb
from services.common.executor import BoundedExecutor
from services.common.telemetry import configure_logging
from services.generator.backends.sagemaker_async import SageMakerAsyncBackend
from services.generator.dialects import stable_diffusion_2
from services.generator.settings import Settings
from tests.support.aws import AwsStandIn, Gate, Refused, Reply, StableDiffusion2, faults, moto_server
from tests.support.generation import Call, Ended, Generator, generator

ASYNC = {
    "backend": "sagemaker_async",
    "sagemaker_endpoint": "slow",
    "sagemaker_instance_type": "ml.g5.xlarge",
    "sagemaker_async_bucket": "generations",
    "sagemaker_async_prefix": "ours/",
    "sagemaker_async_poll_s": 0.02,
}
MARK = "zebrafish-in-a-prompt"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """An S3 for all tests of this file, each with a bucket emptied before."""
    with moto_server() as url:
        yield url


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> Iterator[AwsStandIn]:
    """The stand-in with an asynchronous endpoint "slow" and a bucket "generations", empty before and after."""
    with AwsStandIn(s3_url=s3_url) as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        stand_in.bucket("generations")
        stand_in.bucket("elsewhere")
        endpoint(stand_in)
        yield stand_in
        for each in stand_in.sagemaker.endpoints.values():
            if each.hold:
                each.hold.open()
        stand_in.sagemaker.wait_for_inferences()
        empty(stand_in)
        assert stand_in.invalid_requests == []


def endpoint(aws: AwsStandIn, container: Any = None, **settings: Any) -> None:
    places = {"output": "s3://generations/out", "failures": "s3://generations/failed"}
    aws.endpoint("slow", container or StableDiffusion2(), **{**places, **settings})


def keys(aws: AwsStandIn) -> list[str]:
    """Everything in the bucket."""
    return [entry["Key"] for entry in aws.s3().list_objects_v2(Bucket="generations").get("Contents", [])]


def empty(aws: AwsStandIn) -> None:
    """Deletes everything in the bucket."""
    for key in keys(aws):
        aws.s3().delete_object(Bucket="generations", Key=key)


Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """Gives the log lines so far, of every level."""
    before, parts = structlog.get_config(), []

    def lines() -> list[dict[str, Any]]:
        parts.append(capsys.readouterr().err)
        return [json.loads(line) for line in "".join(parts).splitlines() if line.startswith("{")]

    configure_logging("debug", "json")
    yield lines
    structlog.configure(**before)


async def found_out(logged: Logged) -> None:
    """Returns once the log says that the provider cannot be called."""
    async with asyncio.timeout(30):
        while not any(line["event"] == "provider.not_usable" for line in logged()):  # noqa: ASYNC110 # no event
            await asyncio.sleep(0.01)


def ticking(settings: Settings, executor: BoundedExecutor) -> SageMakerAsyncBackend:
    return SageMakerAsyncBackend(settings, executor, stable_diffusion_2, progress_s=0.01)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Generator]:
    """The service; what it has to clean up is cleaned up when this ends."""
    async with generator(made_by=ticking, **{**ASYNC, **settings}) as made:
        yield made


async def test_images_come_through_s3_and_nothing_is_left_there(aws: AwsStandIn) -> None:
    """Two images: two requests of their own seeds, two answers, an empty bucket."""
    async with running() as made:
        call = await made.call(count=2, seed=2**32 - 1)
    assert call.kinds == ["started", "notice", "image", "image", "completed"]
    assert [(image.image_index, image.seed, image.width) for image in call.images] == [(0, 2**32 - 1, 64), (1, 0, 64)]
    assert call.responses[0].started.backend == "sagemaker_async"
    assert keys(aws) == []
    assert len(aws.requests_of("DeleteObject")) == 2 * 3


async def test_a_request_says_where_it_lies_and_how_long_it_may_take(aws: AwsStandIn) -> None:
    """Random keys under the prefix; the times are those of the caller's deadline, within what the API takes."""
    async with running() as made:
        await made.call(timeout=100)
        await made.call(timeout=None)
    first, second = (request.params for request in aws.requests_of("InvokeEndpointAsync"))
    assert first["InputLocation"] == f"s3://generations/ours/input/{first['InferenceId']}.json"
    assert (first["ContentType"], first["Accept"]) == ("application/json", "application/json;jpeg")
    assert 90 <= first["InvocationTimeoutSeconds"] <= first["RequestTTLSeconds"] <= 100
    assert (second["InvocationTimeoutSeconds"], second["RequestTTLSeconds"]) == (900, 900)
    assert first["InferenceId"] != second["InferenceId"]


async def test_a_short_deadline_is_within_what_the_api_takes(aws: AwsStandIn) -> None:
    """A request may not expire in the queue before a minute is over, whatever the caller wants."""
    async with running() as made:
        await made.call(timeout=10)
    (request,) = aws.requests_of("InvokeEndpointAsync")
    assert request.params["RequestTTLSeconds"] == 60
    assert request.params["InvocationTimeoutSeconds"] <= 10


async def held(made: Generator, gate: Gate, **fields: Any) -> Any:
    """A call whose first inference waits at the gate; it has told of progress since."""
    call = made.begin(**fields)
    await asyncio.to_thread(gate.wait_until_reached)
    while not (await call.read()).HasField("progress"):
        pass
    return call


async def rest(call: Any) -> Call:
    made = Call()
    while (response := await call.read()) is not grpc.aio.EOF:
        made.responses.append(response)
    return made


async def test_usage_is_summed_up_and_progress_told_meanwhile(aws: AwsStandIn) -> None:
    """However often S3 is looked at it is one entry; the seconds are those from the invocation to its answer."""
    gate = Gate()
    endpoint(aws, hold=gate)
    async with running() as made:
        call = await held(made, gate)
        looks = len(aws.requests_of("GetObject"))
        while len(aws.requests_of("GetObject")) < looks + 4:
            progress = await call.read()
            assert progress.progress.elapsed.ToNanoseconds() > 0
        gate.open()
        told = await rest(call)
    usage = {each.operation: each for each in told.completed.usage}
    assert list(usage) == ["PutObject", "InvokeEndpointAsync", "GetObject"]
    assert (usage["PutObject"].unit, usage["PutObject"].quantity) == ("s3.put", 1)
    assert (usage["GetObject"].unit, usage["GetObject"].quantity) == ("s3.get", len(aws.requests_of("GetObject")))
    invoked = usage["InvokeEndpointAsync"]
    assert invoked.unit == "sagemaker.ml.g5.xlarge.second"
    assert invoked.quantity == pytest.approx(invoked.duration.ToNanoseconds() / 1e9)
    assert invoked.quantity > 0.04


async def test_no_thread_is_held_while_an_answer_is_waited_for(aws: AwsStandIn) -> None:
    """One worker and three generations that all hang: each begins, and each goes on once it may."""
    gate = Gate()
    endpoint(aws, hold=gate)
    async with running(workers=1, queue=2) as made:
        calls = [asyncio.create_task(made.call()) for _ in range(3)]
        async with asyncio.timeout(30):
            while len(aws.requests_of("InvokeEndpointAsync")) < 3:  # noqa: ASYNC110 # there is no event for it
                await asyncio.sleep(0.01)
        gate.open()
        ended = await asyncio.gather(*calls)
    assert [call.completed.image_count for call in ended] == [1, 1, 1]
    assert keys(aws) == []


async def test_a_look_without_leave_to_list_the_bucket_is_not_yet(aws: AwsStandIn) -> None:
    """S3 then answers 403 for what is not there. Three of those, and the image is taken all the same."""
    aws.misbehave("GetObject", faults.Error("AccessDenied", status=403), times=3)
    async with running() as made:
        call = await made.call()
    assert call.completed.image_count == 1
    assert call.usage[-1][0] == "GetObject"


async def test_a_cancelled_call_stops_looking_and_cleans_up(aws: AwsStandIn) -> None:
    """Its request is deleted at once; an answer that comes afterwards is the bucket's lifecycle rule's to delete."""
    gate = Gate()
    endpoint(aws, hold=gate)
    async with running() as made:
        call = await held(made, gate, count=3)
        call.cancel()
        async with asyncio.timeout(30):
            while made.executor.held or keys(aws):  # noqa: ASYNC110 # there is no event for it
                await asyncio.sleep(0.01)
        looks = len(aws.requests_of("GetObject"))
    assert len(aws.requests_of("InvokeEndpointAsync")) == 1
    assert len(aws.requests_of("DeleteObject")) == 3
    assert len(aws.requests_of("GetObject")) == looks
    gate.open()
    aws.sagemaker.wait_for_inferences()
    # The input was gone before it was read; what is left is the report of that.
    assert [key.split("/")[0] for key in keys(aws)] == ["failed"]


async def test_a_call_given_up_while_its_request_waits_for_a_worker_asks_for_nothing(aws: AwsStandIn) -> None:
    """Nobody would want its answer, and nobody would delete it."""
    gate = Gate()
    aws.misbehave("PutObject", faults.Slow(gate), times=1)
    async with running(workers=1) as made:
        first = made.begin()
        await asyncio.to_thread(gate.wait_until_reached)
        second = made.begin()
        assert (await second.read()).HasField("started")
        second.cancel()
        async with asyncio.timeout(30):
            while made.executor.held > 2:  # noqa: ASYNC110 # there is no event for it
                await asyncio.sleep(0.01)
        gate.open()
        told = await rest(first)
        async with asyncio.timeout(30):
            while made.executor.held:  # noqa: ASYNC110 # there is no event for it
                await asyncio.sleep(0.01)
    assert told.completed.image_count == 1
    assert len(aws.requests_of("InvokeEndpointAsync")) == 1
    assert keys(aws) == []


def failed(code: str, reason: str, setting: str = "", *, retry: bool = False) -> Ended:
    return Ended(code, reason, setting, retry)


DOWN = failed("UNAVAILABLE", "PROVIDER_UNAVAILABLE", retry=True)


async def test_the_deadline_ends_the_wait_with_our_own_status(aws: AwsStandIn) -> None:
    """In time, and cleaned up."""
    gate = Gate()
    endpoint(aws, hold=gate)
    async with running() as made:
        call = await made.call(timeout=1.5)
    assert call.ended == failed("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert keys(aws) == []


async def test_without_a_deadline_the_operators_limit_ends_the_wait(aws: AwsStandIn, logged: Logged) -> None:
    """Told as a provider that is down; that S3 let us see nothing is in the log."""
    gate = Gate()
    endpoint(aws, hold=gate)
    aws.misbehave("GetObject", faults.Error("AccessDenied", status=403))
    async with running(sagemaker_async_timeout_s=1) as made:
        call = await made.call(timeout=None)
    assert call.ended == DOWN
    assert [line["event"] for line in logged() if line["event"].startswith("s3.")] == ["s3.answers_not_seen"]


class Failing:
    """A container that always fails."""

    def __init__(self, message: str, status: int = 500) -> None:
        self.refused = Refused(message, status=status)

    def invoke(self, body: bytes, content_type: str, accept: str) -> Reply:
        """See Container.invoke."""
        raise self.refused


@pytest.mark.parametrize(
    ("message", "ended"),
    [
        ("CUDA out of memory", DOWN),
        (
            f'Received client error (400) from primary with message "{MARK}"',
            failed("FAILED_PRECONDITION", "PROVIDER_REJECTED", "SAFELIGHT_GENERATOR_SAGEMAKER_DIALECT"),
        ),
        ("Received server error (500) from primary", DOWN),
    ],
)
async def test_a_failure_is_read_where_it_lies_and_cleaned_up(
    aws: AwsStandIn, logged: Logged, message: str, ended: Ended
) -> None:
    """Nothing of what the container says is told or logged: it may quote a prompt."""
    endpoint(aws, Failing(message))
    async with running() as made:
        call = await made.call(prompt=MARK)
    assert call.ended == ended
    assert keys(aws) == []
    assert MARK not in json.dumps(logged()) + str(call.status)


BUCKET = failed("FAILED_PRECONDITION", "PROVIDER_REJECTED", "SAFELIGHT_GENERATOR_SAGEMAKER_ASYNC_BUCKET")
ENDPOINT = failed("FAILED_PRECONDITION", "PROVIDER_REJECTED", "SAFELIGHT_GENERATOR_SAGEMAKER_ENDPOINT")
CREDENTIALS = failed("FAILED_PRECONDITION", "PROVIDER_REJECTED", "AWS credentials")
THROTTLED = failed("RESOURCE_EXHAUSTED", "PROVIDER_THROTTLED", retry=True)
NONSENSE = failed("INTERNAL", "MODEL_RESPONSE_INVALID")


def answers_at(place: str) -> faults.Answers:
    return faults.Answers({"InferenceId": "x", "OutputLocation": place})


BROKEN: list[tuple[str, faults.Fault, Ended]] = [
    ("PutObject", faults.Error("SlowDown"), THROTTLED),
    ("PutObject", faults.Error("NoSuchBucket"), BUCKET),
    ("PutObject", faults.Error("AccessDenied", status=403), CREDENTIALS),
    ("PutObject", faults.Error("InternalError"), DOWN),
    ("PutObject", faults.Reset(), DOWN),
    ("InvokeEndpointAsync", faults.Error("InternalFailure"), DOWN),
    ("InvokeEndpointAsync", faults.Error("ServiceUnavailable"), DOWN),
    ("InvokeEndpointAsync", faults.Error("ValidationError"), ENDPOINT),
    ("InvokeEndpointAsync", faults.Error("ThrottlingException"), THROTTLED),
    ("InvokeEndpointAsync", faults.Error("ExpiredTokenException"), CREDENTIALS),
    ("InvokeEndpointAsync", faults.HtmlError(503), DOWN),
    ("InvokeEndpointAsync", faults.WrongShape(), NONSENSE),
    ("InvokeEndpointAsync", faults.Reset(), DOWN),
    ("InvokeEndpointAsync", answers_at("s3://elsewhere/out/x.out"), BUCKET),
    ("InvokeEndpointAsync", answers_at("file:///etc/passwd"), NONSENSE),
    ("GetObject", faults.Error("InternalError"), DOWN),
    ("GetObject", faults.Error("ExpiredToken"), CREDENTIALS),
    ("GetObject", faults.Garbage(), NONSENSE),
    ("GetObject", faults.Reset(), DOWN),
]


async def test_a_fault_on_any_step_has_its_status_and_leaves_nothing(aws: AwsStandIn) -> None:
    """Upload, invocation and looks fail each in their own way; a place outside our bucket is not looked at."""
    ends: list[Ended | None] = []
    async with running() as made:
        for operation, fault, _ in BROKEN:
            endpoint(aws, hold=(gate := Gate()))
            aws.misbehave(operation, fault)
            ends.append((await made.call()).ended)
            async with asyncio.timeout(30):
                while keys(aws):  # noqa: ASYNC110 # there is no event for it
                    await asyncio.sleep(0.01)
            aws.behave()
            # An inference that had begun finds its request gone, and says so in the bucket.
            gate.open()
            aws.sagemaker.wait_for_inferences()
            empty(aws)
        endpoint(aws)
        assert (await made.call()).completed.image_count == 1
    assert ends == [ended for _, _, ended in BROKEN]
    assert not [request for request in aws.requests_of("GetObject") if request.params.get("Bucket") == "elsewhere"]


async def test_what_cannot_be_deleted_is_logged_and_the_image_delivered(aws: AwsStandIn, logged: Logged) -> None:
    """Cleaning up is not the caller's trouble."""
    aws.misbehave("DeleteObject", faults.Error("AccessDenied", status=403))
    async with running() as made:
        call = await made.call()
    assert call.completed.image_count == 1
    assert [line["objects"] for line in logged() if line["event"] == "s3.not_cleaned_up"] == [3]


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        (lambda aws: aws.endpoint("slow", StableDiffusion2()), "SAFELIGHT_GENERATOR_BACKEND"),
        (
            lambda aws: endpoint(aws, output="s3://elsewhere/out"),
            "SAFELIGHT_GENERATOR_SAGEMAKER_ASYNC_BUCKET",
        ),
        (
            lambda aws: aws.misbehave("HeadBucket", faults.Error("NoSuchBucket", status=404)),
            "SAFELIGHT_GENERATOR_SAGEMAKER_ASYNC_BUCKET",
        ),
        (lambda aws: aws.sagemaker.endpoints.clear(), "SAFELIGHT_GENERATOR_SAGEMAKER_ENDPOINT"),
    ],
    ids=["real-time", "other bucket", "no bucket", "no endpoint"],
)
async def test_what_does_not_fit_together_is_named_before_anything_is_asked(
    aws: AwsStandIn, logged: Logged, change: Callable[[AwsStandIn], Any], setting: str
) -> None:
    """A real-time endpoint, one that writes elsewhere, a bucket that is none: not serving, and the log says why."""
    change(aws)
    async with generator(**ASYNC, wait_ready=False) as made:
        await found_out(logged)
        await made.until(serving=False)
    assert [line["setting"] for line in logged() if line["event"] == "provider.not_usable"] == [setting]


async def test_a_bucket_that_may_not_be_listed_is_good_enough(aws: AwsStandIn) -> None:
    """s3:ListBucket is not needed."""
    aws.misbehave("HeadBucket", faults.Error("AccessDenied", status=403))
    async with generator(**ASYNC) as made:
        assert (await made.call()).completed.image_count == 1


async def test_a_refusal_comes_through_s3_as_well(aws: AwsStandIn) -> None:
    """A black image is one, wherever it was made."""
    endpoint(aws, StableDiffusion2(black=lambda prompt: True))
    async with running() as made:
        call = await made.call()
    assert [refusal.subject for refusal in call.refusals] == [pb.REFUSAL_SUBJECT_IMAGE]
    assert call.refusals[0].findings[0].detector == "sagemaker_async"
