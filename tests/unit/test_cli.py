"""What the command line prints: progress, findings in brief, and nothing that a terminal obeys."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from safelight import _commands, _progress
from safelight.common.v1 import category_pb2, finding_pb2
from safelight.gateway.v1 import gateway_pb2 as pb
from tests.support import scripted_gateway as scripted


def events(script: scripted.Script) -> list[pb.GenerateImagesResponse]:
    context: Any = None
    return [pb.GenerateImagesResponse(**event) for event in script(pb.GenerateImagesRequest(), context)]


def shown(script: scripted.Script, *, prompt: str = "A dog", **console: Any) -> str:
    output = io.StringIO()
    options: dict[str, Any] = {"width": 200, "force_terminal": False} | console
    with _progress.StreamView(Console(file=output, **options), prompt) as view:
        for event in events(script):
            view.feed(event, Path("out/dog.png") if event.image_produced.image else None)
    return output.getvalue()


def test_view_tells_the_story_in_plain_lines_where_there_is_no_terminal() -> None:
    assert shown(scripted.delivers).splitlines() == [
        "prompt  A dog",
        "✓ Text moderation  clean  0 ms  (terms 2 ms, classifier skipped (already flagged))",
        "✗ Image moderation, image 0  flagged: nudity 0.75 (nudenet)  0 ms",
        "✓ Generation  0 ms  sketch",
        "! image 0 was blurred",
        "■ Image 1: cleared  512 x 256, image/png, 11 B, seed 41  → out/dog.png",
        "■ Image 0: blurred  512 x 256, image/png, 11 B, seed 40  → out/dog.png",
        "Delivered, blurred. That is all",
        "took    2.00 s (text moderation 250 ms, generation 1.00 s, image moderation 250 ms); "
        "moderation 25% of it; 1 attempt",
        "policy  standard 1  decision d-1",
    ]


def test_view_shows_what_runs_while_it_runs_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")

    def so_far(request: Any, context: Any) -> Any:
        return list(scripted.delivers(request, context))[:4]

    text = shown(so_far, force_terminal=True, force_interactive=True, color_system=None)
    assert "Generation" in text
    assert "image 0, step 3/4" in text


def test_lines_are_not_folded_where_there_is_no_terminal() -> None:
    assert shown(scripted.delivers, width=20).splitlines()[1].endswith("(already flagged))")


def test_view_keeps_to_ascii_where_nothing_else_can_be_shown() -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for terminal in (False, True):
        with _progress.StreamView(
            Console(file=output, force_terminal=terminal, force_interactive=terminal), "A dog"
        ) as view:
            for event in events(scripted.delivers):
                view.feed(event)
    output.seek(0)
    assert "Delivered, blurred" in output.read()


def test_view_says_what_a_dry_run_would_do() -> None:
    text = shown(scripted.plans)
    assert "Dry run" in text
    assert "at most 3 attempts, then blur; negative prompt: gore" in text


def test_view_shows_what_providers_bill_and_what_they_refuse() -> None:
    """The estimate in all and by stage, what has no price, and a refusal of the provider's in its own words."""
    cost = pb.CostEstimate(
        total=0.0412,
        currency="USD",
        stages=[
            pb.StageCost(stage=pb.STAGE_GENERATION, amount=0.04, provider_calls=1),
            pb.StageCost(stage=pb.STAGE_IMAGE_MODERATION, amount=0.0012, provider_calls=1),
        ],
        moderation_share=0.03,
        price_list="aws 2026-11-27",
        unpriced_units=["sagemaker.ml.x.second"],
    )
    refused = finding_pb2.Finding(
        category=category_pb2.CATEGORY_PROVIDER_REFUSAL, label="x", confidence=1, flagged=True, detector="bedrock"
    )

    def bills(request: Any, context: Any) -> Any:
        yield {"stage_started": pb.StageStarted(stage=pb.STAGE_GENERATION, attempt=1)}
        yield {
            "stage_progress": pb.StageProgress(stage=pb.STAGE_GENERATION, attempt=1, elapsed=Duration(seconds=3)),
        }
        yield {
            "stage_finished": pb.StageFinished(
                stage=pb.STAGE_GENERATION, attempt=1, flagged=True, findings=[refused], backend="bedrock"
            )
        }
        yield scripted.completed(pb.OUTCOME_WITHHELD, cost_estimate=cost)

    text = shown(bills)
    assert "✗ Generation  refused by the provider: provider refusal 1.00 (bedrock)  0 ms  bedrock" in text
    assert (
        "cost    about $0.0412 (generation $0.0400, image moderation $0.00120); moderation 3% of it; "
        "no price for sagemaker.ml.x.second  prices aws 2026-11-27" in text
    )


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (0, "USD", "$0.00"),
        (0.0000075, "USD", "$0.00000750"),
        (0.5, "USD", "$0.5000"),
        (12.345, "EUR", "12.35 EUR"),
    ],
)
def test_amounts_of_any_size_can_be_told_from_nothing(amount: float, currency: str, expected: str) -> None:
    """A moderation costs fractions of a cent."""
    assert _progress.format_amount(amount, currency) == expected


