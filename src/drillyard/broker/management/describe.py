"""
What the management API shows: each thing of the broker as RabbitMQ 3.10 names its fields.

Rates and histories are absent; counters are there, and whoever wants rates takes the metrics.
"""

from __future__ import annotations

import os
import platform
import resource
from typing import Any

from drillyard.broker.broker import Broker
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.connection import Connection
from drillyard.broker.protocol.consumer import Consumer, Outlet
from drillyard.broker.protocol.handshake import PRODUCT, VERSION
from drillyard.broker.queues.queue import Queue
from drillyard.broker.wire.properties import jsonable

Json = dict[str, Any]
NODE = f"{PRODUCT}@localhost"


def product() -> Json:
    return {
        "product_name": PRODUCT,
        "product_version": VERSION,
        "rabbitmq_version": f"{VERSION} ({PRODUCT})",  # Tools print this field; it must not claim to be RabbitMQ.
    }


def overview(broker: Broker) -> Json:
    vhost = broker.vhost
    queues = list(vhost.queues.values())
    return {
        "management_version": VERSION,
        **product(),
        "python_version": platform.python_version(),
        "cluster_name": NODE,
        "node": NODE,
        "rates_mode": "none",
        "exchange_types": [{"name": name, "enabled": True} for name in ("direct", "fanout", "headers", "topic")],
        "message_stats": _total_stats(broker),
        "churn_rates": {
            "connection_created": broker.traffic.connections_opened,
            "connection_closed": broker.traffic.connections_closed,
            "channel_created": broker.traffic.channels_opened,
            "channel_closed": broker.traffic.channels_closed,
            "queue_created": vhost.queues_declared,
            "queue_declared": vhost.queues_declared,
            "queue_deleted": vhost.queues_deleted,
        },
        "queue_totals": _queue_totals(broker),
        "object_totals": {
            "channels": sum(len(connection.channels) for connection in broker.connections),
            "connections": len(broker.connections),
            "consumers": sum(len(queue.consumers) for queue in queues),
            "exchanges": len(vhost.routing.exchanges),
            "queues": len(queues),
        },
        "listeners": [
            {"node": NODE, "protocol": protocol, "ip_address": broker.settings.host, "port": port}
            for protocol, port in broker.ports.items()
        ],
    }


def _queue_totals(broker: Broker) -> Json:
    ready = sum(len(queue.ready) for queue in broker.vhost.queues.values())
    unacknowledged = sum(queue.unacknowledged for queue in broker.vhost.queues.values())
    return {
        "messages": ready + unacknowledged,
        "messages_ready": ready,
        "messages_unacknowledged": unacknowledged,
    }


def vhost(broker: Broker) -> Json:
    return {
        "name": "/",
        "description": "The only virtual host",
        "tags": [],
        "tracing": False,
        "cluster_state": {NODE: "running"},
        "message_stats": _total_stats(broker),
        **_queue_totals(broker),
    }


def _total_stats(broker: Broker) -> Json:
    total: Json = {}
    for queue in broker.vhost.queues.values():
        for name, count in queue.counts.as_json().items():
            total[name] = total.get(name, 0) + count
    if broker.traffic.published:
        total["publish"] = broker.traffic.published
        total["drop_unroutable"] = broker.vhost.unroutable_dropped
        total["return_unroutable"] = broker.vhost.unroutable_returned
    return total


def node(broker: Broker) -> Json:
    alarms = broker.alarms
    return {
        "name": NODE,
        "type": "disc",
        "running": True,
        "uptime": broker.vhost.now_ms() - broker.started_at_ms,
        "mem_used": alarms.memory_used_bytes,
        "mem_limit": alarms.memory_limit_bytes,
        "mem_alarm": alarms.memory,
        "disk_free": alarms.disk_free_bytes,
        "disk_free_limit": alarms.disk_free_limit_bytes,
        "disk_free_alarm": alarms.disk,
        "fd_used": len(os.listdir("/dev/fd")),
        "fd_total": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "partitions": [],
        "processors": 1,
        "db_dir": str(broker.settings.data),
    }


