"""
The log store beside others: lines in, the documents' queries, counts and groups, memory and disk, in one run.

A million lines in the shop's own formats; ten million with BIG=1, any number with LINES=N. Ours enter as gzipped posts
of 900 through the application itself (reading, pipelines, index, commit and answer counted, sockets not); questions are
put to its API (the figures), and to its store alone (the table), because the other candidates are used as libraries.
Each runs in a process of its own. A candidate that is not installed is named as not run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from bench.figure import Figure, Section
from bench.log_candidates import CANDIDATES
from bench.log_questions import DOCUMENTS, OTHERS

TITLE = "Logs"
OURS = "Drillyard"
LIMIT_S = 7_200


def measure(rounds: int) -> Section:
    """The figures of Drillyard; a table of all candidates below them."""
    count = int(os.environ.get("LINES") or (10_000_000 if os.environ.get("BIG") else 1_000_000))
    results = {name: run(name, count, rounds * 4) for name in (OURS, *CANDIDATES)}
    ours = results[OURS]
    figures = [
        Figure("lines a second, each on the disk when acknowledged", [ours["lines_per_s"]]),
        Figure("processor time of a line in (µs)", [ours["cpu_us"]]),
        Figure("disk of a line (bytes)", [ours["disk_bytes"]]),
        Figure("memory of the telemetry at most, load included (MB)", [ours["memory_mb"]]),
        *(Figure(f"{question.name}, newest 50 (ms)", ours["api_ms"][question.name]) for question in DOCUMENTS),
        *(Figure(f"{question.name} (ms)", ours["api_ms"][question.name]) for question in OTHERS),
    ]
    return Section(figures, text=table(results, count))


def run(name: str, count: int, rounds: int) -> dict[str, Any]:
    """One candidate's figures, or why there are none."""
    with tempfile.TemporaryDirectory(prefix="drillyard-bench-") as folder:
        command = [sys.executable, "-m", "bench.log_run", name, folder, str(count), str(rounds)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return {"not run": f"gave up after {LIMIT_S} s"}
        if done.returncode:
            return {"not run": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "it failed"}
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def table(results: dict[str, dict[str, Any]], count: int) -> str:
    """Markdown: a column for each candidate, p50 / p95 in milliseconds."""
    ran = {name: found for name, found in results.items() if "not run" not in found}
    lines = [
        f"{count:,} lines; p50 / p95 in ms. Here each store is asked inside its own process; Drillyard's API is above.",
        "",
        f"| | {' | '.join(ran)} |",
        f"|---|{'---|' * len(ran)}",
    ]
    for what, key in (
        ("lines a second", "lines_per_s"),
        ("processor time of a line (µs)", "cpu_us"),
        ("disk of a line (bytes)", "disk_bytes"),
        ("memory at most (MB)", "memory_mb"),
    ):
        lines.append(f"| {what} | {' | '.join(f'{found[key]:,.0f}' for found in ran.values())} |")
    for question in (*DOCUMENTS, *OTHERS):
        cells = [cell(found["took_ms"].get(question.name)) for found in ran.values()]
        lines.append(f"| {question.name} | {' | '.join(cells)} |")
    lines.append(f"| **all of a candidate, geometric mean of p50** | {' | '.join(map(mean, ran.values()))} |")
    lines.append("")
    lines += [f"- {name}: {found['note']}." for name, found in ran.items()]
    lines += [f"- {name}: not run: {found['not run']}." for name, found in results.items() if "not run" in found]
    lines += disagreements(ran)
    return "\n".join(lines)


def cell(took_ms: list[float] | None) -> str:
    """`1.2 / 3.4`."""
    return "—" if not took_ms else f"{statistics.median(took_ms):.1f} / {p95(took_ms):.1f}"


def mean(found: dict[str, Any]) -> str:
    """Over the questions that the candidate can answer."""
    medians = [statistics.median(took) for took in found["took_ms"].values() if took]
    return f"**{statistics.geometric_mean(medians):.1f}**"


def p95(took_ms: list[float]) -> float:
    """The 95th percentile."""
    ordered = sorted(took_ms)
    return ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]


def disagreements(ran: dict[str, dict[str, Any]]) -> list[str]:
    """Questions to which not all give one answer: then their times do not compare."""
    lines = []
    for question in (*DOCUMENTS, *OTHERS):
        answers = {name: found["answers"].get(question.name) for name, found in ran.items()}
        known = {answer for answer in answers.values() if answer is not None}
        if len(known) > 1:
            lines.append(f"- {question.name}: the answers differ: {answers}.")
    return lines
