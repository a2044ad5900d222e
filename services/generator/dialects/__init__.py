"""What models in the cloud take and give: a file for each kind, of pure functions. A request out, images in.

They know nothing of how a request travels: backends/ does that. What a model cannot do is either refused here, as
InvalidArgument on the field, or said in a notice; never dropped in silence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from safelight.common.v1 import category_pb2, image_format_pb2
from safelight.generator.v1 import generator_pb2 as pb
from services.generator.backends import Defaults

JSON = "application/json"


@dataclass(frozen=True)
class Asked:
    """One image that is to be made, in the contract's terms (generator.proto)."""

    prompt: str
    seed: int
    """0 to 2^32 - 1."""
    width: int
    height: int
    negative_prompt: str = ""
    steps: int = 0
    """0: the model's own."""
    guidance_scale: float | None = None
    """None: the model's own."""
    image_format: int = image_format_pb2.IMAGE_FORMAT_PNG


@dataclass(frozen=True)
class Options:
    """What an operator has set for the model."""

    pixels: bool = False
    """Ask for pixels in place of JPEG, where a container gives either."""
    most_response_bytes: int = 6 << 20
    """More than this an answer cannot have."""
    quality: str = "standard"
    """Of Amazon's models: "standard" or "premium"."""


@dataclass(frozen=True)
class Notice:
    """Something about the image will not be as it was asked for. See GenerationNotice in generator.proto."""

    reason: pb.NoticeReason.ValueType
    field: str
    message: str


@dataclass(frozen=True)
class Sent:
    """A request in the model's terms, for one image."""

    body: bytes
    seed: int
    """As the model gets it: see fitting.seed."""
    notices: tuple[Notice, ...] = ()
    content_type: str = JSON
    accept: str = JSON
    variant: str = ""
    """What the price of the image hangs on beside the model, such as "1024.standard"."""


@dataclass(frozen=True)
class Made:
    """An image as the model gave it."""

    image: bytes | Sequence[Sequence[Sequence[int]]]
    """A file, or rows of pixels of three values from 0 to 255."""
    seed: int | None = None
    """What the model says it was made from, if it does."""


@dataclass(frozen=True)
class Refused:
    """The provider keeps its image, or makes none, by rules of its own."""

    subject: pb.RefusalSubject.ValueType
    label: str
    """The provider's own word for why."""
    category: category_pb2.Category.ValueType = category_pb2.CATEGORY_PROVIDER_REFUSAL


@dataclass(frozen=True)
class Failed:
    """The model says that it failed, for no fault of the request."""


Item = Made | Refused | Failed


class Unreadable(ValueError):
    """An answer makes no sense. The message says what is wrong with it and quotes nothing of it."""


class Dialect(Protocol):
    """What each of these modules is."""

    DEFAULTS: Defaults
    """Of a request that leaves size or steps unset."""
    BLACK_IS_REFUSED: bool
    """Whether an image that is all black is what the model's safety checker puts in the place of another."""

    def request(self, asked: Asked, options: Options) -> Sent:
        """The request for one image. Raises InvalidArgument for what the model cannot do at all."""

    def images(self, body: bytes, content_type: str) -> list[Item]:
        """What an answer holds, one item for each image. Raises Unreadable."""


def encoded(payload: Mapping[str, Any]) -> bytes:
    """A JSON body; members that are None are left out."""
    given = {name: value for name, value in payload.items() if value is not None}
    return json.dumps(given, ensure_ascii=False).encode()


def decoded(body: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises Unreadable."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("is no JSON object")
    return value


def entries(answer: Mapping[str, Any], member: str) -> list[Any]:
    """A member that has to be a list. Raises Unreadable."""
    value = answer.get(member)
    if not isinstance(value, list):
        raise Unreadable(f"has no list {member}")
    return value
