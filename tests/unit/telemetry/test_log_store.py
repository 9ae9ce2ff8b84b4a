"""The store: planned searches mean what the matcher means, and what was added stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillyard.telemetry.logs.index import kinds
from drillyard.telemetry.logs.query import QueryError, matches, parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import SearchTooSlow, Window
from drillyard.telemetry.logs.store import SqliteStore

CASES = json.loads((Path(__file__).parent / "data" / "log-query-cases.json").read_text())
ALWAYS = Window(0, 1 << 41)


LIMITS = {
    "a kind for each": (kinds.ORIGINS_MAX, kinds.TEMPLATES_MAX),
    "no templates": (kinds.ORIGINS_MAX, 0),
    "three origins, a template each": (3, 1),
    "no kinds": (0, 0),
}


@pytest.fixture(scope="module", params=LIMITS.values(), ids=LIMITS)
def stored(tmp_path_factory, request):
    before = kinds.ORIGINS_MAX, kinds.TEMPLATES_MAX
    kinds.ORIGINS_MAX, kinds.TEMPLATES_MAX = request.param
    store = SqliteStore(tmp_path_factory.mktemp("logs") / "logs.db")
    names = list(CASES["logs"])
    store.add([Record(1_000 + number, **CASES["logs"][name]) for number, name in enumerate(names)])
    store.add(
        [
            Record(
                5_000,
                "__x é Straße _ a_b",
                attributes={"n": [1.5, {"deep": True}], "nothing": None},
                tags=["bare"],
                hidden={"trace_id": "ABC"},
            )
        ]
    )
    store.add(
        [
            Record(6_000 + number, text, service="api", tags=["env:x"])
            for number, text in enumerate(
                [
                    "GET /orders/17 took 45ms at 2025-10-28T10:04:45Z",
                    "GET /orders/99 took 12ms at 2025-10-28T11:05:46Z 100% %s",
                    "order 550e8400-e29b-41d4-a716-446655440000 of user2 failed",
                    "order 00c0ffee00c0ffee00c0ffee of USER3 failed, task7 pay9",
                    "order 00c0ffee00c0ffee00c0ff17 of User4 failed, task8 pay9",
                ]
            )
        ]
    )
    yield store
    store.close()
    kinds.ORIGINS_MAX, kinds.TEMPLATES_MAX = before


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["query"])
def test_the_store_finds_what_datadog_finds(stored, case):
    names = list(CASES["logs"])
    window = Window(0, 4_999)
    found = [names[log.timestamp_ms - 1_000] for log in stored.search(parse(case["query"]), window)]
    assert sorted(found) == case["match"]
    assert stored.count(parse(case["query"]), window) == len(case["match"])
    assert sum(stored.count_over_time(parse(case["query"]), window, 1_000).values()) == len(case["match"])
    assert sum(part.count for part in stored.count_by_origin(parse(case["query"]), window, None)) == len(case["match"])


PIECES = st.sampled_from(
    [
        "refused",
        "pay*",
        "*task",
        "é",
        "__x",
        "__*",
        "_",
        "str?sse",
        '"payment failed"',
        "service:sock-shop-*",
        "tags:*",
        "env:*",
        "-",
        "@n:1.5",
        "@n.deep:true",
        "@nothing:*",
        "@http.status_code:>400",
        "*:nginx",
        "status:error",
        " OR ",
        " ",
        "NOT ",
        "(",
        ")",
        "kube_namespace:sock-shop",
        "tags:bare",
        "message:*",
        "host:h?",
        "@user:John*",
        "service:*",
        "message:refused",
        "trace_id:abc",
        "'!!'",
        "took",
        '"orders 17"',
        "45ms",
        "4*",
        "*ms",
        "28t1*",
        "e29b",
        '"446655440000 of"',
        "00c0*",
        "*ffee",
        '"of user?"',
        "task7 pay9",
        "*sk?",
        '"04 45z"',
        "service:api",
    ]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=9).map(" ".join))
def test_plan_and_matcher_agree(stored, query):
    try:
        tree = parse(query)
    except QueryError:
        return
    everything = list(stored.search(parse(""), ALWAYS))
    assert len(everything) == 15
    expected = [log.key for log in everything if matches(tree, log)]
    assert [log.key for log in stored.search(tree, ALWAYS)] == expected
    assert stored.count(tree, ALWAYS) == len(expected)


def test_records_of_one_millisecond_keep_their_order_and_pages_do_not_overlap(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(7, str(number)) for number in range(5)])
    store.add([Record(7, "5"), Record(6, "early")])
    first = [log for log, _ in zip(store.search(parse(""), ALWAYS), range(4), strict=False)]
    rest = list(store.search(parse(""), ALWAYS, after=first[-1].key))
    assert [log.message for log in first + rest] == ["5", "4", "3", "2", "1", "0", "early"]
    store.close()


def test_a_reopened_store_has_everything_and_goes_on_counting(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(7, "kept")])
    store.close()
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(7, "added")])
    assert [log.message for log in store.search(parse(""), ALWAYS, newest_first=False)] == ["kept", "added"]
    store.close()


def test_a_batch_that_fails_leaves_nothing_behind(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    with pytest.raises(TypeError):
        store.add([Record(7, "whole"), Record(8, "broken", attributes={"x": object()})])
    store.add([Record(7, "next")])
    assert [log.message for log in store.search(parse(""), ALWAYS)] == ["next"]
    store.close()


def test_the_oldest_make_room_in_table_and_index(tmp_path, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.logs.store.PRUNED", 3)
    store = SqliteStore(tmp_path / "logs.db", records_max=5)
    for number in range(7):
        store.add([Record(number, f"word line{number}", service="a", tags=["k:v", "bare"], attributes={"n": number})])
    assert [log.message for log in store.search(parse(""), ALWAYS)] == [
        "word line6",
        "word line5",
        "word line4",
        "word line3",
    ]
    for query in ("word", "service:a", "k:v", "@n:*"):
        assert store.count(parse(query), ALWAYS) == 4
    assert store.count(parse("line1"), ALWAYS) == 0
    store.close()


def test_a_running_search_ends_at_once_when_the_program_does(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(number, "word") for number in range(10)])
    running = store.search(parse("*:word"), ALWAYS)
    next(running)
    store.abort_searches()
    with pytest.raises(SearchTooSlow):
        next(running)
    store.close()
