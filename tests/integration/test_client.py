"""Both clients against a real gRPC server on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from typer.testing import CliRunner

import safelight
from safelight._commands import app
from safelight.gateway.v1 import gateway_pb2 as pb
from services.common import errors as domain
from tests.support import scripted_gateway
from tests.support.certificates import Authority
from tests.support.scripted_gateway import PIXELS, ScriptedGateway

ORDER = [
    "stage_started",
    "stage_finished",
    "stage_started",
    "stage_progress",
    "stage_started",
    "stage_finished",
    "stage_finished",
    "warning",
    "image_produced",
    "image_produced",
    "completed",
]

VIOLATIONS = [domain.FieldViolation("width", "too wide"), domain.FieldViolation("steps", "too many")]

DOMAIN_ERRORS: list[tuple[domain.SafelightError, type[safelight.SafelightError]]] = [
    (domain.InvalidArgument(VIOLATIONS), safelight.InvalidArgument),
    (domain.ImageUnreadable(VIOLATIONS), safelight.InvalidArgument),
    (domain.PolicyUnknown(VIOLATIONS), safelight.InvalidArgument),
    (domain.CredentialsInvalid("who?"), safelight.Unauthenticated),
    (domain.PolicyNotAllowed("no", metadata={"policy": "report"}), safelight.PermissionDenied),
    (domain.QuotaExceeded("enough", retry_after=2.5), safelight.ResourceExhausted),
    (domain.Overloaded("full", metadata={"stage": "generation"}), safelight.ResourceExhausted),
    (domain.ProviderThrottled("slower"), safelight.ResourceExhausted),
    (domain.ProviderUnavailable("down", metadata={"provider": "rekognition"}), safelight.Unavailable),
    (domain.UpstreamUnavailable("down", metadata={"stage": "text_moderation"}), safelight.Unavailable),
    (domain.NotReady("soon"), safelight.Unavailable),
    (domain.ProviderRejected("no", metadata={"setting": "SAFELIGHT_X"}), safelight.FailedPrecondition),
    (domain.ModelResponseInvalid("nonsense"), safelight.Internal),
    (domain.DeadlineExceeded("late", metadata={"stage": "generation"}), safelight.DeadlineExceeded),
    (domain.Unexpected("oops", metadata={"error_id": "0f3c"}), safelight.Internal),
]


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    with scripted_gateway.serving() as gateway:
        yield gateway


@pytest.fixture
def client(gateway: ScriptedGateway) -> Iterator[safelight.Client]:
    with safelight.Client(gateway.target) as client:
        yield client


def kinds(events: Any) -> list[str]:
    return [event.WhichOneof("event") for event in events]


def test_events_come_in_order_without_gaps(client: safelight.Client) -> None:
    events = list(client.generate("A dog"))
    assert kinds(events) == ORDER
    assert [event.sequence for event in events] == list(range(1, len(ORDER) + 1))


async def test_async_events_come_in_order_without_gaps(gateway: ScriptedGateway) -> None:
    async with safelight.AsyncClient(gateway.target) as client:
        events = [event async for event in client.generate("A dog")]
    assert kinds(events) == ORDER


def check_result(result: safelight.GenerationResult) -> None:
    assert result.outcome == safelight.Outcome.OUTCOME_DELIVERED_BLURRED
    assert [image.index for image in result.images] == [0, 1]
    assert [image.seed for image in result.images] == [40, 41]
    assert result.images[0].disposition == safelight.ImageDisposition.IMAGE_DISPOSITION_BLURRED
    assert result.images[0].findings == (scripted_gateway.NUDITY,)
    assert result.images[1].data == PIXELS
    assert [warning.reason for warning in result.warnings] == [safelight.WarningReason.WARNING_REASON_IMAGE_BLURRED]
    assert result.stage_durations == {"text_moderation": 0.25, "generation": 1.0, "image_moderation": 0.25}
    assert (result.total_duration, result.moderation_share, result.attempts) == (2.0, 0.25, 1)
    assert result.completed.policy == "standard"
    assert (result.delivered, result.refused) == (True, False)


def test_result_gathers_the_whole_stream_with_images_by_index(client: safelight.Client) -> None:
    generation = client.generate("A dog")
    check_result(generation.result())
    check_result(generation.result())


def test_result_includes_the_events_that_were_read_before(client: safelight.Client) -> None:
    generation = client.generate("A dog")
    assert kinds(next(generation) for _ in range(9)) == ORDER[:9]
    assert [image.index for image in generation.images] == [1]
    check_result(generation.result())


async def test_async_result_gathers_the_whole_stream_with_images_by_index(gateway: ScriptedGateway) -> None:
    async with safelight.AsyncClient(gateway.target) as client:
        generation = client.generate("A dog")
        assert (await anext(generation)).sequence == 1
        check_result(await generation.result())


def test_every_argument_reaches_the_gateway(client: safelight.Client, gateway: ScriptedGateway) -> None:
    client.generate(
        "A dog",
        negative_prompt="cats",
        width=640,
        height=480,
        steps=20,
        guidance_scale=7.5,
        seed=0,
        count=2,
        output_format="webp",
        policy="strict",
        dry_run=True,
    ).result()
    assert gateway.requests == [
        pb.GenerateImagesRequest(
            prompt="A dog",
            negative_prompt="cats",
            width=640,
            height=480,
            steps=20,
            guidance_scale=7.5,
            seed=0,
            count=2,
            output_format=safelight.ImageFormat.IMAGE_FORMAT_WEBP,
            policy="strict",
            dry_run=True,
        )
    ]


def test_api_key_and_request_id_go_with_the_call(gateway: ScriptedGateway) -> None:
    with safelight.Client(gateway.target, api_key="key-1") as client:
        result = client.generate("A dog", request_id="order-17").result()
    assert gateway.metadata[0]["authorization"] == "Bearer key-1"
    assert gateway.metadata[0]["x-request-id"] == result.request_id == "order-17"
    assert str(gateway.metadata[0]["user-agent"]).startswith("safelight-python/")


def test_leaving_the_loop_early_cancels_the_call_on_the_server(
    client: safelight.Client, gateway: ScriptedGateway
) -> None:
    gateway.script = gateway.hangs
    generation = client.generate("A dog")
    for event in generation:
        if event.WhichOneof("event") == "image_produced":
            break
    assert gateway.cancelled.wait(30)
    with pytest.raises(safelight.Cancelled):
        generation.result()
    assert [image.data for image in generation.images] == [PIXELS]


def test_leaving_a_with_block_cancels_the_call_on_the_server(
    client: safelight.Client, gateway: ScriptedGateway
) -> None:
    gateway.script = gateway.hangs
    with client.generate("A dog") as generation:
        next(generation)
    assert gateway.cancelled.wait(30)


def test_another_thread_can_cancel_a_call_that_is_being_read(
    client: safelight.Client, gateway: ScriptedGateway
) -> None:
    gateway.script = gateway.hangs
    generation = client.generate("A dog")
    next(generation), next(generation)
    threading.Thread(target=generation.cancel).start()
    with pytest.raises(safelight.Cancelled):
        next(generation)


async def test_leaving_an_async_loop_early_cancels_the_call_on_the_server(gateway: ScriptedGateway) -> None:
    gateway.script = gateway.hangs
    async with safelight.AsyncClient(gateway.target) as client:
        generation = client.generate("A dog")
        async for _ in generation:
            break
        assert await asyncio.to_thread(gateway.cancelled.wait, 30)
        with pytest.raises(safelight.Cancelled):
            await generation.result()


async def test_cancelling_the_reading_task_cancels_the_call_on_the_server(gateway: ScriptedGateway) -> None:
    gateway.script = gateway.hangs
    async with safelight.AsyncClient(gateway.target) as client:
        reading = asyncio.Event()

        async def read() -> None:
            async for event in client.generate("A dog"):
                if event.WhichOneof("event") == "image_produced":
                    reading.set()

        task = asyncio.create_task(read())
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(gateway.cancelled.wait, 30)


async def test_cancel_while_another_task_reads_raises_cancelled_there(gateway: ScriptedGateway) -> None:
    gateway.script = gateway.hangs
    async with safelight.AsyncClient(gateway.target) as client, client.generate("A dog") as generation:
        await anext(generation), await anext(generation)
        reading = asyncio.ensure_future(generation.result())
        await asyncio.wait([reading], timeout=0)
        generation.cancel()
        with pytest.raises(safelight.Cancelled):
            await reading


def test_stream_without_its_terminal_event_is_an_error(client: safelight.Client, gateway: ScriptedGateway) -> None:
    gateway.script = lambda request, context: iter([scripted_gateway.image(0)])
    generation = client.generate("A dog")
    with pytest.raises(safelight.StreamIncomplete, match="terminal"):
        generation.result()
    assert len(generation.images) == 1


async def test_async_stream_without_its_terminal_event_is_an_error(gateway: ScriptedGateway) -> None:
    gateway.script = lambda request, context: iter([scripted_gateway.image(0)])
    async with safelight.AsyncClient(gateway.target) as client:
        with pytest.raises(safelight.StreamIncomplete):
            await client.generate("A dog").result()


@pytest.mark.parametrize(("sent", "kind"), DOMAIN_ERRORS, ids=lambda value: getattr(value, "__name__", None))
async def test_every_domain_error_arrives_with_its_details(
    gateway: ScriptedGateway, sent: domain.SafelightError, kind: type[safelight.SafelightError]
) -> None:
    """What the services raise is what either client raises: code, reason, message, metadata, fields, delay, id."""
    gateway.error = sent
    caught: list[safelight.SafelightError] = []
    with safelight.Client(gateway.target) as client:
        for call in (
            lambda: client.generate("A dog", request_id="order-17").result(),
            lambda: client.moderate_text("A dog", request_id="order-17"),
        ):
            with pytest.raises(safelight.SafelightError) as raised:
                await asyncio.to_thread(call)
            caught.append(raised.value)
    async with safelight.AsyncClient(gateway.target) as async_client:
        with pytest.raises(safelight.SafelightError) as raised:
            await async_client.generate("A dog", request_id="order-17").result()
        caught.append(raised.value)
        with pytest.raises(safelight.SafelightError) as raised:
            await async_client.moderate_image(b"pixels", request_id="order-17")
        caught.append(raised.value)
    expected = domain.error_info(domain.to_status(sent))
    assert expected is not None
    for error in caught:
        assert type(error) is kind
        assert error.code is sent.code
        assert error.reason == expected.reason
        assert error.message == str(error) == sent.message
        assert error.metadata == sent.metadata
        assert error.stage == sent.metadata.get("stage")
        assert error.retry_after == sent.retry_after
        assert error.request_id == "order-17"
        violations = [(v.field, v.description) for v in error.field_violations]
        assert violations == [(v.field, v.description) for v in getattr(sent, "violations", ())]
        assert isinstance(error.__cause__, grpc.RpcError)


@pytest.mark.parametrize("details", [b"\xff garbage", status_pb2.Status(code=3).SerializeToString(), None])
@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_code_is_a_safelight_error_even_with_useless_details(
    client: safelight.Client, gateway: ScriptedGateway, code: grpc.StatusCode, details: bytes | None
) -> None:
    def fails(request: Any, context: grpc.ServicerContext) -> Any:
        if details is not None:
            context.set_trailing_metadata([("grpc-status-details-bin", details)])
        context.abort(code, "from a proxy")

    gateway.script = fails
    with pytest.raises(safelight.SafelightError) as raised:
        client.generate("A dog").result()
    assert raised.value.code is code
    assert raised.value.reason == ""
    assert raised.value.message


def test_details_of_another_kind_are_passed_over(client: safelight.Client, gateway: ScriptedGateway) -> None:
    """A detail that this client does not know, or that is damaged, does not hide the ones it knows."""
    status = status_pb2.Status(code=8, message="later")
    status.details.add().Pack(error_details_pb2.Help())
    status.details.add(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = 7
    status.details.add().Pack(retry)

    def fails(request: Any, context: grpc.ServicerContext) -> Any:
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "later")

    gateway.script = fails
    with pytest.raises(safelight.ResourceExhausted) as raised:
        client.generate("A dog").result()
    assert raised.value.retry_after == 7


def test_deadline_names_the_stage_that_was_running(client: safelight.Client, gateway: ScriptedGateway) -> None:
    gateway.script = gateway.hangs
    client.health()  # Connects, so that the deadline is not spent on that.
    generation = client.generate("A dog", timeout=1)
    with pytest.raises(safelight.DeadlineExceeded, match=r"within 1 s; generation was running") as raised:
        generation.result()
    assert raised.value.stage == "generation"


def dead_target() -> str:
    """An address of loopback on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_nothing_at_the_target_says_what_to_do() -> None:
    target = dead_target()
    with safelight.Client(target) as client, pytest.raises(safelight.Unavailable) as raised:
        client.list_policies()
    assert target in raised.value.message
    assert "make serve" in raised.value.message
    assert raised.value.request_id


