"""Monitors: made over HTTP, asked in virtual time, heard of as events."""

from __future__ import annotations

import pytest

from drillyard.telemetry.monitors.query import MonitorQueryError, parse_monitor_query

METRIC = "kubernetes_state.deployment.replicas_available"
REPLICAS = f"max(last_1m):avg:{METRIC}{{kube_namespace:sock-shop}} by {{kube_deployment}} < 1"
LOGS = 'logs("service:sock-shop-orders \\"Payment failed\\"").index("*").rollup("count").last("5m") > 2'


async def create(client, kind, query, **more):
    body = {"type": kind, "query": query, "name": "the monitor", "message": "look", "tags": ["team:a"]} | more
    answer = await client.post("/api/v1/monitor", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def gauge(client, clock, deployment, value):
    tags = ["kube_namespace:sock-shop", f"kube_deployment:{deployment}"]
    point = {"timestamp": int(clock.now().timestamp()), "value": value}
    await client.post(
        "/api/v2/series", json={"series": [{"metric": METRIC, "type": 3, "points": [point], "tags": tags}]}
    )


async def monitor(client, identity):
    return (await client.get(f"/api/v1/monitor/{identity}", params={"group_states": "all"})).json()


async def transitions(client, query="source:alert"):
    answer = await client.post("/api/v2/events/search", json={"filter": {"query": query}, "sort": "timestamp"})
    found = [item["attributes"]["attributes"]["monitor"] for item in answer.json()["data"]]
    return [(item["groups"], item["transition"]["transition_type"]) for item in found]


async def test_a_deployment_at_zero_alerts_and_recovers(client, telemetry, clock):
    identity = await create(client, "metric alert", REPLICAS)
    evaluator = telemetry.evaluator()
    for value, state in ((1, "OK"), (0, "Alert"), (1, "OK")):
        await clock.advance(90)
        await gauge(client, clock, "payment", value)
        await gauge(client, clock, "orders", 1)
        await evaluator.look()
        found = await monitor(client, identity)
        assert found["overall_state"] == state
        assert found["state"]["groups"]["kube_deployment:payment"]["status"] == state
        assert found["state"]["groups"]["kube_deployment:orders"]["status"] == "OK"
    payment = ["kube_deployment:payment"]
    assert await transitions(client) == [(payment, "alert"), (payment, "alert recovery")]
    assert await transitions(client, f'@monitor.id:{identity} kube_deployment:payment team:a "Recovered"') == [
        (payment, "alert recovery")
    ]


async def test_a_log_monitor_counts_and_zero_is_ok(client, telemetry, clock):
    identity = await create(client, "log alert", LOGS)
    evaluator = telemetry.evaluator()
    await evaluator.look()
    assert (await monitor(client, identity))["overall_state"] == "OK"
    await client.post("/api/v2/logs", json=[{"message": "Payment failed", "service": "sock-shop-orders"}] * 3)
    await evaluator.look()
    assert (await monitor(client, identity))["overall_state"] == "Alert"
    await clock.advance(400)
    await evaluator.look()
    assert (await monitor(client, identity))["overall_state"] == "OK"
    assert [kind for _, kind in await transitions(client)] == ["alert", "alert recovery"]


@pytest.mark.parametrize(
    ("word", "limit", "state"),
    [("change", 2.5, "Alert"), ("change", 3.5, "OK"), ("pct_change", 149, "Alert"), ("pct_change", 151, "OK")],
)
async def test_a_change_is_the_value_now_against_the_one_before(client, telemetry, clock, word, limit, state):
    query = f"{word}(avg(last_1m),last_10m):avg:{METRIC}{{*}} by {{kube_deployment}} > {limit}"
    identity = await create(client, "query alert", query)
    await gauge(client, clock, "payment", 2)
    await clock.advance(600)
    await gauge(client, clock, "payment", 5)
    await clock.advance(5)
    await telemetry.evaluator().look()
    assert (await monitor(client, identity))["overall_state"] == state


async def test_a_query_changed_alone_takes_its_threshold_along(client):
    query = f"avg(last_5m):avg:{METRIC}{{*}} > "
    identity = await create(client, "query alert", query + "5", options={"thresholds": {"critical": 5, "warning": 4}})
    changed = await client.put(f"/api/v1/monitor/{identity}", json={"query": query + "6"})
    assert changed.json()["options"]["thresholds"] == {"critical": 6, "warning": 4}
    wrong = {"query": query + "7", "options": {"thresholds": {"critical": 6}}}
    assert (await client.put(f"/api/v1/monitor/{identity}", json=wrong)).status_code == 400


async def test_silence_of_a_metric_is_told_only_when_asked(client, telemetry, clock):
    quiet = await create(client, "query alert", REPLICAS)
    loud = await create(client, "query alert", REPLICAS, options={"notify_no_data": True})
    evaluator = telemetry.evaluator()
    await gauge(client, clock, "payment", 1)
    await evaluator.look()
    await clock.advance(300)
    await evaluator.look()
    states = [(await monitor(client, identity))["overall_state"] for identity in (quiet, loud)]
    assert states == ["OK", "No Data"]


async def test_a_warning_threshold_warns_before_the_alert(client, telemetry, clock):
    query = f"avg(last_1m):avg:{METRIC}{{*}} > 10"
    identity = await create(client, "metric alert", query, options={"thresholds": {"critical": 10, "warning": 5}})
    await gauge(client, clock, "a", 7)
    await telemetry.evaluator().look()
    assert (await monitor(client, identity))["overall_state"] == "Warn"


async def test_a_service_check_alerts_after_so_many_failures(client, telemetry):
    query = '"app.ok".over("env:lab").by("host").last(3).count_by_status()'
    identity = await create(client, "service check", query, options={"thresholds": {"critical": 2}})
    run = {"check": "app.ok", "host_name": "node", "tags": ["env:lab"]}
    assert (await client.post("/api/v1/check_run", json=run | {"status": 2})).status_code == 202
    await telemetry.evaluator().look()
    assert (await monitor(client, identity))["overall_state"] == "OK"
    await client.post("/api/v1/check_run", json=[run | {"status": 2}])
    await telemetry.evaluator().look()
    assert (await monitor(client, identity))["state"]["groups"]["host:node"]["status"] == "Alert"


async def test_a_muted_monitor_keeps_its_state_and_says_nothing(client, telemetry, clock):
    identity = await create(client, "metric alert", REPLICAS)
    await client.post(f"/api/v1/monitor/{identity}/mute")
    await gauge(client, clock, "payment", 0)
    await telemetry.evaluator().look()
    assert (await monitor(client, identity))["overall_state"] == "Alert"
    assert await transitions(client) == []


async def test_monitors_are_kept_listed_searched_changed_and_deleted(client, tmp_path):
    from drillyard.telemetry.monitors.book import MonitorBook

    one, two = await create(client, "metric alert", REPLICAS), await create(client, "log alert", LOGS, name="second")
    assert [item["id"] for item in (await client.get("/api/v1/monitor", params={"name": "sec"})).json()] == [two]
    assert [item["type"] for item in (await client.get("/api/v1/monitor")).json()] == ["query alert", "log alert"]
    page = await client.get("/api/v1/monitor", params={"page": 1, "page_size": 1})
    assert [item["id"] for item in page.json()] == [two]
    found = (await client.get("/api/v1/monitor/search", params={"query": 'status:"no data" type:log'})).json()
    assert ([item["id"] for item in found["monitors"]], found["metadata"]["total_count"]) == ([two], 1)
    changed = await client.put(f"/api/v1/monitor/{one}", json={"name": "renamed", "options": {"notify_no_data": True}})
    assert (changed.json()["name"], changed.json()["options"]["include_tags"]) == ("renamed", True)
    assert [item["name"] for item in MonitorBook(tmp_path / "telemetry" / "monitors.json").all()] == [
        "renamed",
        "second",
    ]
    assert (await client.get("/api/v1/monitor/can_delete", params={"monitor_ids": one})).json()["data"] == {"ok": [one]}
    assert (await client.delete(f"/api/v1/monitor/{one}")).json() == {"deleted_monitor_id": one}
    assert (await client.get(f"/api/v1/monitor/{one}")).json() == {"errors": ["Monitor not found"]}


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("metric alert", "avg:x{*} > 1"), ("metric alert", "avg(last_5m):avg:x{ > 1"), ("metric alert", "avg(last_5y):avg:x{*} > 1"),
        ("metric alert", "change(last_5m):avg:x{*} > 1"), ("log alert", 'logs("a (").rollup("count").last("5m") > 1'),
        ("log alert", 'logs("a").rollup("count") > 1'), ("log alert", 'logs("a").rollup("avg").last("5m") > 1'),
        ("log alert", 'logs("a").nothing("x").last("5m") > 1'), ("event-v2 alert", 'logs("a").last("5m") > 1'), ("service check", "x"),
    ],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(kind, query):
    with pytest.raises(MonitorQueryError, match="The value provided for parameter 'query' is invalid"):
        parse_monitor_query(kind, query)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"type": "rum alert", "query": "x"}, {"type": "metric alert"}, {"type": "metric alert", "query": REPLICAS, "name": 5},
        {"type": "metric alert", "query": REPLICAS, "options": {"thresholds": {"critical": 7}}},
        {"type": "metric alert", "query": REPLICAS, "options": {"thresholds": {"warning": "x"}}},
    ],
)  # fmt: skip
async def test_a_monitor_that_makes_no_sense_is_refused(client, body):
    for path in ("/api/v1/monitor", "/api/v1/monitor/validate"):
        assert (await client.post(path, json=body)).status_code == 400


async def test_bad_filters_are_refused_in_datadogs_words(client):
    states = await client.get("/api/v1/monitor", params={"group_states": "bad"})
    assert states.json() == {"errors": ["Invalid group_state filters."]}
    search = await client.get("/api/v1/monitor/search", params={"query": "status:bad"})
    assert search.json() == {"errors": ["Query parsing error: 'bad' is not a valid monitor status"]}
