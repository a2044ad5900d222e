"""Request ids and trace context: what is taken from a caller, what is made anew, and what is passed on."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import pytest
import structlog

from services.common import telemetry
from services.common.telemetry import CallContext, bound, continue_call, current_call, outgoing_metadata

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
HEX = re.compile(r"[0-9a-f]+")


def test_a_trace_is_continued():
    """The caller's trace id and flags, under a span id of our own."""
    call = continue_call((("traceparent", VALID), ("tracestate", "vendor=1"), ("x-request-id", "abc-1.2_3")))
    assert (call.request_id, call.trace_id, call.trace_flags, call.tracestate) == ("abc-1.2_3", TRACE, "01", "vendor=1")
    assert call.span_id != SPAN
    assert len(call.span_id) == 16
    assert dict(call.metadata()) == {
        "x-request-id": "abc-1.2_3",
        "traceparent": f"00-{TRACE}-{call.span_id}-01",
        "tracestate": "vendor=1",
    }


@pytest.mark.parametrize("value", [f"01-{TRACE}-{SPAN}-01", f"fe-{TRACE}-{SPAN}-01-what-comes-later"])
def test_a_later_version_is_read_as_far_as_it_is_known(value: str):
    call = continue_call((("traceparent", value),))
    assert call.trace_id == TRACE
    assert dict(call.metadata())["traceparent"].startswith("00-")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"01-{TRACE}-{SPAN}-01more",
        f" {VALID}",
        f"{VALID} ",
        f"{VALID}\n",
        f"00-{TRACE}-{SPAN}",
        f"0-{TRACE}-{SPAN}-01",
    ],
)
def test_an_invalid_trace_is_begun_anew(value: str):
    """Per https://www.w3.org/TR/trace-context/, without the tracestate that belonged to it."""
    call = continue_call((("traceparent", value), ("tracestate", "vendor=1")))
    assert call.trace_id != TRACE
    assert len(call.trace_id) == 32
    assert HEX.fullmatch(call.trace_id)
    assert call.tracestate == ""


@pytest.mark.parametrize("value", ["", "a b", "a\nb", "x" * 129, "ä", '"quoted"', "../etc"])
def test_a_request_id_that_is_malformed_is_replaced(value: str):
    call = continue_call((("x-request-id", value),))
    assert call.request_id != value
    assert re.fullmatch(r"[0-9a-f]{32}", call.request_id)


@pytest.mark.parametrize("value", ["a", "x" * 128, "0f3c-9A.5_1"])
def test_a_request_id_that_is_well_formed_is_kept(value: str):
    assert continue_call((("x-request-id", value),)).request_id == value


def test_binary_metadata_and_none_at_all_do_no_harm():
    assert continue_call((("traceparent", VALID.encode()), ("x-request-id", b"a"))).trace_id != TRACE
    assert continue_call(None).request_id


def test_a_tracestate_too_long_to_pass_on_is_dropped():
    """Metadata has a limit: a caller's tracestate must not make the calls to upstreams fail."""
    call = continue_call((("traceparent", VALID), ("tracestate", "v=" + "x" * 7000)))
    assert call.trace_id == TRACE
    assert sum(len(key) + len(value) for key, value in call.metadata()) < 2000
    kept = "v=" + "x" * 510
    assert continue_call((("traceparent", VALID), ("tracestate", kept))).tracestate == kept


def test_no_context_outside_of_a_call():
    assert current_call() is None
    assert outgoing_metadata() == ()


async def test_the_context_is_each_calls_own_and_reaches_its_tasks():
    """Two calls at once do not see each other's ids; a task started within one does."""

    async def serve(name: str, barrier: asyncio.Barrier) -> None:
        with bound(CallContext(name, TRACE, SPAN)):
            await barrier.wait()
            assert dict(outgoing_metadata())["x-request-id"] == name
            seen = await asyncio.create_task(asyncio.to_thread(outgoing_metadata))
            assert dict(seen)["x-request-id"] == name

    barrier = asyncio.Barrier(2)
    await asyncio.gather(serve("one", barrier), serve("two", barrier))
    assert current_call() is None


def test_log_lines_carry_the_calls_ids(capsys: Any):
    """As JSON, with the ids and fields of the call, and nothing of them afterwards."""
    before = structlog.get_config()
    try:
        telemetry.configure_logging("info", "json")
        log = telemetry.logger("test")
        with bound(CallContext("r1", TRACE, SPAN), service="gateway"):
            log.info("inside", n=1)
            log.debug("below the level")
        log.info("outside")
    finally:
        structlog.configure(**before)
    inside, outside = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (inside["event"], inside["component"], inside["level"]) == ("inside", "test", "info")
    assert (inside["request_id"], inside["trace_id"], inside["service"]) == ("r1", TRACE, "gateway")
    assert "timestamp" in inside
    assert "request_id" not in outside


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_logged_traceback_shows_no_values_of_variables(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A local variable may be a prompt."""
    telemetry.configure_logging("info", style)  # type: ignore[arg-type]
    prompt = "marker" + "word"
    try:
        raise ValueError(len(prompt))
    except ValueError:
        logging.getLogger("somebody").exception("it went wrong")
    shown = capsys.readouterr().err
    assert "it went wrong" in shown
    assert "ValueError" in shown
    assert "markerword" not in shown
