"""A generation's events on a terminal: live on a real one, one line each elsewhere. Needs rich.

Text that comes from a server or a user is never interpreted: no markup (everything is a rich Text), and no control or
direction-changing characters (see printable()), which could otherwise move the cursor or disguise what is shown.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from google.protobuf import duration_pb2
from rich.cells import cell_len, get_character_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from safelight import _names
from safelight.common.v1 import category_pb2, detector_run_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2

# Bidirectional controls: they reorder what follows on the screen.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# How a part of a text is marked; the greater hides the other.
_BELOW, _FLAGGED = 1, 2
_CARETS = " ~^"

# What makes one emoji of two.
_JOINER = "\N{ZERO WIDTH JOINER}"

_OUTCOMES: dict[int, tuple[str, str]] = {
    gateway_pb2.OUTCOME_DELIVERED: ("Delivered", "bold green"),
    gateway_pb2.OUTCOME_DELIVERED_FLAGGED: ("Delivered, flagged", "bold yellow"),
    gateway_pb2.OUTCOME_DELIVERED_BLURRED: ("Delivered, blurred", "bold yellow"),
    gateway_pb2.OUTCOME_PARTIALLY_WITHHELD: ("Delivered in part, the rest withheld", "bold yellow"),
    gateway_pb2.OUTCOME_WITHHELD: ("Withheld", "bold red"),
    gateway_pb2.OUTCOME_PROMPT_REJECTED: ("Prompt rejected", "bold red"),
    gateway_pb2.OUTCOME_DRY_RUN_ACCEPTED: ("Dry run", "bold green"),
}

_DISPOSITION_STYLES: dict[int, str] = {
    gateway_pb2.IMAGE_DISPOSITION_CLEARED: "green",
    gateway_pb2.IMAGE_DISPOSITION_FLAGGED: "yellow",
    gateway_pb2.IMAGE_DISPOSITION_BLURRED: "yellow",
    gateway_pb2.IMAGE_DISPOSITION_WITHHELD: "red",
}


def printable(text: str, *, keep_newlines: bool = False) -> str:
    """`text` with every character that a terminal could obey replaced, one for one, so that positions stay true."""

    def safe(character: str) -> str:
        if character == "\n":
            return character if keep_newlines else " "
        if character == "\t":
            return " "
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION:
            return "\N{REPLACEMENT CHARACTER}"
        return character

    return "".join(map(safe, text))


def format_seconds(seconds: float) -> str:
    """Such as "12 ms" or "3.41 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def format_duration(duration: duration_pb2.Duration) -> str:
    """Like format_seconds()."""
    return format_seconds(duration.ToTimedelta().total_seconds())


def format_amount(amount: float, currency: str) -> str:
    """Such as "$0.0412" or "0.0412 EUR": as many places as it takes to tell the amount from nothing."""
    places = 2 if amount >= 1 or not amount else min(9, 2 - math.floor(math.log10(amount)))
    shown = f"{amount:.{max(places, 4) if amount and amount < 1 else places}f}"
    return f"${shown}" if currency == "USD" else f"{shown} {printable(currency)}".rstrip()