def queue(found: Queue) -> Json:
    ready, unacknowledged = len(found.ready), found.unacknowledged
    declaration = found.declaration
    return {
        "name": found.name,
        "vhost": "/",
        "node": NODE,
        "type": "classic",
        "state": "running",
        "durable": declaration.durable,
        "auto_delete": declaration.auto_delete,
        "exclusive": declaration.owner is not None,
        "arguments": jsonable(declaration.arguments),
        "policy": found.policy,
        "operator_policy": None,
        "effective_policy_definition": found.policy_definition,
        "messages": ready + unacknowledged,
        "messages_ready": ready,
        "messages_unacknowledged": unacknowledged,
        "messages_persistent": found.stored_count,
        "message_bytes": found.ready.size_bytes + found.unacknowledged_bytes,
        "message_bytes_ready": found.ready.size_bytes,
        "message_bytes_unacknowledged": found.unacknowledged_bytes,
        "consumers": len(found.consumers),
        "consumer_utilisation": consumer_capacity(found),
        "consumer_capacity": consumer_capacity(found),
        "exclusive_consumer_tag": next((taker.tag for taker in found.consumers if taker.exclusive), None),
        "single_active_consumer_tag": found.consumers.single_active_tag,
        "message_stats": found.counts.as_json(),
        "messages_dropped": dict(found.counts.dropped),
        "messages_refused": found.counts.refused,
    }


def consumer_capacity(found: Queue) -> float:
    """The share of consumers that could take a message now; 0 without consumers (RabbitMQ averages it over time)."""
    takers = list(found.consumers)
    return sum(taker.can_take for taker in takers) / len(takers) if takers else 0


def consumer(found: Consumer) -> Json:
    assert found.queue is not None
    active = found.queue.consumers.active(found)
    return {
        "consumer_tag": found.tag,
        "queue": {"name": found.queue.name, "vhost": "/"},
        "channel_details": channel_reference(found.channel),
        "ack_required": not found.no_ack,
        "prefetch_count": found.prefetch,
        "exclusive": found.exclusive,
        "active": active,
        "activity_status": "single_active" if found.queue.consumers.single_active and active else _status(active),
        "arguments": jsonable(found.arguments),
    }


def _status(active: bool) -> str:
    return "up" if active else "waiting"


def channel_reference(found: Outlet) -> Json:
    connection = found.connection
    return {
        "name": f"{connection.name} ({found.number})",
        "number": found.number,
        "connection_name": connection.name,
        "peer_host": connection.peer[0],
        "peer_port": connection.peer[1],
        "user": connection.user,
        "node": NODE,
    }


def channel(found: Channel) -> Json:
    return {
        **channel_reference(found),
        "vhost": "/",
        "state": "running",
        "confirm": found.confirms is not None,
        "transactional": found.transaction is not None,
        "consumer_count": len(found.consumers),
        "messages_unacknowledged": len(found.unsettled),
        "messages_unconfirmed": found.confirms.waiting if found.confirms else 0,
        "prefetch_count": found.consumer_prefetch,
        "global_prefetch_count": found.prefetch,
        "connection_details": {
            "name": found.connection.name,
            "peer_host": found.connection.peer[0],
            "peer_port": found.connection.peer[1],
        },
        "message_stats": {"publish": found.published} if found.published else {},
    }


def connection(found: Connection) -> Json:
    return {
        "name": found.name,
        "vhost": "/",
        "node": NODE,
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "user": found.user,
        "state": "blocked" if found.blocked else found.state,
        "host": found.local[0],
        "port": found.local[1],
        "peer_host": found.peer[0],
        "peer_port": found.peer[1],
        "connected_at": found.connected_at_ms,
        "channels": len(found.channels),
        "channel_max": found.limits.channel_max,
        "frame_max": found.limits.frame_max_bytes,
        "timeout": found.limits.heartbeat_s,
        "client_properties": jsonable(found.client_properties),
        "recv_oct": found.received_bytes,
        "send_oct": found.sent_bytes,
        "ssl": False,
        "user_provided_name": jsonable(found.client_properties.get("connection_name")),
    }
