"""Spans are those of the log lines, never more than there is room for, and never in a request's way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drillyard.base.errors import SettingError
from drillyard.shop import spans, tracing
from drillyard.shop.settings import from_environment
from drillyard.shop.span_export import SpanSettings
from drillyard.shop.spans import FinishedSpan, SpanBuffer

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


@pytest.fixture
def buffer() -> Iterator[SpanBuffer]:
    kept = SpanBuffer(100, lambda: None)
    spans.record_into(kept)
    yield kept
    spans.record_into(None)


async def place(request: Request) -> Response:
    tracing.order_id.set("6900953ac1f4320001b50703")
    headers = tracing.outgoing_headers()
    with tracing.calling("POST", "http://user:secret@payment:81/paymentAuth?card=1", headers) as call:
        assert call is not None
        call.answered(503, failed_from=400)
    with tracing.sending("shipping-task", headers):
        pass
    current = tracing.span.get()
    assert current is not None
    return PlainTextResponse(current.span_id, 500 if request.query_params else 201)


async def quiet(request: Request) -> Response:
    return PlainTextResponse("fine")


async def ask(method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    routes = [Route("/orders/{id:path}", place, methods=["POST"]), Route("/health", quiet)]
    transport = httpx.ASGITransport(tracing.TracingMiddleware(Starlette(routes=routes)))
    async with httpx.AsyncClient(transport=transport, base_url="http://orders") as client:
        return await client.request(method, path, headers=headers)


async def test_a_request_and_its_calls_are_spans_of_the_callers_trace(buffer):
    logged = (await ask("POST", "/orders/1", SAMPLED)).text

    call, message, request = buffer.take(9)
    assert {one.trace_id for one in (call, message, request)} == {TRACE}
    assert (request.span_id, request.parent_id, request.kind) == (logged, SPAN, spans.SERVER)
    assert (request.name, request.error) == ("POST /orders/{id}", None)
    assert request.attributes["http.route"] == "/orders/{id}"
    assert request.attributes["http.response.status_code"] == 201
    assert {one.parent_id for one in (call, message)} == {logged}
    assert (call.kind, call.error, call.attributes["error.type"]) == (spans.CLIENT, "", "503")
    assert (call.attributes["server.address"], call.attributes["server.port"]) == ("payment", 81)
    assert call.attributes["url.full"] == "http://payment:81/paymentAuth"  # No password, no query.
    assert (message.kind, message.name) == (spans.PRODUCER, "send shipping-task")
    assert {one.attributes["order.id"] for one in (call, message, request)} == {"6900953ac1f4320001b50703"}
    assert all(one.start_ns <= one.end_ns for one in (call, message, request))


async def test_a_500_is_an_error(buffer):
    await ask("POST", "/orders/1?fail=1", SAMPLED)
    assert buffer.take(9)[-1].error is not None


async def test_a_callers_no_is_respected_and_probes_are_no_spans(buffer):
    await ask("GET", "/health")
    assert len(buffer) == 0
    await ask("GET", "/health", SAMPLED)  # Somebody traces it on purpose.
    assert len(buffer) == 1
    assert (await ask("GET", "/", {"traceparent": f"00-{TRACE}-{SPAN}-00"})).status_code == 404
    assert len(buffer) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"b3": "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001"}, ("463ac35c9f6413ad48485a3953bb6124", "01")),
        ({"b3": "48485a3953bb6124-a2fb4a1d1a96d312-0"}, ("000000000000000048485a3953bb6124", "00")),
        ({"X-B3-TraceId": "48485a3953bb6124", "X-B3-SpanId": "a2fb4a1d1a96d312"}, ("000000000000000048485a3953bb6124", "01")),
        ({"X-B3-TraceId": "48485a3953bb6124", "X-B3-SpanId": "a2fb4a1d1a96d312", "X-B3-Sampled": "0"}, ("000000000000000048485a3953bb6124", "00")),
        ({"X-B3-TraceId": "48485a3953bb6124", "X-B3-SpanId": "a2fb4a1d1a96d312", "X-B3-Flags": "1"}, ("000000000000000048485a3953bb6124", "01")),
        ({"b3": "0"}, None),
        ({"X-B3-TraceId": "0000000000000000", "X-B3-SpanId": "a2fb4a1d1a96d312"}, None),
        ({"X-B3-TraceId": "48485A3953BB6124\n", "X-B3-SpanId": "x"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_b3_headers_are_read_as_the_originals_wrote_them(headers, expected):
    found = tracing.parse_b3(headers)
    assert (found and (found.trace_id, found.flags)) == expected


def test_what_leaves_in_b3_is_what_leaves_in_traceparent(buffer):
    headers = tracing.outgoing_headers()
    w3c, b3 = tracing.parse_traceparent(headers.pop("traceparent")), tracing.parse_b3(headers)
    assert w3c == b3
    assert len(headers["X-B3-TraceId"]) == 16


def test_a_full_buffer_drops_and_counts():
    kept = SpanBuffer(2, lambda: None)
    for _ in range(5):
        kept.add(FinishedSpan(TRACE, SPAN, "", spans.SERVER, "x", 1, 2, None, {}))
    assert (len(kept), kept.dropped, len(kept.take(1)), len(kept)) == (2, 3, 1, 1)


def test_a_call_that_is_cut_off_is_an_error(buffer):
    async def call() -> None:
        tracing.continue_from(SAMPLED, None)
        with tracing.calling("GET", "http://user", tracing.outgoing_headers()):
            await asyncio.Event().wait()

    async def run() -> None:
        waiting = asyncio.create_task(call())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(run())
    assert buffer.take(1)[0].attributes["error.type"] == "CancelledError"


def test_without_an_endpoint_nothing_is_recorded_and_nothing_claims_to_be():
    assert from_environment(SpanSettings, {}).url() is None
    tracing.continue_from({}, None)
    current = tracing.span.get()
    assert current is not None and not current.sampled
    with tracing.handling("shipping-task") as step:
        assert step is None


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/t"}, "http://c/t"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_the_endpoint_is_named_as_opentelemetry_names_it(environment, url):
    assert from_environment(SpanSettings, environment).url() == url


def test_the_resource_is_named_and_a_bad_one_refused():
    asked = from_environment(
        SpanSettings, {"OTEL_SERVICE_NAME": "o", "OTEL_RESOURCE_ATTRIBUTES": "a=b%20c, service.name=x"}
    )
    assert asked.resource().items() >= {"a": "b c", "service.name": "o"}.items()
    with pytest.raises(SettingError, match="OTEL_EXPORTER_OTLP_HEADERS"):
        from_environment(SpanSettings, {"OTEL_EXPORTER_OTLP_HEADERS": "key"}).headers()
    with pytest.raises(SettingError, match="http/json"):
        from_environment(SpanSettings, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_a_ratio_of_new_traces_is_sampled_and_a_callers_choice_stays():
    def ratio(**environment: str) -> float:
        return from_environment(SpanSettings, {key.upper(): value for key, value in environment.items()}).ratio()

    assert ratio() == 1.0
    assert ratio(otel_traces_sampler="parentbased_always_off") == 0.0
    kept = SpanBuffer(100, lambda: None)
    spans.record_into(kept, ratio(otel_traces_sampler="parentbased_traceidratio", otel_traces_sampler_arg="0.25"))
    try:
        assert [spans.samples("0" * 16 + half + "f" * 15) for half in "034f"] == [
            True,
            True,
            False,
            False,
        ]
        tracing.continue_from(SAMPLED, None)
        current = tracing.span.get()
        assert current is not None and current.sampled
    finally:
        spans.record_into(None)
