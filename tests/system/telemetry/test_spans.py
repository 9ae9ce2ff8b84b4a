"""A service's spans reach a real intake, and a missing intake is nobody's trouble."""

from __future__ import annotations

from drillyard.shop import span_export, tracing
from drillyard.shop.span_export import exporting

ORDER = "6900953ac1f4320001b50703"


async def handle_one() -> tracing.Span:
    tracing.continue_from({}, ORDER)
    calling = tracing.calling("PATCH", f"http://orders/orders/{ORDER}", tracing.outgoing_headers())
    with tracing.handling("shipping-task"), calling as call:
        assert call is not None
        call.answered(409, failed_from=400)
    current = tracing.span.get()
    assert current is not None
    return current


async def test_spans_arrive_with_their_pod_and_the_ids_of_the_log(server):
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "dd-api-key=api",
        "OTEL_SERVICE_NAME": "sock-shop-queue-master",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=queue-master-1,host.name=node",
    }
    async with exporting(environment):  # What is left at the end is still sent.
        span = await handle_one()

    body = {
        "type": "search_request",
        "attributes": {"filter": {"query": f"trace_id:{span.trace_id[16:]} @order.id:{ORDER}"}},
    }
    found = await server.ask("POST", "/api/v2/spans/events/search", json={"data": body})
    shown = {one["attributes"]["operation_name"]: one["attributes"] for one in found["data"]}
    process, call = shown["consumer"], shown["client.request"]
    assert (process["span_id"], process["service"], process["host"]) == (span.span_id, "sock-shop-queue-master", "node")
    assert "pod_name:queue-master-1" in process["tags"]
    assert (call["parent_id"], call["status"], call["custom"]["http"]["response"]["status_code"]) == (
        span.span_id,
        "error",
        409,
    )


async def test_a_missing_or_refusing_intake_is_counted_and_not_waited_for(server, unused_tcp_port):
    before = span_export.counts.unreachable, span_export.counts.refused
    async with exporting({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{unused_tcp_port}"}):
        await handle_one()
    async with exporting({"OTEL_EXPORTER_OTLP_ENDPOINT": server.url, "OTEL_EXPORTER_OTLP_HEADERS": "dd-api-key=wrong"}):
        await handle_one()
    assert (span_export.counts.unreachable, span_export.counts.refused) == (before[0] + 2, before[1] + 2)
