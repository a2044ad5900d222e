"""From start to stop: readiness, cancellation, deadlines, many streams at once, TLS, signals."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from safelight.gateway.v1 import gateway_pb2 as pb
from safelight.gateway.v1 import gateway_pb2_grpc
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2, text_moderation_pb2_grpc
from services.common.server import Service, running, start
from services.common.settings import ServiceSettings, SettingsError
from services.gateway import app
from services.gateway.settings import Settings
from services.gateway.upstreams import GENERATOR_SERVICE, IMAGE_SERVICE, TEXT_SERVICE
from tests.support.aws import AwsStandIn, faults
from tests.support.certificates import Authority
from tests.support.services import (
    SAFE,
    Live,
    ScriptedGenerator,
    ScriptedImages,
    ScriptedText,
    Suite,
    hang,
    open_client,
    scripted_services,
    suite,
)
from tests.support.streams import collect

ROOT = Path(__file__).parents[2]
SOON = 20  # seconds: only how long a failing test waits for what should happen at once
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def hanging(stage: str) -> dict[str, Live]:
    """Scripted services of which one hangs."""
    match stage:
        case "text_moderation":
            return {"text": ScriptedText(before=hang)}
        case "generation":
            return {"generator": ScriptedGenerator(before_image=hang)}
        case _:
            return {"images": ScriptedImages(before=hang)}


STAGES = ("text_moderation", "generation", "image_moderation")


@pytest.mark.parametrize("stage", STAGES)
async def test_a_callers_cancellation_reaches_what_runs(stage: str):
    """Nothing goes on in the background once the caller has left."""
    services = hanging(stage)
    (hung,) = services.values()
    async with suite(**services) as it:  # type: ignore[arg-type] # by name
        call = it.stub.GenerateImages(pb.GenerateImagesRequest(prompt="a dog"))
        reading = asyncio.create_task(call.read())
        await asyncio.wait_for(hung.busy.wait(), SOON)
        call.cancel()
        reading.cancel()
        for each in (it.text, it.generator, it.images):
            await asyncio.wait_for(each.idle.wait(), SOON)
        assert it.gateway.is_ready()
        assert (await it.stub.ListPolicies(pb.ListPoliciesRequest())).policies


async def test_a_caller_that_vanishes_is_like_one_that_cancels():
    """A connection that is closed in the middle of a stream stops the work too."""
    async with suite(generator=ScriptedGenerator(before_image=hang)) as it:
        async with open_client(it.gateway.address) as channel:
            call = gateway_pb2_grpc.GatewayServiceStub(channel).GenerateImages(pb.GenerateImagesRequest(prompt="a dog"))
            await call.read()
            await asyncio.wait_for(it.generator.busy.wait(), SOON)
        await asyncio.wait_for(it.generator.idle.wait(), SOON)


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(response.status)


async def until_health(channel: grpc.aio.Channel, wanted: int, service: str = "") -> None:
    """Follows health until it is as wanted."""
    async with asyncio.timeout(SOON):
        async for state in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service)):
            if state.status == wanted:
                return


async def until_refused(channel: grpc.aio.Channel) -> None:
    """Calls until a new call is no longer taken."""
    stub, refused = gateway_pb2_grpc.GatewayServiceStub(channel), False
    async with asyncio.timeout(SOON):
        while not refused:
            try:
                await stub.ListPolicies(pb.ListPoliciesRequest())
            except grpc.aio.AioRpcError:
                refused = True


async def test_a_service_serves_only_once_it_has_loaded():
    """Before that health says NOT_SERVING and calls end with NOT_READY."""
    loaded = asyncio.Event()
    text, *_ = scripted_services(ScriptedText(), ScriptedGenerator(), ScriptedImages())
    text.load = loaded.wait  # type: ignore[assignment] # what it returns is not looked at
    async with running(text, wait_ready=False) as (it,), open_client(it.address) as channel:
        assert await health(channel) == await health(channel, TEXT_SERVICE) == NOT_SERVING
        method = channel.unary_unary(f"/{TEXT_SERVICE}/ModerateText")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        loaded.set()
        await until_health(channel, SERVING)
        assert await health(channel, TEXT_SERVICE) == SERVING
        await method(b"")


async def test_loading_that_fails_is_raised():
    """Not a service that stays NOT_SERVING for ever in silence."""

    async def load() -> None:
        raise OSError("no such model")

    text, *_ = scripted_services(ScriptedText(), ScriptedGenerator(), ScriptedImages())
    text.load = load
    with pytest.raises(OSError, match="no such model"):
        async with running(text):
            pass


@pytest.mark.parametrize("down", [0, 1, 2], ids=STAGES)
async def test_the_gateways_health_follows_its_upstreams(down: int):
    """NOT_SERVING while one is down, SERVING when it is back on the same port."""
    async with suite() as it, open_client(it.gateway.address) as channel:
        assert await health(channel) == SERVING
        upstream = it.upstreams[down]
        await upstream.stop(0)
        await until_health(channel, NOT_SERVING)
        again = scripted_services(ScriptedText(), ScriptedGenerator(), ScriptedImages())[down]
        again.settings = ServiceSettings(port=upstream.port)
        async with running(again):
            await until_health(channel, SERVING)
            assert (await collect(it.stub, prompt="a dog")).completed.outcome == pb.OUTCOME_DELIVERED


async def test_reflection_lists_every_service():
    async with suite() as it:
        stub = reflection_pb2_grpc.ServerReflectionStub(it.channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        response = await call.read()
        names = {service.name for service in response.list_services_response.service}
        assert {app.GATEWAY_SERVICE, TEXT_SERVICE, IMAGE_SERVICE, "grpc.health.v1.Health"} <= names
        assert GENERATOR_SERVICE not in names
    async with suite(reflection=False) as it:
        stub = reflection_pb2_grpc.ServerReflectionStub(it.channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_two_hundred_streams_at_once_all_complete():
    """Each gets its own images, in its own order."""
    async with suite(generator=ScriptedGenerator()) as it:
        asks = [collect(it.stub, prompt=f"dog {n}", seed=n, count=2, timeout=60) for n in range(200)]
        for n, told in enumerate(await asyncio.gather(*asks)):
            assert told.completed.outcome == pb.OUTCOME_DELIVERED
            assert [image.seed for image in told.of("image_produced")] == [n, n + 1]
            assert [event.sequence for event in told.events] == list(range(1, len(told.events) + 1))
        await asyncio.wait_for(it.generator.idle.wait(), SOON)


async def test_a_running_stream_ends_well_when_the_service_stops():
    """Stopping waits for what runs, tells health first, and takes nothing new."""
    gate = asyncio.Event()

    async def before_image(context: Any) -> None:
        await gate.wait()

    async with suite(generator=ScriptedGenerator(before_image=before_image)) as it:
        stream = asyncio.create_task(collect(it.stub, prompt="a dog"))
        await asyncio.wait_for(it.generator.busy.wait(), SOON)
        async with open_client(it.gateway.address) as late:
            watch = health_pb2_grpc.HealthStub(late).Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == SERVING
            stopping = asyncio.create_task(it.gateway.stop(SOON))
            assert (await watch.read()).status == NOT_SERVING
            await until_refused(late)
            gate.set()
            assert (await stream).completed.outcome == pb.OUTCOME_DELIVERED
        await asyncio.wait_for(stopping, SOON)


async def test_somebody_who_watches_health_does_not_hold_up_the_stop():
    """Load balancers, and our own gateway, watch for as long as a service lives: that is no call to wait for."""
    text, *_ = scripted_services(ScriptedText(), ScriptedGenerator(), ScriptedImages())
    it = await start(text)
    await it.until_ready()
    async with open_client(it.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        await asyncio.wait_for(it.stop(3600), SOON)


@asynccontextmanager
async def process(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process in the repository's root, killed at the end if it still runs."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


async def test_a_provider_that_never_answers_does_not_hold_up_the_end():
    """A thread that waits for one cannot be stopped; after the orderly stop the process ends without it, with 0."""
    with AwsStandIn() as aws:
        aws.misbehave("DetectToxicContent", hang := faults.Hang())
        (port,) = free_ports(1)
        settings = {
            "SAFELIGHT_TEXT_MODERATION_DETECTORS": "comprehend_toxicity",
            "SAFELIGHT_TEXT_MODERATION_PORT": str(port),
            "SAFELIGHT_GRACE_PERIOD_S": "0",
        }
        async with (
            process("-m", "services.text_moderation", **settings, **aws.environment()) as child,
            open_client(f"127.0.0.1:{port}") as channel,
        ):
            async with asyncio.timeout(SOON):
                await channel.channel_ready()
            await until_health(channel, SERVING)
            stub = text_moderation_pb2_grpc.TextModerationServiceStub(channel)
            call = stub.ModerateText(text_moderation_pb2.ModerateTextRequest(text="a dog"))
            sent = asyncio.ensure_future(call)
            await asyncio.to_thread(hang.gate.wait_until_reached)
            child.send_signal(signal.SIGTERM)
            _, stderr = await asyncio.wait_for(child.communicate(), SOON)
            sent.cancel()
    assert child.returncode == 0, stderr.decode()
    assert b"server.left_waiting" in stderr


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_signal_during_a_stream_lets_it_finish(tmp_path: Path, number: signal.Signals):
    """In a real process: the stream completes, health says NOT_SERVING, new calls are refused, and it exits with 0."""
    gate = tmp_path / "gate"
    ports = [str(port) for port in free_ports(4)]
    async with process("-m", "tests.support.suite_process", str(gate), *ports) as child:
        assert child.stdout is not None
        address = (await asyncio.wait_for(child.stdout.readline(), SOON)).decode().strip()
        async with open_client(address) as channel, open_client(address) as late:
            stub = gateway_pb2_grpc.GatewayServiceStub(channel)
            events = aiter(stub.GenerateImages(pb.GenerateImagesRequest(prompt="wait")))
            assert await anext(events)
            watch = health_pb2_grpc.HealthStub(late).Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == SERVING
            child.send_signal(number)
            assert (await asyncio.wait_for(watch.read(), SOON)).status == NOT_SERVING
            await until_refused(late)
            gate.touch()
            *_, last = [event async for event in events]
            assert last.completed.outcome == pb.OUTCOME_DELIVERED
        _, stderr = await asyncio.wait_for(child.communicate(), SOON)
        assert child.returncode == 0, stderr.decode()
        assert b"Traceback" not in stderr


async def test_a_port_that_is_taken_is_a_clear_message(tmp_path: Path):
    """The port, what to look at and which variable to set; status 1, no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        async with process("-m", "services.gateway", SAFELIGHT_GATEWAY_PORT=port) as child:
            _, stderr = await asyncio.wait_for(child.communicate(), SOON)
    assert child.returncode == 1
    message = stderr.decode()
    assert f"gateway cannot listen on 127.0.0.1:{port}: the port is taken" in message
    assert "SAFELIGHT_GATEWAY_PORT" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("environment", "status", "words"),
    [
        ({"SAFELIGHT_GATEWAY_PORT": "many"}, 2, "SAFELIGHT_GATEWAY_PORT='many'"),
        ({"SAFELIGHT_GATEWAY_DEFAULT_POLICY": "lax"}, 1, "there are report, standard, strict"),
        ({"SAFELIGHT_GATEWAY_POLICY_FILES": '["/nowhere/mine.yaml"]'}, 1, "/nowhere/mine.yaml: cannot be read"),
        (
            {"SAFELIGHT_GATEWAY_TLS_CERT_FILE": "/nowhere/a", "SAFELIGHT_GATEWAY_TLS_KEY_FILE": "/nowhere/b"},
            1,
            "/nowhere/a: cannot be read",
        ),
        ({"SAFELIGHT_GATEWAY_UPSTREAM_TLS_CA_FILE": "/nowhere/ca"}, 1, "/nowhere/ca: cannot be read"),
    ],
)
async def test_what_stops_the_start_is_said(environment: dict[str, str], status: int, words: str):
    """A wrong setting or file ends the process with one message and no traceback."""
    async with process("-m", "services.gateway", **{"SAFELIGHT_GATEWAY_PORT": "0", **environment}) as child:
        _, stderr = await asyncio.wait_for(child.communicate(), SOON)
    assert child.returncode == status
    assert words in stderr.decode()
    assert b"Traceback" not in stderr