def format_bytes(count: int) -> str:
    """Such as "512 B", "83 kB" or "2.1 MB"."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def format_findings(findings: Iterable[finding_pb2.Finding], limit: int = 3) -> str:
    """Findings in brief, flagged ones first: "sexual explicit 0.98 (terms), nudity 0.71 (nudenet) and 2 more".

    Of several findings with the same category and detector the surest stands for all. Empty for no findings.
    """
    best: dict[tuple[int, str], finding_pb2.Finding] = {}
    for finding in findings:
        key = (finding.category, finding.detector)
        if key not in best or finding.confidence > best[key].confidence:
            best[key] = finding
    ordered = sorted(best.values(), key=lambda f: (not f.flagged, -f.confidence))
    parts = [
        f"{_names.words(category_pb2.Category, f.category)} {f.confidence:.2f} ({printable(f.detector)})"
        for f in ordered[:limit]
    ]
    more = f" and {len(ordered) - limit} more" if len(ordered) > limit else ""
    return ", ".join(parts) + more


def format_detector_runs(runs: Iterable[detector_run_pb2.DetectorRun]) -> str:
    """What each detector did: "terms 1 ms, classifier skipped (already flagged)"."""
    parts = []
    for run in runs:
        if run.status == detector_run_pb2.DETECTOR_RUN_STATUS_SKIPPED:
            why = _names.words(detector_run_pb2.DetectorSkipReason, run.skip_reason)
            parts.append(f"{printable(run.detector)} skipped ({why})")
        else:
            parts.append(f"{printable(run.detector)} {format_duration(run.duration)}")
    return ", ".join(parts)


def print_line(console: Console, *parts: str | tuple[str, str]) -> None:
    """Prints one line made of texts, or pairs of text and style. Folded on a terminal, never elsewhere."""
    console.print(Text.assemble(*parts), soft_wrap=not console.is_terminal, highlight=False)


def mark(text: str, findings: Iterable[finding_pb2.Finding], *, width: int, carets: bool) -> list[Text]:
    """The rows of a text, at most `width` cells wide, with the spans of findings underlined.

    Red where a finding is flagged, yellow where it is below its threshold. With `carets`, for terminals without colour,
    a row of ^ and ~ for the two follows each row that has any. What is one character to a reader is marked as a whole.
    """
    shown = printable(text.replace("\r\n", " \n"), keep_newlines=True)
    marks = bytearray(len(shown))
    for finding in sorted(findings, key=lambda each: each.flagged):
        if finding.HasField("text_span"):
            start, end = (min(place, len(shown)) for place in (finding.text_span.start, finding.text_span.end))
            marks[start:end] = bytes([_FLAGGED if finding.flagged else _BELOW]) * (end - start)
    rows = []
    for row in _rows(shown, width):
        start, end = (row[0][0], row[-1][1]) if row else (0, 0)
        marked, below = Text(shown[start:end]), ""
        for kind, same in groupby(row, key=lambda cell: max(marks[cell[0] : cell[1]])):
            cells = list(same)
            below += _CARETS[kind] * sum(size for _, _, size in cells)
            if kind:
                style = "bold red underline" if kind == _FLAGGED else "yellow underline"
                marked.stylize(style, cells[0][0] - start, cells[-1][1] - start)
        rows.append(marked)
        if carets and below.strip():
            rows.append(Text(below.rstrip()))
    return rows


_Cell = tuple[int, int, int]
"""A character as a reader sees it: from where to where in the text, and how many cells of a terminal it takes."""


def _rows(text: str, width: int) -> Iterator[list[_Cell]]:
    """Lines, cut where they are too long: after a space, or anywhere where there is none."""
    row: list[_Cell] = []
    used = 0
    for cell in _cells(text):
        start, _, cells = cell
        if text[start] == "\n":
            yield row
            row, used = [], 0
            continue
        if row and used + cells > width:
            space = next((place for place in range(len(row), 0, -1) if text[row[place - 1][0]] == " "), len(row))
            yield row[:space]
            row = row[space:]
            used = sum(each[2] for each in row)
        row.append(cell)
        used += cells
    yield row


def _cells(text: str) -> Iterator[_Cell]:
    """Every character with the marks on it. Rich's own would take two letters with a joiner between for one."""
    start = 0
    for place in range(1, len(text) + 1):
        if place < len(text) and text[place] != "\n" and text[start] != "\n":
            size = get_character_cell_size(text[place])
            if size == 0 or (size == 2 and text[place - 1] == _JOINER and cell_len(text[start : place - 1]) == 2):
                continue
        yield start, place, cell_len(text[start:place])
        start = place


