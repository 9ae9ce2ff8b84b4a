"""
Lists in pages: every page shows the store as it was when the first one was asked for, or says that it no longer can.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver import store as store_module
from drillyard.cluster.apiserver.reading import listed
from drillyard.cluster.apiserver.request import ApiRequest
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import ApiError
from drillyard.cluster.resources import named

NOW = datetime(2025, 11, 5, tzinfo=UTC)
CONFIGMAPS = named("configmaps")


def put(store: Store, name: str, namespace: str = "shop", **labels: str) -> None:
    store.put("configmaps", {"metadata": {"name": name, "namespace": namespace, "labels": labels}})


def ask(store: Store, namespace: str | None = "shop", **query: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        listed(ApiRequest("list", CONFIGMAPS, namespace, "", ""), store, "json", query, NOW)
    )
    return found


def names(page: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in page["items"]]


def refusal(store: Store, **query: str) -> ApiError:
    with pytest.raises(ApiError) as refused:
        ask(store, **query)
    return refused.value


@given(
    start=st.sets(st.sampled_from("abcdefgh")),
    between=st.lists(st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from("abcdefgh")), max_size=4)),
    limit=st.integers(1, 5),
)
def test_pages_together_are_the_list_of_the_first_moment(
    start: set[str], between: list[list[tuple[str, str]]], limit: int
) -> None:
    store = Store()
    for name in start:
        put(store, name)
    put(store, "other", "elsewhere")
    whole = ask(store)
    writes = iter(between)
    page = ask(store, limit=str(limit))
    items = page["items"]
    while token := page["metadata"].get("continue"):
        assert page["metadata"]["remainingItemCount"] == len(whole["items"]) - len(items)
        for verb, name in next(writes, []):
            if verb == "put":
                put(store, name)
            elif store.get("configmaps", "shop", name):
                store.remove("configmaps", "shop", name)
        page = ask(store, limit=str(limit), **{"continue": token})
        assert page["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]
        items += page["items"]
    assert items == whole["items"]
    assert "remainingItemCount" not in page["metadata"]


def test_a_token_of_a_forgotten_moment_is_refused_with_one_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HISTORY_MAX", 5)
    store = Store()
    for name in "abcd":
        put(store, name)
    token = ask(store, limit="2")["metadata"]["continue"]
    store.remove("configmaps", "shop", "c")
    for _ in range(6):
        put(store, "e")
    refused = refusal(store, limit="2", **{"continue": token})
    assert (refused.status, refused.reason) == (410, "Expired")
    assert refused.message.startswith("The provided continue parameter is too old to display a consistent list result.")
    rest = ask(store, limit="2", **{"continue": refused.metadata["continue"]})
    assert names(rest) == ["d", "e"]


def test_a_selector_leaves_the_rest_uncounted() -> None:
    store = Store()
    for name in "abcd":
        put(store, name, app="web" if name != "b" else "db")
    page = ask(store, labelSelector="app=web", limit="2")
    assert names(page) == ["a", "c"]
    assert "remainingItemCount" not in page["metadata"]
    last = ask(store, labelSelector="app=web", limit="2", **{"continue": page["metadata"]["continue"]})
    assert (names(last), "continue" in last["metadata"]) == (["d"], False)


def test_all_namespaces_are_walked_in_order() -> None:
    store = Store()
    for namespace in "ba":
        for name in "yx":
            put(store, name, namespace)
    page, seen = ask(store, None, limit="3"), []
    seen += [item["metadata"]["namespace"] + item["metadata"]["name"] for item in page["items"]]
    page = ask(store, None, limit="3", **{"continue": page["metadata"]["continue"]})
    seen += [item["metadata"]["namespace"] + item["metadata"]["name"] for item in page["items"]]
    assert seen == ["ax", "ay", "bx", "by"]


def test_exactly_an_old_version_can_be_listed() -> None:
    store = Store()
    put(store, "a")
    before = str(store.version)
    put(store, "b")
    assert names(ask(store, resourceVersion=before, resourceVersionMatch="Exact")) == ["a"]
    assert names(ask(store, resourceVersion=before, resourceVersionMatch="NotOlderThan")) == ["a", "b"]
    assert names(ask(store, resourceVersion=before, limit="5")) == ["a"]
    assert names(ask(store, resourceVersion="0", limit="1")) == ["a", "b"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"continue": "x"}, 400),
        ({"continue": "bm9uZQ"}, 400),
        ({"continue": "eyJydiI6InoifQ"}, 400),
        ({"limit": "many"}, 400),
        ({"limit": "-1"}, 400),
        ({"resourceVersion": "999"}, 504),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Sometimes", "resourceVersion": "3"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
    ],
)
def test_a_page_that_cannot_be_is_refused(query: dict[str, str], code: int) -> None:
    store = Store()
    put(store, "a")
    assert refusal(store, **query).status == code


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_any_token_is_a_page_or_a_refusal(text: str) -> None:
    store = Store()
    put(store, "a")
    try:
        ask(store, **{"continue": text})
    except ApiError as refused:
        assert refused.status in (400, 410)
