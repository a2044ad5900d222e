"""botocore's service models: the operations that the stand-in plays, and what their shapes demand.

The models are the only source of field names, types and limits here. Nothing in these tests restates them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

import botocore.loaders
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

_lock = threading.RLock()
_Made = TypeVar("_Made")

# The member that carries an error's name in a body. No model lists it.
TYPE = "__type"
_MESSAGE = "message"
_TEXT = "StandInText"


def _once(make: Callable[..., _Made]) -> Callable[..., _Made]:
    """Like lru_cache, but made by one thread only: a model takes long to read and threads ask for it together."""
    cached = lru_cache(maxsize=None)(make)

    def get(*key: Any) -> _Made:
        with _lock:
            return cached(*key)

    return get


@_once
def _loader() -> botocore.loaders.Loader:
    return botocore.loaders.Loader()


@_once
def service(name: str) -> ServiceModel:
    """The model of a service by its boto3 name, such as "bedrock-runtime"."""
    description = dict(_loader().load_service_model(name, "service-2"))
    description["shapes"] = {**description["shapes"], _TEXT: {"type": "string"}}
    return ServiceModel(description, name)


@_once
def operation(service_name: str, name: str) -> OperationModel:
    """The model of an operation; raises botocore's OperationNotFoundError."""
    return service(service_name).operation_model(name)


@_once
def answering(service_name: str, name: str) -> OperationModel:
    """An operation whose input is what `name` answers with.

    botocore can only write requests. Given this, it writes an answer by the same rules, because AWS's protocols write
    both alike: the same members in the body, in headers, or as the whole payload.
    """
    return _writing(service_name, name, operation(service_name, name).output_shape.name)


@_once
def refusing(service_name: str, name: str, shape: str | None) -> OperationModel:
    """The same for an error: the members of its shape, if any is modeled, its name, and a message in any case."""
    model = service(service_name)
    with _lock:
        description = model._service_description
        modeled = description["shapes"].get(shape, {}) if shape else {}
        members = {**modeled.get("members", {}), TYPE: {"shape": _TEXT}}
        if not message_member(list(modeled.get("members", {}))):
            members[_MESSAGE] = {"shape": _TEXT}
        wire = f"StandInError{name}{shape}"
        shapes = {**description["shapes"], wire: {"type": "structure", "members": members}}
        extended = ServiceModel({**description, "shapes": shapes}, service_name)
    return OperationModel({"name": name, "http": {"requestUri": "/"}, "input": {"shape": wire}}, extended, name)


def message_member(members: list[str]) -> str | None:
    """How an error's shape spells its message: "message", "Message", or None."""
    return next((member for member in members if member.lower() == _MESSAGE), None)


def _writing(service_name: str, name: str, shape: str) -> OperationModel:
    description = {"name": name, "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": shape}}
    return OperationModel(description, service(service_name), name)


def error_shape(service_name: str, operation_name: str, code: str) -> Shape | None:
    """The shape of the operation's error of that name, or None where its model lists none such."""
    for shape in operation(service_name, operation_name).error_shapes:
        if code in (shape.name, shape.error_code):
            return cast("Shape", shape)
    return None


def faults_in(value: Any, shape: Shape) -> list[str]:
    """Everything about a value that its shape does not allow, as sentences; [] when it fits.

    Types and required members are judged by botocore's own validator. That one knows no patterns, enumerations and
    upper limits, and as a client it has no say over members it does not know: those are judged here.
    """
    report = ParamValidator().validate(value, shape).generate_report()
    return [*report.splitlines(), *_limits(value, shape, "")]


def unknown_members(raw: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """The paths of members in a decoded body (wire names) that the shape does not have."""
    if shape.type_name == "structure" and isinstance(raw, dict) and not shape.is_document_type:
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, value in raw.items():
            if name in names:
                yield from unknown_members(value, names[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif shape.type_name == "list" and isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from unknown_members(value, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map" and isinstance(raw, dict):
        for key, value in raw.items():
            yield from unknown_members(value, shape.value, f"{path}.{key}")


def _limits(value: Any, shape: Shape, path: str) -> Iterator[str]:
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            for name, member in value.items():
                if name in shape.members and member is not None:
                    yield from _limits(member, shape.members[name], f"{path}.{name}")
        case "list" if isinstance(value, list | tuple):
            yield from _length(len(value), shape, path)
            for index, member in enumerate(value):
                yield from _limits(member, shape.member, f"{path}[{index}]")
        case "map" if isinstance(value, dict):
            for key, member in value.items():
                yield from _limits(key, shape.key, f"{path}[{key}]")
                yield from _limits(member, shape.value, f"{path}[{key}]")
        case "string" if isinstance(value, str):
            yield from _length(len(value), shape, path)
            if shape.enum and value not in shape.enum:
                yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"
            pattern = shape.metadata.get("pattern")
            if pattern and not _pattern(pattern).fullmatch(value):
                yield f"{path}: {value!r} does not match {pattern}"
        case "blob" if isinstance(value, bytes | bytearray):
            yield from _length(len(value), shape, path)
        case "integer" | "long" | "float" | "double" if isinstance(value, int | float):
            yield from _length(value, shape, path)


def _length(measure: float, shape: Shape, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    # A lower limit is botocore's to judge, except where it does not: in strings' and lists' it does.
    if most is not None and measure > most:
        yield f"{path}: {measure} is more than {most}"
    if least is not None and measure < least and shape.type_name in ("integer", "long", "float", "double"):
        yield f"{path}: {measure} is less than {least}"


@cache
def _pattern(source: str) -> re.Pattern[str]:
    r"""A pattern of a model, which is Java's: it may say \p{ASCII}, \p{Print} or \z."""
    for java, ours in ((r"[\p{Print}]", r"[\x20-\x7e]"), (r"\p{ASCII}", r"[\x00-\x7f]"), (r"\z", r"\Z")):
        source = source.replace(java, ours)
    return re.compile(source)
