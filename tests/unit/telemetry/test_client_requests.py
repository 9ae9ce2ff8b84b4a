"""
The requests that investigators' tools send, word for word, and what they read of the answers.

Sources (read November 2026): HolmesGPT `holmes/plugins/toolsets/datadog/toolset_datadog_*.py` (robusta-dev/holmesgpt),
`src/tools/*.ts` of TANTIOPE/datadog-mcp-server, `datadog_mcp/utils/datadog_client.py` of shelfio/datadog-mcp, opensre,
puppy-kit; datadog-mcp 5.8.2 (tantiope) and @winor30/mcp-server-datadog 1.8.0 from npm, run. Each case is (who, method, path, body or parameters, status, keys that the tool reads).
"""

from __future__ import annotations

import pytest

HOUR_MS = 3_600_000
SPAN = {
    "traceId": "0" * 16 + "00000000000000a1",
    "spanId": "00000000000000b2",
    "kind": 2,
    "name": "POST /orders",
    "attributes": [{"key": "http.response.status_code", "value": {"intValue": "500"}}],
    "status": {"code": 2},
}
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "sock-shop-orders"}}]}


@pytest.fixture
async def now_ms(client, telemetry):
    """Some of everything, just now."""
    now_ms = telemetry.now_ms()
    tags = "kube_namespace:sock-shop,pod_name:orders-1,env:prod"
    log = {"message": "Payment failed", "service": "sock-shop-orders", "ddtags": tags, "status": "error"}
    await client.post("/api/v2/logs", json=[log])
    point = {"timestamp": now_ms // 1000, "value": 2.5}
    series = {"metric": "system.load.1", "type": 3, "points": [point], "tags": ["kube_deployment:orders"]}
    await client.post("/api/v2/series", json={"series": [series | {"resources": [{"type": "host", "name": "n"}]}]})
    await client.post("/api/v1/events", json={"title": "Scaled", "text": "down", "tags": ["source:kubernetes", "a:b"]})
    span = SPAN | {"startTimeUnixNano": str(now_ms * 10**6 - 10**9), "endTimeUnixNano": str(now_ms * 10**6)}
    body = {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": [span]}]}]}
    assert (await client.post("/v1/traces", json=body)).status_code == 200
    monitor = {"type": "metric alert", "query": "avg(last_5m):avg:system.load.1{*} > 5", "name": "load", "tags": []}
    await client.post("/api/v1/monitor", json=monitor)
    incident = {"title": "Orders fail", "customer_impacted": True}
    await client.post("/api/v2/incidents", json={"data": {"type": "incidents", "attributes": incident}})
    return now_ms


def spans(**attributes):
    return {"data": {"type": "search_request", "attributes": attributes}}


def holmes_spans(query, limit=50):
    times = {"from": "FROM_MS", "to": "TO_MS", "indexes": ["*"]}
    return spans(filter={"query": query} | times, page={"limit": limit}, sort="-timestamp")


def aggregate(**attributes):
    return {"data": {"type": "aggregate_request", "attributes": attributes}}


SPAN_KEYS = "data.0.attributes.{trace_id,span_id,parent_id,service,operation_name,resource_name,start_timestamp,status,tags,custom.duration}"
LOGS, SPANS, EVENTS = "/api/v2/logs/events/search", "/api/v2/spans/events/search", "/api/v2/events/search"
WINDOW = {"from": "FROM_MS", "to": "TO_MS"}
CASES = [
    ("holmes", "GET", "//api/v1/validate", {}, 200, "valid"),
    ("holmes", "POST", "/" + LOGS, {"filter": {"query": "kube_namespace:sock-shop pod_name:orders-1 \"Payment failed\"", "indexes": ["*"], "storage_tier": "indexes"} | WINDOW, "sort": "-timestamp", "page": {"limit": 300}}, 200, "data.0.attributes.{timestamp,message}"),
    ("holmes", "POST", LOGS, {"filter": {"query": "kube_namespace:* pod_name:*", "from": "2025-11-03T20:00:00Z", "to": "2025-11-05T21:00:00Z", "indexes": ["*"]}, "sort": "-timestamp", "page": {"limit": 1}}, 200, "data.0.attributes.message"),
    ("holmes", "POST", SPANS, spans(filter={"from": "now-1m", "to": "now", "query": "*", "indexes": ["*"]}, page={"limit": 1}), 200, "data"),
    ("holmes", "POST", SPANS, holmes_spans("service:sock-shop-orders operation_name:server.request @duration:>500000000"), 200, SPAN_KEYS),
    ("holmes", "POST", SPANS, holmes_spans("trace_id:00000000000000a1", 1000), 200, SPAN_KEYS),
    ("holmes", "POST", SPANS, spans(filter={"query": "*", "from": "now", "to": "now-1h"}), 422, "errors.0.{title,detail}"),
    ("holmes", "GET", "/api/v1/metrics", {"from": "FROM_S", "host": "n", "tag_filter": "kube_deployment:orders"}, 200, "metrics.0"),
    ("holmes", "GET", "/api/v1/query", {"query": "avg:system.load.1{*} by {kube_deployment}", "from": "FROM_S", "to": "TO_S"}, 200, "series.0.{metric,scope,pointlist.0.1}"),
    ("holmes", "GET", "/api/v1/metrics/system.load.1", {}, 200, "{type,description}"),
    ("holmes", "GET", "/api/v2/metrics/system.load.1/active-configurations", {}, 200, "data"),
    ("holmes", "GET", "/api/v1/monitor/groups/search", {"query": "load"}, 200, "{groups,metadata,counts}"),
    ("holmes", "GET", "/api/v1/events", {"start": "-3600", "end": "0"}, 200, "events"),
    ("holmes", "GET", "/api/v2/incidents", {}, 200, "data.0.attributes.title"),
    ("holmes", "GET", "/api/v2/incidents/1/timeline", {}, 200, "data"),
    ("holmes", "GET", "/api/v2/incidents/1/attachments", {}, 200, "data"),
    ("holmes", "GET", "/api/v1/hosts/totals", {}, 200, "{total_active,total_up}"),
    ("holmes", "GET", "/api/v2/downtime", {}, 200, "data"),
    ("holmes", "GET", "/api/v2/services", {}, 404, "errors.0"),
    ("holmes", "GET", "/api/v2/teams", {}, 404, "errors.0"),
    ("holmes", "POST", "/api/v1/monitor/search", {}, 200, "monitors.0.name"),
    ("datadog-mcp", "POST", LOGS, {"filter": {"query": "service:sock-shop-orders AND env:prod", "from": "now-1h", "to": "now"}, "options": {"timezone": "GMT"}, "page": {"limit": 50}, "sort": "-timestamp"}, 200, "data.0.attributes.tags"),
    ("datadog-mcp", "POST", "/api/v2/logs/analytics/aggregate", {"compute": [{"aggregation": "count", "type": "total"}], "filter": {"query": "*", "from": "now-1h", "to": "now"}, "group_by": [{"facet": "service", "limit": 100, "sort": {"type": "measure", "aggregation": "count", "order": "desc"}}]}, 200, "data.buckets.0.{by.service,computes.c0}"),
    ("datadog-mcp", "GET", "/api/v2/metrics", {"page[size]": "50", "filter[tags]": "kube_deployment:orders"}, 200, "data.0.id"),
    ("datadog-mcp", "GET", "/api/v2/metrics/system.load.1/all-tags", {}, 200, "data.attributes.tags.0"),
    ("datadog-mcp", "GET", "/api/v1/monitor", {"page": "0", "page_size": "50"}, 200, "0.{name,overall_state,query}"),
    ("datadog-mcp", "GET", "/api/v1/slo", {}, 200, "data"),
    ("datadog-mcp", "GET", "/api/v1/notebooks", {"count": "20", "start": "0"}, 200, "data"),
    ("datadog-mcp", "POST", SPANS, {"data": {"attributes": {"filter": {"query": "*", "from": "now-1h", "to": "now"}, "options": {"timezone": "GMT"}, "page": {"limit": 10}, "sort": "-timestamp"}, "type": "search_request"}}, 200, SPAN_KEYS),
    ("datadog-mcp", "POST", "/api/v2/spans/analytics/aggregate", aggregate(compute=[{"aggregation": "count", "type": "total"}], filter={"query": "*", "from": "now-1h", "to": "now"}, group_by=[{"facet": "service", "limit": 10}]), 200, "data.0.attributes.{by.service,compute.c0}"),
    ("tantiope", "POST", SPANS, spans(filter={"query": "service:sock-shop-orders status:error @http.status_code:[500 TO 599]", "from": "FROM_ISO", "to": "TO_ISO"}, sort="-timestamp", page={"limit": 50}), 200, SPAN_KEYS),
    ("tantiope", "POST", SPANS, spans(filter={"query": "resource_name:*orders* @duration:>=1000000", "from": "FROM_ISO", "to": "TO_ISO"}, sort="-timestamp", page={"limit": 50}), 200, SPAN_KEYS),
    ("tantiope", "POST", "/api/v2/spans/analytics/aggregate", aggregate(compute=[{"aggregation": "count", "type": "total"}, {"aggregation": "pc95", "metric": "@duration", "type": "total"}], filter={"query": "*", "from": "FROM_ISO", "to": "TO_ISO"}, group_by=[{"facet": "resource_name", "limit": 10, "sort": {"type": "measure", "aggregation": "count", "order": "desc"}}]), 200, "data.0.attributes.{by.resource_name,compute.c0,compute.c1}"),
    ("tantiope", "POST", EVENTS, {"filter": {"query": "source:alert @monitor.id:5 @monitor.transition.transition_type:(alert OR \"alert recovery\")", "from": "FROM_ISO", "to": "TO_ISO"}, "sort": "timestamp", "page": {"limit": 50}}, 200, "data"),
    ("tantiope", "POST", EVENTS, {"filter": {"query": "source:alert", "from": "FROM_ISO", "to": "TO_ISO"}, "page": {"limit": 5000}, "sort": "timestamp"}, 200, "data"),
    ("tantiope", "GET", "/api/v1/slo/search", {"query": "orders service:a", "page[size]": "50"}, 200, "data.attributes.slos"),
    ("tantiope", "GET", "/api/v1/logs/config/indexes/main", {}, 200, "name"),
    ("tantiope", "GET", "/api/v2/logs/config/archives", {}, 200, "data"),
    ("tantiope", "GET", "/api/v1/synthetics/tests", {"page_size": "50", "page_number": "0"}, 200, "tests"),
    ("tantiope", "GET", "/api/v2/rum/events", {"filter[query]": "*", "filter[from]": "FROM_ISO", "filter[to]": "TO_ISO", "sort": "-timestamp", "page[limit]": "50"}, 200, "data"),
    ("tantiope", "POST", "/api/v2/security_monitoring/signals/search", {"filter": {"query": "*", "from": "FROM_ISO", "to": "TO_ISO"}, "page": {"limit": 50}}, 200, "data"),
    ("winor30", "POST", "/api/v2/rum/events/search", {"filter": {"query": "", "from": "FROM_ISO", "to": "TO_ISO"}, "page": {"limit": 100}, "sort": "timestamp"}, 200, "data"),
    ("winor30", "POST", "/api/v2/rum/analytics/aggregate", {"compute": [{"aggregation": "count"}], "filter": {"query": "*"}}, 200, "data.buckets"),
    ("winor30", "GET", "/api/v1/dashboard", {"filter[shared]": "false"}, 200, "dashboards"),
    ("datadog-api-client", "GET", "/api/v2/users", {"page[size]": "1", "page[number]": "0"}, 200, "data.0.id"),
    ("tantiope", "GET", "/api/v2/current_user", {}, 200, "data.attributes"),
    ("tantiope", "GET", "/api/v1/logs/config/indexes", {}, 200, "indexes.0.name"),
    ("tantiope", "GET", "/api/v1/tags/hosts", {}, 200, "tags"),
    ("opensre", "POST", LOGS, {"filter": {"query": "host:10.0.0.1 OR node_ip:10.0.0.1", "from": "2025-11-05T19:00:00+00:00", "to": "2025-11-05T20:30:00+00:00"}, "sort": "-timestamp", "page": {"limit": 1000}}, 200, "data"),
    ("opensre", "POST", EVENTS, {"filter": {"query": "a:b", "from": "now-1h", "to": "now"}, "sort": "-timestamp", "page": {"limit": 50}}, 200, "data.0.attributes.attributes.title"),
    ("puppy-kit", "GET", "/api/v2/incidents/search", {"query": "state:active", "sort": "-created", "page[size]": "100", "page[offset]": "0"}, 200, "{data.attributes.incidents.0.data.id,meta.pagination.next_offset}"),
    ("puppy-kit", "GET", "/api/v2/incidents/1", {"include": "user_defined_fields"}, 200, "data.attributes.severity"),
    ("puppy-kit", "GET", "/api/v1/hosts", {"count": "50"}, 200, "host_list.0.{name,up,last_reported_time}"),
    ("puppy-kit", "POST", LOGS, {"filter": {"query": "@trace_id:00000000000000a1", "from": "now-1h", "to": "now"}}, 200, "data"),
    ("mcparmory", "GET", "/api/v2/logs/events", {"filter[query]": "*", "filter[from]": "FROM_ISO", "filter[to]": "TO_ISO", "page[limit]": "10"}, 200, "data.0.attributes.message"),
    ("chaostoolkit", "GET", "/api/v1/metrics/nobody.knows", {}, 404, "errors.0"),
]  # fmt: skip


def filled(value, now_ms):
    """The placeholders of time, an hour back and a minute ahead."""
    if isinstance(value, dict):
        return {key: filled(part, now_ms) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, now_ms) for part in value]
    start, end = now_ms - HOUR_MS, now_ms + 60_000
    from drillyard.telemetry.times import iso

    times = {"FROM_MS": str(start), "TO_MS": str(end), "FROM_S": str(start // 1000), "TO_S": str(end // 1000)}
    return (times | {"FROM_ISO": iso(start), "TO_ISO": iso(end)}).get(value, value) if isinstance(value, str) else value


def missing(answer, path):
    """The first part of `a.0.{b,c.d}` that is not there; empty when all is."""
    head, _, rest = path.partition("{")
    for part in filter(None, head.strip(".").split(".")):
        try:
            answer = answer[int(part)] if isinstance(answer, list) else answer[part]
        except (KeyError, IndexError, TypeError, ValueError):
            return part
    return next((lost for one in rest.rstrip("}").split(",") if rest and (lost := missing(answer, one))), "")


@pytest.mark.parametrize("case", CASES, ids=[f"{who} {method} {path}" for who, method, path, *_ in CASES])
async def test_a_tools_own_request_is_answered_as_it_reads_it(client, now_ms, case):
    _, method, path, given, status, keys = case
    asked = filled(given, now_ms)
    more = {"params": asked} if method == "GET" else {"json": asked}
    answer = await client.request(method, f"http://telemetry{path}", **more)
    assert answer.status_code == status, answer.text
    assert missing(answer.json(), keys) == "", answer.text
    if status == 200 and "validate" not in path:
        assert answer.headers["x-ratelimit-reset"]


async def test_the_second_page_of_users_is_empty_so_that_a_client_ends(client):
    answer = await client.get("/api/v2/users", params={"page[size]": "1", "page[number]": "1"})
    assert answer.json()["data"] == []


async def test_pages_to_the_end_give_each_line_once(client):
    lines = [{"message": f"line {number}", "service": "pages"} for number in range(103)]
    await client.post("/api/v2/logs", json=lines)
    found, page = [], {"limit": 10}
    while True:
        body = {"filter": {"query": "service:pages"}, "page": page}
        answer = (await client.post(LOGS, json=body)).json()
        found += [one["attributes"]["message"] for one in answer["data"]]
        after = answer.get("meta", {}).get("page", {}).get("after")
        if after is None:
            break
        await client.post("/api/v2/logs", json=[{"message": "came later", "service": "pages"}])
        page = {"limit": 10, "cursor": after}
    assert sorted(found) == sorted(line["message"] for line in lines)
