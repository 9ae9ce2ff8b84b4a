"""Logs over HTTP: what shippers may send, and what a search answers."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib

import httpx
import pytest
from backports import zstd

from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.settings import Settings

KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}

NOW = "2025-11-05T20:00:00.000Z"


async def post(client, items, **more):
    answer = await client.post("/api/v2/logs", json=items, **more)
    assert answer.status_code == 202, answer.text
    assert answer.json() == {}


async def search(client, query="*", **more):
    answer = await client.post("/api/v2/logs/events/search", json={"filter": {"query": query}, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def messages(answer):
    return [log["attributes"].get("message") for log in answer["data"]]


async def test_a_log_is_found_as_it_was_sent(client):
    await post(
        client,
        {
            "message": "Payment failed for order 1",
            "ddsource": "java",
            "ddtags": "kube_namespace:sock-shop,Pod_Name:Orders-1",
            "hostname": "node",
            "service": "sock-shop-orders",
            "status": "info",
            "http": {"status_code": 500},
            "timestamp": 1762372790123,
        },
    )
    found = await search(client, 'kube_namespace:sock-shop service:sock-shop-orders "Payment failed"')
    assert found["data"][0]["attributes"] == {
        "timestamp": "2025-11-05T19:59:50.123Z",
        "status": "info",
        "host": "node",
        "service": "sock-shop-orders",
        "message": "Payment failed for order 1",
        "tags": ["kube_namespace:sock-shop", "pod_name:orders-1", "datadog.pipelines:false", "source:java"],
        "attributes": {"http": {"status_code": 500}},
    }
    assert found["meta"]["status"] == "done"
    assert "page" not in found["meta"]


async def test_a_json_message_becomes_attributes_and_gives_status_service_and_time(client):
    line = {"level": "WARNING", "service": "bank", "msg": "slow", "@timestamp": "2025-11-05T19:58:00Z", "took": 7}
    await post(client, [{"message": json.dumps(line)}])
    (log,) = (await search(client, "service:bank @took:>5"))["data"]
    assert log["attributes"]["status"] == "warn"
    assert log["attributes"]["timestamp"] == "2025-11-05T19:58:00.000Z"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda body: zlib.compress(body, wbits=-15))],
)
async def test_packed_bodies_are_taken(client, encoding, pack):
    body = pack(json.dumps([{"message": "packed"}]).encode())
    answer = await client.post("/api/v2/logs", content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == 202
    assert messages(await search(client)) == ["packed"]


async def test_lines_of_text_are_one_log_each_and_take_the_request_parameters(client):
    answer = await client.post(
        "/v1/input?service=edge&ddtags=env:lab", content="one\ntwo\n\n", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 200
    assert messages(await search(client, "service:edge env:lab", sort="timestamp")) == ["one", "two"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, zstd.compress, lambda b: zstd.compress(b) * 2])
async def test_every_packing_that_shippers_use_is_undone(client, pack):
    names = {gzip.compress: "gzip", zlib.compress: "deflate", zstd.compress: "zstd1"}
    body = json.dumps({"message": "packed"}).encode() + b"\n"
    headers = {"Content-Encoding": names.get(pack, "zstd"), "Content-Type": "application/json"}
    assert (await client.post("/api/v2/logs", content=pack(body), headers=headers)).status_code == 202
    assert set(messages(await search(client, "packed"))) == {"packed"}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 400),
        (b'["text"]', {}, 400),
        (b"[" * 5000, {}, 400),
        (b"xx", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"[]", mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400),
        (b"xx", {"Content-Encoding": "br"}, 415),
        (gzip.compress(b" " * 30_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"xx", {"Content-Encoding": "zstd"}, 400),
        (zstd.compress(b"[]")[:-2], {"Content-Encoding": "zstd"}, 400),
        (zstd.compress(b" " * 30_000_000), {"Content-Encoding": "zstd"}, 413),
        (b" " * 6_000_000, {}, 413),
        (json.dumps([{}] * 1001).encode(), {}, 413),
        (('{"a":' * 200 + "1" + "}" * 200).encode(), {}, 400),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused_in_one_sentence(client, content, headers, status):
    answer = await client.post("/api/v2/logs", content=content, headers={"Content-Type": "application/json"} | headers)
    assert answer.status_code == status
    assert len(answer.json()["errors"]) == 1


async def test_a_body_that_never_ends_is_given_up(client, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.api.body.READ_S", 0.01)

    async def stalled():
        yield b'[{"message": "x"}'
        await asyncio.Event().wait()

    assert (await client.post("/api/v2/logs", content=stalled())).status_code == 408


async def test_logs_older_than_the_limit_are_dropped_in_silence(telemetry, tmp_path):
    app = build_app(telemetry, Settings(tmp_path, frozenset({"api"}), frozenset({"app"}), log_age_max_s=64_800))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t", headers=KEYS) as client:
        await post(client, [{"message": "new"}, {"message": "old", "timestamp": 1762372800000 - 64_801_000}])
        body = {"filter": {"from": "now-2d"}}
        assert messages((await client.post("/api/v2/logs/events/search", json=body)).json()) == ["new"]


async def test_pages_follow_each_other_and_the_last_has_no_cursor(client):
    await post(client, [{"message": str(number), "timestamp": 1762372790000 + number} for number in range(5)])
    seen, cursor = [], None
    for _ in range(3):
        page = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await search(client, page=page)
        seen += messages(answer)
        cursor = answer["meta"].get("page", {}).get("after")
    assert seen == ["4", "3", "2", "1", "0"]
    assert cursor is None


async def test_the_next_link_is_the_next_page(client):
    await post(client, [{"message": str(number)} for number in range(3)])
    answer = await client.get(
        "/api/v2/logs/events", params={"filter[query]": "*", "page[limit]": 2, "sort": "timestamp"}
    )
    following = await client.get(answer.json()["links"]["next"])
    assert messages(answer.json()) == ["0", "1"]
    assert messages(following.json()) == ["2"]


async def test_a_cursor_of_another_query_is_refused(client):
    await post(client, [{"message": "a"}, {"message": "b"}])
    cursor = (await search(client, page={"limit": 1}))["meta"]["page"]["after"]
    other = {"filter": {"query": "b"}, "page": {"cursor": cursor}}
    assert (await client.post("/api/v2/logs/events/search", json=other)).status_code == 400
    assert (await client.post("/api/v2/logs/events/search", json={"page": {"cursor": "%%%"}})).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"query": "a ("}},
        {"filter": {"query": 5}},
        {"filter": {"from": "yesterday"}},
        {"filter": {"from": "now", "to": "now-1h"}},
        {"filter": []},
        {"page": {"limit": 0}},
        {"page": {"limit": 1001}},
        {"page": {"limit": "many"}},
        {"sort": "service"},
        [],
    ],
)
async def test_a_search_that_makes_no_sense_is_refused_in_one_sentence(client, body):
    answer = await client.post("/api/v2/logs/events/search", json=body)
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1


@pytest.mark.parametrize("moment", ["now-1h", "1762369200000", 1762369200000, 1762369200, "2025-11-05T20:00:00+01:00"])
async def test_times_may_be_relative_epochs_or_rfc3339(client, moment):
    await post(client, [{"message": "old", "timestamp": 1762369199000}, {"message": "in", "timestamp": 1762369201000}])
    answer = await client.post("/api/v2/logs/events/search", json={"filter": {"from": moment, "to": "now"}})
    assert messages(answer.json()) == ["in"]


async def test_keys_are_needed(client):
    for headers in ({"DD-API-KEY": "wrong"}, {"DD-APPLICATION-KEY": "wrong"}):
        answer = await client.post("/api/v2/logs/events/search", json={}, headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"errors": ["Forbidden"]})
    intake = await client.post("/api/v2/logs", json={}, headers={"DD-APPLICATION-KEY": "wrong"})
    assert intake.status_code == 202


async def test_unknown_paths_and_methods_answer_in_json_and_doubled_slashes_are_forgiven(client):
    assert (await client.get("/api/v2/services")).json() == {"errors": ["Not found"]}
    assert (await client.delete("/api/v2/logs")).status_code == 405
    assert (await client.get("http://telemetry//api//v1/validate")).json() == {"valid": True}


async def test_a_client_that_asks_too_often_is_told_when_to_come_back(client):
    from drillyard.telemetry.api.answers import ApiError
    from drillyard.telemetry.api.gate import RateLimits

    limits = RateLimits(most=2, period_s=60)
    assert limits.take("logs", "key", 59.0)["X-RateLimit-Remaining"] == "1"
    limits.take("logs", "key", 59.0)
    with pytest.raises(ApiError) as refused:
        limits.take("logs", "key", 59.0)
    assert (refused.value.status, refused.value.headers["X-RateLimit-Reset"]) == (429, "1")
    assert limits.take("logs", "key", 60.0)["X-RateLimit-Remaining"] == "1"
    assert (await client.get("/api/v2/logs/events")).headers["x-ratelimit-name"] == "logs"


AGGREGATE = "/api/v2/logs/analytics/aggregate"


async def test_counts_by_group_are_sorted_and_cut(client):
    services = ["a"] * 3 + ["b"] * 2 + ["c"]
    await post(client, [{"service": name, "message": "x"} for name in services] + [{"message": "none"}])
    body = {"group_by": [{"facet": "service", "limit": 2}]}
    answer = (await client.post(AGGREGATE, json=body)).json()
    assert answer["data"]["buckets"] == [
        {"by": {"service": "a"}, "computes": {"c0": 3}},
        {"by": {"service": "b"}, "computes": {"c0": 2}},
    ]


async def test_figures_over_numbers_and_time(client):
    start = 1762372320000
    await post(client, [{"message": "x", "took": n, "timestamp": start + n * 30_000} for n in range(4)])
    body = {
        "filter": {"query": "@took:*"},
        "compute": [
            {"aggregation": "count", "type": "timeseries", "interval": "1m"},
            {"aggregation": "avg", "metric": "@took"},
            {"aggregation": "pc90", "metric": "@took"},
            {"aggregation": "cardinality", "metric": "@took"},
        ],
    }
    (bucket,) = (await client.post(AGGREGATE, json=body)).json()["data"]["buckets"]
    counts = [{"time": "2025-11-05T19:52:00.000Z", "value": 2}, {"time": "2025-11-05T19:53:00.000Z", "value": 2}]
    assert bucket == {"by": {}, "computes": {"c0": counts, "c1": 1.5, "c2": pytest.approx(2.7), "c3": 4}}


async def test_nothing_found_is_no_bucket(client):
    assert (await client.post(AGGREGATE, json={})).json()["data"] == {"buckets": []}


@pytest.mark.parametrize(
    "body",
    [
        {"compute": [{"aggregation": "mode"}]},
        {"compute": [{"aggregation": "avg"}]},
        {"compute": [{"aggregation": "count", "type": "timeseries", "interval": "soon"}]},
        {"compute": [{"aggregation": "count", "type": "timeseries", "interval": "1s"}], "filter": {"from": "now-1d"}},
        {"group_by": [{"facet": "a b"}]},
        {"group_by": [{}]},
        {"group_by": [{"facet": "a", "sort": {"aggregation": "sum", "metric": "@x"}}]},
        {"group_by": [{"facet": "@a", "histogram": {"interval": 0, "min": 0, "max": 1}}]},
    ],
)
async def test_an_aggregate_that_makes_no_sense_is_refused(client, body):
    answer = await client.post(AGGREGATE, json=body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("facet", ["service", "env", "tags", "@n", "status"])
async def test_the_quick_count_by_group_agrees_with_the_slow_one(client, facet):
    logs = [
        {"message": "x", "service": "abc"[number % 3], "ddtags": f"env:{number % 2},bare{number % 2}", "n": number}
        for number in range(12)
    ]
    await post(client, logs)
    group = {"facet": facet, "limit": 100}
    quick = (await client.post(AGGREGATE, json={"group_by": [group]})).json()["data"]["buckets"]
    both = {"group_by": [group], "compute": [{"aggregation": "count"}, {"aggregation": "cardinality", "metric": "@n"}]}
    slow = (await client.post(AGGREGATE, json=both)).json()["data"]["buckets"]
    assert {str(item["by"]): item["computes"]["c0"] for item in quick} == {
        str(i["by"]): i["computes"]["c0"] for i in slow
    }
    assert quick


async def test_the_first_version_lists_logs_page_by_page(client):
    await post(client, [{"message": str(number), "service": "a"} for number in range(3)])
    body = {"query": "service:a", "time": {"from": "now-1h", "to": "now"}, "limit": 2, "sort": "asc"}
    first = (await client.post("/api/v1/logs-queries/list", json=body)).json()
    rest = (await client.post("/api/v1/logs-queries/list", json=body | {"startAt": first["nextLogId"]})).json()
    assert [log["content"]["message"] for log in first["logs"] + rest["logs"]] == ["0", "1", "2"]
    assert rest["nextLogId"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/team",
        "/api/v2/current_user",
        "/api/v1/slo/correction",
        "/api/v1/synthetics/tests",
        "/api/v2/logs/config/archives",
    ],
)
async def test_what_is_not_kept_is_an_empty_list_and_cannot_be_written(client, path):
    assert (await client.get(path)).status_code == 200
    assert (await client.post(path, json={})).status_code == 405


AT_MS = 1_762_372_790_000
SHIPPED = [
    # fluent-bit, plugins/out_datadog/datadog.c: milliseconds first, dd_* of the plugin, the record's own keys, tags last.
    ("/api/v2/logs", {"timestamp": AT_MS, "ddsource": "fluent-bit", "service": "edge", "hostname": "n1", "stream": "stderr", "message": "hello", "ddtags": "container_name:c,env:lab"}),
    # fluent-bit with `include_tag_key` and a message key that it does not map.
    ("/api/v2/logs", {"timestamp": AT_MS, "@FLB_TAG": "kube.x", "service": "edge", "ddsource": "x", "ddtags": "env:lab", "log": "lost", "message": "hello"}),
    # Vector's sink datadog_logs: the reserved fields of its schema, everything else at the root.
    ("/api/v2/logs", {"ddtags": "env:lab", "ddsource": "vector", "hostname": "n1", "message": "hello", "service": "edge", "status": "warning", "timestamp": "2025-11-05T19:59:50.000Z", "http": {"status": 500}}),
    # The older sinks of both, and of logstash.
    ("/v1/input", {"@timestamp": "2025-11-05T19:59:50.000Z", "@version": "1", "host": {"name": "n1"}, "service": "edge", "ddtags": "env:lab", "message": "hello"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "item"), SHIPPED)
async def test_what_shippers_send_is_found_at_its_time(client, path, item):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "DD-EVP-ORIGIN": "shipper"}
    sent = await client.post(path, content=gzip.compress(json.dumps([item, item]).encode()), headers=headers)
    assert sent.status_code < 300
    found = (await search(client, "service:edge env:lab hello"))["data"]
    assert [log["attributes"]["timestamp"] for log in found] == ["2025-11-05T19:59:50.000Z"] * 2
