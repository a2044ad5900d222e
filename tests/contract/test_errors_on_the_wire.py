"""Every row of the design's error table that can arise, over real sockets: code, reason, details, and privacy."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2

from safelight.common.v1 import error_reason_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.image_moderation.v1 import image_moderation_pb2, image_moderation_pb2_grpc
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common import errors
from services.common.executor import BoundedExecutor
from services.common.telemetry import configure_logging
from services.gateway.policy import load_policies
from tests.support.services import ScriptedGenerator, ScriptedImages, ScriptedText, hang, suite
from tests.support.streams import Told, collect, detail, status_of

MARK = "zebrafish-in-a-prompt"


Logged = Callable[[], str]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Logged]:
    """Gives what all services have written to stderr so far, every level of it."""
    before, parts = structlog.get_config(), []

    def text() -> str:
        parts.append(capsys.readouterr().err)
        return "".join(parts)

    configure_logging("debug", "json")
    yield text
    structlog.configure(**before)


def raises(error: Exception) -> Any:
    async def before(context: Any) -> None:
        raise error

    return before


def check(
    told: Told,
    code: grpc.StatusCode,
    reason: str,
    metadata: dict[str, str],
    *,
    retry: bool = False,
    wrong: list[str] | None = None,
) -> None:
    """The error has this code, reason and metadata, and just the details that belong to them."""
    assert told.error is not None
    assert told.error.code() is code
    assert told.info.domain == "safelight"
    assert told.info.reason == reason
    assert dict(told.info.metadata) == metadata | ({"fields": ",".join(wrong)} if wrong else {})
    status = status_of(told.error)
    bad, again = detail(status, error_details_pb2.BadRequest), detail(status, error_details_pb2.RetryInfo)
    assert (again is not None) == retry
    assert again is None or again.retry_delay.ToMilliseconds() > 0
    assert ([v.field for v in bad.field_violations] if bad else None) == wrong
    assert len(status.details) == 1 + (bad is not None) + (again is not None)
    assert any(key == "x-request-id" for key, _ in told.error.trailing_metadata() or ())


INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
UNAVAILABLE, INTERNAL = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL
PRECONDITION, DEADLINE = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.DEADLINE_EXCEEDED


async def test_fields_out_of_range_are_all_named_at_once():
    """Each with its limit and the size of what came, and none with its value."""
    async with suite() as running:
        told = await collect(
            running.stub,
            prompt=f"{MARK} " * 2000,
            negative_prompt="x" * 10_001,
            width=65,
            height=4096,
            steps=151,
            guidance_scale=float("nan"),
            count=9,
            output_format=99,
        )
    fields = ["prompt", "negative_prompt", "width", "height", "steps", "guidance_scale", "count", "output_format"]
    check(told, INVALID, "FIELD_INVALID", {}, wrong=fields)
    assert told.error is not None
    assert MARK not in str(told.error)
    assert "must have at most 10,000 characters; has 44,000" in (told.error.details() or "")
    assert not told.events


@pytest.mark.parametrize("prompt", ["", " \t\n", "\u3000"])
async def test_a_prompt_must_say_something(prompt: str):
    async with suite() as running:
        told = await collect(running.stub, prompt=prompt)
    check(told, INVALID, "FIELD_INVALID", {}, wrong=["prompt"])


@pytest.mark.parametrize(
    "edges",
    [
        {"width": 64, "height": 2048, "steps": 1, "guidance_scale": 0.0, "seed": 0, "count": 8, "output_format": 3},
        {"width": 2048, "height": 64, "steps": 150, "guidance_scale": 30.0, "seed": 2**32 - 1, "count": 1},
        {"prompt": "x" * 10_000, "negative_prompt": "y" * 10_000},
        {"prompt": "\U0001f600" * 10_000},
        {"prompt": "\x00"},
    ],
    ids=["least and most", "most and least", "longest", "longest in bytes", "a control character"],
)
async def test_the_ends_of_the_ranges_are_in_them(edges: dict[str, Any]):
    async with suite() as running:
        told = await collect(running.stub, **{"prompt": "a dog", **edges})
    assert told.completed.outcome == pb.OUTCOME_DELIVERED


async def test_an_unknown_policy_names_those_that_exist():
    async with suite() as running:
        told = await collect(running.stub, prompt="a dog", policy="lax")
    check(told, INVALID, "POLICY_UNKNOWN", {}, wrong=["policy"])
    assert told.error is not None
    assert "report, standard, strict" in (told.error.details() or "")


async def test_a_prompt_that_text_moderation_does_not_take_is_the_callers_to_mend():
    """The field is named as the gateway's caller knows it, and no policy goes on without the verdict."""
    violation = errors.FieldViolation("text", "must have at most 10 characters; has 11")
    text = ScriptedText(before=raises(errors.InvalidArgument([violation])))
    async with suite(text=text) as running:
        for policy in load_policies():
            told = await collect(running.stub, prompt="a dog", policy=policy)
            check(told, INVALID, "FIELD_INVALID", {}, wrong=["prompt"])


