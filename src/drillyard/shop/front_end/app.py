"""
The front-end put together, in the original's order: slashes, metrics, pages, session, log, routes, error handler.
"""

from __future__ import annotations

import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Scope

from drillyard.shop.error_boundary import ErrorBoundary
from drillyard.shop.front_end.back_ends import BackEnds
from drillyard.shop.front_end.cart import Cart
from drillyard.shop.front_end.catalogue import Catalogue
from drillyard.shop.front_end.failures import Failure
from drillyard.shop.front_end.log import AccessLog, Write
from drillyard.shop.front_end.middleware import Leaving, PoweredBy, Sessions, TidySlashes
from drillyard.shop.front_end.orders import Orders
from drillyard.shop.front_end.pages import Page, StaticPages, load
from drillyard.shop.front_end.sessions import SessionCookie, SessionStore
from drillyard.shop.front_end.users import Users
from drillyard.shop.metrics import MetricsMiddleware, new_registry
from drillyard.shop.tracing import TracingMiddleware

MEASURED = ("cart", "catalogue", "orders", "user")
"""First segments of the paths that the original records; all others it leaves out."""


def build(
    back_ends: BackEnds,
    store: SessionStore,
    cookie: SessionCookie,
    *,
    log: Write,
    pages: dict[str, Page] | None = None,
    development: bool = False,
    registry: CollectorRegistry | None = None,
) -> ASGIApp:
    """The application; its lifespan's end closes the connections to back services and session store."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await back_ends.close()
            await store.close()

    async def failed(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, Failure)
        log(f"Error: {problem.message}")
        return problem.answer()

    async def unforeseen(_: Request, __: Exception) -> Response:
        return Failure("Internal Server Error").answer()

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # The client hung up while sending; nobody reads this.

    app = Starlette(
        routes=_routes(back_ends, log),
        lifespan=lifespan,
        middleware=[
            Middleware(StaticPages, pages=pages or load()),
            Middleware(Sessions, cookie=cookie, store=store),
            Middleware(AccessLog, write=log),
        ],
        exception_handlers={
            Failure: failed,
            HTTPException: _cannot,
            ClientDisconnect: gone,
            Exception: unforeseen,
        },
    )
    app.router.redirect_slashes = False
    app.state.development = development
    measured = MetricsMiddleware(
        ErrorBoundary(app, answer=unforeseen, log=log),
        registry=registry or new_registry(),
        label_names=("service", "method", "path", "status_code"),
        labels=_labels,
    )
    return Leaving(TracingMiddleware(PoweredBy(TidySlashes(measured))))


def _routes(back_ends: BackEnds, log: Write) -> list[BaseRoute]:
    cart, catalogue = Cart(back_ends, log), Catalogue(back_ends)
    orders, users = Orders(back_ends, log), Users(back_ends, log)
    return [
        Route("/cart", cart.show, methods=["GET"]),
        Route("/cart", cart.empty, methods=["DELETE"]),
        Route("/cart", cart.add, methods=["POST"]),
        Route("/cart/update", cart.update, methods=["POST"]),
        Route("/cart/{item_id}", cart.remove, methods=["DELETE"]),
        Route("/catalogue/images{rest:path}", catalogue.pictures, methods=["GET"]),
        Route("/catalogue{rest:path}", catalogue.socks, methods=["GET"]),
        Route("/tags", catalogue.socks, methods=["GET"]),
        Route("/orders", orders.list_all, methods=["GET"]),
        Route("/orders/{rest:path}", orders.show, methods=["GET"]),
        Route("/orders", orders.place, methods=["POST"]),
        Route("/login", users.log_in, methods=["GET"]),
        Route("/register", users.register, methods=["POST"]),
        Route("/customers/{id}", users.customer, methods=["GET"]),
        Route("/customers", users.list_all, methods=["GET"]),
        Route("/addresses", users.list_all, methods=["GET"]),
        Route("/cards", users.list_all, methods=["GET"]),
        Route("/cards/{id}", users.list_all, methods=["GET"]),
        Route("/card", users.card, methods=["GET"]),
        Route("/address", users.address, methods=["GET"]),
        Route("/customers", users.adder("/customers", owned=False), methods=["POST"]),
        Route("/addresses", users.adder("/addresses", owned=True), methods=["POST"]),
        Route("/cards", users.adder("/cards", owned=True), methods=["POST"]),
        Route("/customers/{id}", users.delete, methods=["DELETE"]),
        Route("/addresses/{id}", users.delete, methods=["DELETE"]),
        Route("/cards/{id}", users.delete, methods=["DELETE"]),
    ]


async def _cannot(request: Request, _: Exception) -> Response:
    """Express's answer for a path or a method that it does not have, and to OPTIONS: the methods of a path."""
    matching = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    if request.method == "OPTIONS" and matching:
        allowed = ",".join("GET,HEAD" if "GET" in one.methods else ",".join(one.methods) for one in matching)
        return Response(allowed, headers={"allow": allowed, "content-type": "text/html; charset=utf-8"})
    text = f"Cannot {request.method} {html.escape(request.scope['raw_path'].decode('latin-1'))}\n"
    headers = {"content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff"}
    return Response(text, 404, headers=headers)


def _labels(scope: Scope, status: int) -> dict[str, str] | None:
    first = scope["path"].split("/", 2)[1]
    if first not in MEASURED:
        return None
    return {
        "service": "front-end",
        "method": scope["method"].lower(),
        "path": first,
        "status_code": str(status),
    }
