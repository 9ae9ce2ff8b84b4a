"""The metric query language: what parses, and what it means on known points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.telemetry.metrics.evaluate import evaluate, grid_for
from drillyard.telemetry.metrics.query.nodes import MetricQueryError
from drillyard.telemetry.metrics.query.parser import parse_query
from drillyard.telemetry.metrics.store import Series

STARTS = 1_200


def series(metric, tags, values, kind="gauge", interval_s=0):
    points = [(STARTS + 20 * number, value) for number, value in enumerate(values) if value is not None]
    return Series(metric, tuple(tags), kind, interval_s, points)


KNOWN = [
    series("replicas", ["kube_deployment:orders", "kube_namespace:sock-shop", "host:a"], [1, 1, 1]),
    series("replicas", ["kube_deployment:payment", "kube_namespace:sock-shop", "host:a"], [1, 0, 0]),
    series("replicas", ["kube_deployment:edge", "kube_namespace:other", "host:b"], [5, None, 7]),
    series("hits", ["kube_deployment:orders"], [10, 20, 30], "count"),
    series("rate", ["kube_deployment:orders"], [2, 2, 2], "rate", 10),
]


def ask(query, from_s=STARTS, to_s=STARTS + 59, step_s=None):
    tree = parse_query(query)
    grid = grid_for(tree, from_s, to_s, step_s)
    lines = evaluate(tree, lambda metric, low, high: [item for item in KNOWN if item.metric == metric], grid)
    return {",".join(line.tags) or "*": [line.values.get(time) for time in grid.times()] for line in lines}


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("sum:replicas{kube_namespace:sock-shop}", {"*": [2, 1, 1]}),
        ("replicas{kube_namespace:sock-shop}", {"*": [1, 0.5, 0.5]}),
        (
            "min:replicas{kube_namespace:sock-shop} by {kube_deployment}",
            {"kube_deployment:orders": [1, 1, 1], "kube_deployment:payment": [1, 0, 0]},
        ),
        ("sum:replicas{*}", {"*": [7, 7, 8]}),  # The gap of `edge` is bridged.
        ("sum:replicas{kube_deployment:pay*}", {"*": [1, 0, 0]}),
        ("sum:replicas{kube_namespace:sock-shop,!kube_deployment:orders}", {"*": [1, 0, 0]}),
        ("sum:replicas{kube_namespace:sock-shop AND NOT kube_deployment:orders}", {"*": [1, 0, 0]}),
        ("sum:replicas{kube_deployment IN (payment, orders)}", {"*": [2, 1, 1]}),
        ("sum:replicas{kube_deployment NOT IN (edge, orders)}", {"*": [1, 0, 0]}),
        ("count:replicas{*}", {"*": [3, 3, 3]}),
        ("sum:hits{*}.as_count()", {"*": [10, 20, 30]}),
        ("sum:hits{*}.as_rate()", {"*": [0.5, 1, 1.5]}),
        ("sum:rate{*}.as_count()", {"*": [20, 20, 20]}),
        ("sum:hits{*}.rollup(sum, 60)", {"*": [60]}),
        ("max:hits{*}.rollup(max, 60)", {"*": [30]}),
        ("sum:replicas{kube_deployment:edge}.fill(zero)", {"*": [5, 0, 7]}),
        ("sum:replicas{kube_deployment:edge}.fill(last)", {"*": [5, 5, 7]}),
        ("sum:replicas{kube_deployment:edge}.fill(linear)", {"*": [5, 6, 7]}),
        ("sum:replicas{kube_deployment:edge}", {"*": [5, None, 7]}),
        ("sum:hits{*} * 2 + 1", {"*": [21, 41, 61]}),
        ("sum:hits{*} / (sum:replicas{kube_deployment:payment})", {"*": [10, None, None]}),
        ("-sum:hits{*}", {"*": [-10, -20, -30]}),
        ("default_zero(sum:nothing{*})", {"*": [0, 0, 0]}),
        ("sum:nothing{*}", {}),
        ("cumsum(sum:hits{*})", {"*": [10, 30, 60]}),
        ("diff(sum:hits{*})", {"*": [None, 10, 10]}),
        ("per_minute(sum:hits{*})", {"*": [None, 30, 30]}),
        ("abs(-sum:hits{*})", {"*": [10, 20, 30]}),
        ("clamp_min(sum:hits{*}, 15)", {"*": [15, 20, 30]}),
        ("top(sum:replicas{*} by {kube_deployment}, 1, 'mean', 'desc')", {"kube_deployment:edge": [5, None, 7]}),
        ("count_nonzero(sum:replicas{kube_namespace:sock-shop} by {kube_deployment})", {"*": [2, 1, 1]}),
    ],
)
def test_a_query_means_what_datadog_says(query, lines):
    assert ask(query) == lines


@pytest.mark.parametrize(
    "query",
    [
        "",
        "replicas",
        "sum:replicas{",
        "mode:replicas{*}",
        "sum:replicas{*} +",
        "sum:replicas{*}}",
        "anomalies(sum:a{*}, 'x')",
        "sum:replicas{a:b,c:d OR e:f}",
        "sum:a{*}.rollup(mode)",
        "sum:a{*}.fill(maybe)",
        "sum:a{*}.unknown()",
        "top(sum:replicas{*})",
        "(" * 60 + "1" + ")" * 60,
        "sum:a{k IN ()}",
        "sum:a{(a:b OR }",
        "x" * 9000,
    ],
)
def test_an_impossible_query_is_refused(query):
    with pytest.raises(MetricQueryError):
        ask(query)


PIECES = st.sampled_from(
    [
        "sum:",
        "replicas",
        "{*}",
        "{a:b}",
        "{a:b AND ",
        "NOT ",
        "IN (",
        ")",
        "(",
        " by {x}",
        "+",
        "/",
        "2",
        ".rollup(sum,60)",
        "abs(",
        ",",
        "}",
        "'",
        "!",
    ]
)


@given(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=10).map("".join)))
def test_any_text_is_evaluated_or_refused(query):
    try:
        ask(query)
    except MetricQueryError as error:
        assert error.message


def test_the_step_grows_with_the_span_and_never_gives_too_many_points():
    tree = parse_query("sum:a{*}")
    assert [grid_for(tree, 0, span).step_s for span in (3_600, 14_400, 86_400)] == [20, 60, 300]
    assert len(grid_for(tree, 0, 86_400 * 365).times()) <= 1_502
    assert len(grid_for(parse_query("sum:a{*}.rollup(avg, 1)"), 0, 86_400).times()) <= 1_502


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("avg:x{*", "A scope that is never closed at column 6"),
        ("1 + avg:system.load.1", "'avg:system.load.1' has no scope: write avg:system.load.1{*}, or tags between the braces at column 5"),
        ("foo(avg:a{*})", "There are abs, "),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_write_instead(query, said):
    with pytest.raises(MetricQueryError) as refused:
        ask(query)
    assert said in str(refused.value)


def test_every_function_that_a_refusal_names_is_there():
    with pytest.raises(MetricQueryError) as refused:
        ask("foo(avg:a{*})")
    for name in refused.value.hint.removeprefix("There are ").rstrip(".").split(", "):
        try:
            ask(f"{name}(sum:replicas{{*}}, 5)")
        except MetricQueryError as other:
            assert "not available" not in other.message