async def test_an_unreadable_image_of_the_generators_is_the_generators_fault():
    """The caller sent no image: it is no INVALID_ARGUMENT of theirs."""
    unreadable = errors.ImageUnreadable([errors.FieldViolation("image", "is no image")])
    async with suite(images=ScriptedImages(before=raises(unreadable))) as running:
        told = await collect(running.stub, prompt="a dog")
    check(told, INTERNAL, "MODEL_RESPONSE_INVALID", {"stage": "generation"})


async def test_an_unreadable_image_of_a_callers_names_the_field():
    unreadable = errors.ImageUnreadable([errors.FieldViolation("image", "is no image")])
    async with suite(images=ScriptedImages(before=raises(unreadable))) as running:
        stub = image_moderation_pb2_grpc.ImageModerationServiceStub(running.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ModerateImage(image_moderation_pb2.ModerateImageRequest(image=b"x"))
    check(Told(error=caught.value), INVALID, "IMAGE_UNREADABLE", {"stage": "image_moderation"}, wrong=["image"])


UPSTREAM_ERRORS = [
    (errors.Overloaded("full"), EXHAUSTED, "OVERLOADED", True),
    (errors.QuotaExceeded("over"), EXHAUSTED, "QUOTA_EXCEEDED", True),
    (errors.ProviderThrottled("slow", metadata={"provider": "p"}), EXHAUSTED, "PROVIDER_THROTTLED", True),
    (errors.ProviderUnavailable("down", metadata={"provider": "p"}), UNAVAILABLE, "PROVIDER_UNAVAILABLE", True),
    (errors.NotReady("loading", metadata={"service": "s"}), UNAVAILABLE, "NOT_READY", True),
    (errors.ProviderRejected("no", metadata={"setting": "S"}), PRECONDITION, "PROVIDER_REJECTED", False),
    (errors.ModelResponseInvalid("huh"), INTERNAL, "MODEL_RESPONSE_INVALID", False),
]


async def test_a_service_that_runs_out_of_time_is_unavailable_to_a_caller_that_has_some():
    """Its deadline was the gateway's limit for the stage; DEADLINE_EXCEEDED would speak of the caller's."""
    async with suite(text=ScriptedText(before=raises(errors.DeadlineExceeded("late")))) as running:
        told = await collect(running.stub, prompt="a")
    check(told, UNAVAILABLE, "UPSTREAM_UNAVAILABLE", {"stage": "text_moderation"}, retry=True)


@pytest.mark.parametrize(("error", "code", "reason", "retry"), UPSTREAM_ERRORS, ids=lambda value: type(value).__name__)
async def test_what_a_service_says_of_itself_reaches_the_caller_with_the_stage(
    error: errors.SafelightError, code: grpc.StatusCode, reason: str, retry: bool
):
    async with suite() as running:
        running.text.before = raises(error)
        check(
            await collect(running.stub, prompt="a"),
            code,
            reason,
            {"stage": "text_moderation", **error.metadata},
            retry=retry,
        )
        running.text.before = None
        running.images.before = raises(error)
        check(
            await collect(running.stub, prompt="a"),
            code,
            reason,
            {"stage": "image_moderation", **error.metadata},
            retry=retry,
        )
        running.generator.before_image = raises(error)
        check(
            await collect(running.stub, prompt="a"),
            code,
            reason,
            {"stage": "generation", **error.metadata},
            retry=retry,
        )


async def test_a_full_executor_is_overloaded():
    """More jobs than workers and queue hold: RESOURCE_EXHAUSTED with RetryInfo, from where it arose."""
    executor = BoundedExecutor("image_moderation", workers=1, queue=0)
    gate = threading.Event()

    async def before(context: Any) -> None:
        await executor.run(int)

    async with suite(images=ScriptedImages(before=before)) as running:
        held = asyncio.create_task(executor.run(gate.wait))
        await asyncio.sleep(0)
        told = await collect(running.stub, prompt="a dog")
        gate.set()
        await held
    executor.close()
    check(told, EXHAUSTED, "OVERLOADED", {"stage": "image_moderation", "limit": "1"}, retry=True)


async def test_an_unexpected_exception_sends_an_id_that_is_in_the_log(logged: Logged):
    """Its text is neither sent nor logged, for it may quote a prompt."""
    async with suite() as running:
        stub = text_moderation_pb2_grpc.TextModerationServiceStub(running.channel)
        running.text.before = raises(RuntimeError(f"cannot stand {MARK}"))
        told = await collect(running.stub, prompt=MARK)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ModerateText(text_moderation_pb2.ModerateTextRequest(text=MARK))
    error_id = told.info.metadata["error_id"]
    check(told, INTERNAL, "UNEXPECTED", {"stage": "text_moderation", "error_id": error_id})
    lines = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
    (entry,) = [line for line in lines if line["event"] == "rpc.unexpected" and line["error_id"] == error_id]
    assert entry["kind"] == "RuntimeError"
    assert any("test_errors_on_the_wire.py" in where for where in entry["at"])
    for error in (told.error, caught.value):
        assert MARK not in str(error)
        assert MARK not in str(error.trailing_metadata() if error else "")
    assert MARK not in logged()


async def test_an_unexpected_exception_in_the_gateway_itself(logged: Logged):
    """UNEXPECTED with an id; nothing of the cause."""

    class Broken(dict[str, Any]):
        def get(self, *args: Any) -> Any:
            raise KeyError(MARK)

    async with suite(policies=Broken(load_policies())) as running:
        told = await collect(running.stub, prompt=MARK)
    error_id = told.info.metadata["error_id"]
    check(told, INTERNAL, "UNEXPECTED", {"error_id": error_id})
    assert error_id in (told.error.details() or "") if told.error else False
    assert error_id in logged()
    assert MARK not in logged()
    assert MARK not in str(told.error)


async def test_prompts_are_in_no_log_line(logged: Logged):
    """Neither prompt nor negative prompt, at any level, whether a request succeeds, is refused or fails in any way."""
    wrong = errors.InvalidArgument([errors.FieldViolation("text", "x")])
    failures = [None, RuntimeError(MARK), errors.ProviderUnavailable("down"), wrong]
    async with suite(text_moderation_timeout_s=0.3) as running:
        for failure in failures:
            for policy in ("standard", "report", "lax"):
                for where in (running.text, running.images):
                    where.before = raises(failure) if failure else None
                    for prompt in (f"a {MARK}", f"forbidden {MARK}", MARK * 1000):
                        await collect(running.stub, prompt=prompt, negative_prompt=f"no {MARK}", policy=policy)
                    where.before = None
        running.generator.before_image = raises(RuntimeError(MARK))
        await collect(running.stub, prompt=MARK)
        running.text.before = hang
        await collect(running.stub, prompt=MARK)
        stub = text_moderation_pb2_grpc.TextModerationServiceStub(running.channel)
        running.text.before = None
        await stub.ModerateText(text_moderation_pb2.ModerateTextRequest(text=MARK))
    assert logged().count("rpc.finished") > 100
    assert MARK not in logged()


async def test_prompts_are_logged_where_an_operator_says_so(logged: Logged):
    """The opt-in works, and by nothing else."""
    async with suite(log_prompts=True) as running:
        await collect(running.stub, prompt=MARK)
    assert [json.loads(line)["event"] for line in logged().splitlines() if MARK in line] == ["gateway.prompt"]


async def test_one_request_has_the_same_ids_in_every_services_log(logged: Logged):
    """The caller's request id and trace are on the lines of all four services."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with suite() as running:
        metadata = (("x-request-id", "my-id"), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01"))
        await collect(running.stub, prompt="a dog", metadata=metadata)
    finished = [json.loads(line) for line in logged().splitlines() if "rpc.finished" in line]
    assert {line["service"] for line in finished} == {"gateway", "text_moderation", "generator", "image_moderation"}
    assert {(line["request_id"], line["trace_id"]) for line in finished} == {("my-id", trace)}


@pytest.mark.parametrize("answer", ["empty", "skipped"])
async def test_a_moderation_passed_on_is_no_clean_bill_unless_a_detector_ran(answer: str):
    """Fail closed, also for those who moderate through the gateway's address."""

    def strip(response: image_moderation_pb2.ModerateImageResponse) -> None:
        response.Clear() if answer == "empty" else response.detector_runs[0].Clear()

    async with suite(images=ScriptedImages(alter=strip)) as running:
        stub = image_moderation_pb2_grpc.ImageModerationServiceStub(running.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ModerateImage(image_moderation_pb2.ModerateImageRequest(image=b"x"))
    check(Told(error=caught.value), INTERNAL, "MODEL_RESPONSE_INVALID", {"stage": "image_moderation"})


async def test_the_callers_deadline_on_a_moderation_passed_on_names_the_stage():
    async with suite(text=ScriptedText(before=hang), deadline_reserve_s=1) as running:
        stub = text_moderation_pb2_grpc.TextModerationServiceStub(running.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ModerateText(text_moderation_pb2.ModerateTextRequest(text="a dog"), timeout=4)
    check(Told(error=caught.value), DEADLINE, "DEADLINE_EXCEEDED", {"stage": "text_moderation"})


async def test_the_reasons_that_cannot_arise_yet_are_those_of_callers_identities():
    """This file has met every other reason; credentials, quotas and allowed policies come with identities."""
    met = {reason for _, _, reason, _ in UPSTREAM_ERRORS} | {
        "FIELD_INVALID", "POLICY_UNKNOWN", "IMAGE_UNREADABLE", "UNEXPECTED", "UPSTREAM_UNAVAILABLE",
        "DEADLINE_EXCEEDED",
    }  # fmt: skip
    every = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118
    assert every - met == {"UNSPECIFIED", "CREDENTIALS_INVALID", "POLICY_NOT_ALLOWED"}


async def test_a_service_that_is_down_is_named():
    async with suite(generator=ScriptedGenerator()) as running:
        await running.upstreams[1].server.stop(0)
        told = await collect(running.stub, prompt="a dog")
    check(told, UNAVAILABLE, "UPSTREAM_UNAVAILABLE", {"stage": "generation"}, retry=True)


async def test_bytes_that_are_no_message_are_a_bad_request() -> None:
    """A request that cannot be parsed is the caller's fault, told like any other."""
    async with suite() as running, grpc.aio.insecure_channel(running.gateway.address) as channel:
        call = channel.unary_unary("/safelight.text_moderation.v1.TextModerationService/ModerateText")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"\x0a\x02\xff\xfe")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "request: is no message of its type" in caught.value.details()


async def test_a_provider_that_was_asked_again_already_is_not_asked_anew_by_the_gateway():
    """Retries of ours upon retries of boto3's would multiply, and each may be billed; other failures are retried."""
    async with suite() as running:
        running.text.before = raises(errors.ProviderUnavailable("down", metadata={"provider": "p"}))
        told = await collect(running.stub, prompt="a")
        check(told, UNAVAILABLE, "PROVIDER_UNAVAILABLE", {"stage": "text_moderation", "provider": "p"}, retry=True)
        assert len(running.text.requests) == 1
        running.text.before = raises(errors.NotReady("loading", metadata={"service": "s"}))
        await collect(running.stub, prompt="a")
        assert len(running.text.requests) == 1 + 3
