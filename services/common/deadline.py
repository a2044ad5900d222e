"""How long the call that is being served may still take, for code that is far from its context."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# By time.monotonic(). Worker threads see their caller's, because jobs run in its context (executor.py).
_ends: ContextVar[float | None] = ContextVar("safelight_deadline", default=None)


@contextmanager
def bound(seconds: float | None) -> Iterator[None]:
    """Everything within has to end within `seconds`; None for no limit."""
    ends = _ends.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(ends)


def remaining() -> float | None:
    """Seconds left, negative when time is over; None where there is no limit."""
    ends = _ends.get()
    return None if ends is None else ends - time.monotonic()
