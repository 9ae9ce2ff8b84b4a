"""
Shows a drill while it is played: phases as headings, claims as ticks, and a board at the bottom: the phase and its
countdown, what customers are told, and what an on-call could see.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drillyard.cli.invocation import as_typed
from drillyard.record.verdicts import Check, Outcome

_BARS = " ▁▂▃▄▅▆▇█"
_MARKS = {
    Outcome.KEPT: ("✓", "green"),
    Outcome.UNCLEAR: ("?", "yellow"),
    Outcome.BROKEN: ("✗", "red"),
    Outcome.INVALID: ("✗", "red"),
}
_HISTORY = 40
_MARGIN = 12


class Stage:
    """The audience at a terminal (or of a log, where nothing moves). Use as a context manager."""

    def __init__(self, title: str, brief: str) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._title, self._brief = title, brief
        self._began = time.monotonic()
        self._phase = ""
        self._values: dict[str, float | None] = {}
        self._depths: list[float] = []
        self._live = (
            Live(self, console=self._console, refresh_per_second=8, transient=True) if sys.stderr.isatty() else None
        )

    @property
    def live(self) -> bool:
        return self._live is not None

    def __enter__(self) -> Self:
        self._console.print()
        self._console.print(Text(self._title, style="bold"))
        self._console.print(Text(f"“{self._brief}”", style="italic"))
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def phase(self, name: str, text: str) -> None:
        self._phase = name
        self._console.print()
        heading = Text(f"T+{self._elapsed():5.1f} s  ", style="dim")
        heading.append(f"{name.upper():9}", style="bold cyan")
        heading.append(text, style="bold")
        self._console.print(heading)

    def say(self, text: str) -> None:
        self._line(Text("·", style="dim"), Text(as_typed(text), style="dim"))

    def numbers(self, **values: float | None) -> None:
        self._values |= values
        depth = values.get("queue_depth")
        if depth is not None:
            self._depths = [*self._depths[1 - _HISTORY :], depth]

    def checked(self, check: Check) -> None:
        mark, colour = _MARKS[check.outcome]
        text = Text(check.claim)
        text.append(f"   {check.seen}", style="dim")
        if check.outcome is not Outcome.KEPT:
            text.append(f"   (expected {check.expected})", style=colour)
        self._line(Text(mark, style=colour), text)

    def _line(self, mark: Text, text: Text) -> None:
        """A mark in the margin, and a text that wraps beside it."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=_MARGIN, justify="right")
        grid.add_column(overflow="fold")
        grid.add_row(mark, text)
        self._console.print(grid)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._clock_line()
        yield self._customers_line()
        yield self._on_call_line()

    def _clock_line(self) -> Text:
        line = Text(f"  {self._phase:9}", style="cyan bold")
        line.append(f" T+{self._elapsed():5.1f} s")
        left_s = self._values.get("heals_in_s")
        if left_s is not None:
            line.append(f"   heals in {left_s:.0f} s", style="yellow")
        return line

    def _customers_line(self) -> Text:
        orders, failed = self._values.get("orders") or 0, self._values.get("failed") or 0
        line = Text("  customers", style="cyan")
        line.append(f" {orders - failed:.0f} of {orders:.0f} order(s) accepted", style="")
        if failed:
            line.append(f"   {failed:.0f} told an error", style="red bold")
        return line

    def _on_call_line(self) -> Text:
        top = max(self._depths, default=0.0)
        bars = "".join(_BARS[round(depth / top * 8) if top else 0] for depth in self._depths)
        consumers, errors = self._values.get("consumers"), self._values.get("errors")
        line = Text("  on-call  ", style="cyan")
        line.append(f" consumers {_number(consumers)}   ", style="red bold" if consumers == 0 else "")
        line.append(f"error logs {_number(errors)}   ", style="red bold" if errors else "")
        line.append(f"queue {_number(self._values.get('queue_depth'))} ")
        line.append(bars, style="yellow")
        return line

    def _elapsed(self) -> float:
        return time.monotonic() - self._began


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
