"""The synchronous client on grpcio-testing's channel, and the pure parts of both clients."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import grpc_testing
import pytest
from google.protobuf import wrappers_pb2
from grpc_health.v1 import health_pb2
from hypothesis import given
from hypothesis import strategies as st

import safelight
from safelight import _names, _requests
from safelight.gateway.v1 import gateway_pb2
from safelight.image_moderation.v1 import image_moderation_pb2
from safelight.text_moderation.v1 import text_moderation_pb2

GENERATE = gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"].methods_by_name["GenerateImages"]
MODERATE_TEXT = text_moderation_pb2.DESCRIPTOR.services_by_name["TextModerationService"].methods_by_name["ModerateText"]


@pytest.fixture
def channel() -> Any:
    services = [
        gateway_pb2.DESCRIPTOR.services_by_name["GatewayService"],
        text_moderation_pb2.DESCRIPTOR.services_by_name["TextModerationService"],
        image_moderation_pb2.DESCRIPTOR.services_by_name["ImageModerationService"],
    ]
    return grpc_testing.channel(services, grpc_testing.strict_real_time())


def in_thread(function: Callable[[], Any]) -> futures.Future[Any]:
    pool = futures.ThreadPoolExecutor(1)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return future


def completed(sequence: int) -> gateway_pb2.GenerateImagesResponse:
    done = gateway_pb2.Completed(outcome=gateway_pb2.OUTCOME_DELIVERED)
    return gateway_pb2.GenerateImagesResponse(sequence=sequence, completed=done)


def test_generation_hands_on_each_response_as_it_is_sent(channel: Any) -> None:
    generation = safelight.Client(channel=channel).generate("A dog", seed=7)
    _, request, rpc = channel.take_unary_stream(GENERATE)
    assert (request.prompt, request.seed, request.HasField("guidance_scale")) == ("A dog", 7, False)
    rpc.send_initial_metadata(())
    rpc.send_response(gateway_pb2.GenerateImagesResponse(sequence=1))
    assert next(generation).sequence == 1
    rpc.send_response(completed(2))
    rpc.terminate((), grpc.StatusCode.OK, "")
    assert generation.result().outcome == safelight.Outcome.OUTCOME_DELIVERED


def test_breaking_out_of_the_loop_cancels_the_call(channel: Any) -> None:
    generation = safelight.Client(channel=channel).generate("A dog")
    _, _, rpc = channel.take_unary_stream(GENERATE)
    rpc.send_response(gateway_pb2.GenerateImagesResponse(sequence=1))
    for _ in generation:
        break
    rpc.cancelled()  # Returns once the call is cancelled.


def test_reading_to_the_end_does_not_cancel_the_call(channel: Any) -> None:
    generation = safelight.Client(channel=channel).generate("A dog")
    _, _, rpc = channel.take_unary_stream(GENERATE)
    rpc.send_response(completed(1))
    rpc.terminate((), grpc.StatusCode.OK, "")
    assert len(list(generation)) == 1
    assert list(generation) == []


def test_stream_error_becomes_the_errors_class(channel: Any) -> None:
    generation = safelight.Client(channel=channel).generate("A dog")
    _, _, rpc = channel.take_unary_stream(GENERATE)
    rpc.terminate((("x-request-id", "theirs"),), grpc.StatusCode.PERMISSION_DENIED, "not you")
    with pytest.raises(safelight.PermissionDenied, match="not you") as raised:
        next(generation)
    assert raised.value.request_id == "theirs"
    with pytest.raises(safelight.PermissionDenied):
        generation.result()


def test_unary_call_returns_the_response(channel: Any) -> None:
    client = safelight.Client(channel=channel)
    future = in_thread(lambda: client.moderate_text("a word", thresholds={"insult": 1}))
    _, request, rpc = channel.take_unary_unary(MODERATE_TEXT)
    assert request.thresholds[0].threshold == 1
    rpc.send_initial_metadata(())
    rpc.terminate(text_moderation_pb2.ModerateTextResponse(flagged=True), (), grpc.StatusCode.OK, "")
    assert future.result(timeout=30).flagged


def test_unary_error_becomes_the_errors_class(channel: Any) -> None:
    client = safelight.Client("gateway:1", channel=channel)
    future = in_thread(lambda: client.moderate_text("a word", request_id="mine"))
    _, _, rpc = channel.take_unary_unary(MODERATE_TEXT)
    rpc.terminate(None, (), grpc.StatusCode.UNAVAILABLE, "gone")
    with pytest.raises(safelight.Unavailable, match=r"gateway:1 \(gone\).*make serve") as raised:
        future.result(timeout=30)
    assert raised.value.request_id == "mine"


class Recorder:
    """A channel that keeps what its methods are called with and answers nothing."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def unary_unary(self, *_: Any, **__: Any) -> Callable[..., Any]:
        return lambda request, **kwargs: self.calls.append(kwargs)

    unary_stream = unary_unary


