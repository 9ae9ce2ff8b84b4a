"""
Asks a monitor's question: one value for each group, now.
"""

from __future__ import annotations

from typing import Any

from drillyard.telemetry.checks import Checks
from drillyard.telemetry.logs.aggregate import Compute, Group, aggregate, facet
from drillyard.telemetry.logs.query import matches
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import RecordStore, Window
from drillyard.telemetry.metrics.evaluate import SeriesSource, evaluate, grid_for
from drillyard.telemetry.metrics.functions import summary
from drillyard.telemetry.metrics.query.scope import parse_scope
from drillyard.telemetry.monitors.query import CheckQuestion, MetricQuestion, Question, RecordQuestion

GROUPS_MAX = 1_000

Values = dict[str, float]
"""By group, as `kube_deployment:payment`; `*` for a monitor without groups."""


class Oracle:
    """The stores a question may look into."""

    def __init__(self, metrics: SeriesSource, logs: RecordStore, events: RecordStore, checks: Checks) -> None:
        self._metrics = metrics
        self._records = {"logs": logs, "events": events}
        self._checks = checks

    def ask(self, question: Question, now_ms: int) -> Values:
        """Groups without data are absent. Raises what the stores raise."""
        match question:
            case MetricQuestion():
                return self._metric(question, now_ms // 1000)
            case RecordQuestion():
                return self._record(question, now_ms)
            case CheckQuestion():
                return self._check(question)

    def _metric(self, question: MetricQuestion, now_s: int) -> Values:
        # Short windows need a fine grid: the default of 20 s would leave a window of 30 s with one point.
        step_s = max(1, min(20, question.window_s // 30)) if question.window_s <= 3_600 else None
        grid = grid_for(question.expression, now_s - question.window_s, now_s, step_s)
        found = {}
        for line in evaluate(question.expression, self._metrics, grid):
            values = [value for time, value in sorted(line.values.items())]
            if values:
                found[",".join(line.tags) or "*"] = summary(values, question.method)
        return found

    def _record(self, question: RecordQuestion, now_ms: int) -> Values:
        groups = [Group(name, facet(name), limit=GROUPS_MAX) for name in question.by]
        compute = Compute(question.aggregation, facet(question.metric) if question.metric else None)
        window = Window(now_ms - question.window_s * 1000, now_ms)
        buckets = aggregate(self._records[question.source], question.query, window, [compute], groups)
        found: dict[str, Any] = {
            ",".join(f"{name}:{value}" for name, value in bucket.by.items()) or "*": bucket.computes[0]
            for bucket in buckets
        }
        if not question.by and question.aggregation in ("count", "cardinality"):
            found.setdefault("*", 0.0)  # No log is a count of zero, not a lack of data.
        return {group: float(value) for group, value in found.items() if value is not None}

    def _check(self, question: CheckQuestion) -> Values:
        scope = parse_scope(",".join(question.over))
        found: Values = {}
        for tags, results in self._checks.of(question.check):
            record = Record(0, "", tags=list(tags))
            if not matches(scope, record):
                continue
            parts = [f"{key}:{value}" for key in question.by for value in record.tag_values.get(key, [])[:1]]
            bad = 0
            for status in reversed(results[-question.last :]):
                if status == 0:
                    break
                bad += 1
            group = ",".join(parts) or "*"
            found[group] = max(found.get(group, 0.0), float(bad))
        return found
