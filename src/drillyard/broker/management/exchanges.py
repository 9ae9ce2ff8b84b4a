"""Exchanges and bindings over HTTP, and publishing one message without a client."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.errors import AmqpError
from drillyard.broker.management.app import (
    NAME_MAX_BYTES,
    Call,
    listing,
    new_name,
    not_found,
    one,
    part,
    read_arguments,
    read_body,
    refuse,
    truth,
)
from drillyard.broker.management.policies import committed
from drillyard.broker.message import Message
from drillyard.broker.routing.bindings import Binding, Destination
from drillyard.broker.routing.exchange import Exchange
from drillyard.broker.routing.map import check_exchange
from drillyard.broker.wire.properties import from_json

_KINDS: dict[str, Literal["queue", "exchange"]] = {"q": "queue", "e": "exchange"}


async def exchanges(broker: Broker, request: Request) -> Response:
    return listing(request, [exchange.as_json() for exchange in broker.vhost.routing.exchanges.values()])


def _exchange(request: Request, name: str) -> str:
    """An exchange's name from the address; the default one, which has none, is called `amq.default` there."""
    named = part(request, name)
    return "" if named == "amq.default" else named


async def exchange(broker: Broker, request: Request) -> Response:
    return one(request, broker.vhost.routing.exchange(_exchange(request, "name")).as_json())


async def put_exchange(broker: Broker, request: Request) -> Response:
    """201 for a new exchange, 204 for one that was there and is the same."""
    name, body = new_name(request), await read_body(request)
    arguments, kind = read_arguments(body), body.get("type", "direct")
    if not isinstance(kind, str):
        raise refuse(400, "bad_request", "type must be text")
    check_exchange(name, kind, arguments)
    known = name in broker.vhost.routing.exchanges
    broker.vhost.declare_exchange(
        Exchange(
            name,
            kind,
            durable=truth(body.get("durable", True), "durable"),
            auto_delete=truth(body.get("auto_delete", False), "auto_delete"),
            internal=truth(body.get("internal", False), "internal"),
            arguments=arguments,
        )
    )
    await committed(broker)
    return Response(status_code=204 if known else 201)


async def delete_exchange(broker: Broker, request: Request) -> Response:
    name = broker.vhost.routing.exchange(_exchange(request, "name")).name
    broker.vhost.delete_exchange(name, if_unused=request.query_params.get("if-unused") == "true")
    await committed(broker)
    return Response(status_code=204)


async def publish(broker: Broker, request: Request) -> Response:
    """Publishes one message; the answer says whether any queue was found for it (and took it)."""
    name, body = _exchange(request, "name"), await read_body(request)
    for field in ("routing_key", "payload", "payload_encoding"):
        if not isinstance(body.get(field), str):
            raise refuse(400, "bad_request", f"{field} must be given as text")
    content = _payload(body["payload"], body["payload_encoding"])
    given = body.get("properties", {})
    if isinstance(given, list):
        given = dict(given) if not given else None  # rabbitmqadmin sends [] for none.
    if not isinstance(given, dict):
        raise refuse(400, "bad_request", "properties must be an object")
    try:
        properties = from_json(given).pack()
    except (TypeError, ValueError) as error:
        raise refuse(400, "bad_request", f"properties do not fit: {error}") from error
    message = Message(name, _routing_key(body), properties, content)
    try:
        outcome = broker.vhost.publish(message)
    except AmqpError as error:
        raise refuse(400, "bad_request", f"{error.code} {error.reply_text}") from error
    broker.traffic.published += 1
    if outcome.durable:
        await committed(broker)
    return JSONResponse({"routed": outcome.routed > 0 and outcome.accepted})


def _routing_key(body: dict[str, Any]) -> str:
    key = body.get("routing_key", "")
    if not isinstance(key, str) or len(key.encode()) > NAME_MAX_BYTES:
        raise refuse(400, "bad_request", f"routing_key must be text of at most {NAME_MAX_BYTES} bytes")
    return key


