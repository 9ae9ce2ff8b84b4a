"""Dashboards, notebooks and SLOs are kept as they were written, in the shapes that Datadog's clients read."""

from __future__ import annotations

import pytest

from drillyard.telemetry.shelf import BYTES_MAX, Shelf, ShelfError

NOTE = {"type": "note", "content": "see the runbook"}
DASHBOARD = {"title": "Orders: as of now", "layout_type": "ordered", "widgets": [{"definition": NOTE}]}
CELL = {"type": "notebook_cells", "attributes": {"definition": {"type": "markdown", "text": "# What happened"}}}
NOTEBOOK = {"name": "Incident 3", "cells": [CELL], "time": {"live_span": "1h"}}
THRESHOLDS = [{"timeframe": "7d", "target": 99.0, "warning": 99.5}, {"timeframe": "30d", "target": 90}]
QUERY = {"numerator": "sum:orders.paid{*}.as_count()", "denominator": "sum:orders.placed{*}.as_count()"}
SLO = {
    "type": "metric",
    "name": "Orders are paid",
    "query": QUERY,
    "thresholds": THRESHOLDS,
    "tags": ["service:orders"],
}


def notebook(**attributes):
    return {"data": {"type": "notebooks", "attributes": attributes}}


async def test_a_dashboard_comes_back_as_it_was_written_until_it_is_deleted(client):
    group = {"definition": {"type": "group", "layout_type": "ordered", "widgets": [{"definition": NOTE}]}}
    asked = DASHBOARD | {"widgets": [group], "template_variables": [{"name": "ns"}], "id": "mine", "unknown": {"a": 1}}
    made = (await client.post("/api/v1/dashboard", json=asked)).json()
    path = f"/api/v1/dashboard/{made['id']}"
    assert made["id"] != "mine"
    assert made["url"] == f"/dashboard/{made['id']}/orders-as-of-now"
    assert made["unknown"] == {"a": 1}
    assert made["widgets"][0]["definition"]["widgets"][0]["id"] > 0
    assert (await client.get(path)).json() == made
    changed = (await client.put(path, json=made | {"title": "Other"})).json()
    assert (changed["title"], changed["created_at"], changed["widgets"]) == (
        "Other",
        made["created_at"],
        made["widgets"],
    )
    (row,) = (await client.get("/api/v1/dashboard")).json()["dashboards"]
    assert (row["id"], row["title"]) == (made["id"], "Other")
    assert (await client.get("/api/v1/dashboard", params={"filter[shared]": "true"})).json() == {"dashboards": []}
    assert (await client.delete(path)).json() == {"deleted_dashboard_id": made["id"]}
    assert (await client.get(path)).status_code == 404


async def test_a_notebook_comes_back_as_it_was_written_until_it_is_deleted(client):
    made = (await client.post("/api/v1/notebooks", json=notebook(**NOTEBOOK))).json()["data"]
    path = f"/api/v1/notebooks/{made['id']}"
    assert made["attributes"]["cells"][0]["attributes"] == CELL["attributes"]
    renamed = await client.put(path, json=notebook(**made["attributes"] | {"name": "Incident 4"}))
    assert renamed.json()["data"]["attributes"]["cells"] == made["attributes"]["cells"]
    found = (await client.get("/api/v1/notebooks", params={"query": "4", "include_cells": "false"})).json()
    assert [one["attributes"]["name"] for one in found["data"]] == ["Incident 4"]
    assert found["meta"]["page"]["total_filtered_count"] == 1
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_an_slo_counts_good_events_of_all(client, telemetry):
    now_s = telemetry.now_ms() // 1000
    for name, values in (("orders.paid", (8, 9)), ("orders.placed", (10, 10))):
        points = [{"timestamp": now_s - 600 + 60 * n, "value": value} for n, value in enumerate(values)]
        await client.post("/api/v2/series", json={"series": [{"metric": name, "type": 1, "points": points}]})
    made = (await client.post("/api/v1/slo", json=SLO)).json()
    assert "errors" not in made
    (slo,) = made["data"]
    assert (slo["timeframe"], slo["target_threshold"], slo["warning_threshold"], slo["type_id"]) == (
        "7d",
        99.0,
        99.5,
        1,
    )
    window = {"from_ts": now_s - 3600, "to_ts": now_s}
    past = (await client.get(f"/api/v1/slo/{slo['id']}/history", params=window)).json()["data"]
    assert past["overall"]["sli_value"] == 85.0
    assert past["overall"]["error_budget_remaining"] == pytest.approx({"7d": -1400.0, "30d": -50.0})
    assert (past["series"]["numerator"]["sum"], past["series"]["denominator"]["sum"]) == (17, 20)
    earlier = {"from_ts": now_s - 7200, "to_ts": now_s - 3600}
    nothing = (await client.get(f"/api/v1/slo/{slo['id']}/history", params=earlier)).json()["data"]
    assert nothing["overall"]["sli_value"] is None