def test_view_survives_values_that_a_later_version_may_send() -> None:
    def later(request: Any, context: Any) -> Any:
        yield {"stage_started": pb.StageStarted(stage=77)}  # type: ignore[arg-type]
        yield {"warning": pb.Warning(reason=77, message="new")}  # type: ignore[arg-type]
        yield {"image_produced": pb.ImageProduced(disposition=77)}  # type: ignore[arg-type]
        yield {}
        yield scripted.completed(77)  # type: ignore[arg-type]

    assert "Unknown 77. That is all" in shown(later)


HOSTILE = "\x1b]0;title\x07\x1b[31m[bold]red[/bold]\u202etxt\x9b2J\r\x00:smile:"


def test_nothing_that_a_server_or_a_prompt_says_is_obeyed_by_the_terminal() -> None:
    finding = scripted.NUDITY
    finding = finding_pb2.Finding(category=finding.category, detector=HOSTILE, label=HOSTILE, flagged=True)

    def hostile(request: Any, context: Any) -> Any:
        stage = pb.STAGE_TEXT_MODERATION
        run = scripted.RAN.__class__(detector=HOSTILE)
        yield {"stage_finished": pb.StageFinished(stage=stage, findings=[finding], detector_runs=[run])}
        yield {"stage_finished": pb.StageFinished(stage=pb.STAGE_GENERATION, backend=HOSTILE, backend_version=HOSTILE)}
        yield {"warning": pb.Warning(message=HOSTILE, findings=[finding])}
        yield {"image_produced": pb.ImageProduced(image=b"x", media_type=HOSTILE)}
        fields = dict.fromkeys(("message", "policy", "policy_version", "decision_id"), HOSTILE)
        yield scripted.completed(pb.OUTCOME_DELIVERED, plan=pb.DryRunPlan(negative_prompt=HOSTILE), **fields)

    text = shown(hostile, prompt=HOSTILE)
    assert not set(text) & set("\x1b\x07\x9b\r\x00\u202e")
    assert text.count("[bold]red[/bold]") >= 9
    assert ":smile:" in text


@given(st.text(st.characters()))
def test_printable_keeps_positions_and_leaves_nothing_to_obey(text: str) -> None:
    safe = _progress.printable(text)
    assert len(safe) == len(text)
    assert _progress.printable(safe) == safe
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in safe)
    safe.encode()


def finding(category: category_pb2.Category.ValueType, confidence: float, flagged: bool) -> finding_pb2.Finding:
    return finding_pb2.Finding(category=category, confidence=confidence, flagged=flagged, detector="terms")


def test_findings_in_brief_are_the_surest_of_each_kind_flagged_ones_first() -> None:
    findings = [
        finding(category_pb2.CATEGORY_WEAPON, 0.99, False),
        finding(category_pb2.CATEGORY_INSULT, 0.5, True),
        finding(category_pb2.CATEGORY_INSULT, 0.75, True),
        finding(category_pb2.CATEGORY_DRUGS, 0.25, False),
    ]
    assert _progress.format_findings(findings) == "insult 0.75 (terms), weapon 0.99 (terms), drugs 0.25 (terms)"
    assert _progress.format_findings(findings, limit=1) == "insult 0.75 (terms) and 2 more"
    assert _progress.format_findings([]) == ""


# A woman, a woman and a girl, joined.
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"


def marked(text: str, *spans: tuple[int, int, bool], width: int = 80) -> list[str]:
    """Rows with carets; spans with whether they are flagged."""
    findings = [scripted.term(start, end) for start, end, _ in spans]
    for finding, (_, _, flagged) in zip(findings, spans, strict=True):
        finding.flagged = flagged
    return [row.plain for row in _progress.mark(text, findings, width=width, carets=True)]


