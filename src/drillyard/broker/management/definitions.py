"""
Definitions: everything that somebody declared, in the form that RabbitMQ imports (`rabbitmqadmin export`).

Left out, as in RabbitMQ: what belongs to the broker itself (`amq.*`, the default exchange) and exclusive queues. The
login is not among them, because it comes from the settings. Importing declares what is not there yet and leaves what is
there as it is, as RabbitMQ does. Users, virtual hosts and parameters that this broker cannot have are refused before
anything is declared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.errors import AmqpError
from drillyard.broker.management import describe
from drillyard.broker.management.absent import check_permission, not_there
from drillyard.broker.management.app import NAME_MAX_BYTES, Call, read_arguments, read_body, refuse, truth
from drillyard.broker.management.policies import committed
from drillyard.broker.policies import PolicyError, read_policy
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.routing.bindings import Binding, Destination, Kind
from drillyard.broker.routing.exchange import Exchange
from drillyard.broker.routing.map import check_exchange

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


async def import_definitions(broker: Broker, request: Request) -> Response:
    body = await read_body(request)
    inside = "vhost" in request.path_params
    items = {kind: _items(body, kind) for kind in (*_IMPORTS, *_NOT_IMPORTED, "users", "vhosts", "permissions")}
    for item in items["vhosts"]:
        if item.get("name") != "/":
            raise not_there("Virtual hosts besides '/'")
    for item in items["users"]:
        if item.get("name") != broker.settings.user:
            raise not_there("Users besides the login of the settings")
    for item in items["permissions"]:
        check_permission(broker, item)
    for kind, what in _NOT_IMPORTED.items():
        if any(item.get("name") not in _OF_THE_CLUSTER for item in items[kind]):
            raise not_there(what)
    for kind in _IMPORTS:
        for item in items[kind]:
            if not inside and item.get("vhost") != "/":
                raise refuse(400, "bad_request", f"no_such_vhost: {item.get('vhost')!r}")
    for kind, declare in _IMPORTS.items():
        for item in items[kind]:
            declare(broker, item)
    await committed(broker)
    return Response(status_code=204)


def _items(body: Json, kind: str) -> list[Json]:
    items = body.get(kind, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refuse(400, "bad_request", f"{kind} must be a list of objects")
    return items


def _text(item: Json, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str) or len(value.encode()) > NAME_MAX_BYTES:
        raise refuse(400, "bad_request", f"{key} must be text of at most {NAME_MAX_BYTES} bytes, not {value!r:.80}")
    return value


def _flag(item: Json, key: str) -> bool:
    return truth(item.get(key, False), key)


def _declare_queue(broker: Broker, item: Json) -> None:
    wanted = Declaration(
        _text(item, "name"), _flag(item, "durable"), _flag(item, "auto_delete"), arguments=read_arguments(item)
    )
    if wanted.name not in broker.vhost.queues:
        broker.vhost.declare_queue(wanted, None, reserved=True)


def _declare_exchange(broker: Broker, item: Json) -> None:
    name, kind, arguments = _text(item, "name"), _text(item, "type"), read_arguments(item)
    if name in broker.vhost.routing.exchanges:
        return
    check_exchange(name, kind, arguments)
    broker.vhost.declare_exchange(
        Exchange(name, kind, _flag(item, "durable"), _flag(item, "auto_delete"), _flag(item, "internal"), arguments)
    )


def _declare_binding(broker: Broker, item: Json) -> None:
    kinds: dict[object, Kind] = {"queue": "queue", "exchange": "exchange"}
    kind = kinds.get(item.get("destination_type"))
    if kind is None:
        raise refuse(400, "bad_request", "destination_type must be queue or exchange")
    target = Destination(kind, _text(item, "destination"))
    binding = Binding.make(_text(item, "source"), target, _text(item, "routing_key"), read_arguments(item))
    try:
        broker.vhost.bind(binding)
    except AmqpError as error:
        if error.code != 404:  # A binding between what is not there is passed over.
            raise


def _put_policy(broker: Broker, item: Json) -> None:
    try:
        broker.vhost.put_policy(read_policy(_text(item, "name"), item))
    except PolicyError as error:
        raise refuse(400, "bad_request", f"Validation failed: {error.message}") from error


# In this order: each needs those before it.
_IMPORTS: dict[str, Callable[[Broker, Json], None]] = {
    "policies": _put_policy,
    "queues": _declare_queue,
    "exchanges": _declare_exchange,
    "bindings": _declare_binding,
}
_NOT_IMPORTED = {
    "topic_permissions": "Topic permissions",
    "parameters": "Parameters",
    "global_parameters": "Global parameters",
}
_OF_THE_CLUSTER = ("internal_cluster_id", "cluster_name")  # In every export of RabbitMQ; they say whose it is.


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/definitions", definitions),
    ("GET", "/api/definitions/{vhost}", vhost_definitions),
    ("POST", "/api/definitions", import_definitions),
    ("POST", "/api/definitions/{vhost}", import_definitions),
]
