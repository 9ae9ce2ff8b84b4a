"""Pipelines over HTTP: the seed's repair of the log levels, and every processor."""

from __future__ import annotations

import pytest

RULE = (
    r'sb %{date("yyyy-MM-dd HH:mm:ss.SSS"):timestamp}\s+%{word:level}\s+\[%{notSpace:service},%{notSpace:trace_id},'
    r"%{notSpace:span_id},%{notSpace:trace_sampled}\]\s+%{number:thread_id}\s+---\s+\[%{notSpace:thread_name}\]\s+"
    r"%{notSpace:logger_name}\s+:\s+%{data:message}"
)
LINE = (
    "2025-11-05 19:59:45.548 ERROR [orders,5f1c2a9be3d1a001,5f1c2a9be3d1a002,true] 1 --- [p-nio-80-exec-1] "
    "w.w.s.o.controllers.OrdersController : Payment failed for order 1: I/O error"
)
PATH = "/api/v1/logs/config/pipelines"


def processor(kind, **more):
    return {"type": kind, "is_enabled": True} | more


async def create(client, *processors, query="*", **more):
    body = {"name": "p", "is_enabled": True, "filter": {"query": query}, "processors": list(processors)} | more
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def through(client, log):
    await client.post("/api/v2/logs", json=[log])
    answer = await client.post("/api/v2/logs/events/search", json={"filter": {"query": "*", "from": "now-1h"}})
    return answer.json()["data"][0]["attributes"]


async def test_the_seeds_repair_makes_spring_errors_errors_and_only_new_ones(client):
    old = {"message": LINE, "service": "sock-shop-orders", "status": "info"}
    assert (await through(client, old))["status"] == "info"
    await create(
        client,
        processor("grok-parser", source="message", grok={"match_rules": RULE, "support_rules": ""}),
        processor("status-remapper", sources=["level"]),
        query="service:sock-shop-orders",
    )
    found = await through(client, old)
    assert found["status"] == "error"
    assert found["attributes"]["logger_name"] == "w.w.s.o.controllers.OrdersController"
    assert found["message"] == LINE  # The attribute `message` is not the official one.
    counts = await client.post("/api/v2/logs/analytics/aggregate", json={"group_by": [{"facet": "status"}]})
    buckets = {item["by"]["status"]: item["computes"]["c0"] for item in counts.json()["data"]["buckets"]}
    assert buckets == {"info": 1, "error": 1}


async def test_the_health_checks_of_go_become_info(client):
    await create(
        client,
        processor("grok-parser", source="message", grok={"match_rules": 'r %{data::keyvalue("=",":")}'}),
        processor(
            "category-processor",
            target="log_level",
            categories=[{"name": "info", "filter": {"query": "@method:Health @result:2"}}],
        ),
        processor("status-remapper", sources=["log_level"]),
    )
    line = "ts=2025-11-05T19:59:01Z caller=logging.go:81 method=Health result={} took=16.364us"
    assert (await through(client, {"message": line.format(2), "status": "error"}))["status"] == "info"
    assert (await through(client, {"message": line.format(1), "status": "error"}))["status"] == "error"


async def test_every_other_processor_does_its_work(client):
    await create(
        client,
        processor("arithmetic-processor", expression="(took_us / 1000) * 2", target="took_ms"),
        processor("arithmetic-processor", expression="nothing + 1", target="none"),
        processor("string-builder-processor", template="%{method} %{colours}", target="what"),
        processor("attribute-remapper", sources=["user"], target="usr.id"),
        processor("attribute-remapper", sources=["team"], target="team", target_type="tag"),
        processor("message-remapper", sources=["msg"]),
        processor("service-remapper", sources=["app"]),
        processor("date-remapper", sources=["ts"]),
        processor("trace-id-remapper"),
        {"type": "status-remapper", "sources": ["off"]},
        {
            "type": "pipeline",
            "name": "inner",
            "is_enabled": True,
            "filter": {"query": "@method:GET"},
            "processors": [processor("string-builder-processor", template="yes", target="inner")],
        },
    )
    log = {
        "message": "original",
        "took_us": 1500,
        "method": "GET",
        "colours": ["red", "blue"],
        "user": "u1",
        "team": "Shop",
        "msg": "new text",
        "app": "orders",
        "ts": "2025-11-05T19:58:00Z",
        "dd": {"trace_id": "77"},
        "off": "error",
    }
    found = await through(client, log)
    assert found["message"] == "new text"
    assert (found["service"], found["timestamp"], found["status"]) == ("orders", "2025-11-05T19:58:00.000Z", "info")
    assert found["tags"] == ["team:shop"]
    attributes = found["attributes"]
    assert (attributes["took_ms"], attributes["what"], attributes["usr"]) == (3, "GET red,blue", {"id": "u1"})
    assert attributes["inner"] == "yes"
    assert not {"none", "user", "team", "dd"} & attributes.keys()
    by_trace = await client.post("/api/v2/logs/events/search", json={"filter": {"query": "trace_id:77"}})
    assert len(by_trace.json()["data"]) == 1


async def test_a_pipeline_is_off_unless_switched_on(client):
    await create(client, processor("string-builder-processor", template="x", target="y"), is_enabled=False)
    assert (await through(client, {"message": "m"}))["tags"] == ["datadog.pipelines:false"]


async def test_pipelines_are_kept_listed_ordered_changed_and_deleted(client, telemetry, tmp_path):
    from drillyard.telemetry.pipelines.book import PipelineBook

    first, second = await create(client, name="first"), await create(client, name="second")
    ids = [second["id"], first["id"]]
    assert (await client.put("/api/v1/logs/config/pipeline-order", json={"pipeline_ids": ids})).json() == {
        "pipeline_ids": ids
    }
    await client.put(f"{PATH}/{first['id']}", json={"name": "changed"})
    assert [item["name"] for item in (await client.get(PATH)).json()] == ["second", "changed"]
    again = PipelineBook(tmp_path / "telemetry" / "pipelines.json")
    assert [item["id"] for item in again.all()] == ids
    assert (await client.delete(f"{PATH}/{first['id']}")).json() == {}
    assert (await client.get(f"{PATH}/{first['id']}")).status_code == 404
    assert (await client.put("/api/v1/logs/config/pipeline-order", json={"pipeline_ids": []})).status_code == 400


@pytest.mark.parametrize(
    "part",
    [
        {"type": "geo-ip-parser", "sources": ["a"]}, {"type": []}, "text", {"type": "grok-parser"},
        {"type": "grok-parser", "grok": {"match_rules": "%{word:a}"}}, {"type": "status-remapper", "sources": []},
        {"type": "arithmetic-processor", "expression": "a +", "target": "b"}, {"type": "arithmetic-processor", "expression": "a"},
        {"type": "category-processor", "target": "a", "categories": [{"name": "x", "filter": {"query": "("}}]},
        {"type": "string-builder-processor", "template": "x" * 300, "target": "a"},
        {"type": "attribute-remapper", "sources": ["a"], "target": "b", "target_format": "date"},
        {"type": "pipeline", "name": "a", "processors": [{"type": "pipeline", "name": "b"}]},
    ],
)  # fmt: skip
async def test_a_processor_that_makes_no_sense_is_refused(client, part):
    answer = await client.post(PATH, json={"name": "p", "processors": [part]})
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1


async def test_a_runaway_rule_does_not_hold_up_the_intake(client):
    await create(client, processor("grok-parser", grok={"match_rules": "r (a+)+b"}))
    for _ in range(3):
        answer = await client.post("/api/v2/logs", json=[{"message": "a" * 60}] * 20, timeout=2)
        assert answer.status_code == 202
