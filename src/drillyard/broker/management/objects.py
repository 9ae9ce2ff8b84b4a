"""Looking: overview, nodes, connections, channels, consumers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from drillyard.broker.broker import Broker
from drillyard.broker.management import describe
from drillyard.broker.management.app import Call, listing, not_found, one, part
from drillyard.broker.protocol.connection import Connection


async def overview(broker: Broker, request: Request) -> Response:
    return one(request, describe.overview(broker))


async def nodes(broker: Broker, request: Request) -> Response:
    return listing(request, [describe.node(broker)])


async def node(broker: Broker, request: Request) -> Response:
    if part(request, "name") != describe.NODE:
        raise not_found()
    return one(request, describe.node(broker))


async def vhosts(broker: Broker, request: Request) -> Response:
    return listing(request, [describe.vhost(broker)])


async def vhost(broker: Broker, request: Request) -> Response:
    return one(request, describe.vhost(broker))


async def connections(broker: Broker, request: Request) -> Response:
    return listing(request, [describe.connection(found) for found in broker.connections])


async def connection(broker: Broker, request: Request) -> Response:
    return one(request, describe.connection(_connection(broker, request)))


async def close_connection(broker: Broker, request: Request) -> Response:
    """Force close, as the button of the same name; the reason may stand in the header X-Reason."""
    reason = request.headers.get("x-reason", "Closed via management plugin")
    _connection(broker, request).close(320, f"CONNECTION_FORCED - {reason}")
    return Response(status_code=204)


def _connection(broker: Broker, request: Request) -> Connection:
    name = part(request, "name")
    found = next((each for each in broker.connections if each.name == name), None)
    if found is None:
        raise not_found()
    return found


async def channels(broker: Broker, request: Request) -> Response:
    found = [channel for connection in broker.connections for channel in connection.channels]
    return listing(request, [describe.channel(channel) for channel in found])


async def consumers(broker: Broker, request: Request) -> Response:
    return listing(
        request,
        [
            describe.consumer(consumer)
            for connection in broker.connections
            for channel in connection.channels
            for consumer in channel.consumers.values()
            if consumer.queue is not None
        ],
    )


async def connection_channels(broker: Broker, request: Request) -> Response:
    return listing(request, [describe.channel(channel) for channel in _connection(broker, request).channels])


async def channel(broker: Broker, request: Request) -> Response:
    name = part(request, "name")
    for each in (channel for connection in broker.connections for channel in connection.channels):
        if describe.channel_reference(each)["name"] == name:
            return one(request, describe.channel(each))
    raise not_found()


async def cluster_name(broker: Broker, request: Request) -> Response:
    return one(request, {"name": describe.NODE})


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/overview", overview),
    ("GET", "/api/cluster-name", cluster_name),
    ("GET", "/api/nodes", nodes),
    ("GET", "/api/nodes/{name}", node),
    ("GET", "/api/vhosts", vhosts),
    ("GET", "/api/vhosts/{vhost}", vhost),
    ("GET", "/api/connections", connections),
    ("GET", "/api/connections/{name}", connection),
    ("DELETE", "/api/connections/{name}", close_connection),
    ("GET", "/api/connections/{name}/channels", connection_channels),
    ("GET", "/api/vhosts/{vhost}/connections", connections),
    ("GET", "/api/channels", channels),
    ("GET", "/api/channels/{name}", channel),
    ("GET", "/api/vhosts/{vhost}/channels", channels),
    ("GET", "/api/consumers", consumers),
    ("GET", "/api/consumers/{vhost}", consumers),
]
