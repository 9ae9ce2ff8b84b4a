"""
Reads series for PromQL's selectors out of the metric store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drillyard.telemetry.metrics.store import MetricStore
from drillyard.telemetry.prometheus.names import prometheus_labels, prometheus_name
from drillyard.telemetry.prometheus.regex import compile_bounded
from drillyard.telemetry.prometheus.values import NAME, Labels, PromqlError, Track

SERIES_MAX = 10_000


@dataclass(frozen=True)
class Matcher:
    """One condition on one label; a label that is not there is the empty text."""

    name: str
    fits: Callable[[str], bool]


def matcher(name: str, operator: str, value: str) -> Matcher:
    """`operator` is one of =, !=, =~, !~. Raises PromqlError."""
    if operator == "=":
        return Matcher(name, lambda text: text == value)
    if operator == "!=":
        return Matcher(name, lambda text: text != value)
    expression = compile_bounded(value)
    if operator == "=~":
        return Matcher(name, lambda text: expression.fullmatch(text) is not None)
    return Matcher(name, lambda text: expression.fullmatch(text) is None)


def fits(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Whether the labels fulfil all conditions."""
    return all(condition.fits(labels.get(condition.name, "")) for condition in matchers)


class Source:
    """Tracks of a store, read once for each question."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def tracks(self, matchers: list[Matcher], from_s: float, to_s: float) -> list[Track]:
        """The series that fit, with their points from one moment to another. Raises PromqlError for too many."""
        found = []
        names = [condition for condition in matchers if condition.name == NAME]
        for metric in self.metrics(from_s):
            if not all(condition.fits(prometheus_name(metric)) for condition in names):
                continue
            for series in self._store.series(metric, int(from_s), int(to_s) + 1):
                labels = prometheus_labels(metric, series.tags)
                if fits(matchers, labels):
                    times, values = [float(time) for time, _ in series.points], [value for _, value in series.points]
                    found.append(Track(labels, times, values))
            if len(found) > SERIES_MAX:
                raise PromqlError(f"The question touches more than {SERIES_MAX} series.")
        return found

    def labels(self, matchers: list[Matcher], since_s: float) -> list[Labels]:
        """The label sets that fit and have had a point since then."""
        active = self._store.active(int(since_s))
        every = (prometheus_labels(series.metric, series.tags) for series in active)
        return [labels for labels in every if fits(matchers, labels)]

    def metrics(self, since_s: float) -> list[str]:
        """Our names of the metrics that have had a point since then."""
        return sorted({series.metric for series in self._store.active(int(since_s))})
