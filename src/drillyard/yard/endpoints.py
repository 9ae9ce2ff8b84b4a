"""
The names under which `drill endpoints` lists what answers on this machine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

PAGE_SERVICE = "sock-shop/front-end:80"
PAGE_PORT = 2025
"""The incident documents open the page there."""

# Name in the list → namespace/service:port.
_SERVICES = {
    "front-end": PAGE_SERVICE,
    **{
        name: f"sock-shop/{name}:80"
        for name in ("catalogue", "carts", "orders", "user", "payment", "shipping", "queue-master")
    },
    "bank": "bank/bank:80",
    **{name: f"sock-shop/{name}:5432" for name in ("catalogue-db", "carts-db", "orders-db", "user-db")},
    "session-db": "sock-shop/session-db:6379",
    "rabbitmq": "sock-shop/rabbitmq:5672",
    "rabbitmq-management": "sock-shop/rabbitmq:15672",
    "rabbitmq-metrics": "sock-shop/rabbitmq:9090",
}


def services(addresses: Mapping[str, str], telemetry: Mapping[str, str], *, without: Collection[str]) -> dict[str, str]:
    """
    Name → loopback address, from the network's addresses and the telemetry's own. The names of stores that were not
    started (`without`) are absent.
    """
    named = {
        name: addresses[service]
        for name, service in _SERVICES.items()
        if service.partition("/")[2].partition(":")[0] not in without
    }
    return {**named, **telemetry}


def places() -> dict[str, tuple[str, str, int]]:
    """Name → namespace, Service and port."""
    found = {}
    for name, place in _SERVICES.items():
        namespace, _, rest = place.partition("/")
        service, _, port = rest.partition(":")
        found[name] = (namespace, service, int(port))
    return found