class StreamView:
    """Shows the events of one generation as they are fed to it. Images are numbered from 0, as in the contract.

    On a terminal, what runs is a line with a spinner and a bar at the bottom, and what is done scrolls up above it;
    elsewhere only what is done is printed. Use it in a `with` block, or close() it: the terminal is Rich's meanwhile.
    """

    def __init__(self, console: Console, prompt: str) -> None:
        """Prints the prompt, cut to one line, and waits for events."""
        self._console = console
        # A terminal, or a pipe, that cannot show more than ASCII gets no more.
        self._ascii = console.options.ascii_only
        self._running: dict[tuple[int, int, int], _Running] = {}
        self._spinner = Spinner("line" if self._ascii else "dots", style="cyan")
        self._live: Live | None = None
        shown = printable(prompt)
        print_line(console, ("prompt  ", "dim"), (shown if len(shown) <= 200 else f"{shown[:197]}...", "bold"))
        if console.is_interactive:
            self._live = Live(self, console=console, refresh_per_second=12, transient=True)
            self._live.start()

    def feed(self, event: gateway_pb2.GenerateImagesResponse, saved: Path | None = None) -> None:
        """Shows one event. `saved` is the file that an `image_produced` event's image was written to."""
        match event.WhichOneof("event"):
            case "stage_started":
                started = event.stage_started
                index = started.image_index if started.HasField("image_index") else -1
                self._running[started.stage, started.attempt, index] = _Running(_stage(started.stage, index), started)
            case "stage_progress":
                progress = event.stage_progress
                running = self._running.get((progress.stage, progress.attempt, -1))
                if running is not None:
                    running.progress = progress
            case "stage_finished":
                self._finished(event.stage_finished)
            case "warning":
                self._warning(event.warning)
            case "image_produced":
                self._image(event.image_produced, saved)
            case "completed":
                self._completed(event.completed)
        if self._live is not None:
            self._live.refresh()

    def close(self) -> None:
        """Gives the terminal back. What was printed stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __enter__(self) -> StreamView:
        """Closes on leaving."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the terminal back."""
        self.close()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What runs now, for Rich's live display."""
        rows = Table.grid(padding=(0, 1))
        for running in self._running.values():
            progress = running.progress
            bar = (
                ProgressBar(total=progress.total_steps, completed=progress.step, width=16)
                if progress is not None and progress.total_steps
                else Text("")
            )
            rows.add_row(
                self._spinner,
                Text(running.label, no_wrap=True),
                bar,
                Text(running.note(), style="dim", no_wrap=True, overflow="ellipsis"),
            )
        yield rows

    def _mark(self, unicode: str, ascii_: str) -> str:
        return ascii_ if self._ascii else unicode

    def _finished(self, finished: gateway_pb2.StageFinished) -> None:
        index = finished.image_index if finished.HasField("image_index") else -1
        self._running.pop((finished.stage, finished.attempt, index), None)
        attempt = f", attempt {finished.attempt}" if finished.attempt > 1 else ""
        took = (f"  {format_duration(finished.duration)}", "dim")
        label = f" {_stage(finished.stage, index)}{attempt}"
        if finished.stage == gateway_pb2.STAGE_GENERATION:
            backend = f"  {printable(finished.backend)} {printable(finished.backend_version)}".rstrip()
            if finished.flagged:
                refused = (f"  refused by the provider: {format_findings(finished.findings)}", "red")
                print_line(self._console, (self._mark("✗", "x"), "red"), label, refused, took, (backend, "dim"))
                return
            print_line(self._console, (self._mark("✓", "+"), "green"), label, took, (backend, "dim"))
            return
        mark = (self._mark("✗", "x"), "red") if finished.flagged else (self._mark("✓", "+"), "green")
        verdict = ("  flagged", "red") if finished.flagged else ("  clean", "green")
        found = format_findings(finished.findings)
        if found:
            found = f": {found}" if finished.flagged else f", not counted: {found}"
        runs = format_detector_runs(finished.detector_runs)
        print_line(
            self._console,
            mark,
            label,
            verdict,
            found,
            took,
            (f"  ({runs})" if runs else "", "dim"),
        )

    def _warning(self, warning: gateway_pb2.Warning) -> None:
        # What it rests on stands in the verdict above it.
        message = printable(warning.message) or _names.words(gateway_pb2.WarningReason, warning.reason)
        print_line(self._console, ("! ", "yellow"), message)

    def _image(self, image: gateway_pb2.ImageProduced, saved: Path | None) -> None:
        disposition = _names.words(gateway_pb2.ImageDisposition, image.disposition)
        style = _DISPOSITION_STYLES.get(image.disposition, "bold")
        parts: list[str | tuple[str, str]] = [
            (self._mark("■", "#"), style),
            f" Image {image.image_index}: ",
            (disposition, style),
        ]
        if image.image:
            size = f"{image.width} x {image.height}, {printable(image.media_type)}, {format_bytes(len(image.image))}"
            parts.append((f"  {size}, seed {image.seed}", "dim"))
        if saved is not None:
            parts += [f"  {self._mark('→', '->')} ", (printable(str(saved)), "bold")]
        print_line(self._console, *parts)

    def _cost(self, cost: gateway_pb2.CostEstimate) -> None:
        """What the providers bill; nothing where none of them does."""
        if not cost.total and not cost.unpriced_units:
            return
        stages = ", ".join(
            f"{_names.words(gateway_pb2.Stage, each.stage)} {format_amount(each.amount, cost.currency)}"
            for each in cost.stages
        )
        unpriced = f"; no price for {printable(', '.join(cost.unpriced_units))}" if cost.unpriced_units else ""
        print_line(
            self._console,
            ("cost    ", "dim"),
            f"about {format_amount(cost.total, cost.currency)} ({stages})",
            f"; moderation {cost.moderation_share:.0%} of it",
            unpriced,
            (f"  prices {printable(cost.price_list)}", "dim"),
        )

    def _completed(self, completed: gateway_pb2.Completed) -> None:
        self._running.clear()
        name, style = _OUTCOMES.get(
            completed.outcome, (_names.words(gateway_pb2.Outcome, completed.outcome).capitalize(), "bold")
        )
        message = printable(completed.message)
        if message.casefold() == name.casefold():
            message = ""
        print_line(self._console, (name, style), f". {message[:1].upper()}{message[1:]}" if message else "")
        if completed.HasField("plan"):
            plan = completed.plan
            unsafe = _names.words(gateway_pb2.UnsafeImageAction, plan.on_unsafe_image)
            negative = printable(plan.negative_prompt) or "none"
            print_line(
                self._console,
                ("plan    ", "dim"),
                f"at most {plan.max_attempts} attempts, then {unsafe}; negative prompt: {negative}",
            )
        stages = ", ".join(
            f"{_names.words(gateway_pb2.Stage, each.stage)} {format_duration(each.duration)}"
            for each in completed.stage_durations
        )
        attempts = f"{completed.attempts} attempt{'' if completed.attempts == 1 else 's'}"
        print_line(
            self._console,
            ("took    ", "dim"),
            format_duration(completed.total_duration),
            f" ({stages})" if stages else "",
            f"; moderation {completed.moderation_share:.0%} of it; {attempts}",
        )
        self._cost(completed.cost_estimate)
        policy = f"{printable(completed.policy)} {printable(completed.policy_version)}".strip()
        print_line(
            self._console, ("policy  ", "dim"), policy, (f"  decision {printable(completed.decision_id)}", "dim")
        )


class _Running:
    """A stage that has started and not finished."""

    def __init__(self, label: str, started: gateway_pb2.StageStarted) -> None:
        self.label = label
        self.progress: gateway_pb2.StageProgress | None = None
        self._attempt = started.attempt
        self._since = time.monotonic()

    def note(self) -> str:
        """What stands at the end of its line."""
        parts = []
        if self.progress is not None and self.progress.total_steps:
            parts.append(f"image {self.progress.image_index}, step {self.progress.step}/{self.progress.total_steps}")
        if self._attempt > 1:
            parts.append(f"attempt {self._attempt}")
        parts.append(f"{time.monotonic() - self._since:.1f} s")
        return ", ".join(parts)


def _stage(stage: gateway_pb2.Stage.ValueType, image_index: int) -> str:
    name = _names.words(gateway_pb2.Stage, stage).capitalize()
    return f"{name}, image {image_index}" if image_index >= 0 else name