@asynccontextmanager
async def tls_suite(root: Authority, **settings: Any) -> AsyncIterator[Suite]:
    """Mutual TLS between client, gateway and upstreams."""
    server, client = root.issue("server"), root.issue("client")
    files = {"tls_cert_file": server.cert_file, "tls_key_file": server.key_file, "tls_client_ca_file": root.ca_file}
    credentials = grpc.ssl_channel_credentials(
        root.ca_file.read_bytes(), client.key_file.read_bytes(), client.cert_file.read_bytes()
    )
    async with suite(
        upstream_settings=ServiceSettings(**files),
        credentials=credentials,
        **{
            **files,
            "upstream_tls_ca_file": root.ca_file,
            "upstream_tls_cert_file": client.cert_file,
            "upstream_tls_key_file": client.key_file,
            **settings,
        },
    ) as it:
        yield it


async def test_mutual_tls_from_client_to_gateway_to_upstreams(tmp_path: Path):
    """A client with a certificate is served; one without, with another root's, or in the clear is not."""
    root, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    foreign = stranger.issue("foreign")
    async with tls_suite(root) as it:
        assert (await collect(it.stub, prompt="a dog")).completed.outcome == pb.OUTCOME_DELIVERED
        assert await health(it.channel) == SERVING
        trust = root.ca_file.read_bytes()
        refused = [
            grpc.ssl_channel_credentials(trust),
            grpc.ssl_channel_credentials(trust, foreign.key_file.read_bytes(), foreign.cert_file.read_bytes()),
            grpc.ssl_channel_credentials(stranger.ca_file.read_bytes()),
            None,
        ]
        for address in (it.gateway.address, it.upstreams[0].address):
            for credentials in refused:
                async with open_client(address, credentials) as channel:
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await health(channel)
                    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_gateway_without_a_certificate_does_not_reach_its_upstreams(tmp_path: Path):
    """Mutual TLS binds the gateway too: its health says so, and a request names the stage."""
    root = Authority(tmp_path)
    server = root.issue("server")
    settings = ServiceSettings(
        tls_cert_file=server.cert_file, tls_key_file=server.key_file, tls_client_ca_file=root.ca_file
    )
    async with suite(upstream_settings=settings, upstream_tls_ca_file=root.ca_file, wait_ready=False) as it:
        told = await collect(it.stub, prompt="a dog")
        assert (told.info.reason, told.info.metadata["stage"]) == ("UPSTREAM_UNAVAILABLE", "text_moderation")
        assert await health(it.channel) == NOT_SERVING


