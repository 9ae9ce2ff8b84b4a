"""What a real Prometheus answered (`data/promql-answers.json` names its version) is what our PromQL answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api.prometheus import shown, shown_tracks
from drillyard.telemetry.metrics.store import MetricStore
from drillyard.telemetry.prometheus.evaluate import Evaluation
from drillyard.telemetry.prometheus.source import Source
from tests.unit.telemetry import promql_cases
from tests.unit.telemetry.promql_cases import AT_S, START_S, STEP_S, differs

pytest.importorskip("promql_parser", reason="promql-parser is not installed")

RECORDED = json.loads(promql_cases.ANSWERS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    store = MetricStore(tmp_path_factory.mktemp("promql") / "metrics.db")
    promql_cases.fill(store)
    yield Source(store)
    store.close()


def instant(source: Source, query: str) -> Any:
    try:
        return shown(Evaluation(query, source, AT_S, AT_S).at(AT_S), AT_S)
    except DrillyardError:
        return {"error": True}


def ranged(source: Source, query: str) -> Any:
    try:
        return shown_tracks(Evaluation(query, source, START_S, AT_S).over(STEP_S))
    except DrillyardError:
        return {"error": True}


def test_every_expression_has_an_answer():
    assert [case["query"] for case in RECORDED["cases"]] == promql_cases.expressions()
    assert len(RECORDED["cases"]) >= 150


@pytest.mark.parametrize("case", RECORDED["cases"], ids=[case["query"] for case in RECORDED["cases"]])
def test_prometheus_answered_the_same(source, case):
    assert differs(case["query"], case["instant"], instant(source, case["query"])) == ""
    assert differs(case["query"], case["range"], ranged(source, case["query"])) == ""
