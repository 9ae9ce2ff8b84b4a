"""
Routes of users: logging in, registering, customers, addresses and cards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop.front_end.answers import json_body, plain, plain_json, target
from drillyard.shop.front_end.back_ends import BackEnds
from drillyard.shop.front_end.failures import Failure
from drillyard.shop.front_end.log import Write
from drillyard.shop.front_end.sessions import LOGGED_IN, LOGGED_IN_S, session_of, shopper_id

TAKEN = "User already exists. Please choose a different username."


class Users:
    """Asks the user service; a log-in also moves the session's cart into the customer's."""

    def __init__(self, back_ends: BackEnds, log: Write) -> None:
        self._back_ends = back_ends
        self._log = log

    async def log_in(self, request: Request) -> Response:
        """GET /login with Basic credentials: 200 and the `logged_in` cookie, or 401 whatever went wrong at user."""
        authorization = request.headers.get("authorization")
        headers = {"authorization": authorization} if authorization else {}
        try:
            answer = await self._back_ends.get(f"{self._back_ends.user}/login", headers=headers)
            user = answer.object().get("user") if answer.status == 200 else None
        except Failure as problem:
            self._log(f"Error with log in: {problem.message}")
            return plain(status=401)
        customer_id = user.get("id") if isinstance(user, dict) else None
        if not isinstance(customer_id, str):
            self._log("Error with log in: true")
            return plain(status=401)
        await session_of(request).log_in(customer_id)
        try:
            await self._merge_carts(request, customer_id)
        except Failure as problem:
            self._log(f"Error with merging carts: {problem.message}")
        response = Response("Cookie is set", headers={"content-type": "text/html; charset=utf-8"})
        return _logged_in(response, request)

    async def register(self, request: Request) -> Response:
        """POST /register: 200 `{"id"}` and the cookie; 409 for a name that is taken; 500 when user or carts fail."""
        body = await json_body(request)
        answer = await self._back_ends.call("POST", f"{self._back_ends.user}/register", json=body)
        if answer.status != 200:
            self._log(f"Error with registering: status {answer.status}")
            if b"E11000" in answer.body or b"username_1" in answer.body:
                return _json({"error": TAKEN}, 409)
            return plain(status=500)
        customer_id = answer.object().get("id")
        if not isinstance(customer_id, str):
            raise Failure("Cannot read properties of undefined (reading 'id')")
        await session_of(request).log_in(customer_id)
        await self._merge_carts(request, customer_id)
        return _logged_in(_json({"id": customer_id}, 200), request)

    async def customer(self, request: Request) -> Response:
        """GET /customers/{any}: the session's own customer, whatever the path says."""
        customer_id = await session_of(request).customer_id()
        return plain((await self._back_ends.get(self._back_ends.customer_url(customer_id))).body)

    async def list_all(self, request: Request) -> Response:
        """GET /customers, /addresses, /cards, /cards/{id}: passed on; always 200."""
        return plain((await self._back_ends.get(self._back_ends.user + target(request))).body)

    async def card(self, request: Request) -> Response:
        """GET /card: the last four digits of the first card."""
        first = await self._first(request, "cards", "card")
        number = first.get("longNum") if first else None
        return plain_json({"number": number[-4:]} if isinstance(number, str) else {"status_code": 500})

    async def address(self, request: Request) -> Response:
        """GET /address: the first address."""
        return plain_json(await self._first(request, "addresses", "address") or {"status_code": 500})

    def adder(self, path: str, *, owned: bool) -> Callable[[Request], Awaitable[Response]]:
        """POST /addresses, /cards (for the shopper) and /customers: 200 and the back service's JSON, errors too."""

        async def add(request: Request) -> Response:
            body = await json_body(request)
            if owned:
                body["userID"] = await shopper_id(request)
            answer = await self._back_ends.call("POST", self._back_ends.user + path, json=body)
            return plain_json(_json_or_text(answer.body))

        return add

    async def delete(self, request: Request) -> Response:
        """DELETE /customers/{id}, /addresses/{id}, /cards/{id}: 200 and the answer as a JSON string (as found)."""
        path = quote(request.url.path, safe="/")
        answer = await self._back_ends.call("DELETE", self._back_ends.user + path)
        return plain_json(answer.body.decode(errors="replace"))

    async def _first(self, request: Request, path: str, kind: str) -> dict[str, Any] | None:
        shopper = await shopper_id(request)
        body = (await self._back_ends.get(f"{self._back_ends.customer_url(shopper)}/{path}")).object()
        if body.get("status_code") == 500:
            return None
        embedded = body.get("_embedded")
        entries = embedded.get(kind) if isinstance(embedded, dict) else None
        if not isinstance(entries, list):
            raise Failure(f"Cannot read properties of undefined (reading '{kind}')")
        return entries[0] if entries and isinstance(entries[0], dict) else None

    async def _merge_carts(self, request: Request, customer_id: str) -> None:
        session_id = quote(session_of(request).id, safe="")
        await self._back_ends.get(f"{self._back_ends.cart_url(customer_id)}/merge?sessionId={session_id}")


def _logged_in(response: Response, request: Request) -> Response:
    """Express's cookie: readable by the page's script, which shows the name and logs out by deleting it."""
    response.set_cookie(LOGGED_IN, session_of(request).id, max_age=LOGGED_IN_S, path="/", samesite=None)
    return response


def _json(value: Any, status: int) -> Response:
    return Response(orjson.dumps(value), status, headers={"content-type": "application/json; charset=utf-8"})


def _json_or_text(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