async def test_a_large_image_is_delivered_as_its_smaller_copy():
    """More than 4 MiB from the generator: what image moderation made fit is sent, with a warning that says so."""
    large, small = SAFE + bytes(6 << 20), SAFE + bytes(3 << 20)

    def fit(response: image_moderation_pb2.ModerateImageResponse) -> None:
        response.delivery_copy.CopyFrom(
            image_moderation_pb2.DeliveryCopy(
                image=small, media_type="image/jpeg", width=32, height=32, reencoded_to_fit=True
            )
        )

    images = ScriptedImages(alter=fit)
    async with suite(generator=ScriptedGenerator(image=lambda attempt, index: large), images=images) as it:
        told = await collect(it.stub, prompt="a dog")
    assert images.requests[0].image == large
    (image,) = told.of("image_produced")
    assert (image.image, image.media_type, image.width, image.height) == (small, "image/jpeg", 32, 32)
    assert image.disposition == pb.IMAGE_DISPOSITION_CLEARED
    assert [warning.reason for warning in told.of("warning")] == [pb.WARNING_REASON_IMAGE_REENCODED]
    assert told.completed.outcome == pb.OUTCOME_DELIVERED


async def test_the_largest_image_fits_a_client_with_grpcs_defaults():
    """An image of just the limit passes; one byte more does not, as an error of the stage and not of the transport."""
    limit = Settings(port=0).max_image_bytes
    async with suite(generator=ScriptedGenerator(image=lambda attempt, index: SAFE.ljust(limit, b"x"))) as it:
        told = await collect(it.stub, prompt="a dog")
        assert [len(image.image) for image in told.of("image_produced")] == [limit]
        it.generator.image = lambda attempt, index: SAFE.ljust(limit + 1, b"x")
        told = await collect(it.stub, prompt="a dog")
        assert told.info.metadata["stage"] == "image_moderation"


@pytest.mark.parametrize("wrong", ["certificate", "key", "client roots"])
async def test_a_tls_file_that_is_no_pem_is_named(tmp_path: Path, wrong: str) -> None:
    """A wrong file stops the start with its name, not with a guess about the port."""
    root = Authority(tmp_path)
    server, other = root.issue("server"), root.issue("other")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("not a certificate")
    files = {"tls_cert_file": server.cert_file, "tls_key_file": server.key_file, "tls_client_ca_file": root.ca_file}
    files |= {
        "certificate": {"tls_cert_file": rubbish},
        "key": {"tls_key_file": other.key_file},
        "client roots": {"tls_client_ca_file": rubbish},
    }[wrong]
    service = Service(name="x", settings=ServiceSettings(**files), full_names=(), register=lambda server: None)
    with pytest.raises(SettingsError, match=str(other.key_file if wrong == "key" else rubbish)):
        await start(service)
