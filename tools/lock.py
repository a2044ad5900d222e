"""Pins the dependencies of pyproject.toml into requirements/*.txt, with hashes and without naming any index.

One file for development (everything), one for each service's container, one for a client with the CLI. All agree on
versions, because the smaller ones are constrained by the largest.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("dev", "cli", "gateway", "text-moderation", "onnx", "image-moderation", "generator", "all")


def compile_extra(extra: str, constraint: str | None) -> None:
    """Writes requirements/<extra>.txt for every platform and every Python from 3.11."""
    command = [
        *(str(Path(sys.executable).parent / "uv"), "pip", "compile", "pyproject.toml", "--extra", extra),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--quiet", "--upgrade"),
        *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
        *("--output-file", f"requirements/{extra.replace('-', '_')}.txt"),
    ]
    subprocess.run(command + (["--constraint", constraint] if constraint else []), cwd=ROOT, check=True)


if __name__ == "__main__":
    compile_extra("dev", None)
    for extra in EXTRAS[1:]:
        compile_extra(extra, "requirements/dev.txt")
