"""
The bank put together: gateway, admin API and health behind one Starlette application.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.bank.admin import Admin
from drillyard.bank.answers import json_answer
from drillyard.bank.behaviour import Misbehaviour
from drillyard.bank.errors import Refused, error_body, unrecognized_url
from drillyard.bank.gateway import Gateway
from drillyard.bank.hang_up import HangUp
from drillyard.bank.identifiers import new_id
from drillyard.bank.journal import Write, line
from drillyard.bank.ledger import Ledger
from drillyard.bank.operations import OPERATIONS
from drillyard.bank.settings import BankSettings
from drillyard.base.clock import Clock, SystemClock, rfc3339


def build(settings: BankSettings, *, log: Write, clock: Clock | None = None) -> Starlette:
    """The application; its lifespan opens and closes the ledger (raises DrillyardError when it cannot be opened)."""
    clock = clock or SystemClock()
    ledger = Ledger(settings.data)
    misbehaviour = Misbehaviour()
    gateway = Gateway(ledger=ledger, key=settings.key, misbehaviour=misbehaviour, clock=clock, log=log)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await ledger.open()
        try:
            yield
        finally:
            await ledger.close()

    async def health(_: Request) -> Response:
        try:
            await ledger.run(lambda connection: connection.execute("SELECT count(*) FROM charge LIMIT 1").fetchone())
        except sqlite3.Error as problem:
            log(line(clock.now(), {"msg": f"ledger failed: {problem}"}, level="error"))
            return json_answer({"service": "bank", "status": "err", "time": rfc3339(clock.now())}, 503)
        return json_answer({"service": "bank", "status": "OK", "time": rfc3339(clock.now())})

    async def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refused)
        return json_answer(refusal.body(), refusal.status)

    async def not_routed(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        return json_answer(unrecognized_url(request.method, request.url.path[:200]).body(), 404)

    async def ledger_failed(_: Request, problem: Exception) -> Response:
        log(line(clock.now(), {"msg": f"ledger failed: {problem}"}, level="error"))
        return json_answer(error_body("The ledger cannot be written.", type="api_error"), 500)

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # Nobody reads it.

    routes: list[Route] = []
    by_path: dict[str, list[Route]] = {}
    for operation in OPERATIONS:
        route = Route(operation.path, gateway.endpoint(operation), methods=[operation.method])
        by_path.setdefault(operation.path, []).append(route)
    for group in by_path.values():
        routes.extend(group)
    app = Starlette(
        routes=[Route("/health", health), *Admin(settings.admin_key, misbehaviour).routes(), *routes],
        lifespan=lifespan,
        exception_handlers={
            Refused: refused,
            HTTPException: not_routed,
            sqlite3.Error: ledger_failed,
            ClientDisconnect: gone,
        },
    )
    app.router.redirect_slashes = False
    app.add_middleware(RequestId)
    return app


class RequestId:
    """
    Names every request (`Request-Id: req_…`) and gives back the caller's idempotency key and API version, as Stripe
    does.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("req", 14)
        scope.setdefault("state", {})["request_id"] = request_id
        echoed = [pair for pair in scope["headers"] if pair[0] in (b"idempotency-key", b"stripe-version")]

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"request-id", request_id.encode()), *echoed]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:  # The bank is ending, and its grace is over: the caller gets no answer.
            await HangUp()(scope, receive, send)
