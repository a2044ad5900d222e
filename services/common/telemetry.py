"""Logs, request ids and trace context.

Every log line of a call carries `request_id` and `trace_id`, in every service that the call passes through. The request
id comes from the caller's `x-request-id` metadata or is made here; the trace context is W3C's `traceparent`
(https://www.w3.org/TR/trace-context/), continued from the caller's or begun here. Prompts are not logged.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterator
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
        request_id = secrets.token_hex(16)
    match = _TRACEPARENT.fullmatch(values.get(TRACEPARENT_KEY, ""))
    # Version ff and all-zero ids are invalid; a version above 00 may carry more fields, which are ignored.
    if (
        match is None
        or match[1] == "ff"
        or not int(match[2], 16)
        or not int(match[3], 16)
        or (match[1] == "00" and match[5])
    ):
        return CallContext(request_id, secrets.token_hex(16), secrets.token_hex(8))
    return CallContext(
        request_id, match[2], secrets.token_hex(8), trace_flags=match[4], tracestate=values.get(TRACESTATE_KEY, "")
    )


@contextmanager
def bound(call: CallContext, **fields: str) -> Iterator[None]:
    """Makes `call` the current one and puts its ids and `fields` on every log line within."""
    token = _current.set(call)
    with structlog.contextvars.bound_contextvars(request_id=call.request_id, trace_id=call.trace_id, **fields):
        try:
            yield
        finally:
            _current.reset(token)


def configure_logging(
    level: Literal["debug", "info", "warning", "error"] = "info", style: Literal["auto", "json", "console"] = "auto"
) -> None:
    """Sends structlog's and the standard library's log lines to stderr, as JSON unless that is a terminal."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Any] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(sort_keys=False)]
    )
    structlog.configure(
        processors=shared + renderer,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        # Looked up at each line, so that tests and terminals may swap sys.stderr.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
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
