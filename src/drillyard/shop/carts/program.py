"""
The carts service: routes, settings, entry point.
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

from drillyard.shop import service, settings, spring_web
from drillyard.shop.carts.store import CartStore, Item, NotInCart
from drillyard.shop.database import Database
from drillyard.shop.metrics import new_registry
from drillyard.shop.money import float32, java_number
from drillyard.shop.object_id import ObjectIds
from drillyard.shop.spring_log import log_to_stdout
from drillyard.shop.spring_web import SpringError

_start_log = logging.getLogger("works.weave.socks.cart.CartApplication")
_INT_MAX = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class CartsSettings:
    """The pool is what limits how many requests are served side by side."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8081, least=0, most=65535)
    database_url: str = settings.url("postgresql+asyncpg://postgres@carts-db:5432/data", "postgresql+asyncpg")
    db_pool_size: int = settings.whole(5, least=1, most=500)
    db_timeout_s: float = settings.number(30, least=0.1, most=600)


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(CartsSettings, serve_carts, argv)


def serve_carts(settings: CartsSettings) -> int:
    """Serves with these settings."""
    started_s = time.monotonic()
    log_to_stdout("carts")

    def announce(port: int) -> None:
        _start_log.info("Started CartApplication in %.3f seconds (port %d)", time.monotonic() - started_s, port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: CartsSettings) -> ASGIApp:
    """The service as an ASGI application, which opens its connections by need."""
    registry = new_registry()
    database = Database(
        settings.database_url,
        service="carts",
        pool_size=settings.db_pool_size,
        timeout_s=settings.db_timeout_s,
        registry=registry,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.store = CartStore(database, ObjectIds())
        app.state.database = database
        yield
        await database.close()

    cart, items, one = "/carts/{customerId}", "/carts/{customerId:.*}/items", "/carts/{customerId:.*}/items/{itemId:.*}"
    return spring_web.application(
        [
            spring_web.route("/carts/{customerId}", show_cart, "GET", label=cart),
            spring_web.route("/carts/{customerId}", clear_cart, "DELETE", label=cart),
            spring_web.route("/carts/{customerId}/merge", merge, "GET", label=f"{cart}/merge"),
            spring_web.route("/carts/{customerId}/items", list_items, "GET", label=items),
            spring_web.route("/carts/{customerId}/items", add_item, "POST", label=items),
            spring_web.route("/carts/{customerId}/items", set_quantity, "PATCH", label=items),
            spring_web.route("/carts/{customerId}/items/{itemId:path}", show_item, "GET", label=one),
            spring_web.route("/carts/{customerId}/items/{itemId:path}", remove_item, "DELETE", label=one),
            Route("/health", health, methods=["GET"]),
        ],
        service="carts",
        boot="2.0",
        port=settings.port,
        lifespan=lifespan,
        registry=registry,
    )


async def show_cart(request: Request) -> Response:
    """GET /carts/{customerId}: the id alone; makes the cart where there is none."""
    await _store(request).touch(_customer(request))
    return spring_web.java_json({"customerId": _customer(request)})


async def clear_cart(request: Request) -> Response:
    """DELETE /carts/{customerId}: 202, also when there is none."""
    await _store(request).clear(_customer(request))
    return Response(status_code=202)


async def merge(request: Request) -> Response:
    """GET /carts/{customerId}/merge?sessionId=…: 202; 400 without a session."""
    session_id = request.query_params.get("sessionId")
    if session_id is None:
        raise SpringError(400, "Required String parameter 'sessionId' is not present")
    await _store(request).merge(_customer(request), session_id)
    return Response(status_code=202)


async def list_items(request: Request) -> Response:
    """GET …/items: 200 with a list."""
    return spring_web.java_json([_shown(item) for item in await _store(request).items(_customer(request))])


async def show_item(request: Request) -> Response:
    """GET …/items/{itemId}: 200, or 500 when the cart does not have it."""
    try:
        item = await _store(request).find(_customer(request), request.path_params["itemId"])
    except NotInCart:
        raise _not_in_cart() from None
    return spring_web.java_json(_shown(item))


async def add_item(request: Request) -> Response:
    """POST …/items: 201 with the row as it is now."""
    wanted = _read_item(await spring_web.json_object(request))
    return spring_web.java_json(_shown(await _store(request).add(_customer(request), wanted)), 201)


async def set_quantity(request: Request) -> Response:
    """PATCH …/items: sets the quantity alone; 202, or 500 when the cart does not have it."""
    wanted = _read_item(await spring_web.json_object(request))
    try:
        await _store(request).set_quantity(_customer(request), wanted.item_id, wanted.quantity)
    except NotInCart:
        raise _not_in_cart() from None
    return Response(status_code=202)


async def remove_item(request: Request) -> Response:
    """DELETE …/items/{itemId}: 202, or 500 when the cart does not have it."""
    try:
        await _store(request).remove(_customer(request), request.path_params["itemId"])
    except NotInCart:
        raise _not_in_cart() from None
    return Response(status_code=202)


async def health(request: Request) -> Response:
    """GET /health: carts, then carts-db."""
    database: Database = request.app.state.database
    return spring_web.health([("carts", True), ("carts-db", await database.answers())])


def _store(request: Request) -> CartStore:
    store: CartStore = request.app.state.store
    return store


def _customer(request: Request) -> str:
    customer: str = request.path_params["customerId"]
    return customer


def _not_in_cart() -> SpringError:
    return SpringError(500, "Cannot find item in cart")


def _shown(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "itemId": item.item_id,
        "quantity": item.quantity,
        "unitPrice": java_number(item.unit_price),
    }


def _read_item(body: dict[str, Any]) -> Item:
    """An item as Jackson reads it: keys that are missing have defaults. Raises SpringError."""
    item_id = body.get("itemId", "")
    if item_id is None:
        raise SpringError(500, "Validation failed: itemId must not be null")
    return Item(
        "",  # The store gives it one.
        _text(item_id, "itemId"),
        _int32(body.get("quantity", 1)),
        _price(body.get("unitPrice", 0.0)),
    )


def _text(value: object, key: str) -> str:
    if isinstance(value, dict | list):
        raise spring_web.not_readable(f"JSON parse error: {key} must be a text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _int32(value: object) -> int:
    """A whole number of 32 bits; text, null and fractions are read as Jackson reads them. Raises SpringError."""
    if value is None or value == "":
        return 0
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        number = int(value.strip()) if isinstance(value, str) else int(value)
    except (ValueError, OverflowError):
        raise spring_web.not_readable("JSON parse error: quantity must be a whole number") from None
    if not -_INT_MAX - 1 <= number <= _INT_MAX:
        raise spring_web.not_readable(f"JSON parse error: quantity {number} is out of range of int")
    return number


def _price(value: object) -> float:
    """A float32; what is beyond its range is infinite, null and "" are 0, as in Java. Raises SpringError."""
    if value is None or value == "":
        return 0.0
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        return float32(float(value))
    except OverflowError:
        return float("inf")
    except ValueError:
        raise spring_web.not_readable("JSON parse error: unitPrice must be a number") from None
