"""
The store: versions, the ordered stream of changes, and what becomes of a watcher that is late.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver import store as store_module
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import ApiError, Object


def named(name: str, **more: object) -> Object:
    return {"metadata": {"name": name, "namespace": "n"}, **more}


async def test_every_write_has_the_next_version_and_watchers_see_them_in_order() -> None:
    store = Store()
    watcher = store.watch("pods", None, store.version)
    store.put("pods", named("a"))
    store.put("services", named("s"))
    store.put("pods", named("a", x=1))
    store.remove("pods", "n", "a")
    seen = [await watcher.next(1) for _ in range(3)]
    assert [(change.type, change.new.version) for change in seen if change] == [
        ("ADDED", 2),
        ("MODIFIED", 4),
        ("DELETED", 5),
    ]
    assert seen[2] is not None and seen[2].new.obj["x"] == 1


async def test_a_watch_from_an_old_version_replays_what_came_since() -> None:
    store = Store()
    first = store.put("pods", named("a"))
    store.put("pods", named("b"))
    store.put("pods", named("c"))
    watcher = store.watch("pods", "n", first.version)
    assert [change.new.name for _ in range(2) if (change := await watcher.next(1))] == ["b", "c"]


def test_a_version_that_is_too_old_is_410_and_one_of_the_future_504(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HISTORY_MAX", 3)
    store = Store()
    for number in range(6):
        store.put("pods", named(f"p{number}"))
    with pytest.raises(ApiError) as old:
        store.watch("pods", None, 2)
    assert (old.value.status, old.value.reason, old.value.message) == (
        410,
        "Expired",
        "too old resource version: 2 (4)",
    )
    store.watch("pods", None, 4)
    with pytest.raises(ApiError) as future:
        store.watch("pods", None, 99)
    assert (future.value.status, future.value.reason) == (504, "Timeout")


async def test_a_watcher_that_never_reads_is_closed_before_it_costs_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BACKLOG_MAX", 10)
    store = Store()
    watcher = store.watch("pods", None, store.version)
    for number in range(30):
        store.put("pods", named(f"p{number}"))
    assert watcher.closed
    seen = 0
    while await watcher.next(1) is not None:
        seen += 1
    assert seen == 10


async def test_closing_the_store_ends_every_watch() -> None:
    store = Store()
    watcher = store.watch("pods", None, store.version)
    store.close()
    assert await watcher.next(1) is None
    assert await store.watch("pods", None, store.version).next(1) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.integers(0, 40))
def test_list_then_watch_gives_the_same_state_wherever_one_starts(steps: list[tuple[str, bool]], start: int) -> None:
    store = Store()
    known: dict[str, str] = {}
    version = store.version
    for index, (name, remove) in enumerate(steps):
        if index == start:
            known = {stored.name: stored.obj["metadata"]["resourceVersion"] for stored in store.list("pods")}
            version = store.version
        if remove and store.get("pods", "n", name):
            store.remove("pods", "n", name)
        else:
            store.put("pods", named(name))
    if start < len(steps):
        watcher = store.watch("pods", None, version)
        for change in watcher._backlog:
            if change.type == "DELETED":
                del known[change.new.name]
            else:
                known[change.new.name] = change.new.obj["metadata"]["resourceVersion"]
        assert known == {stored.name: stored.obj["metadata"]["resourceVersion"] for stored in store.list("pods")}


def test_a_superseded_version_keeps_its_text_alone() -> None:
    store = Store()
    first = store.put("pods", named("a", x=[1, 2]))
    assert first.obj is first.obj
    store.put("pods", named("a", x=[3]))
    assert first._obj is None
    assert first.obj == named("a", x=[1, 2]) | {"metadata": {"name": "a", "namespace": "n", "resourceVersion": "2"}}
