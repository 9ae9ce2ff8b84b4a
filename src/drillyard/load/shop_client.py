"""
The shop as a customer's browser uses it: the front end's own routes, with its session cookies.

Every answer is waited for within a limit, body included. What went wrong is told by its kind (`HttpProblem`,
`TransportProblem`), with the step of the journey, so that a ledger can keep the kinds apart.
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from drillyard.load.basket import Sock, cents
from drillyard.load.exchange import Answer, AnswerTooLarge, Exchange, NoAnswer, OverSockets, OverTransport

_ORDER_ID = re.compile(r"\border ([0-9a-f]{24})\b")
_TEXT_MAX = 300


class JourneyProblem(Exception):
    """A step of the journey that did not get what it needed. `order_id` is known when the answer named it."""

    def __init__(self, step: str, text: str, *, status: int | None = None, order_id: str | None = None) -> None:
        super().__init__(text)
        self.step = step
        self.text = text
        self.status = status
        self.order_id = order_id


class HttpProblem(JourneyProblem):
    """The shop answered, but not with what was asked for."""


class TransportProblem(JourneyProblem):
    """The shop did not answer: refused, reset, cut off, or not in time."""


@dataclass(frozen=True)
class Account:
    """A customer's credentials."""

    username: str
    password: str


SEED_ACCOUNT = Account("user", "password")
"""The customer that every fresh shop has, with address and card; the incident documents log in as this one."""


@dataclass(frozen=True)
class PlacedOrder:
    """The 201 answer to POST /orders."""

    order_id: str
    status: str | None
    total_cents: int


class ShopClient:
    """
    One customer's session. Use as an async context manager.

    Every method raises HttpProblem or TransportProblem. `timeout_s` bounds each request; placing an order has its own
    limit, because the shop may wait several times 5 s on its own services before it answers.
    """

    def __init__(
        self,
        front_end_url: str,
        *,
        timeout_s: float = 10.0,
        order_timeout_s: float = 40.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._order_timeout_s = order_timeout_s
        self._exchange: Exchange = (
            OverSockets(front_end_url) if transport is None else OverTransport(front_end_url, transport)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.close()

    async def socks(self) -> list[Sock]:
        """Everything on offer (GET /catalogue)."""
        answer = await self._ask("catalogue", "GET", "/catalogue?size=100", expect=200)
        try:
            return [Sock(str(sock["id"]), str(sock["name"]), float(sock["price"])) for sock in answer.json()]
        except (ValueError, KeyError, TypeError) as error:
            raise HttpProblem(
                "catalogue", f"the catalogue is no list of socks: {_short(answer)}", status=200
            ) from error

    async def look(self, path: str) -> None:
        """GET a page. As in the original, a 200 whose body names an error is a failure that was passed on."""
        answer = await self._ask("page", "GET", path, expect=200)
        try:
            body = answer.json()
        except ValueError:
            return  # A page for people.
        if isinstance(body, dict) and body.get("error"):
            raise HttpProblem("page", f"GET {path} was answered 200 with an error: {_short(answer)}", status=200)

    async def log_in(self, account: Account) -> None:
        """GET /login with Basic credentials; the session's cookies come with it."""
        token = base64.b64encode(f"{account.username}:{account.password}".encode()).decode()
        await self._ask("login", "GET", "/login", expect=200, headers={"Authorization": f"Basic {token}"})

    async def register(self, account: Account, *, first_name: str, last_name: str) -> str:
        """POST /register, which also logs in. The customer's id."""
        body = {
            "username": account.username,
            "password": account.password,
            "email": f"{account.username}@example.com",
            "firstName": first_name,
            "lastName": last_name,
        }
        answer = await self._ask("register", "POST", "/register", expect=200, json=body)
        return _text_of(_object("register", answer), "id", "register", answer)

    async def add_address_and_card(self) -> None:
        """POST /addresses and POST /cards of whoever is logged in: checkout needs both."""
        address = {
            "street": "Whitelees Road",
            "number": "246",
            "country": "United Kingdom",
            "city": "Glasgow",
            "postcode": "G67 3DL",
        }
        await self._ask("address", "POST", "/addresses", expect=200, json=address)
        card = {"longNum": "4242424242424242", "expires": "12/34", "ccv": "123"}
        await self._ask("card", "POST", "/cards", expect=200, json=card)

    async def empty_cart(self) -> None:
        """DELETE /cart."""
        await self._ask("cart", "DELETE", "/cart", expect=202)

    async def add_to_cart(self, sock_id: str) -> None:
        """POST /cart: one more of this sock."""
        await self._ask("cart", "POST", "/cart", expect=201, json={"id": sock_id})

    async def place_order(self) -> PlacedOrder:
        """POST /orders with an empty body: orders what lies in the cart."""
        answer = await self._ask("order", "POST", "/orders", expect=201, timeout_s=self._order_timeout_s)
        body = _object("order", answer)
        order_id = _text_of(body, "id", "order", answer)
        total = body.get("total")
        if not isinstance(total, int | float) or isinstance(total, bool) or not math.isfinite(total):
            raise HttpProblem("order", f"the order has no total: {_short(answer)}", status=201, order_id=order_id)
        status = body.get("status")
        return PlacedOrder(order_id, status if isinstance(status, str) else None, cents(total))

    async def order_status(self, order_id: str) -> str | None:
        """The status that GET /orders/{id} shows; None when that order is not stored."""
        try:
            answer = await self._ask("status", "GET", f"/orders/{order_id}", expect=200)
        except HttpProblem as problem:
            if problem.status == 404:
                return None
            raise
        status = _object("status", answer).get("status")
        return status if isinstance(status, str) else None

    async def _ask(
        self,
        step: str,
        method: str,
        path: str,
        *,
        expect: int,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        limit_s = timeout_s if timeout_s is not None else self._timeout_s
        try:
            async with asyncio.timeout(limit_s):
                answer = await self._exchange.ask(method, path, json, headers)
        except TimeoutError as error:
            raise TransportProblem(step, f"no answer to {method} {path} within {limit_s:g} s") from error
        except NoAnswer as error:
            raise TransportProblem(step, f"no answer to {method} {path}: {error}") from error
        except AnswerTooLarge as error:
            raise HttpProblem(step, str(error), status=error.status) from error
        if answer.status != expect:
            named = _ORDER_ID.search(answer.text)
            raise HttpProblem(
                step,
                f"{method} {path} was answered {answer.status}, not {expect}: {_message(answer)}",
                status=answer.status,
                order_id=named[1] if named else None,
            )
        return answer


def _object(step: str, answer: Answer) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise HttpProblem(step, f"the answer is no JSON: {_short(answer)}", status=answer.status) from error
    if not isinstance(body, dict):
        raise HttpProblem(step, f"the answer is no JSON object: {_short(answer)}", status=answer.status)
    return body


def _text_of(body: Mapping[str, Any], key: str, step: str, answer: Answer) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise HttpProblem(step, f"the answer has no {key}: {_short(answer)}", status=answer.status)
    return value


def _message(answer: Answer) -> str:
    """The error's own message where it has one."""
    try:
        message = answer.json()["message"]
    except (ValueError, KeyError, TypeError):
        return _short(answer)
    return str(message)[:_TEXT_MAX]


def _short(answer: Answer) -> str:
    return answer.text.strip()[:_TEXT_MAX] or "an empty body"
