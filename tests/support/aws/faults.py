"""Ways in which a service can fail, for `AwsStandIn.misbehave`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Gate:
    """Holds whoever comes to it until a test opens it, or the stand-in closes. Nothing here sleeps."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._reached = threading.Event()

    def open(self) -> None:
        """Lets all through, those to come too."""
        self._opened.set()

    def wait_until_reached(self, timeout: float = 30) -> None:
        """Returns once somebody stands at the gate. Raises TimeoutError after `timeout` seconds."""
        if not self._reached.wait(timeout):
            raise TimeoutError("nobody came to the gate")

    def reach(self) -> None:
        """Comes to it, without waiting."""
        self._reached.set()

    def pass_through(self) -> None:
        """Comes to it and waits until it is open."""
        self.reach()
        self._opened.wait()


@dataclass(frozen=True)
class Error:
    """An error by its name: one that the operation's model lists, or one that any operation of AWS may answer with.

    The HTTP status is the model's, or the usual one of a common error, unless `status` says another. `members` are
    those of the error's shape besides the message; the model must have them. `headers` are sent besides the usual, such
    as {"Retry-After": "7"}.
    """

    code: str
    message: str = "told to fail"
    status: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HtmlError:
    """What a load balancer in front of a service answers with: a status and a page."""

    status: int = 503


@dataclass(frozen=True)
class Slow:
    """The right answer, once the gate is open."""

    gate: Gate


@dataclass(frozen=True)
class Hang:
    """No answer until the client leaves or the stand-in closes. The gate lets nobody through; it tells of a call."""

    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True)
class Reset:
    """The connection is reset (RST) after the request was read."""


@dataclass(frozen=True)
class Drip:
    """The right answer, byte by byte: never silent for long, and never done."""

    every_s: float = 0.05


@dataclass(frozen=True)
class HalfBody:
    """The right answer's headers and the first half of its body, then the connection ends."""


@dataclass(frozen=True)
class Garbage:
    """200 and a body that is neither JSON nor CBOR nor text, nor a picture."""

    body: bytes = b"\xff\xfe\x00 not an answer \xff"


@dataclass(frozen=True)
class WrongShape:
    """200 and a well-formed body that has none of the members it should have."""


@dataclass(frozen=True)
class EmptyBody:
    """200 and no body."""


@dataclass(frozen=True)
class Answers:
    """Not a fault: the answer that the test gives, in place of the stand-in's own. It must fit the output model.

    A function gets the operation's parameters.
    """

    result: Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]]


Fault = Error | HtmlError | Slow | Hang | Drip | Reset | HalfBody | Garbage | WrongShape | EmptyBody | Answers
