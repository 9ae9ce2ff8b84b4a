"""Origins: what is counted by them is what reading each line counts, and their number is bounded."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillyard.telemetry.logs import origins
from drillyard.telemetry.logs.aggregate import Compute, Group, aggregate, facet
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.logs.store import SqliteStore

ALWAYS = Window(0, 1 << 41)
TAGS = st.sampled_from(["e:x", "e:y", "f:z"])
LINES = st.lists(st.tuples(st.integers(0, 9_000), st.sampled_from("ab"), TAGS, st.sampled_from("pq")), max_size=20)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES, st.sampled_from(["*", "p", "service:a -e:x"]), st.booleans())
def test_counting_by_origin_counts_what_reading_each_line_counts(tmp_path_factory, lines, query, by_second):
    store = SqliteStore(tmp_path_factory.mktemp("counts") / "logs.db")
    store.add([Record(at, text, service=service, tags=[tag]) for at, service, tag, text in lines])
    compute = Compute(interval_ms=1_000 if by_second else None)
    groups = [Group("e", facet("e"), missing="none"), Group("service", facet("service"))]
    quick = aggregate(store, query, ALWAYS, [compute], groups)
    store.origins.loose = True
    slow = aggregate(store, query, ALWAYS, [compute], groups)
    assert sorted(map(repr, quick)) == sorted(map(repr, slow))
    store.close()


def test_very_many_sets_of_tags_are_searched_but_not_numbered(tmp_path, monkeypatch):
    monkeypatch.setattr(origins, "ORIGINS_MAX", 10)
    store = SqliteStore(tmp_path / "logs.db")
    store.add([Record(number, "word", tags=[f"id:{number}"]) for number in range(300)])
    store.close()
    store = SqliteStore(tmp_path / "logs.db")
    assert len(store.origins.numbers()) == 10
    assert store.count(parse("id:5"), ALWAYS) == store.count(parse("id:250"), ALWAYS) == 1
    assert store.count(parse("-id:250 -id:5"), ALWAYS) == 298
    assert next(store.search(parse("id:25?"), ALWAYS)).tags == ["id:259"]
    assert len(aggregate(store, "*", ALWAYS, [Compute()], [Group("id", facet("id"), limit=500)])) == 300
    store.close()


def test_a_batch_that_fails_leaves_no_origin_behind(tmp_path):
    store = SqliteStore(tmp_path / "logs.db")
    with pytest.raises(TypeError):
        store.add([Record(7, "x", service="lost"), Record(8, "broken", attributes={"x": object()})])
    store.add([Record(7, "y", service="kept")])
    store.close()
    store = SqliteStore(tmp_path / "logs.db")
    assert [log.service for log in store.search(parse("service:*"), ALWAYS)] == ["kept"]
    store.close()
