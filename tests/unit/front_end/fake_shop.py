"""
The four back services in one small ASGI application, told apart by the host they are called by.

Their answers have the shapes and statuses of the wire contract. A service named in `away` refuses connections; one in `broken`
answers what stands there instead.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from multidict import CIMultiDict, CIMultiDictProxy
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from yarl import URL

from drillyard.shop.http_client import Answer, HttpClient, NotConnected

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
SPORT = "510a0d7e-8e83-4193-b483-e27e09ddc34d"
CUSTOMER = "57a98d98e4b00679b4a830b2"
HAL = "application/hal+json"

NAMES = ["Holy", "Colourful", "SuperSport XL", "Weave special", "Crossed", "Figueroa", "Cat socks", "Nerd leg"]
NAMES += ["YouTube.sock", "Classic"]
PRICES = [99.99, 18, 15, 17.15, 17.32, 14, 15, 7.99, 10.99, 12]
TAGS = [
    ["magic", "action"],
    ["brown", "blue"],
    ["sport", "black", "formal"],
    ["geek", "black"],
    ["blue", "red", "action", "formal"],
    ["formal", "green", "blue"],
    ["brown", "green", "formal"],
    ["blue", "skin"],
    ["geek", "formal"],
    ["brown", "green"],
]
IDS = [HOLY, "3395a43e", SPORT, "6d62d909", "808a2de1", "819e1fbf", "837ab141", "a0a4f044", "d3588630", "zzz4f044"]
SOCKS = [
    {
        "id": IDS[index],
        "name": name,
        "description": f"{name}, knitted for people who walk.",
        "imageUrl": [f"/catalogue/images/{index}_1.jpg", f"/catalogue/images/{index}_2.jpg"],
        "price": PRICES[index],
        "count": 1 if index == 0 else 100 + index,
        "tag": TAGS[index],
    }
    for index, name in enumerate(NAMES)
]


@dataclass
class FakeShop:
    """What the back services know, what they were asked, and how they are broken."""

    away: set[str] = field(default_factory=set)
    broken: dict[str, Response] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    carts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, tuple[str, str]] = field(default_factory=lambda: {"user": ("password", CUSTOMER)})
    names: dict[str, dict[str, str]] = field(
        default_factory=lambda: {CUSTOMER: {"firstName": "User", "lastName": "Name", "username": "user"}}
    )
    addresses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cards: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    payment: str = "works"
    user_url: str = "http://user"
    ports: dict[int, str] = field(default_factory=dict)
    """By which port a service is called, where all share one host."""
    counter: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        street = {"street": "Whitelees Road", "number": "246", "city": "Glasgow", "postcode": "G67 3DL"}
        self.addresses.setdefault(CUSTOMER, [street | {"country": "United Kingdom", "id": "57a98d98e4b00679b4a830b0"}])
        card = {"longNum": "5544154011345918", "expires": "08/19", "ccv": "958", "id": "57a98d98e4b00679b4a830b1"}
        self.cards.setdefault(CUSTOMER, [card])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        host = self.ports.get(request.url.port or 0) or request.url.hostname or ""
        raw = await request.body()
        body = json.loads(raw) if raw else None
        url = scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
        self.calls.append((f"{request.method} {host}", url, body))
        self.headers.append(dict(request.headers))
        if host in self.broken:
            response = self.broken[host]
        else:
            services = {
                "catalogue": self.catalogue,
                "carts": self.carts_service,
                "user": self.user,
                "orders": self.orders_service,
            }
            response = services[host](request, body)
        if self.payment == "hanging" and (request.method, host) == ("POST", "orders"):
            await asyncio.Event().wait()
        await response(scope, receive, send)

    def catalogue(self, request: Request, _: Any) -> Response:
        path, query = request.url.path, request.query_params
        if path.startswith("/catalogue/images/"):
            headers = {"last-modified": "Wed, 05 Nov 2025 20:00:00 GMT"}
            return Response(b"\xff\xd8picture", media_type="image/jpeg", headers=headers)
        wanted = [tag for tag in query.get("tags", "").split(",") if tag]
        socks = [sock for sock in SOCKS if not wanted or set(wanted) & set(sock["tag"])]  # type: ignore[call-overload]
        if path == "/tags":
            return JSONResponse({"tags": sorted({tag for tags in TAGS for tag in tags}), "err": None})
        if path == "/catalogue/size":
            return JSONResponse({"size": len(socks), "err": None})
        if path == "/catalogue":
            page, size = int(query.get("page", 1)), int(query.get("size", 10))
            return JSONResponse(socks[(page - 1) * size : page * size])
        for sock in SOCKS:
            if path == f"/catalogue/{sock['id']}":
                return JSONResponse(sock)
        return go_error("Do: not found")

    def carts_service(self, request: Request, body: Any) -> Response:
        _, _, shopper, *rest = request.url.path.split("/")
        items = self.carts.setdefault(shopper, [])
        if rest == ["merge"]:
            items.extend(self.carts.pop(request.query_params["sessionId"], []))
            return Response(status_code=202)
        if not rest:
            self.carts[shopper] = []
            return Response(status_code=202)
        found = next((item for item in items if item["itemId"] == (rest[1:] or [(body or {}).get("itemId")])[0]), None)
        if request.method == "GET":
            return JSONResponse(items)
        if request.method == "POST":
            if found:
                found["quantity"] += 1
                return JSONResponse(found, 201)
            item = {"id": f"{next(self.counter):024x}", "itemId": "", "quantity": 1, "unitPrice": 0.0} | body
            items.append(item)
            return JSONResponse(item, 201)
        if found is None:
            return JSONResponse({"status": 500, "message": "Cannot find item in cart"}, 500)
        if request.method == "PATCH":
            found["quantity"] = body["quantity"]
        else:
            items.remove(found)
        return Response(status_code=202)

    def user(self, request: Request, body: Any) -> Response:
        path = request.url.path
        if path == "/login":
            return self._login(request.headers.get("authorization", ""))
        if path == "/register":
            if body.get("username") in self.users:
                return go_error(
                    'E11000 duplicate key error collection: users.customers index: username_1 dup key: { : "x" }'
                )
            identifier = f"{next(self.counter):024x}"
            self.users[body.get("username", "")] = (body.get("password", ""), identifier)
            self.names[identifier] = {name: body.get(name, "") for name in ("firstName", "lastName", "username")}
            return hal({"id": identifier})
        _, kind, *rest = path.split("/")
        if request.method == "DELETE":
            for entries in self.addresses.values():
                entries[:] = [entry for entry in entries if entry["id"] != rest[0]]
            return hal({"status": True})
        if request.method == "POST" and kind in ("addresses", "cards"):
            if len(body.get("userID", "")) != 24:
                return go_error("Invalid Id Hex")
            entry = {key: value for key, value in body.items() if key != "userID"} | {
                "id": f"{next(self.counter):024x}"
            }
            getattr(self, kind).setdefault(body["userID"], []).append(entry)
            return hal({"id": entry["id"]})
        if kind != "customers" or not rest:
            return hal({"_embedded": {"customer": []}})
        if len(rest[0]) != 24:
            return go_error("Invalid Id Hex")
        if rest[1:] in (["addresses"], ["cards"]):
            single = {"addresses": "address", "cards": "card"}[rest[1]]
            entries = [self._linked(rest[1], entry) for entry in getattr(self, rest[1]).get(rest[0], [])]
            return hal({"_embedded": {single: entries}})
        return hal(self._customer(rest[0])) if rest[0] in self.names else go_error("not found")

    def orders_service(self, request: Request, body: Any) -> Response:
        path = request.url.path
        if path == "/payment":
            self.payment = body["is"]
            return JSONResponse({})
        if request.method == "PATCH":
            order = self.orders[path.rpartition("/")[2]]
            order["status"] = body["status"]
            order["statusHistory"].append({"status": body["status"], "at": "2025-11-05T20:04:10.456+0000"})
            return Response(status_code=204)
        if request.method == "POST":
            return self._place(body)
        if path == "/orders/search/customerId":
            mine = [o for o in self.orders.values() if o["customerId"] == request.query_params["custId"]]
            return JSONResponse({"_embedded": {"customerOrders": mine}}, media_type=HAL)
        order = self.orders.get(path.rpartition("/")[2])
        return JSONResponse(order, media_type=HAL) if order else Response(status_code=404)

    def _place(self, body: dict[str, Any]) -> Response:
        if not all(body.get(key) for key in ("customer", "address", "card", "items")):
            text = "Invalid order request. Order requires customer, address, card and items."
            return spring_error(406, "Not Acceptable", text)
        identifier, customer = f"{next(self.counter):024x}", body["customer"].rpartition("/")[2]
        items = [dict(item) for item in self.carts.get(customer, [])]
        paid = "PAID" if self.payment == "works" else "PAYMENT_FAILED"
        order = {
            "id": identifier,
            "customerId": customer,
            "customer": self.names[customer] | {"addresses": [], "cards": []},
            "address": {key: value for key, value in self.addresses[customer][0].items() if key != "id"},
            "card": {key: value for key, value in self.cards[customer][0].items() if key != "id"},
            "items": items,
            "shipment": {"id": "7e778167", "name": customer} if self.payment == "works" else None,
            "date": "2025-11-05T20:03:55.123+0000",
            "total": round(sum(item["quantity"] * item["unitPrice"] for item in items) + 4.99, 2),
            "status": paid,
            "statusHistory": [
                {"status": "CREATED", "at": "2025-11-05T20:03:55.123+0000"},
                {"status": "PENDING", "at": "2025-11-05T20:03:56.234+0000"},
                {"status": paid, "at": "2025-11-05T20:03:57.345+0000"},
            ],
            "_links": {"self": {"href": f"http://orders/orders/{identifier}"}},
        }
        self.orders[identifier] = order
        if self.payment == "works":
            return JSONResponse(order, 201)
        if self.payment == "declines":
            return spring_error(406, "Not Acceptable", "Payment declined: amount exceeds 105.00")
        if self.payment == "is slow":
            text = "Unable to create order due to timeout from one of the services."
            return spring_error(500, "Internal Server Error", text)
        return spring_error(500, "Internal Server Error", f"Payment service unavailable for order {identifier}")

    def _login(self, authorization: str) -> Response:
        try:
            name, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            return go_error("Unauthorized", 401)
        if name not in self.users:
            return go_error("not found")
        known, identifier = self.users[name]
        return hal({"user": self._customer(identifier)}) if password == known else go_error("Unauthorized", 401)

    def _customer(self, identifier: str) -> dict[str, Any]:
        link = f"{self.user_url}/customers/{identifier}"
        links = {"addresses": f"{link}/addresses", "cards": f"{link}/cards", "customer": link, "self": link}
        return self.names[identifier] | {
            "id": identifier,
            "_links": {name: {"href": href} for name, href in links.items()},
        }

    def _linked(self, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {"_links": {"self": {"href": f"{self.user_url}/{kind}/{entry['id']}"}}}


def hal(value: Any) -> Response:
    return JSONResponse(value, media_type=HAL)


def go_error(text: str, status: int = 500) -> Response:
    body = {
        "error": text,
        "status_code": status,
        "status_text": "Unauthorized" if status == 401 else "Internal Server Error",
    }
    return Response(json.dumps(body) + "\n", status, media_type="text/plain")


def spring_error(status: int, error: str, message: str) -> Response:
    return JSONResponse({"timestamp": 1, "status": status, "error": error, "message": message}, status)


class ToTheShop(HttpClient):
    """Leads calls into the fake, and refuses those to services that are away."""

    def __init__(self, shop: FakeShop) -> None:
        super().__init__(1)
        self._shop = shop
        self._inner = httpx.AsyncClient(transport=httpx.ASGITransport(shop))

    async def call(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        asked = URL(url)
        if asked.host in self._shop.away:
            raise NotConnected("refused") from ConnectionRefusedError(111, "Connection refused")
        answer = await self._inner.request(method, str(asked), content=body, headers=headers)
        sent = CIMultiDictProxy(CIMultiDict(answer.headers.multi_items()))
        return Answer(answer.status_code, answer.reason_phrase, sent, answer.content)
