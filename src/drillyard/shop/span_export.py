"""
Sends a process's spans away as OTLP/HTTP JSON, in batches, beside its work.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT (or _TRACES_ENDPOINT) is set. The variables are OpenTelemetry's own
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), with their defaults, except that
only `http/json` is spoken. A batch that cannot be delivered is counted and forgotten: a shop must not suffer from
its telemetry. An idle process sleeps: the task wakes when there is a span.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from drillyard.base.errors import SettingError
from drillyard.shop import settings, spans
from drillyard.shop.http_client import CallFailed, HttpClient
from drillyard.shop.settings import from_environment
from drillyard.shop.spans import FinishedSpan, SpanBuffer

_ALWAYS, _NEVER, _RATIO = "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"
_FLUSH_S = 0.3
"""What the last batch may take when the process ends (`service.END_S` is all there is)."""


@dataclass(frozen=True, kw_only=True)
class SpanSettings:
    """OpenTelemetry's variables. Delays and timeouts are in milliseconds, as there."""

    otel_sdk_disabled: bool = settings.switch(False)
    otel_traces_exporter: str = settings.text("otlp", pattern="otlp|none", fits="otlp or none")
    otel_exporter_otlp_endpoint: str | None = settings.url(None, "http", "https")
    otel_exporter_otlp_traces_endpoint: str | None = settings.url(None, "http", "https")
    otel_exporter_otlp_protocol: str = settings.text("http/json", pattern="http/json", fits="http/json")
    otel_exporter_otlp_headers: str = settings.text("", secret=True)
    otel_exporter_otlp_timeout: int = settings.whole(10_000, least=1, most=600_000)
    otel_service_name: str = settings.text("")
    otel_resource_attributes: str = settings.text("")
    otel_traces_sampler: str = settings.text(
        _ALWAYS, pattern=f"{_ALWAYS}|{_NEVER}|{_RATIO}", fits=f"{_ALWAYS}, {_NEVER} or {_RATIO}"
    )
    otel_traces_sampler_arg: float = settings.number(1.0, least=0.0, most=1.0)
    otel_bsp_schedule_delay: int = settings.whole(5_000, least=1, most=600_000)
    otel_bsp_max_queue_size: int = settings.whole(2_048, least=1, most=1_000_000)
    otel_bsp_max_export_batch_size: int = settings.whole(512, least=1, most=100_000)

    def url(self) -> str | None:
        """Where spans go; None: nowhere."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return None
        if self.otel_exporter_otlp_traces_endpoint:
            return self.otel_exporter_otlp_traces_endpoint
        return f"{self.otel_exporter_otlp_endpoint}/v1/traces" if self.otel_exporter_otlp_endpoint else None

    def ratio(self) -> float:
        """How many of the traces that begin here are recorded; those of a caller are the caller's choice."""
        return {_ALWAYS: 1.0, _NEVER: 0.0}.get(self.otel_traces_sampler, self.otel_traces_sampler_arg)

    def resource(self) -> dict[str, str]:
        """Who sends them. Raises SettingError."""
        found = _pairs("OTEL_RESOURCE_ATTRIBUTES", self.otel_resource_attributes)
        name = self.otel_service_name or found.get("service.name", "unknown_service")
        return {**found, "service.name": name, "telemetry.sdk.language": "python", "telemetry.sdk.name": "drillyard"}

    def headers(self) -> dict[str, str]:
        """What the intake wants to see. Raises SettingError."""
        return _pairs("OTEL_EXPORTER_OTLP_HEADERS", self.otel_exporter_otlp_headers)


def _pairs(key: str, text: str) -> dict[str, str]:
    """`a=b,c=d`, percent-encoded, as W3C baggage."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise SettingError(f"{key} is a value that is not shown; it must be name=value pairs parted by commas.")
        found[name.strip()] = unquote(value.strip())
    return found


@dataclass
class Counts:
    """Spans that were delivered, and that were not, by the reason."""

    delivered: int = 0
    refused: int = 0
    unreachable: int = 0
    dropped: int = 0


counts = Counts()
"""Of this process: a service shows them beside its own metrics."""


class SpanCounts(Collector):
    """The counts under the names of OpenTelemetry's own SDK metrics."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Two counters; `error_type` is empty for success."""
        sent = CounterMetricFamily(
            "otel_sdk_exporter_span_exported", "Spans by the end of their export.", labels=["error_type"]
        )
        for reason, count in (("", counts.delivered), ("refused", counts.refused), ("unreachable", counts.unreachable)):
            sent.add_metric([reason], count)
        yield sent
        full = CounterMetricFamily(
            "otel_sdk_processor_span_processed", "Spans that found no room.", labels=["error_type"]
        )
        full.add_metric(["queue_full"], counts.dropped)
        yield full


@asynccontextmanager
async def exporting(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Records the spans of this process and sends them away while the block runs. Raises SettingError."""
    asked = from_environment(SpanSettings, environment)
    url = asked.url()
    if url is None:
        yield
        return
    exporter = _Exporter(asked, url)
    spans.record_into(exporter.buffer, asked.ratio())
    running = asyncio.create_task(exporter.run())
    try:
        yield
    finally:
        spans.record_into(None)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await exporter.flush()
        await exporter.close()


class _Exporter:
    def __init__(self, asked: SpanSettings, url: str) -> None:
        self._url = url
        self._headers = {"content-type": "application/json", **asked.headers()}
        self._resource = _attributes(asked.resource())
        self._delay_s = asked.otel_bsp_schedule_delay / 1000
        self._batch = asked.otel_bsp_max_export_batch_size
        self._client = HttpClient(asked.otel_exporter_otlp_timeout / 1000)
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self.buffer = SpanBuffer(asked.otel_bsp_max_queue_size, self._noted)

    def _noted(self) -> None:
        self._some.set()
        if len(self.buffer) >= self._batch:
            self._many.set()

    async def run(self) -> None:
        """Sends what there is, every `delay` or when a batch is full."""
        while True:
            await self._some.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._many.wait(), self._delay_s)
            self._some.clear()
            self._many.clear()
            await self.flush()

    async def flush(self) -> None:
        """Sends everything, a batch at a time."""
        counts.dropped = self.buffer.dropped
        while taken := self.buffer.take(self._batch):
            try:
                answer = await self._client.call("POST", self._url, headers=self._headers, body=self._message(taken))
            except CallFailed:
                counts.unreachable += len(taken)
            else:
                if answer.is_success:
                    counts.delivered += len(taken)
                else:
                    counts.refused += len(taken)

    def _message(self, taken: list[FinishedSpan]) -> bytes:
        """An ExportTraceServiceRequest in its JSON mapping."""
        scope = {"scope": {"name": "drillyard.shop"}, "spans": [_as_otlp(span) for span in taken]}
        return orjson.dumps({"resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": [scope]}]})

    async def close(self) -> None:
        await self._client.close()


def _as_otlp(span: FinishedSpan) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "kind": span.kind,
        "name": span.name,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "flags": 1,
    }
    if span.error is not None:
        shown["status"] = {"code": 2, "message": span.error}
    return shown


def _attributes(values: Mapping[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}}
        for key, value in values.items()
    ]