@pytest.mark.parametrize(
    ("of_client", "of_call", "for_generate", "for_text"),
    [
        (safelight.DEFAULT, safelight.DEFAULT, 300, 30),
        (5, safelight.DEFAULT, 5, 5),
        (None, safelight.DEFAULT, None, None),
        (5, 7.5, 7.5, 7.5),
        (5, None, None, None),
    ],
)
def test_timeout_of_the_call_then_of_the_client_then_of_the_method(
    of_client: safelight.Timeout, of_call: safelight.Timeout, for_generate: float | None, for_text: float | None
) -> None:
    recorder: Any = Recorder()
    client = safelight.Client(channel=recorder, timeout=of_client)
    client.generate("A dog", timeout=of_call)
    client.moderate_text("a word", timeout=of_call)
    assert [call["timeout"] for call in recorder.calls] == [for_generate, for_text]


def test_request_ids_are_new_for_each_call() -> None:
    recorder: Any = Recorder()
    client = safelight.Client(channel=recorder)
    client.generate("A dog"), client.generate("A dog")
    assert len({dict(call["metadata"])["x-request-id"] for call in recorder.calls}) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timeout": 0}, "timeout: must be more than 0"),
        ({"timeout": float("nan")}, "timeout: must be more than 0"),
        ({"api_key": "se\ncret"}, "api_key: must be printable ASCII"),
        ({"api_key": ""}, "api_key: must be printable ASCII"),
        ({"target": "http://localhost:50050"}, "target: must be host:port"),
        ({"max_receive_bytes": 5}, "max_receive_bytes: must be between 65536 and 2147483647; is 5"),
        ({"tls": safelight.Tls(cert_file="cert.pem")}, "cert_file and key_file go together"),
        ({"tls": safelight.Tls(), "channel": Recorder()}, "tls: has no effect on a channel"),
    ],
)
@pytest.mark.parametrize("kind", [safelight.Client, safelight.AsyncClient])
def test_wrong_settings_are_refused_by_name_without_quoting_a_secret(
    kind: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        kind(**arguments)
    assert "cret" not in str(raised.value)


def test_missing_tls_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-roots"):
        safelight.Client(tls=safelight.Tls(ca_file="no-such-roots.pem"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": -1}, "width: must be between 0 and 4294967295; is -1"),
        ({"seed": 1 << 32}, "seed: must be between 0 and 4294967295; is 4294967296"),
        ({"prompt": "secret \ud800"}, "prompt: must be valid Unicode; has a lone surrogate at position 7 of 8"),
        ({"output_format": "jepg"}, "output_format: must be one of jpeg"),
        ({"output_format": 9}, "output_format: has no value 9; it has 0 to 3"),
        ({"request_id": "a b"}, "request_id: must be 1 to 128 of the characters"),
        ({"timeout": -1}, "timeout: must be more than 0"),
    ],
)
def test_arguments_that_fit_into_no_request_are_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    recorder: Any = Recorder()
    with pytest.raises(ValueError, match=message) as raised:
        safelight.Client(channel=recorder).generate(**({"prompt": "A dog"} | arguments))
    assert "secret" not in repr(raised.value)
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thresholds": {"insolt": 0.5}}, "thresholds: must be one of insult; has 6 characters"),
        ({"thresholds": {4711: 0.5}}, "thresholds: has no value 4711"),
        ({"detectors": "terms"}, "detectors: must be a list"),
    ],
)
def test_moderation_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        safelight.Client().moderate_text("a word", **arguments)


