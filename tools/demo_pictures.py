"""Draws docs/demo.svg (what `make demo` prints) and docs/demo.png (the pictures it makes) from a real run."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console

from services import demo
from services.common import telemetry

DOCS = Path(__file__).resolve().parent.parent / "docs"
TILE = 400
PICTURES = ("boxer", "lady", "dog", "ellipses")


def main() -> None:
    """Runs the demo and writes both."""
    telemetry.configure_logging("warning")
    console = Console(record=True, width=118, force_terminal=False, legacy_windows=False)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        results = asyncio.run(demo.run(demo.PROMPTS, out, console))
        console.print(demo.summary(demo.PROMPTS, results))
        sheet = Image.new("RGB", (TILE * len(PICTURES), TILE), "white")
        for index, name in enumerate(PICTURES):
            with Image.open(out / f"{name}.png") as picture:
                sheet.paste(picture.resize((TILE, TILE), Image.Resampling.LANCZOS), (index * TILE, 0))
        sheet.quantize(256).save(DOCS / "demo.png", optimize=True)
        # The files lie in a folder that is gone by now; a reader's will lie in out/.
        svg = console.export_svg(title="make demo").replace(str(out), "out")
    # No fonts from elsewhere: a monospaced one of the reader's own does.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: (Fira Code|arial);?", "font-family: monospace;", svg)
    (DOCS / "demo.svg").write_text(re.sub(r"[ \t]+\n", "\n", svg), "utf-8")


if __name__ == "__main__":
    main()