def _payload(text: str, encoding: str) -> bytes:
    if encoding == "string":
        return text.encode()
    if encoding != "base64":
        raise refuse(400, "bad_request", "payload_encoding must be string or base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refuse(400, "bad_request", "payload is not base64") from None


# ---- bindings


def _default_bindings(broker: Broker) -> list[Binding]:
    """Every queue is bound to the default exchange by its name; nobody may change that."""
    return [Binding.make("", Destination("queue", name), name, {}) for name in broker.vhost.queues]


def _bindings(broker: Broker) -> list[Binding]:
    routing = broker.vhost.routing
    explicit = [binding for exchange in routing.exchanges.values() for binding in exchange.bindings]
    return [*_default_bindings(broker), *explicit]


def _shown(request: Request, bindings: list[Binding]) -> Response:
    return listing(request, [binding.as_json() for binding in bindings])


async def bindings(broker: Broker, request: Request) -> Response:
    return _shown(request, _bindings(broker))


async def queue_bindings(broker: Broker, request: Request) -> Response:
    target = Destination("queue", broker.vhost.queue(part(request, "name")).name)
    return _shown(request, [binding for binding in _bindings(broker) if binding.destination == target])


async def source_bindings(broker: Broker, request: Request) -> Response:
    name = broker.vhost.routing.exchange(_exchange(request, "name")).name
    return _shown(request, [binding for binding in _bindings(broker) if binding.source == name])


async def destination_bindings(broker: Broker, request: Request) -> Response:
    target = Destination("exchange", broker.vhost.routing.exchange(_exchange(request, "name")).name)
    return _shown(request, [binding for binding in _bindings(broker) if binding.destination == target])


def _between(broker: Broker, request: Request) -> tuple[str, Destination]:
    kind = _KINDS.get(part(request, "kind"))
    if kind is None:
        raise not_found()
    source, target = _exchange(request, "source"), Destination(kind, part(request, "destination"))
    broker.vhost.routing.exchange(source)
    if kind == "queue":
        broker.vhost.queue(target.name)
    else:
        broker.vhost.routing.exchange(target.name)
    return source, target


async def bindings_between(broker: Broker, request: Request) -> Response:
    source, target = _between(broker, request)
    return _shown(request, [each for each in _bindings(broker) if (each.source, each.destination) == (source, target)])


async def post_binding(broker: Broker, request: Request) -> Response:
    """201 with the address of the binding in Location."""
    source, target = _between(broker, request)
    body = await read_body(request, optional=True)
    binding = Binding.make(source, target, _routing_key(body), read_arguments(body))
    broker.vhost.bind(binding)
    await committed(broker)
    place = f"{quote(target.name, safe='')}/{quote(binding.properties_key, safe='~')}"
    return Response(status_code=201, headers={"Location": place})


def _one_binding(broker: Broker, request: Request) -> Binding:
    source, target = _between(broker, request)
    key = part(request, "key")
    for binding in _bindings(broker):
        if (binding.source, binding.destination, binding.properties_key) == (source, target, key):
            return binding
    raise not_found()


async def binding(broker: Broker, request: Request) -> Response:
    return one(request, _one_binding(broker, request).as_json())


async def delete_binding(broker: Broker, request: Request) -> Response:
    broker.vhost.routing.unbind(_one_binding(broker, request))
    await committed(broker)
    return Response(status_code=204)


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/exchanges", exchanges),
    ("GET", "/api/exchanges/{vhost}", exchanges),
    ("GET", "/api/exchanges/{vhost}/{name}", exchange),
    ("PUT", "/api/exchanges/{vhost}/{name}", put_exchange),
    ("DELETE", "/api/exchanges/{vhost}/{name}", delete_exchange),
    ("GET", "/api/exchanges/{vhost}/{name}/bindings/source", source_bindings),
    ("GET", "/api/exchanges/{vhost}/{name}/bindings/destination", destination_bindings),
    ("POST", "/api/exchanges/{vhost}/{name}/publish", publish),
    ("GET", "/api/queues/{vhost}/{name}/bindings", queue_bindings),
    ("GET", "/api/bindings", bindings),
    ("GET", "/api/bindings/{vhost}", bindings),
    ("GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", bindings_between),
    ("POST", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}", post_binding),
    ("GET", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{key}", binding),
    ("DELETE", "/api/bindings/{vhost}/e/{source}/{kind}/{destination}/{key}", delete_binding),
]
