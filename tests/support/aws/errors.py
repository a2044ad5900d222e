"""What the stand-in raises to answer with an error of AWS's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AwsError(Exception):
    """An error answer: `code` is the exception's name on the wire.

    `members` are those of the error's shape besides its message. `status` is the HTTP status for an error that the
    operation's model does not list, or lists without one; else the model's holds. `headers` are sent besides the usual.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = dict(headers or {})
        self.members = members
