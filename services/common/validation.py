"""Checks of request fields: each adds to a list, and all that are wrong are reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from safelight.common.v1 import category_pb2, finding_pb2
from services.common.errors import FieldViolation, InvalidArgument


class _EnumType(Protocol):
    def keys(self) -> Iterable[str]: ...
    def values(self) -> Iterable[int]: ...


# A status travels in the trailing metadata, of which gRPC clients take 8 KiB by default.
MOST_REPORTED = 20


class Violations:
    """Collects what is wrong with a request's fields. `raise_if_any()` at the end."""

    def __init__(self) -> None:
        """Starts empty."""
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Notes that `field` (a proto path) is wrong, and why: the limit and the value's size, never the value."""
        self._found.append(FieldViolation(field, description))

    def text(self, field: str, value: str, *, most: int, required: bool = False) -> None:
        """Length in code points, and something other than white space where the field is required."""
        if required and not value.strip():
            self.add(field, "must be set and hold more than white space" if value else "must be set")
        elif len(value) > most:
            self.add(field, f"must have at most {most:,} characters; has {len(value):,}")

    def number(self, field: str, value: float, *, least: float, most: float, multiple_of: int | None = None) -> None:
        """Range, both ends included; not a number is out of any range."""
        if not least <= value <= most:
            self.add(field, f"must be between {least:g} and {most:g}; is {value:g}")
        elif multiple_of and value % multiple_of:
            self.add(field, f"must be a multiple of {multiple_of}; is {value:g}")

    def enum(self, field: str, value: int, kind: _EnumType) -> None:
        """A value that the enum has; unset is one of them."""
        if value not in kind.values():
            self.add(field, f"has no value {value}; it has 0 to {max(kind.values())}")

    def names(self, field: str, values: Iterable[str], known: Collection[str]) -> None:
        """Names that must be among the known ones."""
        for index, name in enumerate(values):
            if name not in known:
                self.add(f"{field}[{index}]", f"must be one of {', '.join(sorted(known))}; has {len(name)} characters")

    def thresholds(self, field: str, values: Iterable[finding_pb2.CategoryThreshold]) -> None:
        """A list of CategoryThreshold: known categories, each once, thresholds from 0 to 1."""
        seen: set[int] = set()
        for index, item in enumerate(values):
            path = f"{field}[{index}]"
            if item.category == category_pb2.CATEGORY_UNSPECIFIED:
                self.add(f"{path}.category", "must be set")
            else:
                self.enum(f"{path}.category", item.category, category_pb2.Category)
            if item.category in seen:
                self.add(f"{path}.category", "is listed twice")
            seen.add(item.category)
            self.number(f"{path}.threshold", item.threshold, least=0, most=1)
            if item.ignored and item.threshold:
                self.add(f"{path}.threshold", "must be 0 when ignored is true")

    def raise_if_any(self) -> None:
        """Raises InvalidArgument with everything found, if anything was; after the first 20 only their number."""
        if len(self._found) > MOST_REPORTED:
            last, more = self._found[MOST_REPORTED - 1], len(self._found) - MOST_REPORTED
            counted = FieldViolation(last.field, f"{last.description}; {more:,} more violations are not listed")
            raise InvalidArgument([*self._found[: MOST_REPORTED - 1], counted])
        if self._found:
            raise InvalidArgument(self._found)