@pytest.mark.parametrize("enum", [safelight.Category, safelight.ImageFormat, safelight.Redaction, safelight.Stage])
def test_every_enum_value_is_found_by_its_names(enum: Any) -> None:
    for full, value in enum.items():
        short = _names.short_name(enum, value)
        assert short == short.lower()
        if value:
            for name in (short, short.upper(), short.replace("_", "-"), short.replace("_", " "), full, value):
                assert _names.number(enum, name, "field") == value


def test_unknown_enum_values_have_a_name_too() -> None:
    assert _names.words(safelight.Category, 4711) == "unknown 4711"


@given(st.text(st.characters()))
def test_any_text_goes_into_a_request_or_is_refused_as_invalid_unicode(text: str) -> None:
    def build() -> text_moderation_pb2.ModerateTextRequest:
        return _requests.moderate_text(text, thresholds=None, detectors=(), run_all_detectors=False)

    if any("\ud800" <= character <= "\udfff" for character in text):
        with pytest.raises(ValueError, match="lone surrogate"):
            build()
    else:
        assert build().text == text


@given(st.text(), st.sampled_from(list(safelight.Health)))
def test_health_messages_are_those_of_the_health_protocol(service: str, status: safelight.Health) -> None:
    """The stand-ins have the bytes of grpc.health.v1's messages."""
    theirs = health_pb2.HealthCheckRequest(service=service)
    assert wrappers_pb2.StringValue(value=service).SerializeToString() == theirs.SerializeToString()
    answer: Any = health_pb2.HealthCheckResponse(status=int(status))  # type: ignore[arg-type]
    assert wrappers_pb2.Int32Value.FromString(answer.SerializeToString()).value == status
    assert health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == status.name


def image(**fields: Any) -> safelight.GeneratedImage:
    values = {"image": b"pixels", "media_type": "image/jpeg", "seed": 7, "image_index": 1}
    return safelight.GeneratedImage.from_event(gateway_pb2.ImageProduced(**(values | fields)))


def test_saving_into_a_directory_never_replaces_a_file(tmp_path: Path) -> None:
    saved = [image().save(tmp_path), image().save(str(tmp_path)), image(media_type="../../x").save(tmp_path)]
    assert [path.name for path in saved] == ["safelight-7.jpg", "safelight-7-2.jpg", "safelight-7.bin"]
    assert {path.read_bytes() for path in saved} == {b"pixels"}
    assert {path.parent for path in saved} == {tmp_path}


def test_saving_to_a_file_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "dog.png"
    path.write_bytes(b"old")
    assert image().save(path) == path
    assert path.read_bytes() == b"pixels"


def test_saving_a_withheld_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image 1 was withheld"):
        image(image=b"").save(tmp_path)


def test_an_image_does_not_print_its_bytes() -> None:
    assert "pixels" not in repr(image())


BLOCKED = """
import importlib.abc, sys

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
{program}
"""

SERVER_SIDE = {"typer", "rich", "services", "grpc_health", "grpc_reflection", "pydantic", "structlog", "yaml", "numpy"}


def run_without(blocked: set[str], program: str) -> subprocess.CompletedProcess[str]:
    code = BLOCKED.format(blocked=blocked, program=program)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_the_client_needs_neither_the_command_lines_packages_nor_the_servers() -> None:
    done = run_without(SERVER_SIDE, "import safelight\nsafelight.Client().close()\nprint(safelight.__version__)")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_without_its_packages_says_what_to_install() -> None:
    for package in ("typer", "rich"):
        done = run_without({package}, "from safelight.cli import main\nmain()")
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "The safelight command needs a few more packages: pip install 'safelight[cli]'"
        ]


def test_the_command_line_needs_no_server_side_package() -> None:
    done = run_without(
        SERVER_SIDE - {"typer", "rich"},
        "import sys\nsys.argv = ['safelight', '--version']\nfrom safelight.cli import main\nmain()",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("safelight ")


def test_the_documentation_names_every_error_with_its_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "client.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([A-Z_]+) \|", text, re.MULTILINE))
    classes = [value for value in vars(safelight.errors).values() if isinstance(value, type)]
    errors = {each for each in classes if issubclass(each, safelight.SafelightError)} - {safelight.SafelightError}
    assert rows == {each.__name__: each.default_code.name for each in errors}
    assert {each.__name__ for each in errors} < set(safelight.__all__)
    assert all(each.__name__ in (safelight.errors.__doc__ or "") for each in errors)
