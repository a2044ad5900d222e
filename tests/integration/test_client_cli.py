"""The `safelight` command against a real gRPC server on loopback."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from grpc_health.v1 import health_pb2
from typer.testing import CliRunner, Result

from safelight._commands import app
from safelight.gateway.v1 import gateway_pb2 as pb
from services.common import errors as domain
from tests.support import scripted_gateway as scripted
from tests.support.scripted_gateway import PIXELS, ScriptedGateway


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are saved in a folder of the test's own, and the caller's variables are out of the way."""
    monkeypatch.chdir(tmp_path)
    colours = {"FORCE_COLOR", "NO_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"}
    for variable in [name for name in os.environ if name.startswith("SAFELIGHT_") or name in colours]:
        monkeypatch.delenv(variable)


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    with scripted.serving() as gateway:
        yield gateway


def run(gateway: ScriptedGateway, *arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["--target", gateway.target, *arguments], input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_generate_shows_each_step_saves_the_images_and_exits_0(gateway: ScriptedGateway, tmp_path: Path) -> None:
    result = run(gateway, "generate", "A dog", "--out", "out/new")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/new/safelight-40.png").read_bytes() == PIXELS
    assert (tmp_path / "out/new/safelight-41.png").read_bytes() == PIXELS
    assert "Delivered, blurred" in result.stdout
    assert "safelight-41.png" in result.stdout
    assert "moderation 25% of it" in result.stdout


def test_generate_sends_every_option(gateway: ScriptedGateway) -> None:
    options = "--negative cats --width 640 --height 480 --steps 20 --guidance 7.5 --seed 0 --count 2 --format jpeg"
    result = run(gateway, "generate", "A dog", *options.split(), "--policy", "strict", "--dry-run")
    assert result.exit_code == 0, result.output
    (request,) = gateway.requests
    assert json_format.MessageToDict(request) == {
        "prompt": "A dog",
        "negativePrompt": "cats",
        "width": 640,
        "height": 480,
        "steps": 20,
        "guidanceScale": 7.5,
        "seed": 0,
        "count": 2,
        "outputFormat": "IMAGE_FORMAT_JPEG",
        "policy": "strict",
        "dryRun": True,
    }


def test_generate_reads_the_prompt_from_stdin(gateway: ScriptedGateway) -> None:
    assert run(gateway, "generate", "-", "--dry-run", stdin="Ein Hündchen\n".encode()).exit_code == 0
    assert gateway.requests[0].prompt == "Ein Hündchen"


def test_stdin_that_is_not_utf8_is_refused(gateway: ScriptedGateway) -> None:
    result = run(gateway, "moderate-text", "-", stdin=b"ab\xff")
    assert result.exit_code == 2
    assert "stdin: must be UTF-8; has an invalid byte at 2 of 3" in result.stderr


def test_json_is_one_event_a_line_with_files_in_place_of_bytes(gateway: ScriptedGateway, tmp_path: Path) -> None:
    result = run(gateway, "generate", "A dog", "--json")
    assert result.exit_code == 0, result.output
    events = lines(result)
    assert [event["sequence"] for event in events] == list(range(1, 12))
    images = [event["imageProduced"] for event in events if "imageProduced" in event]
    assert [(image["imageIndex"], image["file"], image["imageSize"]) for image in images] == [
        (1, "safelight-41.png", len(PIXELS)),
        (0, "safelight-40.png", len(PIXELS)),
    ]
    assert all("image" not in image for image in images)
    assert events[1]["stageFinished"]["flagged"] is False
    assert events[-1]["completed"]["outcome"] == "OUTCOME_DELIVERED_BLURRED"
    assert (tmp_path / "safelight-40.png").read_bytes() == PIXELS


def test_json_images_are_base64_that_protobuf_reads_back_and_leave_no_file(
    gateway: ScriptedGateway, tmp_path: Path
) -> None:
    result = run(gateway, "generate", "A dog", "--json-images")
    assert result.exit_code == 0, result.output
    events = [json_format.ParseDict(line, pb.GenerateImagesResponse()) for line in lines(result)]
    assert [event.image_produced.image for event in events if event.HasField("image_produced")] == [PIXELS, PIXELS]
    assert base64.b64encode(PIXELS).decode() in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_rejected_prompt_exits_3(gateway: ScriptedGateway) -> None:
    gateway.script = scripted.rejects
    result = run(gateway, "generate", "A b4d dog")
    assert result.exit_code == 3
    assert "flagged: insult 0.90 (terms)" in result.stdout
    assert "Prompt rejected" in result.stdout


def test_withheld_images_exit_3_and_leave_no_file(gateway: ScriptedGateway, tmp_path: Path) -> None:
    gateway.script = scripted.withholds
    assert run(gateway, "generate", "A dog").exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_dry_run_prints_the_plan_and_exits_0(gateway: ScriptedGateway) -> None:
    gateway.script = scripted.plans
    result = run(gateway, "generate", "A dog", "--dry-run", "--out", "never-made")
    assert result.exit_code == 0, result.output
    assert "Dry run" in result.stdout
    assert not Path("never-made").exists()


def test_shared_options_may_follow_the_command(gateway: ScriptedGateway) -> None:
    arguments = ["--target", "nowhere:1", "policies", "--target", gateway.target, "--api-key", "key-1", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert lines(result)[0]["defaultPolicy"] == "standard"
    assert gateway.metadata[0]["authorization"] == "Bearer key-1"


def test_shared_options_come_from_the_environment(gateway: ScriptedGateway) -> None:
    environment = {"SAFELIGHT_TARGET": gateway.target, "SAFELIGHT_API_KEY": "key-2"}
    result = CliRunner().invoke(app, ["policies"], env=environment)
    assert result.exit_code == 0, result.output
    assert gateway.metadata[0]["authorization"] == "Bearer key-2"


def test_moderate_text_says_what_is_flagged_and_where_and_exits_3(gateway: ScriptedGateway) -> None:
    result = run(gateway, "moderate-text", "a b4d! word", "--threshold", "insult=0.5", "--detector", "terms")
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        "flagged",
        "  insult  0.90 >= 0.50  terms: insult-7  characters 2 to 6  (leetspeak)",
        "detectors  terms 2 ms, classifier skipped (already flagged)",
    ]
    (request,) = gateway.requests
    assert (request.thresholds[0].threshold, request.detectors) == (0.5, ["terms"])


def test_moderate_text_underlines_on_a_terminal(gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    result = run(gateway, "moderate-text", "a b4d! word")
    assert result.exit_code == 3
    assert "a \x1b[1;4;31mb4d!\x1b[0m word" in result.stdout


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_moderate_text_points_with_carets_where_there_is_no_colour(
    gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run(gateway, "moderate-text", "a b4d! word")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).splitlines()
    assert shown[1:3] == ["a b4d! word", "  ^^^^"]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", result.stdout)


def test_moderate_text_names_the_term_where_the_service_does(gateway: ScriptedGateway) -> None:
    gateway.term = "b\x1bad"
    result = run(gateway, "moderate-text", "a b4d! word")
    assert '  terms: insult-7 "b\ufffdad"  characters 2 to 6  (leetspeak)' in result.stdout


def test_moderate_text_of_a_clean_text_exits_0(gateway: ScriptedGateway) -> None:
    gateway.flags = False
    result = run(gateway, "moderate-text", "a word", "--json")
    assert result.exit_code == 0
    assert lines(result)[0]["flagged"] is False


def test_moderate_image_saves_the_redacted_copy(gateway: ScriptedGateway, tmp_path: Path) -> None:
    (tmp_path / "beach.png").write_bytes(PIXELS)
    result = run(gateway, "moderate-image", "beach.png", "--redact", "blur-regions")
    assert result.exit_code == 3, result.output
    assert "nudity  0.75 >= 0.50  nudenet: BREAST_EXPOSED  left 0.25, top 0.50" in result.stdout
    assert "beach-redacted.jpg" in result.stdout
    assert (tmp_path / "beach-redacted.jpg").read_bytes() == b"blurred"


def test_moderate_image_from_stdin_into_a_named_file_as_json(gateway: ScriptedGateway, tmp_path: Path) -> None:
    arguments = ("moderate-image", "-", "--redact", "blur-image", "--out", "copy.jpg", "--json")
    result = run(gateway, *arguments, stdin=PIXELS)
    assert result.exit_code == 3, result.output
    (message,) = lines(result)
    assert (message["deliveryCopy"]["file"], message["deliveryCopy"]["imageSize"]) == ("copy.jpg", 7)
    assert gateway.requests[0].image == PIXELS
    assert (tmp_path / "copy.jpg").read_bytes() == b"blurred"


def test_moderate_image_in_s3(gateway: ScriptedGateway) -> None:
    """Its address is passed on; nothing is said of a size that nobody has seen."""
    result = run(gateway, "moderate-image", "s3://bucket/beach.png")
    assert result.exit_code == 3, result.output
    assert (gateway.requests[0].s3_object.bucket, gateway.requests[0].s3_object.key) == ("bucket", "beach.png")


def test_policies_say_what_each_does(gateway: ScriptedGateway) -> None:
    result = run(gateway, "policies")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "standard 1  (default)  For most uses.",
        "  unsafe prompt: reject",
        "  unsafe image: regenerate (new seed), then regenerate (add negative prompts), then blur",
        "  no answer from text moderation: fail closed",
    ]


def test_health_exits_0_when_serving_and_4_when_not(gateway: ScriptedGateway) -> None:
    assert run(gateway, "health").stdout.startswith("serving")
    gateway.health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    result = run(gateway, "health", "--json")
    assert (result.exit_code, lines(result)) == (4, [{"status": "NOT_SERVING"}])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (domain.InvalidArgument([domain.FieldViolation("width", "must be even")]), 2),
        (domain.PolicyUnknown([domain.FieldViolation("policy", "no such policy")]), 2),
        (domain.CredentialsInvalid("who?"), 1),
        (domain.Overloaded("full", retry_after=3), 1),
        (domain.UpstreamUnavailable("down", metadata={"stage": "generation"}), 4),
        (domain.DeadlineExceeded("late", metadata={"stage": "generation"}), 5),
        (domain.Unexpected("oops", metadata={"error_id": "0f3c"}), 1),
    ],
)
@pytest.mark.parametrize("arguments", [("generate", "A dog"), ("moderate-text", "A dog"), ("policies",)])
def test_errors_have_their_exit_status_and_no_stack_trace(
    gateway: ScriptedGateway, error: domain.SafelightError, status: int, arguments: tuple[str, ...]
) -> None:
    gateway.error = error
    result = run(gateway, *arguments)
    assert result.exit_code == status
    assert "Traceback" not in result.output
    facts = [error.code.name, *error.metadata.get("stage", "").split()]
    facts += [v.field for v in getattr(error, "violations", ())] or [error.message]
    facts += ["try again after 3 s"] if error.retry_after == 3 else []
    assert [fact for fact in facts if fact not in result.stderr] == []


