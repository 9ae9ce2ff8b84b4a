"""
The exporter beside the broker: reads the management API when it is scraped and shows it as Prometheus metrics.

Names and labels are those of kbudde/rabbitmq_exporter, the sidecar of the original shop, so `rabbitmq_up` and
`rabbitmq_queue_messages{queue="shipping-task"}` mean the same here. It works against a real RabbitMQ too. A broker that
does not answer is `rabbitmq_up 0`, never an error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drillyard.base.clock import SystemClock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.broker.listeners import HttpServer, listen
from drillyard.broker.settings import read_number

TIMEOUT_S = 5.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ["vhost", "queue", "durable", "policy"]
_GAUGES = (
    ("messages", "Ready and unacknowledged messages."),
    ("messages_ready", "Messages ready to be delivered to clients."),
    ("messages_unacknowledged", "Messages delivered but not yet acknowledged."),
    ("messages_persistent", "Persistent messages in the queue."),
    ("message_bytes", "Size in bytes of all message bodies in the queue."),
    ("message_bytes_ready", "Size in bytes of the bodies that are ready."),
    ("message_bytes_unacknowledged", "Size in bytes of the bodies that are unacknowledged."),
    ("consumers", "Consumers of the queue."),
    ("consumer_utilisation", "Share of time in which consumers could take messages at once."),
)
_COUNTERS = (
    ("publish", "messages_published", "Messages published."),
    ("deliver", "messages_delivered", "Messages delivered in acknowledgement mode."),
    ("deliver_no_ack", "messages_delivered_noack", "Messages delivered in no-acknowledgement mode."),
    ("get", "messages_get", "Messages got in acknowledgement mode."),
    ("get_no_ack", "messages_get_noack", "Messages got in no-acknowledgement mode."),
    ("redeliver", "messages_redelivered", "Messages delivered again."),
    ("ack", "messages_ack", "Messages acknowledged."),
)
_TOTALS = ("connections", "channels", "consumers", "exchanges", "queues")

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ExporterSettings:
    """From the environment, under the names that kbudde/rabbitmq_exporter uses."""

    url: str = "http://127.0.0.1:15672"
    user: str = "guest"
    password: str = "guest"
    host: str = "127.0.0.1"
    port: int = 9090

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ExporterSettings:
        """Raises SettingError."""
        return cls(
            url=(environment.get("RABBIT_URL") or cls.url).rstrip("/"),
            user=environment.get("RABBIT_USER") or cls.user,
            password=environment.get("RABBIT_PASSWORD") or cls.password,
            host=environment.get("HOST") or cls.host,
            port=read_number(environment, "PUBLISH_PORT", cls.port, 0, 65535),
        )


@dataclass(frozen=True, eq=False)  # A collector is known by its identity.
class Reading:
    """One look at the broker; `up` is False when it did not answer as it should."""

    up: bool
    overview: Json
    queues: list[Json]
    took_s: float

    def collect(self) -> Iterable[Metric]:
        """The metrics of this reading (the interface of a prometheus_client collector)."""
        yield GaugeMetricFamily("rabbitmq_up", "Was the last scrape of the broker successful.", value=self.up)
        yield GaugeMetricFamily("rabbitmq_exporter_scrape_duration_seconds", "Of this scrape.", value=self.took_s)
        if not self.up:
            return
        totals = self.overview.get("object_totals") or {}
        for name in _TOTALS:
            yield GaugeMetricFamily(f"rabbitmq_{name}", f"Number of {name}.", value=_number(totals.get(name)))
        for field, text in _GAUGES:
            gauge = GaugeMetricFamily(f"rabbitmq_queue_{field}", text, labels=_LABELS)
            for queue in self.queues:
                gauge.add_metric(_labels(queue), _number(queue.get(field)))
            yield gauge
        for field, name, text in _COUNTERS:
            counter = CounterMetricFamily(f"rabbitmq_queue_{name}", text, labels=_LABELS)
            for queue in self.queues:
                counter.add_metric(_labels(queue), _number((queue.get("message_stats") or {}).get(field)))
            yield counter


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _labels(queue: Json) -> list[str]:
    return [
        str(queue.get("vhost", "/")),
        str(queue.get("name", "")),
        str(queue.get("durable", False)).lower(),
        str(queue.get("policy") or ""),
    ]


async def read_broker(client: httpx.AsyncClient) -> Reading:
    """Asks once; whatever goes wrong is a Reading that is not up."""
    started_s = time.monotonic()
    try:
        overview, queues = await asyncio.gather(client.get("/api/overview"), client.get("/api/queues"))
        overview.raise_for_status()
        queues.raise_for_status()
        seen, listed = overview.json(), queues.json()
        up = isinstance(seen, dict) and isinstance(listed, list)
    except (httpx.HTTPError, ValueError):
        up = False
    took_s = time.monotonic() - started_s
    return Reading(up, seen if up else {}, listed if up else [], took_s)


def build_exporter(client: httpx.AsyncClient) -> Starlette:
    """GET /metrics, and GET /health: 200 while the broker answers, else 503."""

    async def metrics(request: Request) -> Response:
        reading = await read_broker(client)
        _log("info" if reading.up else "error", reading)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(reading)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    async def health(request: Request) -> Response:
        up = (await read_broker(client)).up
        return PlainTextResponse("ok\n" if up else "the broker does not answer\n", 200 if up else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/health", health)])


def _log(level: str, reading: Reading) -> None:
    message = "Metrics updated" if reading.up else "Metrics not updated: the broker does not answer"
    _write(f'level={level} msg="{message}" duration={reading.took_s * 1000:.0f}ms')


def _write(text: str) -> None:
    sys.stdout.write(f'time="{rfc3339(SystemClock().now())}" {text}\n')
    sys.stdout.flush()


def main(argv: Sequence[str] = ()) -> int:
    """Runs until SIGTERM or SIGINT; 1 when the port cannot be used."""
    if argv:
        sys.stderr.write("The exporter takes no arguments; its settings come from the environment.\n")
        return 2
    try:
        asyncio.run(_serve(ExporterSettings.from_environment(os.environ)))
    except DrillyardError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(settings: ExporterSettings) -> None:
    listener = listen(settings.host, settings.port, "PUBLISH_PORT")
    login = (settings.user, settings.password)
    async with httpx.AsyncClient(base_url=settings.url, auth=login, timeout=TIMEOUT_S, trust_env=False) as client:
        server = HttpServer(build_exporter(client), listener)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, setattr, server, "should_exit", True)
        _write(f'level=info msg="ready: {settings.host}:{listener.getsockname()[1]}, reading {settings.url}"')
        await server.run_until_told()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
