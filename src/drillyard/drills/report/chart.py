"""
Draws the queue's depth as an SVG step line: what piled up while the fault was on, and when it was worked off.

The picture holds no colours of its own: it uses classes that the page's style sheet colours, for light, dark and paper.
A step line loses nothing when samples that repeat a value are left out, so an hour of samples stays a small picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from markupsafe import Markup, escape

from drillyard.record import Sample

_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 14, 50, 46
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


@dataclass(frozen=True)
class Chart:
    """What is drawn. Times are seconds from `started_at`; the window is None when no fault was put in."""

    started_at: datetime
    ended_s: float
    depth: Sequence[Sample]
    consumers: Sequence[Sample]
    window: tuple[float, float] | None
    orders_s: Sequence[float]


def draw(chart: Chart, *, width: int, height: int) -> Markup:
    """The SVG element, `width` by `height` units; empty when there is no measurement."""
    depths = [sample.value for sample in chart.depth if sample.value is not None]
    if not depths:
        return Markup("")
    pen = _Pen(chart, width, height, peak=max(1, math.ceil(max(depths))))
    parts = [
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(_description(chart))}">',
        *pen.window(),
        *pen.value_axis(),
        *pen.time_axis(),
        *pen.step_line(),
        *pen.orders(),
        *pen.consumers(),
        *pen.peak_label(),
        "</svg>",
    ]
    return Markup("".join(parts))


def runs(samples: Iterable[Sample], ended_s: float) -> list[list[tuple[float, float]]]:
    """
    The (t_s, value) corners of a step line, one list per stretch without a gap; each ends where it was last known.

    A sample without a value ends a stretch: where nothing was measured nothing is drawn.
    """
    stretches: list[list[tuple[float, float]]] = []
    open_stretch: list[tuple[float, float]] | None = None
    for sample in sorted(samples, key=lambda one: one.t_s):
        if sample.value is None:
            if open_stretch is not None:
                open_stretch.append((sample.t_s, open_stretch[-1][1]))
            open_stretch = None
        elif open_stretch is None:
            open_stretch = [(sample.t_s, sample.value)]
            stretches.append(open_stretch)
        elif sample.value != open_stretch[-1][1]:
            open_stretch.append((sample.t_s, sample.value))
    if open_stretch is not None:
        open_stretch.append((max(ended_s, open_stretch[-1][0]), open_stretch[-1][1]))
    return stretches


class _Pen:
    """Turns seconds and messages into places on the picture."""

    def __init__(self, chart: Chart, width: int, height: int, *, peak: int) -> None:
        self.chart = chart
        self.width, self.height = width, height
        self.y_step = _whole_step(peak, lines_max=5)
        self.y_top = math.ceil(peak / self.y_step) * self.y_step
        last = max((sample.t_s for sample in chart.depth), default=0.0)
        self.span_s = max(chart.ended_s, last, 0.001)

    def x(self, t_s: float) -> float:
        return round(_LEFT + (self.width - _LEFT - _RIGHT) * min(max(t_s / self.span_s, 0.0), 1.0), 1)

    def y(self, value: float) -> float:
        return round(self.height - _BOTTOM - (self.height - _TOP - _BOTTOM) * value / self.y_top, 1)

    def window(self) -> list[str]:
        if self.chart.window is None:
            return []
        start, end = self.chart.window
        left, right = self.x(start), self.x(end)
        middle = min(max((left + right) / 2, _LEFT + 55), self.width - _RIGHT - 55)
        return [
            f'<rect class="fault" x="{left}" y="0" width="{max(1.0, round(right - left, 1))}"'
            f' height="{self.height - _BOTTOM}"/>',
            f'<text class="fault-label" x="{middle:.1f}" y="16" text-anchor="middle">'
            f"fault on {seconds(end - start)}</text>",
        ]

    def value_axis(self) -> list[str]:
        parts = [f'<text class="axis" x="0" y="{_TOP - 18}">messages</text>']
        for value in range(0, self.y_top + 1, self.y_step):
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
        return parts

    def time_axis(self) -> list[str]:
        room = max(2, (self.width - _LEFT - _RIGHT) // 88)
        step_s = next((step for step in _STEPS_S if self.span_s / step <= room), _STEPS_S[-1])
        while self.span_s / step_s > room:
            step_s *= 2
        start = self.chart.started_at.astimezone(UTC)
        first = math.ceil(start.timestamp() / step_s) * step_s
        parts = [f'<text class="axis" x="{self.width - _RIGHT}" y="{self.height - 4}" text-anchor="end">UTC</text>']
        base = self.height - _BOTTOM
        for number in range(room + 1):
            t_s = first + number * step_s - start.timestamp()
            if t_s > self.span_s:
                break
            x = self.x(t_s)
            anchor = "start" if x < _LEFT + 26 else "end" if x > self.width - _RIGHT - 26 else "middle"
            text = f"{start + timedelta(seconds=t_s):%H:%M:%S}"
            parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{base}" y2="{base + 4}"/>')
            parts.append(f'<text class="tick" x="{x}" y="{base + 30}" text-anchor="{anchor}">{text}</text>')
        return parts

    def step_line(self) -> list[str]:
        lines, areas = [], []
        for corners in runs(self.chart.depth, self.span_s):
            path = f"M{self.x(corners[0][0])} {self.y(corners[0][1])}"
            for t_s, value in corners[1:]:
                path += f"H{self.x(t_s)}V{self.y(value)}"
            base = self.y(0)
            areas.append(f'<path class="area" d="{path}V{base}H{self.x(corners[0][0])}Z"/>')
            lines.append(f'<path class="line" d="{path}"/>')
        return areas + lines

    def orders(self) -> list[str]:
        base = self.height - _BOTTOM
        return [
            f'<circle class="order" cx="{self.x(t_s)}" cy="{base}" r="3"><title>order placed</title></circle>'
            for t_s in self.chart.orders_s
        ]

    def consumers(self) -> list[str]:
        """A band under the plot: filled where somebody consumed."""
        y = self.height - _BOTTOM + 9
        parts = []
        for corners in runs(self.chart.consumers, self.span_s):
            for (t_s, value), (until_s, _) in pairwise(corners):
                left, right = self.x(t_s), self.x(until_s)
                kind = "consumed" if value > 0 else "unconsumed"
                parts.append(
                    f'<rect class="{kind}" x="{left}" y="{y}" width="{max(0.5, round(right - left, 1))}" height="5"/>'
                )
        return parts

    def peak_label(self) -> list[str]:
        peak = max((s for s in self.chart.depth if s.value is not None), key=lambda s: (s.value or 0.0, -s.t_s))
        if not peak.value:
            return []
        x = self.x(peak.t_s)
        anchor = "start" if x < self.width - 60 else "end"
        return [
            f'<text class="peak" x="{x + (6 if anchor == "start" else -6):.1f}" y="{self.y(peak.value) - 6:.1f}"'
            f' text-anchor="{anchor}">{peak.value:g}</text>'
        ]


def _whole_step(peak: int, *, lines_max: int) -> int:
    step = 1
    while peak / step > lines_max:
        step = step * 2 if str(step)[0] != "2" else step * 5 // 2
    return step


def seconds(value: float) -> str:
    """A duration for people: `12.5 s`, `3 min 05 s`, `1 h 02 min`."""
    if value < 60:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _description(chart: Chart) -> str:
    depths = [sample.value for sample in chart.depth if sample.value is not None]
    text = f"Queue depth over time: at most {max(depths):g} messages, {depths[-1]:g} at the end."
    if chart.window is not None:
        text += f" The fault was on for {seconds(chart.window[1] - chart.window[0])}."
    return text
