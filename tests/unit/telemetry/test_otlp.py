"""OpenTelemetry's logs, metrics and spans arrive in the same stores and are found by the same language."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from drillyard.telemetry.logs.record_store import StoreFull

TRACE, FIRST, SECOND = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"


def attribute(name, **value):
    return {"key": name, "value": value}


RESOURCE = {
    "attributes": [
        attribute("service.name", stringValue="orders"),
        attribute("k8s.namespace.name", stringValue="sock-shop"),
        attribute("host.name", stringValue="node"),
    ]
}


def nanoseconds(telemetry, later_ms=0):
    return str((telemetry.now_ms() + later_ms) * 1_000_000)


def trace(telemetry):
    def span(identity, parent, kind, name, took_ms, code, *attributes):
        return {
            "traceId": TRACE.upper(),
            "spanId": identity,
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": nanoseconds(telemetry),
            "endTimeUnixNano": nanoseconds(telemetry, took_ms),
            "attributes": list(attributes),
            "status": {"code": code},
        }

    method, route = attribute("http.method", stringValue="POST"), attribute("http.route", stringValue="/orders")
    spans = [
        span(FIRST, "", 2, "POST", 40, 0, method, route, attribute("http.status_code", intValue="406")),
        span(SECOND, FIRST, "SPAN_KIND_PRODUCER", "shipping-task publish", 3, 2),
    ]
    return {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": spans}]}]}


async def search(client, query):
    body = {"data": {"type": "search_request", "attributes": {"filter": {"query": query}, "sort": "timestamp"}}}
    answer = await client.post("/api/v2/spans/events/search", json=body)
    assert answer.status_code == 200, answer.text
    return [span["attributes"] for span in answer.json()["data"]]


async def test_a_trace_is_found_by_every_field_of_its_spans(client, telemetry):
    assert (await client.post("/v1/traces", json=trace(telemetry))).json() == {}
    first, second = await search(client, f"trace_id:{TRACE}")
    assert (first["resource_name"], first["operation_name"]) == ("POST /orders", "server.request")
    assert first["custom"]["http"]["status_code"] == 406
    assert first["custom"]["duration"] == 40_000_000
    assert (second["parent_id"], second["status"], first["parent_id"]) == (FIRST, "error", "0")
    for query in (
        "status:error",
        f"span_id:{SECOND}",
        "@duration:<5000000",
        "span_kind:producer",
        "-@http.status_code:406 service:orders kube_namespace:sock-shop",
        'resource_name:"shipping-task publish"',
    ):
        assert [span["span_id"] for span in await search(client, query)] == [SECOND], query


async def test_spans_are_counted_and_measured_by_group(client, telemetry):
    await client.post("/v1/traces", json=trace(telemetry))
    asked = {
        "compute": [{"aggregation": "count"}, {"aggregation": "max", "metric": "@duration"}],
        "group_by": [{"facet": "resource_name"}],
        "filter": {"query": "service:orders"},
    }
    body = {"data": {"type": "aggregate_request", "attributes": asked}}
    answer = await client.post("/api/v2/spans/analytics/aggregate", json=body)
    found = {b["attributes"]["by"]["resource_name"]: b["attributes"]["compute"] for b in answer.json()["data"]}
    assert found == {
        "post /orders": {"c0": 1, "c1": 40_000_000.0},
        "shipping-task publish": {"c0": 1, "c1": 3_000_000.0},
    }


async def test_a_log_arrives_with_severity_trace_and_tags(client, telemetry):
    tries = attribute("tries", arrayValue={"values": [{"intValue": 3}]})
    record = {
        "timeUnixNano": nanoseconds(telemetry),
        "severityNumber": 17,
        "body": {"stringValue": "Payment failed for order 1"},
        "traceId": TRACE,
        "attributes": [attribute("order.id", stringValue="1"), tries],
    }
    body = {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [record]}]}]}
    assert (await client.post("/v1/logs", json=body)).status_code == 200
    query = f'trace_id:{TRACE} status:error kube_namespace:sock-shop @order.id:1 @tries:3 "Payment failed"'
    answer = await client.post("/api/v2/logs/events/search", json={"filter": {"query": query}})
    assert [log["attributes"]["host"] for log in answer.json()["data"]] == ["node"]


async def test_metrics_of_every_kind_become_points(client, telemetry):
    at = {"timeUnixNano": nanoseconds(telemetry)}
    quantiles = [{"quantile": 0.5, "value": 1}]
    metrics = [
        {"name": "queue.depth", "gauge": {"dataPoints": [at | {"asInt": "0"}]}},
        {"name": "orders", "sum": {"aggregationTemporality": 1, "dataPoints": [at | {"asDouble": 4.5}]}},
        {"name": "http-time", "histogram": {"dataPoints": [at | {"count": "7", "sum": 1.5, "max": 0.5}]}},
        {"name": "gc", "summary": {"dataPoints": [at | {"count": 2, "sum": 3.0, "quantileValues": quantiles}]}},
    ]
    body = {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": metrics}]}]}
    assert (await client.post("/v1/metrics", json=body)).status_code == 200
    now_s = telemetry.now_ms() // 1000
    expected = {"queue.depth": 0, "orders": 4.5, "http_time.count": 7, "http_time.max": 0.5, "gc.quantile": 1}
    for name, value in expected.items():
        (series,) = telemetry.metrics.series(name, now_s - 60, now_s + 60)
        assert series.points[0][1] == value
        assert {"service:orders", "kube_namespace:sock-shop", "host:node"} <= set(series.tags)


def nested(levels):
    value = {"stringValue": "x"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    return value


def spans(span):
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def logs(body):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": body}]}]}]}


def metric(found):
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [found]}]}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("traces", {"resourceSpans": 5}),
        ("traces", spans({"traceId": "x", "spanId": FIRST})),
        ("traces", spans({"traceId": TRACE, "spanId": FIRST, "startTimeUnixNano": "-1"})),
        ("logs", logs(nested(30))),
        ("logs", logs({"intValue": "x"})),
        ("metrics", metric({"name": "1", "gauge": {"dataPoints": [{"asInt": "1"}]}})),
        ("metrics", metric({"name": "a", "gauge": {"dataPoints": [{}]}})),
        ("metrics", []),
    ],
)
async def test_what_is_no_otlp_is_refused_with_a_sentence(client, path, body):
    answer = await client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["message"].endswith(".")


PROTOBUF = {"Content-Type": "application/x-protobuf"}


async def test_logs_and_spans_in_protobuf_are_found_by_their_trace(client, telemetry):
    trace, span, now_ns = bytes(range(16)), bytes(range(8)), telemetry.now_ms() * 1_000_000
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "orders"}}]}
    said = ParseDict({"severityNumber": 17, "body": {"stringValue": "by protobuf"}}, LogRecord())
    said.trace_id, said.span_id, said.time_unix_nano = trace, span, now_ns
    ran = Span(name="GET /", trace_id=trace, span_id=span, start_time_unix_nano=now_ns, end_time_unix_nano=now_ns + 5)
    logs_request = ParseDict({"resourceLogs": [{"resource": resource, "scopeLogs": [{}]}]}, ExportLogsServiceRequest())
    logs_request.resource_logs[0].scope_logs[0].log_records.append(said)
    traces = ParseDict({"resourceSpans": [{"resource": resource, "scopeSpans": [{}]}]}, ExportTraceServiceRequest())
    traces.resource_spans[0].scope_spans[0].spans.append(ran)
    for path, request in (("logs", logs_request), ("traces", traces)):
        answer = await client.post(f"/v1/{path}", content=request.SerializeToString(), headers=PROTOBUF)
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (
            200,
            PROTOBUF["Content-Type"],
            b"",
        )
    query = {"query": f"service:orders trace_id:{trace.hex()}", "from": "now-1h", "to": "now+1h"}
    found = (await client.post("/api/v2/logs/events/search", json={"filter": query})).json()["data"]
    assert [log["attributes"]["message"] for log in found] == ["by protobuf"]
    assert found[0]["attributes"]["status"] == "error"
    body = {"data": {"type": "search_request", "attributes": {"filter": query}}}
    assert len((await client.post("/api/v2/spans/events/search", json=body)).json()["data"]) == 1


@pytest.mark.parametrize("path", ["logs", "metrics", "traces"])
async def test_what_is_no_protobuf_is_refused_with_a_sentence(client, path):
    answer = await client.post(f"/v1/{path}", content=b"\x0a\xff{", headers=PROTOBUF)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == PROTOBUF["Content-Type"]
    said = f"The body is no OTLP request of {path} in protobuf.".encode()
    assert answer.content == b"\x08\x03\x12" + bytes([len(said)]) + said  # google.rpc.Status: code 3, message.
    answer = await client.post(f"/v1/{path}", content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


async def test_spans_want_both_keys_and_their_own_form(client):
    assert (await client.post("/api/v2/spans/events/search", json={})).status_code == 400
    body = {"data": {"type": "search_request", "attributes": {}}}
    answer = await client.post("/api/v2/spans/events/search", json=body, headers={"DD-APPLICATION-KEY": "wrong"})
    assert answer.status_code == 403


async def test_one_point_that_is_no_number_does_not_take_the_others_with_it(client, telemetry):
    at = {"timeUnixNano": nanoseconds(telemetry)}
    points = [at | {"asDouble": "NaN"}, at | {"asDouble": 2.5}]
    metrics = [{"name": "ratio", "gauge": {"dataPoints": points}}, {"name": "1", "gauge": {"dataPoints": [at]}}]
    body = {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": metrics}]}]}
    request = ParseDict(body, ExportMetricsServiceRequest()).SerializeToString()
    answer = await client.post("/v1/metrics", content=request, headers=PROTOBUF)
    said = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, said.rejected_data_points) == (200, 2)
    assert said.error_message == "2 left out; the first: asDouble must be a finite number."
    in_json = (await client.post("/v1/metrics", json=body)).json()
    assert in_json["partialSuccess"]["rejectedDataPoints"] == "2"
    now_s = telemetry.now_ms() // 1000
    assert [one.points[0][1] for one in telemetry.metrics.series("ratio", now_s - 60, now_s + 60)] == [2.5]


async def test_a_point_that_says_nothing_was_recorded_is_none_and_no_fault(client, telemetry):
    points = [{"timeUnixNano": nanoseconds(telemetry), "flags": 1}]
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "a", "gauge": {"dataPoints": points}}]}]}]}
    assert (await client.post("/v1/metrics", json=body)).json() == {}


async def test_one_wrong_log_or_span_does_not_take_the_others_with_it(client, telemetry):
    records = [{"body": {"stringValue": "kept"}}, {"body": nested(30)}]
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    answer = (await client.post("/v1/logs", json=body)).json()
    assert answer["partialSuccess"]["rejectedLogRecords"] == "1"
    found = await client.post("/api/v2/logs/events/search", json={"filter": {"query": "kept"}})
    assert len(found.json()["data"]) == 1
    body = trace(telemetry)
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].append({"traceId": "x"})
    answer = (await client.post("/v1/traces", json=body)).json()
    assert answer["partialSuccess"] == {
        "rejectedSpans": "1",
        "errorMessage": "1 left out; the first: traceId must be 32 hexadecimal digits.",
    }
    assert len(await search(client, f"trace_id:{TRACE}")) == 2


async def test_a_full_disk_is_told_so_that_exporters_try_again(client, telemetry, monkeypatch):
    def full(*_):
        raise StoreFull(Path("/full"))

    monkeypatch.setattr(telemetry.span_writer, "add", full)
    answer = await client.post("/v1/traces", json=trace(telemetry))
    assert (answer.status_code, answer.json()["code"]) == (503, 14)