def test_spans_are_underlined_by_code_point() -> None:
    """Red where flagged and yellow below the threshold, on the same characters that were sent."""
    below = scripted.term(8, 12)
    below.flagged = False
    rows = _progress.mark("🐕 b4d\x1b\nword ab", [below, scripted.term(2, 5)], width=80, carets=False)
    assert [row.plain for row in rows] == ["🐕 b4d\ufffd", "word ab"]
    assert [[(span.start, span.end, str(span.style)) for span in row.spans] for row in rows] == [
        [(2, 5, "bold red underline")],
        [(1, 5, "yellow underline")],
    ]


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("ab cd", (3, 5), ["ab cd", "   ^^"]),
        ("中文 cd", (3, 5), ["中文 cd", "     ^^"]),
        ("ab \uff43\uff44 e", (3, 5), ["ab \uff43\uff44 e", "   ^^^^"]),
        ("e\u0301a cd", (4, 6), ["e\u0301a cd", "   ^^"]),
        ("c\u0301\u0323d ef", (0, 4), ["c\u0301\u0323d ef", "^^"]),
        (f"{FAMILY} cd", (6, 8), [f"{FAMILY} cd", "   ^^"]),
        (f"ab {FAMILY}", (5, 6), [f"ab {FAMILY}", "   ^^"]),
        ("\U0001f44d\U0001f3fd cd", (3, 5), ["\U0001f44d\U0001f3fd cd", "   ^^"]),
        ("\u2764\ufe0f cd", (3, 5), ["\u2764\ufe0f cd", "   ^^"]),
        ("c\u200dd\u200be f", (0, 5), ["c\u200dd\u200be f", "^^^"]),
        ("שלום cd", (0, 4), ["שלום cd", "^^^^"]),
        ("a\tcd\x00", (2, 5), ["a cd\ufffd", "  ^^^"]),
        ("ab\r\ncd\n\nef", (1, 9), ["ab ", " ^^", "cd", "^^", "", "ef", "^"]),
        ("ab", (1, 4_000_000_000), ["ab", " ^"]),
        ("ab", (7, 9), ["ab"]),
        ("", (0, 1), [""]),
    ],
)  # fmt: skip
def test_carets_stand_below_what_they_mark(text: str, span: tuple[int, int], expected: list[str]) -> None:
    """Wide characters take two, marks and joiners none; what a server makes up is cut to the text."""
    assert marked(text, (*span, True)) == expected


def test_a_character_is_marked_as_a_whole() -> None:
    """A span that ends between a letter and its accent must not part them on the screen."""
    assert marked("e\u0301a", (0, 1, True)) == marked("e\u0301a", (1, 2, True)) == ["e\u0301a", "^"]


def test_of_findings_that_overlap_the_flagged_is_seen() -> None:
    assert marked("abcdefgh", (0, 6, False), (2, 4, True), (3, 8, False)) == ["abcdefgh", "~~^^~~~~"]


def test_a_text_wider_than_the_terminal_is_cut_with_its_carets() -> None:
    """After a space where there is one, and never within a character."""
    assert marked("ab cdef ghijklmnop", (4, 10, True), width=6) == ["ab ", "cdef ", " ^^^^", "ghijkl", "^^", "mnop"]
    assert marked("中文中文", (1, 3, True), width=5) == ["中文", "  ^^", "中文", "^^"]
    assert marked("中", (0, 1, True), width=1) == ["中", "^^"]


@given(st.text(max_size=60), st.integers(0, 70), st.integers(0, 70), st.integers(2, 20))
def test_any_text_can_be_marked(text: str, start: int, end: int, width: int) -> None:
    """No character is lost, no row is too wide, and the carets of a row are no wider than it."""
    findings = [scripted.term(min(start, end), max(start, end))]
    rows = _progress.mark(text, findings, width=width, carets=False)
    assert "".join(row.plain for row in rows) == _progress.printable(
        text.replace("\r\n", " \n"), keep_newlines=True
    ).replace("\n", "")
    assert all(sum(cells for _, _, cells in _progress._cells(row.plain)) <= width for row in rows)
    marked = _progress.mark(text, findings, width=width, carets=True)
    assert len(marked) <= 2 * len(rows)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 ms"), (0.0123, "12 ms"), (0.9, "900 ms"), (3.4149, "3.41 s"), (120, "120.00 s")]
)
def test_durations_are_short(seconds: float, expected: str) -> None:
    assert _progress.format_seconds(seconds) == expected


@pytest.mark.parametrize(("count", "expected"), [(0, "0 B"), (999, "999 B"), (83_200, "83 kB"), (2_100_000, "2.1 MB")])
def test_sizes_are_short(count: int, expected: str) -> None:
    assert _progress.format_bytes(count) == expected


def test_thresholds_are_read_from_the_command_line() -> None:
    assert _commands._thresholds(["insult=0.5", "weapon=ignore"]) == {"insult": 0.5, "weapon": None}
    with pytest.raises(ValueError, match="--threshold: must be CATEGORY=NUMBER"):
        _commands._thresholds(["insult"])
