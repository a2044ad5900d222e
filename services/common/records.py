"""What a piece of work tells beside its result: the calls it made to providers, and remarks on its subject."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from safelight.common.v1 import provider_usage_pb2


@dataclass
class Record:
    """What was told."""

    usage: list[provider_usage_pb2.ProviderUsage] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


_current: ContextVar[Record | None] = ContextVar("safelight_record", default=None)


@contextmanager
def recording() -> Iterator[Record]:
    """Collects what is told within, also in worker threads that run in this context."""
    record = Record()
    token = _current.set(record)
    try:
        yield record
    finally:
        _current.reset(token)


def used(usage: provider_usage_pb2.ProviderUsage) -> None:
    """Tells of a call to a provider. Without effect where nobody collects."""
    if (record := _current.get()) is not None:
        record.usage.append(usage)


def remark(text: str) -> None:
    """Tells something of the subject that is no finding. Without effect where nobody collects."""
    if (record := _current.get()) is not None and text not in record.remarks:
        record.remarks.append(text)