def test_an_error_is_the_last_line_of_json(gateway: ScriptedGateway) -> None:
    gateway.error = domain.Overloaded("full", metadata={"stage": "generation"}, retry_after=3)
    result = run(gateway, "--json", "generate", "A dog")
    assert result.exit_code == 1
    error = lines(result)[-1]["error"]
    assert (error["code"], error["reason"], error["retryAfterSeconds"]) == ("RESOURCE_EXHAUSTED", "OVERLOADED", 3)
    assert error["metadata"] == {"stage": "generation"}


def test_a_timeout_exits_5(gateway: ScriptedGateway) -> None:
    gateway.script = gateway.hangs
    assert run(gateway, "generate", "A dog", "--timeout", "0.2").exit_code == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate",),
        ("generate", "A dog", "--width", "-5"),
        ("generate", "A dog", "--format", "bmp"),
        ("generate", "A dog", "--timeout", "-1"),
        ("moderate-text", "A dog", "--threshold", "insolt=0.5"),
        ("moderate-image", "no-such-file.png"),
        ("--tls-ca", "no-such-file.pem", "health"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_exits_2(gateway: ScriptedGateway, arguments: tuple[str, ...]) -> None:
    result = run(gateway, *arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert gateway.requests == []


def test_an_image_that_cannot_be_saved_exits_1(gateway: ScriptedGateway, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(gateway, "generate", "A dog", "--out", "file/below")
    assert result.exit_code == 1
    assert "Not a directory" in result.stderr


def test_help_lists_the_exit_statuses_and_completion() -> None:
    text = re.sub(r"\x1b\[[0-9;]*m", "", CliRunner().invoke(app, ["--help"]).stdout)
    for status in (0, 1, 2, 3, 4, 5, 130):
        assert f"{status}: " in text
    assert "--install-completion" in text


@pytest.fixture
def command() -> list[str]:
    return [sys.executable, "-m", "safelight"]


@pytest.fixture
def environment() -> dict[str, str]:
    """For a child process, which finds the package where this one does."""
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


def test_nothing_at_the_target_exits_4_and_says_what_to_do(command: list[str], environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [*command, "generate", "A dog", "--target", target],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 4
    assert f"cannot reach the gateway at {target}" in done.stderr
    assert "make serve" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_cancels_the_call_and_exits_130(
    gateway: ScriptedGateway, command: list[str], environment: dict[str, str]
) -> None:
    gateway.script = gateway.hangs
    process = subprocess.Popen(
        [*command, "generate", "A dog", "--json", "--target", gateway.target],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "stageStarted" in process.stdout.readline()
    assert "imageProduced" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "interrupted: the call was cancelled\n"
    assert gateway.cancelled.wait(30)


def test_a_reader_that_leaves_ends_the_command_without_a_word(
    gateway: ScriptedGateway, command: list[str], environment: dict[str, str]
) -> None:
    def endless(request: Any, context: Any) -> Iterator[dict[str, Any]]:
        while context.is_active():
            yield scripted.started(pb.STAGE_GENERATION, attempt=1)

    gateway.script = endless
    process = subprocess.Popen(
        [*command, "generate", "A dog", "--json", "--target", gateway.target],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 1
    assert gateway.cancelled.wait(30)


def test_shell_completion_completes_commands(command: list[str], environment: dict[str, str]) -> None:
    words = {"_SAFELIGHT_COMPLETE": "complete_bash", "COMP_WORDS": "safelight mod", "COMP_CWORD": "1"}
    done = subprocess.run(command, env=environment | words, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["moderate-text", "moderate-image"]