async def test_an_slo_of_a_monitor_is_the_time_without_an_alert(client, telemetry, clock):
    monitor = {"type": "metric alert", "query": "max(last_1m):max:queue{*} > 5", "name": "queue"}
    identity = (await client.post("/api/v1/monitor", json=monitor)).json()["id"]
    slo = {"type": "monitor", "name": "short queue", "monitor_ids": [identity], "thresholds": THRESHOLDS}
    made = (await client.post("/api/v1/slo", json=slo)).json()["data"][0]
    start_s, evaluator = telemetry.now_ms() // 1000, telemetry.evaluator()
    for value in (1, 9, 9, 1, 1):  # A minute each. 9 is the greatest of the last minute from 60 s to 240 s.
        point = {"timestamp": telemetry.now_ms() // 1000, "value": value}
        await client.post("/api/v2/series", json={"series": [{"metric": "queue", "type": 3, "points": [point]}]})
        await evaluator.look()
        await clock.advance(60.0)
        await evaluator.look()
    window = {"from_ts": start_s - 1000, "to_ts": start_s + 300}
    past = (await client.get(f"/api/v1/slo/{made['id']}/history", params=window)).json()["data"]
    (row,) = past["monitors"]
    assert past["overall"]["sli_value"] == row["uptime"] == pytest.approx(40.0)
    assert [turn[1] for turn in row["history"]] == [1, 0]


async def test_slos_are_listed_searched_changed_and_deleted(client):
    made = (await client.post("/api/v1/slo", json=SLO)).json()["data"][0]
    path = f"/api/v1/slo/{made['id']}"
    for given in (
        {"ids": made["id"]},
        {"query": "paid"},
        {"tags_query": "service:orders"},
        {"metrics_query": "placed"},
    ):
        listed = (await client.get("/api/v1/slo", params=given)).json()
        assert [one["id"] for one in listed["data"]] == [made["id"]], given
    assert (await client.get("/api/v1/slo", params={"query": "other"})).json()["data"] == []
    found = (await client.get("/api/v1/slo/search", params={"query": "orders"})).json()
    assert found["data"]["attributes"]["slos"][0]["data"]["attributes"]["all_tags"] == ["service:orders"]
    changed = (await client.put(path, json=SLO | {"name": "Other"})).json()["data"][0]
    assert (changed["name"], changed["id"]) == ("Other", made["id"])
    assert (await client.put(path, json=SLO | {"type": "monitor"})).status_code == 400
    assert (await client.get("/api/v1/slo/can_delete", params={"ids": made["id"]})).json()["data"]["ok"] == [made["id"]]
    assert (await client.delete(path)).json()["data"] == [made["id"]]
    assert (await client.get(path)).status_code == 404
    assert (await client.get("/api/v1/slo/correction")).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("dashboard", {}, "title is missing."),
        ("dashboard", DASHBOARD | {"layout_type": "round"}, "layout_type must be"),
        ("dashboard", DASHBOARD | {"widgets": {}}, "widgets must be"),
        ("dashboard", DASHBOARD | {"widgets": [{}]}, "definition"),
        ("dashboard", DASHBOARD | {"widgets": [{"definition": {"type": "group", "widgets": [{"definition": {"type": "group", "widgets": []}}]}}]}, "another group"),
        ("notebooks", {}, "data.type must be notebooks."),
        ("notebooks", notebook(**NOTEBOOK | {"name": ""}), "name is missing."),
        ("notebooks", notebook(**NOTEBOOK | {"cells": [{}]}), "attributes.definition"),
        ("notebooks", notebook(**NOTEBOOK | {"time": 5}), "time must be"),
        ("slo", SLO | {"type": "time_slice"}, "not available here"),
        ("slo", SLO | {"query": {"numerator": "sum:a{", "denominator": "sum:a{*}"}}, "no metric query"),
        ("slo", SLO | {"thresholds": []}, "at least one threshold"),
        ("slo", SLO | {"thresholds": [{"timeframe": "7d", "target": 100}]}, "between 0 and 100"),
        ("slo", SLO | {"thresholds": [{"timeframe": "7d", "target": 99, "warning": 98}]}, "above its target"),
        ("slo", SLO | {"thresholds": [THRESHOLDS[0], THRESHOLDS[0]]}, "two thresholds"),
        ("slo", {"type": "monitor", "name": "a", "monitor_ids": [7], "thresholds": THRESHOLDS}, "no monitor 7"),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused_with_a_sentence(client, path, body, said):
    answer = await client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]


async def test_an_empty_time_span_of_an_slo_is_refused(client):
    made = (await client.post("/api/v1/slo", json=SLO)).json()["data"][0]
    answer = await client.get(f"/api/v1/slo/{made['id']}/history", params={"from_ts": 5, "to_ts": 5})
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": ["The time span is empty: from_ts is not before to_ts."]},
    )


def test_a_shelf_remembers_and_never_gives_an_id_twice(tmp_path):
    shelf = Shelf(tmp_path / "kept.json")
    first = shelf.number()
    shelf.put(str(first), {"a": 1})
    again = Shelf(tmp_path / "kept.json")
    assert again.all() == [{"a": 1}]
    assert again.take(str(first)) == {"a": 1}
    assert Shelf(tmp_path / "kept.json").number() != first


@pytest.mark.parametrize("too_much", ["x" * BYTES_MAX, [[]]])
def test_a_shelf_refuses_what_is_too_large_or_too_deep_and_keeps_the_rest(tmp_path, too_much):
    for _ in range(400 if isinstance(too_much, list) else 0):
        too_much = [too_much]
    shelf = Shelf(tmp_path / "kept.json")
    shelf.put("1", {"a": 1})
    with pytest.raises(ShelfError):
        shelf.put("2", {"a": too_much})
    assert shelf.all() == Shelf(tmp_path / "kept.json").all() == [{"a": 1}]
