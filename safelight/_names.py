"""Short names of enum values, as people write them: `sexual_explicit` for CATEGORY_SEXUAL_EXPLICIT."""

from __future__ import annotations

import difflib
import re
from typing import Any


def _prefix(enum: Any) -> str:
    """What all value names of an enum begin with: ImageFormat -> IMAGE_FORMAT_."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(enum.DESCRIPTOR.name)).upper() + "_"


def short_name(enum: Any, value: int) -> str:
    """`value`'s name without the enum's prefix, in lower case; its number where this version does not know it."""
    try:
        return str(enum.Name(value)).removeprefix(_prefix(enum)).lower()
    except ValueError:
        return f"unknown_{value}"


def words(enum: Any, value: int) -> str:
    """Like short_name(), with spaces: for people to read."""
    return short_name(enum, value).replace("_", " ")


def names(enum: Any) -> list[str]:
    """The short names of all values that may be sent, which leaves out UNSPECIFIED."""
    return [short_name(enum, value) for value in enum.values() if value]


def number(enum: Any, name: str | int, field: str) -> Any:
    """The value that `name` stands for: a short name or a full one in any case, with "-", " " or "_", or the value.

    Raises ValueError, which names `field`, when the enum has no such value.
    """
    if isinstance(name, int):
        if not name or name in enum.values():
            return name
        raise ValueError(f"{field}: has no value {name}; it has 0 to {max(enum.values())}")
    key = re.sub(r"[\s-]", "_", name.strip()).upper().removeprefix(_prefix(enum))
    known = names(enum)
    if key.lower() not in known:
        close = difflib.get_close_matches(key.lower(), known, n=3) or known
        raise ValueError(f"{field}: must be one of {', '.join(close)}; has {len(name)} characters")
    return enum.Value(_prefix(enum) + key)