async def test_nothing_at_the_target_says_what_to_do_async() -> None:
    async with safelight.AsyncClient(dead_target()) as client:
        with pytest.raises(safelight.Unavailable, match="make serve"):
            await client.generate("A dog").result()


def test_moderate_text_sends_thresholds_and_detectors(client: safelight.Client, gateway: ScriptedGateway) -> None:
    response = client.moderate_text(
        "a b4d word", thresholds={"insult": 0.5, "CATEGORY_WEAPON": None}, detectors=["terms"], run_all_detectors=True
    )
    assert response.flagged
    (request,) = gateway.requests
    insult, weapon = request.thresholds
    assert (insult.category, insult.threshold, insult.ignored) == (safelight.Category.CATEGORY_INSULT, 0.5, False)
    assert (weapon.category, weapon.threshold, weapon.ignored) == (safelight.Category.CATEGORY_WEAPON, 0, True)
    assert (request.detectors, request.run_all_detectors) == (["terms"], True)


def test_moderate_image_takes_bytes_or_a_path(
    client: safelight.Client, gateway: ScriptedGateway, tmp_path: Any
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(PIXELS)
    for image in (PIXELS, memoryview(PIXELS), path, str(path)):
        assert client.moderate_image(image).flagged
    assert [request.image for request in gateway.requests] == [PIXELS] * 4
    assert gateway.requests[0].max_delivery_bytes == 0


def test_moderate_image_names_an_object_in_s3(client: safelight.Client, gateway: ScriptedGateway) -> None:
    """No byte of it passes through the client."""
    client.moderate_image("s3://bucket/a/b.png?versionId=7")
    (request,) = gateway.requests
    assert (request.s3_object.bucket, request.s3_object.key, request.s3_object.version) == ("bucket", "a/b.png", "7")
    assert not request.image
    for wrong in ("s3://bucket", "s3:///key", "s3://bucket/"):
        with pytest.raises(ValueError, match="s3://bucket/key"):
            client.moderate_image(wrong)


async def test_a_redacted_copy_is_asked_for_small_enough_to_be_received(gateway: ScriptedGateway) -> None:
    async with safelight.AsyncClient(gateway.target) as client:
        response = await client.moderate_image(PIXELS, redaction="blur_regions", media_type="image/png")
    assert response.delivery_copy.image == b"blurred"
    (request,) = gateway.requests
    assert request.redaction == safelight.Redaction.REDACTION_BLUR_REGIONS
    assert 3 << 20 < request.max_delivery_bytes < 4 << 20


async def test_health_and_policies(gateway: ScriptedGateway) -> None:
    """Health works without the package that servers use for it, in all of its states, for both clients."""
    with safelight.Client(gateway.target) as client:
        assert client.health() is safelight.Health.SERVING
        gateway.health.set("x", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert client.health("x") is safelight.Health.NOT_SERVING
        with pytest.raises(safelight.NotFound):
            client.health("no.such.Service")
        assert client.list_policies().default_policy == "standard"
    async with safelight.AsyncClient(gateway.target) as async_client:
        assert await async_client.health() is safelight.Health.SERVING
        assert (await async_client.list_policies()).default_policy == "standard"
        assert (await async_client.moderate_text("A dog")).flagged


def test_a_message_over_the_limit_says_which_argument_to_change(gateway: ScriptedGateway) -> None:
    huge = pb.ImageProduced(image=bytes(100_000), media_type="image/png")
    gateway.script = lambda request, context: iter([{"image_produced": huge}])
    with (
        safelight.Client(gateway.target, max_receive_bytes=1 << 16) as client,
        pytest.raises(safelight.ResourceExhausted, match="max_receive_bytes"),
    ):
        client.generate("A dog").result()


def test_a_channel_that_is_given_is_used_and_left_open(gateway: ScriptedGateway) -> None:
    with grpc.insecure_channel(gateway.target) as channel:
        with safelight.Client(channel=channel) as client:
            assert client.health() is safelight.Health.SERVING
        with safelight.Client(channel=channel) as client:
            assert client.health() is safelight.Health.SERVING


async def test_an_async_channel_that_is_given_is_used_and_left_open(gateway: ScriptedGateway) -> None:
    async with grpc.aio.insecure_channel(gateway.target) as channel:
        for _ in range(2):
            async with safelight.AsyncClient(channel=channel) as client:
                assert await client.health() is safelight.Health.SERVING


def test_a_closed_client_says_so(gateway: ScriptedGateway) -> None:
    client = safelight.Client(gateway.target)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.health()


def test_async_client_made_outside_of_a_loop_works_inside_one(gateway: ScriptedGateway) -> None:
    client = safelight.AsyncClient(gateway.target)

    async def use() -> safelight.Health:
        async with client:
            return await client.health()

    assert asyncio.run(use()) is safelight.Health.SERVING


@dataclass(frozen=True)
class MutualTls:
    """A gateway that wants a certificate, as `gateway.test`, and the files for talking to it."""

    gateway: ScriptedGateway
    tls: safelight.Tls


@pytest.fixture
def mutual(tmp_path: Path) -> Iterator[MutualTls]:
    authority = Authority(tmp_path)
    server, ours = authority.issue("gateway.test"), authority.issue("client.test")
    credentials = grpc.ssl_server_credentials(
        [(server.key_file.read_bytes(), server.cert_file.read_bytes())], authority.ca_file.read_bytes(), True
    )
    with scripted_gateway.serving(credentials) as gateway:
        yield MutualTls(gateway, safelight.Tls(authority.ca_file, ours.cert_file, ours.key_file, "gateway.test"))


async def test_mutual_tls_with_both_clients(mutual: MutualTls) -> None:
    with safelight.Client(mutual.gateway.target, tls=mutual.tls) as client:
        assert client.health() is safelight.Health.SERVING
    async with safelight.AsyncClient(mutual.gateway.target, tls=mutual.tls) as async_client:
        assert await async_client.health() is safelight.Health.SERVING


def test_a_certificate_of_another_name_is_refused_with_advice_on_tls(mutual: MutualTls) -> None:
    tls = replace(mutual.tls, server_name="other.test")
    with (
        safelight.Client(mutual.gateway.target, tls=tls) as client,
        pytest.raises(safelight.Unavailable, match="Check the TLS settings"),
    ):
        client.health()


def test_mutual_tls_without_our_certificate_is_unavailable(mutual: MutualTls) -> None:
    tls = replace(mutual.tls, cert_file=None, key_file=None)
    with safelight.Client(mutual.gateway.target, tls=tls) as client, pytest.raises(safelight.Unavailable):
        client.health()


def test_tls_options_of_the_command_line(mutual: MutualTls) -> None:
    tls = mutual.tls
    options = ["--tls-ca", str(tls.ca_file), "--tls-cert", str(tls.cert_file), "--tls-key", str(tls.key_file)]
    arguments = ["--target", mutual.gateway.target, *options, "--tls-server-name", str(tls.server_name), "health"]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout.split()[0]) == (0, "serving")
