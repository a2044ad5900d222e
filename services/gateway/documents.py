"""YAML documents that operators write: read strictly, and refused with file, line and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Document = TypeVar("Document", bound=BaseModel)


class DocumentError(Exception):
    """A document is wrong. The message gives file, line and reason, one problem to a line."""


def load_document(path: Path, kind: type[Document], name: str) -> Document:
    """Reads one document, which errors call a `name`. Raises DocumentError with everything that is wrong."""
    try:
        source = path.read_bytes().decode("utf-8")
        node = yaml.compose(source, Loader=_Loader)
        document = yaml.load(source, Loader=_Loader)  # noqa: S506 # _Loader is a SafeLoader
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DocumentError(f"{path}:{line}: is not UTF-8 at byte {error.start}") from None
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position) + 1
        raise DocumentError(f"{path}:{line}: {error.reason}") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or "is not valid YAML"
        raise DocumentError(f"{path}:{mark.line + 1 if mark else 1}: {problem}") from None
    except RecursionError:
        raise DocumentError(f"{path}:1: is nested too deeply") from None
    if not isinstance(document, Mapping):
        raise DocumentError(f"{path}:1: a {name} is a mapping of keys to values")
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problems = {f"{path}:{_line(node, item['loc'])}: {_reason(item)}": None for item in error.errors()}
        raise DocumentError("\n".join(problems)) from None


class _Loader(yaml.SafeLoader):
    """YAML's own loader, stricter: it would take the later of two equal keys in silence, among other things."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # With aliases a few lines can stand for billions of values.
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # published without its type
            raise yaml.composer.ComposerError(None, None, "an alias (*) has no place here", mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            # What PyYAML raises for a scalar that its tag does not fit, such as the date 2020-99-99.
            kind = node.tag.rsplit(":", 1)[-1]
            raise yaml.constructor.ConstructorError(None, None, f"is no valid {kind}", node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _line(node: yaml.Node | None, path: Sequence[Any]) -> int:
    line = 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            entry = next(((k, v) for k, v in node.value if getattr(k, "value", None) == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return line + 1


def _reason(item: Any) -> str:
    # Pydantic adds "[key]" to the path of a wrong key, which is not in the file.
    path = ".".join(str(part) for part in item["loc"] if part != "[key]")
    match item["type"]:
        case "extra_forbidden":
            return f"unknown key {path!r}"
        case "missing":
            return f"the key {path!r} is missing"
        case "literal_error":
            return f"{path}: must be {item['ctx']['expected']}; is {shown(item['input'])}"
        case _:
            return f"{path}: {item['msg'].removeprefix('Value error, ')}"


def shown(value: Any) -> str:
    """A value as an error may quote it: never long."""
    if isinstance(value, str):
        return repr(value[:80])
    # A collection or a long integer may be too long to show, or to be written at all.
    if isinstance(value, bool | float | None) or (isinstance(value, int) and abs(value) < 10**12):
        return repr(value)
    return f"of type {type(value).__name__}"
