"""`python -m benchmarks`: measures everything, prints it, and writes it into docs/benchmarks.md."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import os
import platform
import re
import statistics
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import detectors, gateway, health_under_load

REPORT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
# What stands between these is replaced by each run; what stands around them is written by hand.
BEGIN, END = "<!-- begin: written by make bench -->", "<!-- end: written by make bench -->"


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a first look; writes no report")
    quick = parser.parse_args().quick
    rounds, seconds, detector_seconds = (5, 0.5, 0.2) if quick else (12, 1.0, 1.5)
    lines: list[str] = []
    for line in (*_machine(), ""):
        _say(line, lines)
    for line in _gateway_table(gateway.measure(rounds=rounds, seconds=seconds)):
        _say(line, lines)
    _say("", lines)
    for line in _detector_table(detectors.measure(seconds=detector_seconds)):
        _say(line, lines)
    if not quick:
        for line in ("", _health_under_load()):
            _say(line, lines)
        _write(lines)


def _say(line: str, lines: list[str]) -> None:
    print(line, flush=True)
    lines.append(line)


def _machine() -> Iterator[str]:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("grpcio", "protobuf", "onnxruntime", "pillow")
    )
    yield f"- Measured on {datetime.now(UTC):%Y-%m-%d}, {datetime.now(UTC):%H:%M} UTC."
    yield f"- {_cpu()}, {os.cpu_count()} cores{_memory()}; {platform.system()} {platform.release().split('-')[0]}."
    yield f"- {platform.python_implementation()} {platform.python_version()}; {versions}."
    if hasattr(os, "getloadavg"):
        yield (
            f"- Before the run, {os.getloadavg()[0]:.1f} processes wanted a core (one-minute load average); "
            "on an idle machine it is near 0."
        )


def _cpu() -> str:
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return ""
    return f", {size / 2**30:.0f} GiB of memory"


def _gateway_table(cells: Iterable[gateway.Cell]) -> Iterator[str]:
    yield "| image | callers | side | streams/s | p50 ms | p99 ms | CPU ms a stream | throughput ratio | CPU ratio |"
    yield "|---|---:|---|---:|---:|---:|---:|---:|---:|"
    for cell in cells:
        for side in gateway.SIDES:
            ratios = f"**{cell.ratio:.2f}** | {cell.cpu_ratio:.2f}" if side == "safelight" else "|"
            yield (
                f"| {cell.image} | {cell.callers} | {side} | {cell.throughput(side):.1f} "
                f"| {cell.latency(side, 50) * 1e3:.1f} | {cell.latency(side, 99) * 1e3:.1f} "
                f"| {cell.cpu(side) * 1e3:.2f} | {ratios} |"
            )


def _detector_table(timings: Iterable[detectors.Timing]) -> Iterator[str]:
    yield "| one item | median ms | p95 ms | calls |"
    yield "|---|---:|---:|---:|"
    for timing in timings:
        yield f"| {timing.what} | {timing.median * 1e3:,.3f} | {timing.slow * 1e3:,.3f} | {timing.calls:,} |"


def _health_under_load() -> str:
    health, moderation = asyncio.run(health_under_load.measure())
    health.sort()
    return (
        f"Image moderation's health check while {health_under_load.CALLERS} callers kept the service busy for "
        f"{health_under_load.SECONDS:g} s ({len(moderation)} pictures): median {statistics.median(health):.1f} ms, "
        f"p99 {health[len(health) * 99 // 100]:.1f} ms, longest {health[-1]:.1f} ms."
    )


def _write(lines: list[str]) -> None:
    report = REPORT.read_text("utf-8")
    if report.count(BEGIN) != 1 or report.count(END) != 1:
        sys.exit(f"docs/{REPORT.name}: the two markers between which the results go are not there once each")
    before, rest = report.split(BEGIN)
    after = rest.split(END)[1]
    REPORT.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), "utf-8")
    print(f"\nWritten to docs/{REPORT.name}.")


if __name__ == "__main__":
    main()
