"""
The orders service: routes, settings, entry point.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from drillyard.shop import service, settings, spring_web, tracing
from drillyard.shop.database import Database
from drillyard.shop.http_client import HttpClient
from drillyard.shop.metrics import new_registry
from drillyard.shop.orders import hal
from drillyard.shop.orders.basket import OrderRequest
from drillyard.shop.orders.checkout import Checkout
from drillyard.shop.orders.status import IllegalTransition, Status
from drillyard.shop.orders.store import OrderStore, UnknownOrder
from drillyard.shop.spring_log import log_to_stdout
from drillyard.shop.spring_web import SpringError

_log = logging.getLogger("works.weave.socks.orders.controllers.OrdersController")
_start_log = logging.getLogger("works.weave.socks.orders.OrdersApplication")

_INVALID_ORDER = "Invalid order request. Order requires customer, address, card and items."
_PAGE_SIZE = 20
_PAGE_SIZE_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class OrdersSettings:
    """`http_timeout_s` limits each wait for another service; the gateway behind payment may take longer than that."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8082, least=0, most=65535)
    database_url: str = settings.url("postgresql+asyncpg://postgres@orders-db:5432/data", "postgresql+asyncpg")
    db_pool_size: int = settings.whole(5, least=1, most=500)
    db_timeout_s: float = settings.number(30, least=0.1, most=600)
    payment_url: str = settings.url("http://payment", "http", "https")
    shipping_url: str = settings.url("http://shipping", "http", "https")
    http_timeout_s: float = settings.number(5, least=0.01, most=600)


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(OrdersSettings, serve_orders, argv)


def serve_orders(settings: OrdersSettings) -> int:
    """Serves with these settings."""
    started_s = time.monotonic()
    log_to_stdout("orders")

    def announce(port: int) -> None:
        _start_log.info("Started OrdersApplication in %.3f seconds (port %d)", time.monotonic() - started_s, port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: OrdersSettings) -> ASGIApp:
    """The service as an ASGI application, which opens its connections by need."""
    registry = new_registry()
    database = Database(
        settings.database_url,
        service="orders",
        pool_size=settings.db_pool_size,
        timeout_s=settings.db_timeout_s,
        registry=registry,
    )
    store = OrderStore(database)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with HttpClient(settings.http_timeout_s) as client:
            app.state.checkout = Checkout(
                store,
                client,
                payment_url=settings.payment_url,
                shipping_url=settings.shipping_url,
                timeout_s=settings.http_timeout_s,
            )
            app.state.store = store
            app.state.database = database
            yield
        await database.close()

    return spring_web.application(
        [
            Route("/orders", place_order, methods=["POST"]),
            Route("/orders", list_orders, methods=["GET"]),
            Route("/orders/search", list_searches, methods=["GET"]),
            Route("/orders/search/customerId", search_by_customer, methods=["GET"]),
            Route("/orders/{id}", show_order, methods=["GET"]),
            Route("/orders/{id}", change_status, methods=["PATCH"]),
            Route("/health", health, methods=["GET"]),
        ],
        service="orders",
        boot="1.4",
        port=settings.port,
        lifespan=lifespan,
        registry=registry,
    )


async def place_order(request: Request) -> Response:
    """POST /orders: 201 with the order, 406 or 500 as checkout.py says."""
    body = await spring_web.json_object(request)
    urls = {key: body.get(key) for key in ("customer", "address", "card", "items")}
    if any(url is None for url in urls.values()):
        raise SpringError(
            406, _INVALID_ORDER, "works.weave.socks.orders.controllers.OrdersController$InvalidOrderException"
        )
    if not all(isinstance(url, str) for url in urls.values()):
        raise spring_web.not_readable("Could not read document: customer, address, card and items are URLs")
    order = await request.app.state.checkout.place(OrderRequest(**{key: str(url) for key, url in urls.items()}))
    wants_json = "application/json" in request.headers.get("accept", "")
    return spring_web.java_json(hal.placed(order), 201, {"content-type": spring_web.JSON if wants_json else hal.HAL})


async def list_orders(request: Request) -> Response:
    """GET /orders: one page where page or size is given, else all, because people count that list."""
    store: OrderStore = request.app.state.store
    page, size = request.query_params.get("page"), request.query_params.get("size")
    if page is None and size is None:
        orders, total = await store.page(0, None)
        return hal.listing(request, orders, total=total, page=0, size=max(total, _PAGE_SIZE))
    number = _whole(page, 0, 0, 10**9)
    limit = _whole(size, _PAGE_SIZE, 1, _PAGE_SIZE_MAX)
    orders, total = await store.page(number * limit, limit)
    return hal.listing(request, orders, total=total, page=number, size=limit)


def _whole(raw: str | None, default: int, least: int, most: int) -> int:
    """A paging parameter; Spring takes the default for what is no number or too small."""
    if raw is None or not raw.isascii() or not raw.isdigit() or len(raw) > 12 or int(raw) < least:
        return default
    return min(int(raw), most)


async def list_searches(request: Request) -> Response:
    """GET /orders/search: the searches there are."""
    base = f"http://{request.headers.get('host', 'orders')}/orders/search"
    find = {"href": f"{base}/customerId{{?custId}}", "templated": True}
    return hal.answer({"_links": {"findByCustomerId": find, "self": {"href": base}}})


async def search_by_customer(request: Request) -> Response:
    """GET /orders/search/customerId?custId=…: a customer's orders, oldest first, whatever `sort` says."""
    store: OrderStore = request.app.state.store
    return hal.search_result(request, await store.of_customer(request.query_params.get("custId", "")))


async def show_order(request: Request) -> Response:
    """GET /orders/{id}: the order and the history of its status, or 404 without a body."""
    store: OrderStore = request.app.state.store
    try:
        order = await store.find(request.path_params["id"])
    except UnknownOrder:
        return Response(status_code=404)
    # Read second: a step between the two reads is in the history already, and in the status at the next look.
    changes = await store.history(order.id)
    return hal.answer(hal.entry_with_history(order, changes, request.headers.get("host", "orders")))


async def change_status(request: Request) -> Response:
    """PATCH /orders/{id} {"status": …}: 204; 404 without a body; 409 where the order may not go there."""
    body: dict[str, Any] = await spring_web.json_object(request)
    try:
        wanted = Status(str(body.get("status")))
    except ValueError:
        raise spring_web.not_readable(f"status must be one of {', '.join(Status)}") from None
    if set(body) != {"status"}:
        raise spring_web.not_readable("Only the status of an order can be changed")
    store: OrderStore = request.app.state.store
    order_id = request.path_params["id"]
    tracing.order_id.set(order_id)
    try:
        changed = await store.change_status(order_id, wanted)
    except UnknownOrder:
        return Response(status_code=404)
    except IllegalTransition as problem:
        _log.warning("%s", problem)
        raise SpringError(409, str(problem), "java.lang.IllegalStateException") from None
    if changed and wanted is Status.SHIPPED:
        _log.info("Order %s shipped successfully", order_id)
    elif changed:
        _log.info("Order %s status updated to %s", order_id, wanted)
    return Response(status_code=204)


async def health(request: Request) -> Response:
    """GET /health: orders, then orders-db."""
    database: Database = request.app.state.database
    return spring_web.health([("orders", True), ("orders-db", await database.answers())])
