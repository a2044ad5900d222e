"""The contracts themselves: fresh stubs, clean under lint, and documented as the design asks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from safelight.common.v1 import error_reason_pb2
from tools import protos

ROOT = Path(__file__).parents[2]
CODES = {code.name for code in grpc.StatusCode}


def commented(source: str, pattern: str) -> dict[str, str]:
    """What each line that matches `pattern` declares, with the comment above it."""
    found, comment = {}, []
    for line in source.splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        if match := re.match(pattern, text):
            found[match[1]] = "\n".join(comment)
        comment = []
    return found


def test_the_stubs_are_what_the_protos_give():
    assert protos.stale() == []


def test_buf_lint_passes():
    done = subprocess.run(
        [Path(sys.executable).parent / "buf", "lint"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("path", protos.PROTOS, ids=lambda path: path.stem)
def test_nothing_is_imported_but_googles_own_and_ours(path: Path):
    """So that lint and breaking-change checks run offline, and clients need nothing else."""
    for name in re.findall(r'^import "(.+)";', path.read_text("utf-8"), re.MULTILINE):
        assert name.startswith(("google/protobuf/", "safelight/"))


def test_every_method_lists_the_status_codes_it_ends_with():
    methods = {}
    for path in protos.PROTOS:
        methods |= commented(path.read_text("utf-8"), r"rpc (\w+)\(")
    assert set(methods) == {"ModerateText", "ModerateImage", "GenerateImages", "ListPolicies"}
    for name, comment in methods.items():
        assert "Ends with: OK" in comment, name
        named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b", comment.split("Ends with:")[1]))
        assert named - {"OK"} <= CODES, name
        assert len(named) > 2, name


@pytest.mark.parametrize("path", protos.PROTOS, ids=lambda path: path.stem)
def test_requests_and_responses_belong_to_one_method(path: Path):
    for method, request, response in re.findall(
        r"rpc (\w+)\((\w+)\) returns \((?:stream )?(\w+)\)", path.read_text("utf-8")
    ):
        assert (request, response) == (f"{method}Request", f"{method}Response")


def test_every_error_reason_has_an_example():
    """JSON of an ErrorInfo with just that reason, under the status code that the comment begins with."""
    source = (ROOT / "protos/safelight/common/v1/error_reason.proto").read_text("utf-8")
    values = commented(source, r"(ERROR_REASON_\w+) =")
    assert set(values) == set(error_reason_pb2.ErrorReason.keys())
    for name, comment in values.items():
        if name == "ERROR_REASON_UNSPECIFIED":
            continue
        assert comment.split(":")[0] in CODES, name
        example = json.loads(comment.split("Example:")[1])
        assert example["reason"] == name.removeprefix("ERROR_REASON_")
        assert example["domain"] == "safelight"
        assert all(isinstance(value, str) for value in example["metadata"].values())


@pytest.mark.parametrize("path", protos.PROTOS, ids=lambda path: path.stem)
def test_enums_start_with_unspecified(path: Path):
    for name, first in re.findall(
        r"^enum (\w+) \{\n(?:\s*//.*\n)*\s*(\w+) = 0;", path.read_text("utf-8"), re.MULTILINE
    ):
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
        assert first == f"{prefix}_UNSPECIFIED"
