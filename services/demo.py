"""`make demo`: the main job, once, for real. Four services on free loopback ports, six prompts, pictures on disk."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import safelight
from safelight._progress import StreamView, format_amount, format_findings, format_seconds
from safelight.gateway.v1.gateway_pb2 import Outcome
from services.common import telemetry
from services.common.server import running
from services.common.settings import load_or_exit
from services.gateway import app as gateway_app
from services.gateway.settings import Settings as GatewaySettings
from services.generator import app as generator_app
from services.generator.settings import Settings as GeneratorSettings
from services.image_moderation import app as image_app
from services.image_moderation.settings import Settings as ImageSettings
from services.text_moderation import app as text_app
from services.text_moderation.settings import Settings as TextSettings


@dataclass(frozen=True)
class Prompt:
    """One prompt of the demo and what it is there to show."""

    text: str
    shows: str
    seed: int
    file: str


PROMPTS = (
    Prompt("A boxer dancing on a table", "an ordinary prompt", 7, "boxer"),
    Prompt("A lady on the beach in swimming wear, water color style", "swimwear is not nudity", 7, "lady"),
    Prompt("A dog in a suit", "an ordinary prompt", 7, "dog"),
    Prompt(
        "a portrait of a n4k\N{CYRILLIC SMALL LETTER IE}d lady in a garden",
        "a forbidden term in disguise",
        7,
        "disguised",
    ),
    Prompt(
        "they are vermin and should all be wiped off the face of the earth",
        "nothing forbidden in it by word: the classifier alone stops it",
        7,
        "classifier",
    ),
    Prompt(
        "an abstract study of six ellipses",
        "an image that the real detector flags: made anew twice, then blurred",
        7,
        "ellipses",
    ),
)

# What the demo's log lines would add is on the screen already.
LOG_LEVEL = "SAFELIGHT_LOG_LEVEL"


@asynccontextmanager
async def suite() -> AsyncIterator[str]:
    """All four services on free loopback ports, ready; yields the gateway's address."""
    async with AsyncExitStack() as stack:
        text, generator, image = await stack.enter_async_context(
            running(
                text_app.build(load_or_exit(TextSettings, port=0)),
                generator_app.build(load_or_exit(GeneratorSettings, port=0)),
                image_app.build(load_or_exit(ImageSettings, port=0)),
            )
        )
        (gateway,) = await stack.enter_async_context(
            running(
                gateway_app.build(
                    load_or_exit(
                        GatewaySettings,
                        port=0,
                        text_moderation_target=text.address,
                        generator_target=generator.address,
                        image_moderation_target=image.address,
                    )
                )
            )
        )
        yield gateway.address


async def run(prompts: Sequence[Prompt], out: Path, console: Console) -> list[safelight.GenerationResult]:
    """Sends the prompts through the gateway, shows each stream, saves the images under `out`."""
    results = []
    async with suite() as address, safelight.AsyncClient(address) as client:
        console.print(f"Four services are serving on loopback; the gateway is {address}.\n", highlight=False)
        for prompt in prompts:
            console.print(Text(f"# {prompt.shows}", style="dim"))
            with StreamView(console, prompt.text) as view:
                generation = client.generate(prompt.text, seed=prompt.seed)
                async for event in generation:
                    saved = None
                    if event.image_produced.image:
                        saved = _save(out, prompt, event.image_produced.image, event.image_produced.media_type)
                    view.feed(event, saved)
            results.append(await generation.result())
            console.print()
    return results


def summary(prompts: Sequence[Prompt], results: Sequence[safelight.GenerationResult]) -> Table:
    """One row for each prompt."""
    table = Table(
        title="What happened", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    table.caption, table.caption_justify = "share: the part of the whole that moderation took, or costs", "left"
    table.add_column("prompt", ratio=3, min_width=14)
    table.add_column("outcome", ratio=2, min_width=9)
    table.add_column("findings", ratio=2, min_width=9)
    billed = any(result.cost_estimate.total for result in results)
    for heading in ("at-\ntempts", "text", "gener-\nation", "image", "share", *(["cost", "share"] if billed else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for prompt, result in zip(prompts, results, strict=True):
        spent = result.stage_durations
        stages = (
            format_seconds(spent[stage]) if stage in spent else "-"
            for stage in ("text_moderation", "generation", "image_moderation")
        )
        table.add_row(
            Text(prompt.text),
            Text(Outcome.Name(result.outcome).removeprefix("OUTCOME_").replace("_", " ").lower()),
            Text(format_findings(result.findings) or "-"),
            str(result.attempts),
            *stages,
            f"{result.moderation_share:.0%}",
            *_cost(result, billed),
        )
    return table


def _cost(result: safelight.GenerationResult, billed: bool) -> list[str]:
    cost = result.cost_estimate
    return [format_amount(cost.total, cost.currency), f"{cost.moderation_share:.0%}"] if billed else []


def main(out: Path) -> int:
    """Runs the demo; 0 when every prompt came to its end."""
    os.environ.setdefault(LOG_LEVEL, "warning")
    telemetry.configure_logging(load_or_exit(GatewaySettings).log_level)
    console = Console() if sys.stdout.isatty() else Console(width=140)  # a file has no width of its own
    out.mkdir(parents=True, exist_ok=True)
    try:
        results = asyncio.run(run(PROMPTS, out, console))
    except safelight.SafelightError as error:
        sys.stderr.write(f"the demo failed: {error}\n")
        return 1
    console.print(summary(PROMPTS, results))
    console.print(f"The images are in {out}/.")
    return 0


def _save(out: Path, prompt: Prompt, image: bytes, media_type: str) -> Path:
    path = out / f"{prompt.file}.{media_type.removeprefix('image/')}"
    path.write_bytes(image)
    return path
