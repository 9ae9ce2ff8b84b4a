"""
shipping: takes a shipment and puts it on the queue for queue-master.

With PUBLISHER_CONFIRMS (the default) the answer tells what the broker said: 201 confirmed, 503 refused, 504 silent, 500
away. Without, it is 201 whatever happened, as in the stock service.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from drillyard.shop import service, settings, spring_web, tracing
from drillyard.shop.metrics import new_registry
from drillyard.shop.publisher import BrokerAway, ConfirmTimeout, Publisher, Rejected
from drillyard.shop.shipping_queue import QUEUE
from drillyard.shop.spring_log import log_to_stdout

_log = logging.getLogger("works.weave.socks.shipping.controllers.ShippingController")
_start_log = logging.getLogger("works.weave.socks.shipping.ShippingServiceApplication")
_TEXT = "text/plain;charset=UTF-8"


@dataclass(frozen=True, kw_only=True)
class ShippingSettings:
    """`publisher_confirms` decides whether a caller learns what became of its shipment."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8080, least=0, most=65535)
    amqp_url: str = settings.url("amqp://guest:guest@rabbitmq:5672/", "amqp")
    publisher_confirms: bool = settings.switch(True)
    confirm_timeout_s: float = settings.number(5, least=0.01, most=600)


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(ShippingSettings, serve_shipping, argv)


def serve_shipping(settings: ShippingSettings) -> int:
    """Serves with these settings."""
    started_s = time.monotonic()
    log_to_stdout("shipping")

    def announce(port: int) -> None:
        took_s = time.monotonic() - started_s
        _start_log.info("Started ShippingServiceApplication in %.3f seconds (port %d)", took_s, port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: ShippingSettings) -> ASGIApp:
    """The service as an ASGI application, which connects to the broker by need."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        publisher = Publisher(
            settings.amqp_url, confirms=settings.publisher_confirms, confirm_timeout_s=settings.confirm_timeout_s
        )
        app.state.publisher = publisher
        app.state.confirms = settings.publisher_confirms
        yield
        await publisher.close()

    return spring_web.application(
        [
            Route("/shipping", add_shipment, methods=["POST"]),
            Route("/shipping", all_shipments, methods=["GET"]),
            Route("/shipping/{id}", one_shipment, methods=["GET"]),
            Route("/health", health, methods=["GET"]),
        ],
        service="shipping",
        boot="1.4",
        port=settings.port,
        lifespan=lifespan,
        registry=new_registry(),
        metrics_name="request_duration_seconds",
        path_label="route",
    )


async def add_shipment(request: Request) -> Response:
    """POST /shipping {"id", "name"}: 201 with the shipment, an id made up where it has none."""
    body = await spring_web.json_object(request)
    shipment = {"id": _text(body, "id") or str(uuid.uuid4()), "name": _text(body, "name") or ""}
    if request.app.state.confirms:
        return await _with_confirms(request.app.state.publisher, shipment)
    return await _without_confirms(request.app.state.publisher, shipment)


def _text(body: dict[str, object], key: str) -> str | None:
    """A text or a number as text, as Jackson takes it. Raises SpringError for a list or an object."""
    value = body.get(key)
    if isinstance(value, dict | list):
        raise spring_web.not_readable(f"Could not read document: {key} must be a text")
    return None if value is None else str(value)


async def _with_confirms(publisher: Publisher, shipment: dict[str, str]) -> Response:
    order = tracing.order_id.get()
    _log.info("Adding shipment to queue with publisher confirms... order %s", order)
    try:
        await publisher.publish(*_message(shipment))
    except Rejected:
        _log.error("Message rejected by RabbitMQ: Unknown (order %s)", order)
        return spring_web.java_json({"error": "Queue unavailable", "reason": "Unknown"}, 503)
    except ConfirmTimeout:
        _log.error("No confirmation from RabbitMQ in time (order %s)", order)
        return spring_web.java_json({"error": "Queue confirmation timeout", "reason": "Timeout"}, 504)
    except BrokerAway as problem:
        _log.error("Failed to queue shipment for order %s: %s", order, problem)
        return spring_web.java_json({"error": "Failed to queue shipment", "reason": str(problem)}, 500)
    _log.info("Message confirmed by RabbitMQ (order %s)", order)
    _published(shipment)
    return spring_web.java_json(shipment, 201)


async def _without_confirms(publisher: Publisher, shipment: dict[str, str]) -> Response:
    order = tracing.order_id.get()
    _log.info("Adding shipment to queue... order %s", order)
    try:
        await publisher.publish(*_message(shipment))
    except (Rejected, ConfirmTimeout, BrokerAway) as problem:
        _log.warning(
            "Unable to add to queue (the queue is probably down). Accepting anyway, order %s: %s", order, problem
        )
    else:
        _published(shipment)
    return spring_web.java_json(shipment, 201)


def _message(shipment: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body with the order's id as an extra key, and the headers that carry it and the trace."""
    order = tracing.order_id.get()
    body = shipment if order is None else {**shipment, "orderId": order}
    return orjson.dumps(body), tracing.outgoing_headers()


def _published(shipment: dict[str, str]) -> None:
    _log.info("Published shipment %s for order %s to queue: %s", shipment["id"], tracing.order_id.get(), QUEUE)


async def all_shipments(request: Request) -> Response:
    """GET /shipping: the original's fixed text."""
    return Response("GET ALL Shipping Resource.", headers={"content-type": _TEXT})


async def one_shipment(request: Request) -> Response:
    """GET /shipping/{id}: the original's fixed text."""
    return Response(f"GET Shipping Resource with id: {request.path_params['id']}", headers={"content-type": _TEXT})


async def health(request: Request) -> Response:
    """GET /health: the broker, then shipping."""
    publisher: Publisher = request.app.state.publisher
    return spring_web.health([("shipping-rabbitmq", await publisher.reaches_broker()), ("shipping", True)])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
