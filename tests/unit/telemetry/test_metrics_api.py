"""Metrics over HTTP: both ways in, all ways out."""

from __future__ import annotations

import math
import struct
import zlib

import pytest

from drillyard.telemetry.metrics.store import MetricStore, Point

NOW_S = 1_762_372_800
TAGS = ["kube_namespace:sock-shop", "kube_deployment:payment"]
METRIC = "kubernetes_state.deployment.replicas_available"


async def post(client, *points, metric=METRIC, tags=TAGS):
    body = {
        "series": [
            {
                "metric": metric,
                "type": 3,
                "points": [{"timestamp": NOW_S - age, "value": value} for age, value in points],
                "tags": tags,
                "resources": [{"type": "host", "name": "node"}],
            }
        ]
    }
    answer = await client.post("/api/v2/series", json=body)
    assert (answer.status_code, answer.json()) == (202, {"errors": []})


async def test_a_gauge_is_read_back(client):
    await post(client, (40, 1), (20, 0))
    question = {
        "from": NOW_S - 60,
        "to": NOW_S,
        "query": f"avg:{METRIC}{{kube_namespace:sock-shop}} by {{kube_deployment}}",
    }
    answer = (await client.get("/api/v1/query", params=question)).json()
    assert answer["status"] == "ok"
    (series,) = answer["series"]
    assert series["scope"] == "kube_deployment:payment,kube_namespace:sock-shop"
    assert series["tag_set"] == ["kube_deployment:payment"]
    assert series["pointlist"] == [[(NOW_S - 40) * 1000, 1.0], [(NOW_S - 20) * 1000, 0.0]]
    assert (series["interval"], series["length"], series["unit"]) == (20, 2, None)


async def test_a_metric_without_data_is_an_empty_list_and_a_bad_query_a_sentence(client):
    question = {"from": NOW_S - 60, "to": NOW_S}
    assert (await client.get("/api/v1/query", params=question | {"query": "avg:x{*}"})).json()["series"] == []
    bad = await client.get("/api/v1/query", params=question | {"query": "avg:x{"})
    assert bad.status_code == 400
    assert bad.json()["errors"][0].startswith("Error parsing query: ")


async def test_the_older_form_is_taken(client):
    body = {
        "series": [{"metric": "orders.paid", "points": [[NOW_S - 10, 3]], "type": "count", "interval": 10, "host": "n"}]
    }
    answer = await client.post("/api/v1/series", json=body)
    assert (answer.status_code, answer.json()) == (202, {"status": "ok"})
    assert (await client.get("/api/v1/metrics/orders.paid")).json()["type"] == "count"


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "1x"},
        {"metric": None},
        {"type": 9},
        {"type": [1]},
        {"points": None},
        {"points": [{"timestamp": NOW_S}]},
        {"points": [{"timestamp": NOW_S + 10**9, "value": 1}]},
        {"points": [{"timestamp": NOW_S, "value": "x"}]},
        {"interval": -1},
    ],
)
async def test_a_series_that_makes_no_sense_is_refused(client, change):
    part = {"metric": "a", "type": 3, "points": [{"timestamp": NOW_S, "value": 1}]} | change
    assert (await client.post("/api/v2/series", json={"series": [part]})).status_code == 400


async def test_metrics_are_listed_with_their_tags(client):
    await post(client, (40, 1))
    await post(client, (40, 1), metric="other.metric", tags=["a:b"])
    listed = await client.get(
        "/api/v1/metrics", params={"from": NOW_S - 3600, "tag_filter": "kube_namespace:sock-shop"}
    )
    assert listed.json()["metrics"] == [METRIC]
    page = (await client.get("/api/v2/metrics", params={"page[size]": 1})).json()
    assert [item["id"] for item in page["data"]] == [METRIC]
    rest = await client.get("/api/v2/metrics", params={"page[cursor]": page["meta"]["pagination"]["next_cursor"]})
    assert [item["id"] for item in rest.json()["data"]] == ["other.metric"]
    tags = (await client.get(f"/api/v2/metrics/{METRIC}/all-tags")).json()["data"]["attributes"]["tags"]
    assert tags == ["host:node", *sorted(TAGS)]
    active = (await client.get(f"/api/v2/metrics/{METRIC}/active-configurations")).json()["data"]
    assert active["attributes"]["active_tags"] == ["host", "kube_deployment", "kube_namespace"]
    assert (await client.get("/api/v1/search", params={"q": "metrics:other"})).json()["results"]["metrics"] == [
        "other.metric"
    ]


async def test_metadata_can_be_read_and_changed_but_not_of_an_unknown_metric(client):
    await post(client, (40, 1))
    assert (await client.get(f"/api/v1/metrics/{METRIC}")).json()["description"].startswith("The number of available")
    await client.put(f"/api/v1/metrics/{METRIC}", json={"description": "ours"})
    assert (await client.get(f"/api/v1/metrics/{METRIC}")).json()["description"] == "ours"
    assert (await client.get("/api/v1/metrics/unknown")).status_code == 404
    assert (await client.get("/api/v2/metrics/unknown/all-tags")).status_code == 404


