"""A small shop behind the front end's routes, in memory; it checks what a real one does, and can misbehave."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx

SOCKS = [
    {"id": "03fef6ac-1896-4ce8-bd69-b798f85c6e0b", "name": "Holy", "price": 99.99},
    {"id": "510a0d7e-8e83-4193-b483-e27e09ddc34d", "name": "SuperSport XL", "price": 15},
    {"id": "808a2de1-1aaa-4c25-a9b9-6612e8f29a38", "name": "Crossed", "price": 17.32},
]

Override = Callable[[httpx.Request], httpx.Response | None]


class FakeShop(httpx.MockTransport):
    """`orders` are the stored ones; `overrides` may answer a route ("POST /orders") instead, or raise."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.accounts = {"user": "password"}
        self.profiles: dict[str, set[str]] = {"user": {"address", "card"}}
        self.sessions: dict[str, str] = {}
        self.carts: dict[str, list[str]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.overrides: dict[str, Override] = {}
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        route = f"{request.method} {request.url.path}"
        self.asked.append(route)
        override = self.overrides.get(route)
        answer = override(request) if override else None
        return answer if answer is not None else self._usual(request, route)

    def _usual(self, request: httpx.Request, route: str) -> httpx.Response:
        if route == "GET /catalogue":
            return httpx.Response(200, json=SOCKS)
        if route == "GET /login":
            return self._log_in(request)
        if route == "POST /register":
            body = json.loads(request.content)
            if body["username"] in self.accounts:
                return httpx.Response(409, json={"error": "User already exists."})
            self.accounts[body["username"]] = body["password"]
            self.profiles[body["username"]] = set()
            return self._session(body["username"], httpx.Response(200, json={"id": "57a98d98e4b00679b4a830b2"}))
        if route.startswith("GET /orders/"):
            order = self.orders.get(route.rpartition("/")[2])
            return httpx.Response(200, json=order) if order else httpx.Response(404)
        customer = self.sessions.get(request.headers.get("cookie", "").partition("logged_in=")[2].partition(";")[0])
        if customer is None:
            return httpx.Response(500, json={"message": "User not logged in.", "error": {}})
        return self._as_customer(request, route, customer)

    def _as_customer(self, request: httpx.Request, route: str, customer: str) -> httpx.Response:
        if route in ("POST /addresses", "POST /cards"):
            self.profiles[customer].add("address" if route == "POST /addresses" else "card")
            return httpx.Response(200, json={"id": "57a98d98e4b00679b4a830ad"})
        if route == "DELETE /cart":
            self.carts[customer] = []
            return httpx.Response(202)
        if route == "POST /cart":
            self.carts.setdefault(customer, []).append(json.loads(request.content)["id"])
            return httpx.Response(201)
        if route == "POST /orders":
            assert not request.content
            return self._order(customer)
        return httpx.Response(404, text=f"Cannot {route}")

    def _log_in(self, request: httpx.Request) -> httpx.Response:
        name, _, password = (
            base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        )
        if self.accounts.get(name) != password:
            return httpx.Response(401)
        return self._session(name, httpx.Response(200, text="Cookie is set"))

    def _session(self, customer: str, answer: httpx.Response) -> httpx.Response:
        session = f"session{len(self.sessions)}"
        self.sessions[session] = customer
        answer.headers["set-cookie"] = f"logged_in={session}; Max-Age=3600; Path=/"
        return answer

    def _order(self, customer: str) -> httpx.Response:
        if self.profiles[customer] != {"address", "card"}:
            return httpx.Response(406, json={"message": "Order requires customer, address, card and items."})
        prices = {str(sock["id"]): sock["price"] for sock in SOCKS}
        total = sum(float(prices[sock]) for sock in self.carts[customer]) + 4.99  # type: ignore[arg-type]
        order_id = f"6900953ac1f4320001{len(self.orders):06x}"
        self.orders[order_id] = {"id": order_id, "status": "PAID", "total": total, "customer": customer}
        return httpx.Response(201, json=self.orders[order_id])
