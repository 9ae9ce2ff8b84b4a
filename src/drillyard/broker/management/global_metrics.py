"""
`rabbitmq_global_*`: counters of the whole broker by protocol, and who this broker is.

RabbitMQ's own Grafana dashboards join every panel with `rabbitmq_identity_info`, and draw these counters
(https://www.rabbitmq.com/docs/prometheus#global-counters).
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from drillyard.broker.broker import Broker
from drillyard.broker.management import describe
from drillyard.broker.protocol.handshake import PRODUCT, VERSION
from drillyard.broker.queues.counts import Counts

_PROTOCOL = "amqp091"
_QUEUE_TYPE = "rabbit_classic_queue"

_OF_QUEUES: tuple[tuple[str, str, Callable[[Counts], float]], ...] = (
    ("messages_acknowledged", "Acknowledged by consumers", lambda c: c.acked),
    ("messages_delivered_consume_auto_ack", "Delivered to consumers, automatic mode", lambda c: c.delivered_no_ack),
    ("messages_delivered_consume_manual_ack", "Delivered to consumers, manual mode", lambda c: c.delivered),
    ("messages_delivered_get_auto_ack", "Delivered by basic.get, automatic mode", lambda c: c.got_no_ack),
    ("messages_delivered_get_manual_ack", "Delivered by basic.get, manual mode", lambda c: c.got),
    ("messages_delivered", "Delivered", lambda c: c.handed_out),
    ("messages_get_empty", "basic.get on an empty queue", lambda c: c.got_empty),
    ("messages_redelivered", "Delivered again", lambda c: c.redelivered),
)


def identity(broker: Broker) -> Iterable[Metric]:
    """Who this is: it names itself where RabbitMQ names its version."""
    build = GaugeMetricFamily(
        "rabbitmq_build_info", "The broker's product", labels=["product", "version", "rabbitmq_version"]
    )
    build.add_metric([PRODUCT, VERSION, str(describe.product()["rabbitmq_version"])], 1)
    yield build
    names = ["rabbitmq_node", "rabbitmq_cluster", "rabbitmq_cluster_permanent_id"]
    who = GaugeMetricFamily("rabbitmq_identity_info", "Node and cluster, which are one here", labels=names)
    who.add_metric([describe.NODE] * 3, 1)
    yield who


def global_counters(broker: Broker) -> Iterable[Metric]:
    """Sums over the broker's life, queues that are gone included."""
    traffic, vhost = broker.traffic, broker.vhost
    total = Counts()
    for counts in (vhost.retired, *(queue.counts for queue in vhost.queues.values())):
        total.add(counts)
    of_protocol = {
        "messages_received": ("Received from publishers", traffic.published),
        "messages_received_confirm": ("Received from publishers that want confirms", traffic.published_to_confirm),
        "messages_confirmed": ("Confirmed to publishers", traffic.confirmed),
        "messages_routed": ("Routed to queues, once for each", total.accepted - total.recovered + total.refused),
        "messages_unroutable_dropped": ("No queue wanted it", vhost.unroutable_dropped),
        "messages_unroutable_returned": ("Returned, no queue wanted it", vhost.unroutable_returned),
    }
    for name, (text, value) in of_protocol.items():
        counter = CounterMetricFamily(f"rabbitmq_global_{name}", text, labels=["protocol"])
        counter.add_metric([_PROTOCOL], value)
        yield counter
    for name, text, count in _OF_QUEUES:
        counter = CounterMetricFamily(f"rabbitmq_global_{name}", text, labels=["protocol", "queue_type"])
        counter.add_metric([_PROTOCOL, _QUEUE_TYPE], count(total))
        yield counter
    channels = [channel for connection in broker.connections for channel in connection.channels]
    for name, text, value in (
        ("consumers", "Consumers", sum(len(channel.consumers) for channel in channels)),
        ("publishers", "Channels that have published", sum(channel.published > 0 for channel in channels)),
    ):
        gauge = GaugeMetricFamily(f"rabbitmq_global_{name}", text, labels=["protocol"])
        gauge.add_metric([_PROTOCOL], value)
        yield gauge


def process_limits(broker: Broker) -> Iterable[Metric]:
    """How many files and sockets there may be: here they share one limit, and no alarm waits for it."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield GaugeMetricFamily("rabbitmq_process_max_fds", "Open file descriptors limit", value=limit)
    yield GaugeMetricFamily("rabbitmq_process_max_tcp_sockets", "Open TCP sockets limit", value=limit)
    yield GaugeMetricFamily("rabbitmq_process_open_tcp_sockets", "Open TCP sockets", value=len(broker.connections))
    yield GaugeMetricFamily("rabbitmq_alarms_file_descriptor_limit", "1 if that alarm is on; never here", value=0)
