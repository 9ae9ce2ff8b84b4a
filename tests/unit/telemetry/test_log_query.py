"""The log search language, held against the cases of the seeds and of Datadog's documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.telemetry.logs.query import QueryError, matches, parse
from drillyard.telemetry.logs.record import Record

CASES = json.loads((Path(__file__).parent / "data" / "log-query-cases.json").read_text())


def record(parts: dict[str, Any]) -> Record:
    return Record(1_761_645_885_548, **parts)


LOGS = {name: record(parts) for name, parts in CASES["logs"].items()}


def found(query: str) -> list[str]:
    tree = parse(query)
    return sorted(name for name, log in LOGS.items() if matches(tree, log))


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["query"])
def test_a_query_finds_exactly_the_logs_that_datadog_finds(case):
    assert found(case["query"]) == case["match"]


@pytest.mark.parametrize(
    "query",
    [*CASES["invalid"], "AND", "a OR", ":x", "@a:>>5", "@a:>x", "#f:1", "CIDR(@a)", "a (", "-" * 60 + "a", "x\\"],
)
def test_an_impossible_query_is_refused_with_its_column(query):
    with pytest.raises(QueryError, match=r"at column [0-9]+"):
        parse(query)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("service:shipping and service:queue-master", []),
        ("-service:(shipping OR queue-master) kube_namespace:sock-shop", ["created", "fail", "fe500", "pay", "warn"]),
        ("payment_failed", ["warn"]),
        ("Connection failed", ["fail", "otherns"]),
        ("refused -WARN", ["fail"]),
        ("@http.status_code:[400 TO 499]", ["hello"]),
        ("@flag:true", ["fe500"]),
        ("@colors:red", ["fe500"]),
        ("@items.sku:b2", ["fe500"]),
        ("@items.qty:>5", ["fe500"]),
        ("CIDR(@network.client.ip,1.0.0.0/8, 10.244.1.7/32)", ["fe500"]),
        ("pod_name:*s2fzh", ["qm"]),
        ("env:*", ["hello", "otherns"]),
        ("_exists_:env", ["hello", "otherns"]),
        ("_missing_:kube_namespace", ["hello"]),
        ("*NETWORK* OR *ublish*", ["ship"]),
        ("@path:C\\:\\\\tmp", ["hello"]),
        ("service:sock-shop-payment || service:shipping && kube_namespace:sock-shop", ["pay", "ship"]),
        ("!service:shipping !kube_namespace:sock-shop", ["hello", "otherns"]),
        ("@http:*", ["fe500"]),
    ],
)
def test_a_documented_form_works(query, names):
    assert found(query) == names


def test_an_error_shows_the_place_under_the_query():
    with pytest.raises(QueryError) as caught:
        parse("service:payment @http.status_code:>>500")
    assert str(caught.value).splitlines() == [
        "Unknown operator >> at column 35",
        "  service:payment @http.status_code:>>500",
        "                                    ^^^^^",
        "  Use one of >, >=, <, <=.",
    ]


PIECES = st.sampled_from(
    [
        "a",
        "service:",
        "@a.b:",
        "*",
        "?",
        '"',
        "(",
        ")",
        " ",
        " AND ",
        " OR ",
        "NOT ",
        "-",
        "!",
        ">",
        "<=",
        "[1 TO 5}",
        "5",
        "\\",
        ":",
        "x_Y",
        "_exists_:",
        "CIDR(@a, 10.0.0.0/8)",
        "“",
        "tags:",
        "message:",
        "*:",
        "Σ",
        "é",
        "#",
        ",",
        "sock-shop",
        "&&",
        "||",
        "status:",
    ]
)
QUERIES = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join))


@given(QUERIES)
def test_any_text_parses_or_is_refused_and_its_print_parses_to_the_same_tree(query):
    try:
        tree = parse(query)
    except QueryError as error:
        assert error.column >= 1
        return
    assert parse(str(tree)) == tree


@given(QUERIES)
def test_a_query_and_its_negation_split_the_logs(query):
    try:
        parse(query)
    except QueryError:
        return
    with_it, without = found(str(parse(query))), found(f"NOT ({parse(query)})")
    assert sorted(with_it + without) == sorted(LOGS)
