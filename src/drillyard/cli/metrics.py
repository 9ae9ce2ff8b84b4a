"""
`drill metrics QUERY`: each series' last, least and greatest value, and its course as a sparkline.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.tables import print_table
from drillyard.cli.terminal import plain
from drillyard.telemetry.times import TimeError, parse_time
from drillyard.yard.empty_result import explain_metric
from drillyard.yard.yard import open_yard

_BARS = "▁▂▃▄▅▆▇█"
CELLS_MAX = 30
_CELLS_MIN = 6
_BESIDE = 48
"""Columns that the name and the three figures of a series want."""


@dataclass(frozen=True)
class Answer:
    """The series of a query, the window in Unix milliseconds, and what is said when there is no series."""

    series: list[dict[str, Any]]
    from_ms: int
    to_ms: int
    said: list[str]


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="What the telemetry saw")(metrics)


def metrics(
    query: Annotated[
        str,
        typer.Argument(help="A Datadog metric query, such as: avg:rabbitmq.queue.messages{*} by {rabbitmq_queue}"),
    ],
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="now-15m, RFC 3339, or epoch ms.")] = "now-15m",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="As --from.")] = "now",
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """Show the series of a metric query: last, least, greatest value, and a sparkline with gaps where no point is."""
    answer = asyncio.run(_ask(yard, query, start, end))
    if json_output:
        typer.echo(json.dumps(answer.series))
    elif answer.series:
        print_table(series_table(answer, course_cells(Console().width)))
        typer.echo(f"{_utc(answer.from_ms)} to {_utc(answer.to_ms)} (UTC)", err=True)
    for sentence in answer.said:
        typer.echo(plain(sentence), err=True)


async def _ask(yard: str, query: str, start: str, end: str) -> Answer:
    async with open_yard(yard) as opened:
        now_ms = round(opened.clock.now().timestamp() * 1000)
        from_ms, to_ms = _time("--from", start, now_ms), _time("--to", end, now_ms)
        if from_ms >= to_ms:
            raise SettingError(f"The window is empty: --from {start} is not before --to {end}.")
        begin, until = _moment(from_ms), _moment(to_ms)
        series = await opened.datadog.metrics(query, begin, until)
        said = [] if series else await explain_metric(opened.datadog, query, begin)
        return Answer(series, from_ms, to_ms, said)


def _time(option: str, text: str, now_ms: int) -> int:
    try:
        parsed = parse_time(text, now_ms)
    except TimeError as wrong:
        raise SettingError(f"{option}: {wrong.message}", hint=wrong.hint) from wrong
    if parsed < 0:
        raise SettingError(f"{option}: {text} is before 1970.")
    return parsed


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _utc(time_ms: int) -> str:
    return f"{_moment(time_ms):%Y-%m-%d %H:%M:%S}"


def course_cells(width: int) -> int:
    """How many cells a course may have in a terminal of so many columns: the names beside it matter more."""
    return max(_CELLS_MIN, min(CELLS_MAX, width - _BESIDE))


def series_table(answer: Answer, cells_max: int = CELLS_MAX) -> Table:
    """A row a series; the metric is its title where they share one."""
    names = {str(one.get("metric", "")) for one in answer.series}
    shared = names.pop() if len(names) == 1 else ""
    table = Table(title=Text(plain(shared)) if shared else None, title_justify="left", box=None, pad_edge=False)
    table.add_column("SERIES", overflow="fold", min_width=8)
    for column in ("LAST", "MIN", "MAX"):
        table.add_column(column, justify="right")
    table.add_column("COURSE", no_wrap=True)
    for one in answer.series:
        points = [(float(at), float(value)) for at, value in one["pointlist"] if value is not None]
        points = [point for point in points if math.isfinite(point[1])]
        if not points:
            continue
        values = [value for _, value in points]
        scope = str(one.get("scope") or "*")
        name = scope if shared else f"{one.get('metric', '')} {scope}"
        # No more cells than there can be points: a gap must mean that one is missing.
        cells = int((answer.to_ms - answer.from_ms) / 1000 / max(1, int(one.get("interval") or 1)))
        course = sparkline(points, answer.from_ms, answer.to_ms, max(1, min(cells_max, cells)))
        table.add_row(Text(plain(name)), number(values[-1]), number(min(values)), number(max(values)), course)
    return table


def sparkline(points: Sequence[tuple[float, float]], from_ms: float, to_ms: float, width: int = CELLS_MAX) -> str:
    """
    The course of the values over the window, the last of each cell; a blank where there is no point.

    The lowest bar is the least value, the highest the greatest; a series that never changes is one low line.
    """
    span_ms = max(1.0, to_ms - from_ms)
    cells: list[list[float]] = [[] for _ in range(width)]
    for at, value in points:
        place = min(width - 1, max(0, int((at - from_ms) / span_ms * width)))
        cells[place].append(value)
    low, high = min(value for _, value in points), max(value for _, value in points)
    return "".join(_bar(cell[-1], low, high) if cell else " " for cell in cells)


def _bar(value: float, low: float, high: float) -> str:
    return _BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] if high > low else _BARS[0]


def number(value: float) -> str:
    """A value as short as it can be told: `3`, `0.25`, `1.53e+09`."""
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    return f"{value:.4g}"
