"""
Prometheus metrics under the names of RabbitMQ's own plugin, so that dashboards and alert rules work unchanged.

`/metrics` sums over all queues; `/metrics/per-object` has one series per queue; `/metrics/detailed?family=…` has of
each queue what was asked for. Counters outlive their queues.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.broker.broker import Broker
from drillyard.broker.management.describe import consumer_capacity
from drillyard.broker.management.global_metrics import global_counters, identity, process_limits
from drillyard.broker.queues.counts import Counts
from drillyard.broker.queues.queue import Queue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_QUEUE_GAUGES: tuple[tuple[str, str, Callable[[Queue], float]], ...] = (
    ("rabbitmq_queue_messages_ready", "Messages ready to be delivered to consumers", lambda q: len(q.ready)),
    ("rabbitmq_queue_messages_unacked", "Messages delivered, not yet acknowledged", lambda q: q.unacknowledged),
    ("rabbitmq_queue_messages", "Ready and unacknowledged messages", lambda q: len(q.ready) + q.unacknowledged),
    ("rabbitmq_queue_messages_persistent", "Persistent messages", lambda q: q.stored_count),
    (
        "rabbitmq_queue_messages_bytes",
        "Size in bytes of ready and unacknowledged messages",
        lambda q: q.ready.size_bytes + q.unacknowledged_bytes,
    ),
    ("rabbitmq_queue_messages_ready_bytes", "Size in bytes of ready messages", lambda q: q.ready.size_bytes),
    ("rabbitmq_queue_messages_unacked_bytes", "Size in bytes of unacknowledged", lambda q: q.unacknowledged_bytes),
    ("rabbitmq_queue_consumers", "Consumers on a queue", lambda q: len(q.consumers)),
    ("rabbitmq_queue_consumer_utilisation", "Share of consumers that can take a message", consumer_capacity),
)

_QUEUE_COUNTERS: tuple[tuple[str, str, Callable[[Counts], float]], ...] = (
    ("rabbitmq_queue_messages_published", "Messages published to queues", lambda c: c.accepted - c.recovered),
    ("rabbitmq_queue_messages_refused", "Publishes refused because a queue was full", lambda c: c.refused),
    ("rabbitmq_channel_messages_delivered_ack", "Delivered in manual acknowledgement mode", lambda c: c.delivered),
    ("rabbitmq_channel_messages_delivered", "Delivered in automatic mode", lambda c: c.delivered_no_ack),
    ("rabbitmq_channel_get_ack", "Got with basic.get in manual mode", lambda c: c.got),
    ("rabbitmq_channel_get", "Got with basic.get in automatic mode", lambda c: c.got_no_ack),
    ("rabbitmq_channel_get_empty", "basic.get on an empty queue", lambda c: c.got_empty),
    ("rabbitmq_channel_messages_redelivered", "Delivered again", lambda c: c.redelivered),
    ("rabbitmq_channel_messages_acked", "Acknowledged by consumers", lambda c: c.acked),
)

_COARSE = ("rabbitmq_queue_messages_ready", "rabbitmq_queue_messages_unacked", "rabbitmq_queue_messages")
_FAMILIES: dict[str, Callable[[str], bool]] = {
    "queue_coarse_metrics": lambda name: name in _COARSE,
    "queue_consumer_count": lambda name: name == "rabbitmq_queue_consumers",
    "queue_metrics": lambda name: name not in _COARSE,
}
"""Which gauges of a queue belong to which `family` (https://www.rabbitmq.com/docs/prometheus#detailed-endpoint)."""


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


class _Collector:
    """Reads the broker when it is scraped; nothing is counted twice."""

    def __init__(self, broker: Broker, *, per_queue: bool) -> None:
        self._broker = broker
        self._per_queue = per_queue

    def collect(self) -> Iterable[Metric]:
        yield from identity(self._broker)
        yield from self._process()
        yield from process_limits(self._broker)
        yield from self._connections()
        yield from global_counters(self._broker)
        queues = list(self._broker.vhost.queues.values())
        yield from self._each(queues) if self._per_queue else self._summed(queues)

    def _process(self) -> Iterable[Metric]:
        broker = self._broker
        alarms = broker.alarms
        process = psutil.Process()
        yield _gauge("rabbitmq_alarms_free_disk_space_watermark", "1 while the disk alarm is on", alarms.disk)
        yield _gauge("rabbitmq_alarms_memory_used_watermark", "1 while the memory alarm is on", alarms.memory)
        yield _gauge("rabbitmq_process_resident_memory_bytes", "Memory in use", process.memory_info().rss)
        yield _gauge("rabbitmq_resident_memory_limit_bytes", "Memory alarm above this", alarms.memory_limit_bytes)
        yield _gauge("rabbitmq_disk_space_available_bytes", "Disk space free", alarms.disk_free_bytes)
        yield _gauge("rabbitmq_disk_space_available_limit_bytes", "Disk alarm below this", alarms.disk_free_limit_bytes)
        yield _gauge("rabbitmq_process_open_fds", "Open file descriptors", len(os.listdir("/dev/fd")))
        yield _gauge("process_start_time_seconds", "Epoch seconds", process.create_time())
        yield _counter("rabbitmq_msg_store_write", "Rows written to disk", broker.journal.rows_written)
        yield _counter("rabbitmq_io_sync_ops", "Commits synced to disk", broker.journal.commits)

    def _connections(self) -> Iterable[Metric]:
        broker = self._broker
        traffic, vhost = broker.traffic, broker.vhost
        channels = [channel for connection in broker.connections for channel in connection.channels]
        yield _gauge("rabbitmq_connections", "Connections open", len(broker.connections))
        yield _gauge("rabbitmq_channels", "Channels open", len(channels))
        yield _gauge("rabbitmq_consumers", "Consumers", sum(len(channel.consumers) for channel in channels))
        yield _gauge("rabbitmq_queues", "Queues", len(vhost.queues))
        waiting = sum(channel.confirms.waiting for channel in channels if channel.confirms)
        yield _gauge("rabbitmq_channel_messages_unconfirmed", "Published, not yet confirmed", waiting)
        yield _counter("rabbitmq_connections_opened", "Connections opened", traffic.connections_opened)
        yield _counter("rabbitmq_connections_closed", "Connections closed", traffic.connections_closed)
        yield _counter("rabbitmq_channels_opened", "Channels opened", traffic.channels_opened)
        yield _counter("rabbitmq_channels_closed", "Channels closed", traffic.channels_closed)
        yield _counter("rabbitmq_queues_declared", "Queues declared", vhost.queues_declared)
        yield _counter("rabbitmq_queues_created", "Queues created", vhost.queues_declared)
        yield _counter("rabbitmq_queues_deleted", "Queues deleted", vhost.queues_deleted)
        yield _counter("rabbitmq_channel_messages_published", "Messages published", traffic.published)
        yield _counter("rabbitmq_channel_messages_confirmed", "Publishes confirmed", traffic.confirmed)
        yield _counter("rabbitmq_channel_messages_unroutable_dropped", "No queue wanted it", vhost.unroutable_dropped)
        yield _counter(
            "rabbitmq_channel_messages_unroutable_returned", "Returned, no queue wanted it", vhost.unroutable_returned
        )

    def _summed(self, queues: list[Queue]) -> Iterable[Metric]:
        for name, text, read in _QUEUE_GAUGES:
            if name != "rabbitmq_queue_consumer_utilisation":  # A sum of shares means nothing.
                yield _gauge(name, text, sum(read(queue) for queue in queues))
        total = Counts()
        for counts in (self._broker.vhost.retired, *(queue.counts for queue in queues)):
            total.add(counts)
        for name, text, count in _QUEUE_COUNTERS:
            yield _counter(name, text, count(total))
        dropped = CounterMetricFamily("rabbitmq_queue_messages_dropped", "Let go, by reason", labels=["reason"])
        for reason, count_dropped in sorted(total.dropped.items()):
            dropped.add_metric([reason], count_dropped)
        yield dropped

    def _each(self, queues: list[Queue]) -> Iterable[Metric]:
        for name, text, read in _QUEUE_GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=["vhost", "queue"])
            for queue in queues:
                gauge.add_metric(["/", queue.name], read(queue))
            yield gauge
        for name, text, count in _QUEUE_COUNTERS:
            counter = CounterMetricFamily(name, text, labels=["vhost", "queue"])
            for queue in queues:
                counter.add_metric(["/", queue.name], count(queue.counts))
            yield counter
        dropped = CounterMetricFamily(
            "rabbitmq_queue_messages_dropped", "Let go, by reason", labels=["vhost", "queue", "reason"]
        )
        for queue in queues:
            for reason, dropped_count in sorted(queue.counts.dropped.items()):
                dropped.add_metric(["/", queue.name, reason], dropped_count)
        yield dropped