def request(kind, **attributes):
    window = {"from": (NOW_S - 60) * 1000, "to": NOW_S * 1000}
    return {"data": {"type": kind, "attributes": window | attributes}}


QUERIES = [
    {"data_source": "metrics", "name": "a", "query": f"sum:{METRIC}{{*}} by {{kube_deployment}}"},
    {"data_source": "metrics", "name": "b", "query": f"max:{METRIC}{{*}} by {{kube_deployment}}"},
]


async def test_a_formula_combines_queries_over_time(client):
    await post(client, (40, 1), (20, 3))
    body = request("timeseries_request", queries=QUERIES, formulas=[{"formula": "a + b * 2"}])
    found = (await client.post("/api/v2/query/timeseries", json=body)).json()["data"]
    assert found["type"] == "timeseries_response"
    assert found["attributes"] == {
        "series": [{"group_tags": ["kube_deployment:payment"], "query_index": 0, "unit": None}],
        "times": [(NOW_S - 40) * 1000, (NOW_S - 20) * 1000],
        "values": [[3.0, 9.0]],
    }


async def test_a_scalar_has_a_column_for_groups_and_one_for_each_query(client):
    await post(client, (40, 1), (20, 3))
    body = request("scalar_request", queries=[QUERIES[0] | {"aggregator": "last"}])
    columns = (await client.post("/api/v2/query/scalar", json=body)).json()["data"]["attributes"]["columns"]
    assert columns == [
        {"name": "kube_deployment", "type": "group", "values": [["payment"]]},
        {"name": "a", "type": "number", "values": [3.0], "meta": {"unit": None}},
    ]


async def test_logs_can_be_counted_in_a_formula(client):
    await client.post("/api/v2/logs", json=[{"message": "x", "service": "a", "timestamp": (NOW_S - 30) * 1000}] * 3)
    query = {"data_source": "logs", "name": "a", "compute": {"aggregation": "count"}, "search": {"query": "service:a"}}
    body = request("timeseries_request", queries=[query], formulas=[{"formula": "a"}], interval=60_000)
    values = (await client.post("/api/v2/query/timeseries", json=body)).json()["data"]["attributes"]["values"]
    assert values == [[3.0, 0.0]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        request("scalar_request"),
        request("timeseries_request"),
        request("timeseries_request", queries=[{"query": "x{"}]),
        request("timeseries_request", queries=QUERIES, formulas=[{"formula": "c"}]),
        request("timeseries_request", queries=[{"data_source": "rum", "query": "x"}]),
    ],
)
async def test_a_formula_that_makes_no_sense_is_refused(client, body):
    assert (await client.post("/api/v2/query/timeseries", json=body)).status_code == 400


def test_old_points_are_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.metrics.store.PRUNE_EVERY", 2)
    store = MetricStore(tmp_path / "metrics.db")
    store.add([Point("a", (), NOW_S - 4 * 86_400, 1.0)])
    store.add([Point("a", (), NOW_S, 2.0)])
    (series,) = store.series("a", 0, NOW_S)
    assert list(series.points) == [(NOW_S, 2.0)]
    store.close()


def field(number, value):
    """One field of a protobuf message, written by hand after the encoding's specification."""
    match value:
        case float():
            return bytes([number << 3 | 1]) + struct.pack("<d", value)
        case int():
            shown = b""
            while value > 0x7F:
                shown, value = shown + bytes([value & 0x7F | 0x80]), value >> 7
            return bytes([number << 3]) + shown + bytes([value])
        case str() | bytes():
            raw = value.encode() if isinstance(value, str) else value
            return bytes([number << 3 | 2]) + field(0, len(raw))[1:] + raw


def payload(kind, value=1.5):
    """A MetricPayload as DataDog/agent-payload describes it, with fields that the intake does not read."""
    host = field(1, "host") + field(2, "Node-1")
    point = field(1, value) + field(2, NOW_S - 10)
    parts = [
        (1, host),
        (2, METRIC),
        (3, TAGS[0]),
        (3, TAGS[1]),
        (4, point),
        (5, kind),
        (6, "byte"),
        (7, "check"),
        (8, 10),
    ]
    return field(1, b"".join(field(number, value) for number, value in parts))


@pytest.mark.parametrize(("kind", "type_name"), [(0, "gauge"), (1, "count"), (2, "rate")])
async def test_the_agents_own_protobuf_is_taken(client, telemetry, kind, type_name):
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "deflate"}
    answer = await client.post("/api/v2/series", content=zlib.compress(payload(kind)), headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"errors": []})
    (series,) = telemetry.metrics.series(METRIC, NOW_S - 60, NOW_S)
    assert series.tags == tuple(sorted([*TAGS, "host:node-1"]))
    assert (series.type, series.interval_s, list(series.points)) == (type_name, 10, [(NOW_S - 10, 1.5)])


@pytest.mark.parametrize("body", [b"\x0a\xff", payload(7), payload(0, math.nan)])
async def test_what_is_no_payload_is_refused_with_a_sentence(client, body):
    answer = await client.post("/api/v2/series", content=body, headers={"Content-Type": "application/x-protobuf"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0].endswith(".")
