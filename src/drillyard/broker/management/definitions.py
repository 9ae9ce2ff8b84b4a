"""
Definitions: everything that somebody declared, in the form that RabbitMQ imports (`rabbitmqadmin export`).

Left out, as in RabbitMQ: what belongs to the broker itself (`amq.*`, the default exchange) and exclusive queues. The
login is not among them, because it comes from the settings. They are read only; what they list is declared one by one.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.management import describe
from drillyard.broker.management.app import Call

Json = dict[str, Any]
_QUEUE = ("name", "vhost", "durable", "auto_delete", "arguments")
_EXCHANGE = ("name", "vhost", "type", "durable", "auto_delete", "internal", "arguments")
_BINDING = ("source", "vhost", "destination", "destination_type", "routing_key", "arguments")


def _only(item: Json, names: tuple[str, ...]) -> Json:
    return {name: item[name] for name in names}


def _declared(broker: Broker) -> dict[str, list[Json]]:
    vhost = broker.vhost
    queues = [found for found in vhost.queues.values() if found.declaration.owner is None]
    shown = {found.name for found in queues}
    exchanges = vhost.routing.exchanges.values()
    bindings = [
        binding
        for exchange in exchanges
        for binding in exchange.bindings
        if binding.destination.kind == "exchange" or binding.destination.name in shown
    ]
    return {
        "policies": [policy.as_json() for policy in vhost.policies.values()],
        "queues": [_only(describe.queue(found), _QUEUE) for found in queues],
        "exchanges": [
            _only(exchange.as_json(), _EXCHANGE)
            for exchange in exchanges
            if exchange.name and not exchange.name.startswith("amq.")
        ],
        "bindings": [_only(binding.as_json(), _BINDING) for binding in bindings],
    }


async def definitions(broker: Broker, request: Request) -> Response:
    about = describe.product()
    return JSONResponse(
        {
            "rabbit_version": about["rabbitmq_version"],
            **about,
            "users": [],
            "vhosts": [{"name": "/"}],
            "permissions": [],
            "topic_permissions": [],
            "parameters": [],
            "global_parameters": [],
            **_declared(broker),
        }
    )


async def vhost_definitions(broker: Broker, request: Request) -> Response:
    """Without the name of the virtual host, so that another one can import them (only policies keep it, as in 3.10)."""
    declared = _declared(broker)
    for kind in ("queues", "exchanges", "bindings"):
        for item in declared[kind]:
            del item["vhost"]
    return JSONResponse({"rabbit_version": describe.product()["rabbitmq_version"], "parameters": [], **declared})


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/definitions", definitions),
    ("GET", "/api/definitions/{vhost}", vhost_definitions),
]
