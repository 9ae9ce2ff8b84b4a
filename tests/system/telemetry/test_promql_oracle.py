"""Our PromQL beside a real Prometheus that holds the same samples: the recorded expressions, and any others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from drillyard.telemetry.metrics.store import MetricStore
from drillyard.telemetry.prometheus.source import Source
from tests.system.telemetry.real_prometheus import RealPrometheus, installed, running
from tests.unit.telemetry import promql_cases
from tests.unit.telemetry.promql_cases import differs
from tests.unit.telemetry.test_promql_answers import instant, ranged

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(not installed(), reason="there is no prometheus with promtool on PATH"),
]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    with running(tmp_path_factory.mktemp("prometheus")) as opened:
        yield opened


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    store = MetricStore(tmp_path_factory.mktemp("ours") / "metrics.db")
    promql_cases.fill(store)
    yield Source(store)
    store.close()


def test_what_is_recorded_is_still_what_it_answers(real, ours):
    wrong = []
    for query in promql_cases.expressions():
        for ask, answer in ((real.instant, instant), (real.ranged, ranged)):
            problem = differs(query, ask(query), answer(ours, query))
            if problem:
                wrong.append(f"{query}: {problem}")
    assert wrong == []


NUMBERS = st.sampled_from(["0", "1", "-1", "2.5", "0.3", "100", "-7", "1e10", "Inf"])
MATCHERS = st.sampled_from(
    ["", '{job="a"}', '{job!="a"}', '{job=~"a|b"}', '{job!~"b"}', '{code="500"}', '{zone=""}', '{job=~".+"}']
)
NAMES = st.sampled_from(["requests", "gauge", "limit", "limit2", "gappy", "constant", "special", "old", "nothing"])
TIMES = st.sampled_from(["", " offset 1m", " offset -30s", " @ 1759999700", " @ start()", " @ end() offset 45s"])
RANGES = st.sampled_from(["30s", "1m", "5m", "15m"])
SELECTORS = st.builds(lambda name, matchers, time: f"{name}{matchers}{time}", NAMES, MATCHERS, TIMES)
OVER_RANGES = st.builds(
    lambda function, name, matchers, span, time: f"{function}({name}{matchers}[{span}]{time})",
    st.sampled_from(
        [
            "rate",
            "increase",
            "irate",
            "delta",
            "idelta",
            "deriv",
            "changes",
            "resets",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "sum_over_time",
            "count_over_time",
            "last_over_time",
            "present_over_time",
            "stddev_over_time",
            "absent_over_time",
        ]
    ),
    st.sampled_from(["requests", "gauge", "constant", "took_bucket", "nothing"]),
    MATCHERS,
    RANGES,
    TIMES,
)
LABELS = st.sampled_from(["", "job", "code", "job, code", "zone", "nobody"])
ARITHMETIC = st.sampled_from(["+", "-", "*", "/", "%", "^"])  # Prometheus 2 lets `atan2` keep the name.
COMPARING = st.sampled_from(["==", "!=", ">", "<", ">=", "<=", "> bool", "== bool", "<= bool"])
SETS = st.sampled_from(["and", "or", "unless"])
MATCHING = st.sampled_from(
    [
        "",
        "on(job)",
        "on(job, code)",
        "on()",
        "ignoring(code)",
        "ignoring(code, zone)",
        "on(job) group_left",
        "on(job) group_right",
        "on(job) group_left(owner)",
    ]
)
FUNCTIONS = st.sampled_from(
    [
        "abs",
        "ceil",
        "floor",
        "round",
        "sqrt",
        "exp",
        "ln",
        "log2",
        "log10",
        "sgn",
        "sin",
        "atan",
        "deg",
        "sort_desc",
        "timestamp",
        "absent",
    ]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(
            lambda left, operator, matching, right: f"({left}) {operator} {matching} ({right})",
            inner, st.one_of(ARITHMETIC, COMPARING), MATCHING, inner,
        ),
        st.builds(
            lambda left, operator, matching, right: f"({left}) {operator} {matching} ({right})",
            inner, SETS, st.sampled_from(["", "on(job)", "on()", "ignoring(code)"]), inner,
        ),
        st.builds(lambda left, operator, right: f"({left}) {operator} {right}", inner, st.one_of(ARITHMETIC, COMPARING), NUMBERS),
        st.builds(lambda left, operator, right: f"{left} {operator} ({right})", NUMBERS, st.one_of(ARITHMETIC, COMPARING), inner),
        st.builds(
            lambda name, word, labels, part: f"{name} {word} ({labels}) ({part})",
            st.sampled_from(["sum", "avg", "min", "max", "count", "group"]), st.sampled_from(["by", "without"]), LABELS, inner,
        ),
        st.builds(
            lambda name, parameter, part: f"{name}({parameter}, {part})",
            st.sampled_from(["quantile", "topk", "bottomk"]), st.sampled_from(["0", "1", "2", "-1"]), inner,
        ),
        st.builds(lambda name, part: f"{name}({part})", FUNCTIONS, inner),
        st.builds(lambda part: f"-({part})", inner),
        st.builds(lambda low, high, part: f"clamp({part}, {low}, {high})", NUMBERS, NUMBERS, inner),
        st.builds(lambda name, part, span, step: f"{name}(({part})[{span}:{step}])", st.sampled_from(["max_over_time", "avg_over_time", "changes", "count_over_time"]), inner, RANGES, st.sampled_from(["15s", "1m"])),
        st.builds(lambda part, text: f'label_replace({part}, "job", "{text}", "job", "(.).*")', inner, st.sampled_from(["$1x", "${1}x", "same", ""])),
    )  # fmt: skip


EXPRESSIONS = st.recursive(st.one_of(SELECTORS, OVER_RANGES), _larger, max_leaves=4)


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS)
def test_any_expression_means_the_same(real, ours, query):
    # The moments of an inner subquery lie on the edges of the outer one's, where Prometheus 2 and 3 differ.
    assume(query.count(":15s]") + query.count(":1m]") <= 1)
    # A tie of `topk` may go either way, and does so in Prometheus from one run to the next.
    if "topk" in query or "bottomk" in query:
        query = f"count({query})"
    assert differs("", real.instant(query), instant(ours, query)) == "", query
    assert differs("", real.ranged(query), ranged(ours, query)) == "", query
