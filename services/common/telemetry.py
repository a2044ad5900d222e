"""Logs, request ids and trace context.

Every log line of a call carries `request_id` and `trace_id`, in every service that the call passes through. The request
id comes from the caller's `x-request-id` metadata or is made here; the trace context is W3C's `traceparent`
(https://www.w3.org/TR/trace-context/), continued from the caller's or begun here. Prompts are not logged.
"""

from __future__ import annotations

import json
import logging
import random
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

import structlog

REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
TRACESTATE_KEY = "tracestate"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True)
class CallContext:
    """Who a call belongs to: its request id and its place in a trace. Ids are lower-case hexadecimal."""

    request_id: str
    trace_id: str
    span_id: str
    trace_flags: str = "00"
    tracestate: str = ""

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The gRPC metadata that carries this context to the next service."""
        pairs = [
            (REQUEST_ID_KEY, self.request_id),
            (TRACEPARENT_KEY, f"00-{self.trace_id}-{self.span_id}-{self.trace_flags}"),
        ]
        if self.tracestate:
            pairs.append((TRACESTATE_KEY, self.tracestate))
        return tuple(pairs)


_current: ContextVar[CallContext | None] = ContextVar("safelight_call", default=None)
# What every log line of the current call carries. One variable, because structlog's own take one for each field.
_fields: ContextVar[Mapping[str, str]] = ContextVar("safelight_log_fields", default={})  # noqa: B039 # never changed


def current_call() -> CallContext | None:
    """The context of the call that is being served, or None outside of one."""
    return _current.get()


def outgoing_metadata() -> tuple[tuple[str, str], ...]:
    """The metadata for a call that is made while serving another; empty outside of one."""
    call = _current.get()
    return call.metadata() if call else ()


def continue_call(metadata: Any) -> CallContext:
    """The context of a call that arrived with this metadata (pairs of key and value). What is malformed is replaced."""
    values = {key: value for key, value in metadata or () if isinstance(value, str)}
    request_id = values.get(REQUEST_ID_KEY, "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = _new_id(128)
    tracestate = values.get(TRACESTATE_KEY, "")
    # W3C asks for room for 512 characters; far more would not fit into the metadata of the calls made onwards.
    if len(tracestate) > 512:
        tracestate = ""
    match = _TRACEPARENT.fullmatch(values.get(TRACEPARENT_KEY, ""))
    # Version ff and all-zero ids are invalid; a version above 00 may carry more fields, which are ignored.
    if (
        match is None
        or match[1] == "ff"
        or not int(match[2], 16)
        or not int(match[3], 16)
        or (match[1] == "00" and match[5])
    ):
        return CallContext(request_id, _new_id(128), _new_id(64))
    return CallContext(request_id, match[2], _new_id(64), trace_flags=match[4], tracestate=tracestate)


# Of its own, so that nobody's random.seed() makes ids repeat.
_random = random.Random()


def _new_id(bits: int) -> str:
    # Unique, not secret; all zeros would be invalid.
    return f"{_random.getrandbits(bits) or 1:0{bits // 4}x}"


@contextmanager
def bound(call: CallContext, **fields: str) -> Iterator[None]:
    """Makes `call` the current one and puts its ids and `fields` on every log line within."""
    current = _current.set(call)
    bound_fields = _fields.set({**_fields.get(), "request_id": call.request_id, "trace_id": call.trace_id, **fields})
    try:
        yield
    finally:
        _fields.reset(bound_fields)
        _current.reset(current)


def _add_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**_fields.get(), **event}


# Made once: json.dumps with a default makes a new encoder for each line.
_to_json = json.JSONEncoder(default=repr).encode


def _render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return _to_json(event)


class _Stderr:
    """Where lines end up. Looked up at each line, so that tests may swap sys.stderr."""

    def msg(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = msg


def configure_logging(
    level: Literal["debug", "info", "warning", "error"] = "info", style: Literal["auto", "json", "console"] = "auto"
) -> None:
    """Sends structlog's and the standard library's log lines to stderr, as JSON unless that is a terminal."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        _add_fields,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Tracebacks without the values of variables, which may be prompts.
    tracebacks = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    renderer: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [tracebacks, _render_json]
    )
    structlog.configure(
        processors=shared + renderer,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)


def logger(name: str) -> Any:
    """A structlog logger whose lines carry `component=name`."""
    return structlog.get_logger(component=name)