class _Detailed:
    """Of each queue, the gauges of the families that one request asked for."""

    def __init__(self, broker: Broker, families: list[str], vhosts: list[str]) -> None:
        self._broker = broker
        self._families = families
        self._queues = list(broker.vhost.queues.values()) if not vhosts or "/" in vhosts else []

    def collect(self) -> Iterable[Metric]:
        yield from identity(self._broker)
        for name, text, read in _QUEUE_GAUGES:
            if any(_FAMILIES[family](name) for family in self._families if family in _FAMILIES):
                gauge = GaugeMetricFamily(
                    name.replace("rabbitmq_", "rabbitmq_detailed_", 1), text, labels=["vhost", "queue"]
                )
                for queue in self._queues:
                    gauge.add_metric(["/", queue.name], read(queue))
                yield gauge


def build_metrics_app(broker: Broker) -> Starlette:
    """`/metrics` and what is below it, open to whoever reaches the port (as RabbitMQ's plugin)."""

    def endpoint(*, per_queue: bool) -> Route:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(broker, per_queue=per_queue))

        async def metrics(request: Request) -> Response:
            return Response(generate_latest(registry), media_type=CONTENT_TYPE)

        return Route("/metrics/per-object" if per_queue else "/metrics", metrics)

    async def detailed(request: Request) -> Response:
        query = request.query_params
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Detailed(broker, query.getlist("family"), query.getlist("vhost")))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    routes = [endpoint(per_queue=False), endpoint(per_queue=True), Route("/metrics/detailed", detailed)]
    return Starlette(routes=routes)
