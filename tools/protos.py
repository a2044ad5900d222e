"""Regenerates the committed stubs and type stubs of protos/ (`make protos`), or says which are stale (`--check`)."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = sorted((ROOT / "protos").rglob("*.proto"))
SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")
HAND_WRITTEN = ("__init__.py",)


def generate(target: Path) -> None:
    """Writes all stubs below `target`. Only files with services get `_grpc` stubs."""
    services = [p for p in PROTOS if "\nservice " in p.read_text("utf-8")]
    for outputs, files in (
        (("--python_out=.", "--mypy_out=quiet:."), PROTOS),
        (("--grpc_python_out=.", "--mypy_grpc_out=quiet:."), services),
    ):
        names = [str(p.relative_to(ROOT / "protos")) for p in files]
        plugin = f"--plugin=protoc-gen-mypy={Path(sys.executable).parent / 'protoc-gen-mypy'}"
        plugin_grpc = f"--plugin=protoc-gen-mypy_grpc={Path(sys.executable).parent / 'protoc-gen-mypy_grpc'}"
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'protos'}", plugin, plugin_grpc]
        subprocess.run([*command, *outputs, *names], cwd=target, check=True)
    for folder in {p.parent.relative_to(ROOT / "protos") for p in PROTOS}:
        for package in (folder, folder.parent):
            (target / package / "__init__.py").touch()


def stubs(root: Path) -> set[Path]:
    """The generated files below `root`/safelight, relative to `root`."""
    return {p.relative_to(root) for p in (root / "safelight").rglob("*_pb2*") if p.name.endswith(SUFFIXES)}


def stale() -> list[str]:
    """Names of committed stubs that differ from what the protos give, are missing, or are left over."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        both = stubs(fresh) | stubs(ROOT)
        return sorted(
            str(p)
            for p in both
            if not (fresh / p).exists()
            or not (ROOT / p).exists()
            or not filecmp.cmp(fresh / p, ROOT / p, shallow=False)
        )


if __name__ == "__main__":
    if "--check" in sys.argv:
        if names := stale():
            sys.exit("stale stubs, run `make protos`:\n  " + "\n  ".join(names))
    else:
        for old in stubs(ROOT):
            (ROOT / old).unlink()
        generate(ROOT)
