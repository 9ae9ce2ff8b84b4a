"""
The user service's routes and their answers.

Lists and single entities share a path prefix, as in the original: `/customers`, `/customersXYZ` and `/customers/` list,
`/customers/{id}` and `/customers/{id}/anything` show one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, Summary
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.shop import go_json, go_web, service
from drillyard.shop.database import Database
from drillyard.shop.go_log import Took, log
from drillyard.shop.go_web import GoError
from drillyard.shop.object_id import ObjectIds, is_object_id
from drillyard.shop.passwords import hash_in_thread, matches_in_thread
from drillyard.shop.user.store import (
    ADDRESSES,
    CARDS,
    CUSTOMERS,
    Entity,
    Kind,
    NotStored,
    UsernameTaken,
    UserStore,
)

_HAL = "application/hal+json"
_MASK_KEEPS = 4
_CALLERS = {
    "Login": "middlewares.go:31",
    "Register": "middlewares.go:44",
    "PostUser": "middlewares.go:57",
    "GetUsers": "middlewares.go:70",
    "PostAddress": "middlewares.go:88",
    "GetAddresses": "middlewares.go:101",
    "PostCard": "middlewares.go:114",
    "GetCards": "middlewares.go:127",
    "Delete": "middlewares.go:140",
    "Health": "middlewares.go:153",
}

Handler = Callable[[Request], Awaitable[tuple[Response, dict[str, object]]]]


class UserRoutes:
    """The routes over a store. Failures of a request are GoError, one log line each."""

    def __init__(
        self, store: UserStore, database: Database, *, link_domain: str | None, registry: CollectorRegistry
    ) -> None:
        self._store = store
        self._database = database
        self._link_domain = link_domain
        self._new_id = ObjectIds()
        self._clock = go_web.GoTime()
        # A gauge, because the client library would append `_total` to a counter's name.
        self._count = Gauge(
            "microservices_demo_user_request_count", "Number of requests received.", ["method"], registry=registry
        )
        self._latency = Summary(
            "microservices_demo_user_request_latency_microseconds",
            "Total duration of requests in seconds.",
            ["method"],
            registry=registry,
        )

    def table(self) -> Sequence[Route]:
        """The routes in the order in which they are tried."""
        return [
            go_web.get("/login", self._measured("Login", self.login)),
            go_web.method("POST", "/register", self._measured("Register", self.register)),
            go_web.get("/customers/{id}/addresses", self._measured("GetUsers", self.owned(ADDRESSES, "address"))),
            go_web.get("/customers/{id}/cards", self._measured("GetUsers", self.owned(CARDS, "card"))),
            go_web.method("POST", "/customers", self._measured("PostUser", self.post_customer)),
            go_web.method("POST", "/addresses", self._measured("PostAddress", self.post_address)),
            go_web.method("POST", "/cards", self._measured("PostCard", self.post_card)),
            *self._reading("/customers", "GetUsers", CUSTOMERS, "customer"),
            *self._reading("/addresses", "GetAddresses", ADDRESSES, "address"),
            *self._reading("/cards", "GetCards", CARDS, "card"),
            go_web.method("DELETE", "/{path:path}", self._measured("Delete", self.delete)),
            go_web.get("/health{rest:path}", self._measured("Health", self.health)),
        ]

    def _reading(self, path: str, name: str, kind: Kind, word: str) -> Sequence[Route]:
        one, all_of_it = self.one(kind), self.listing(kind, word)
        return [
            go_web.get(f"{path}/{{id}}", self._measured(name, one)),
            go_web.get(f"{path}/{{id}}/{{rest:path}}", self._measured(name, one)),
            go_web.get(f"{path}{{rest:path}}", self._measured(name, all_of_it)),
        ]

    def _measured(self, name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Counts, times and logs a handler, and turns what it cannot find into the original's errors."""
        label = name[0].lower() + name[1:]

        async def endpoint(request: Request) -> Response:
            took = Took()
            noted: dict[str, object] = {}
            try:
                answer, noted = await handler(request)
                return answer
            except (GoError, NotStored, UsernameTaken, go_json.GoJSONError) as problem:
                error = _as_go_error(problem)
                log("server.go:110", err=error.error)
                raise error from problem
            finally:
                self._count.labels(method=label).inc()
                self._latency.labels(method=label).observe(took.seconds())
                log(_CALLERS[name], method=name, **noted, took=took)

        return endpoint

    async def login(self, request: Request) -> tuple[Response, dict[str, object]]:
        """GET /login with Basic credentials: 200 with the customer; 401 for a wrong password, 500 for a wrong name."""
        username, password = _basic_credentials(request.headers.get("authorization"))
        customer, stored = await self._store.password_of(username)
        if not await matches_in_thread(password, stored):
            raise GoError(401, "Unauthorized")
        body = {"user": self._shown(request, customer, CUSTOMERS)}
        return _hal(body), {"result": customer["id"]}

    async def register(self, request: Request) -> tuple[Response, dict[str, object]]:
        """POST /register: a customer with a password. No field is required; the username must be free."""
        fields = ("username", "password", "email", "firstName", "lastName")
        sent = await _sent(request, "api.registerRequest", fields)
        password = await hash_in_thread(sent.pop("password"))
        customer_id = self._new_id()
        await self._store.add_customer(customer_id, sent, password)
        return _hal({"id": customer_id}), {"result": customer_id}

    async def post_customer(self, request: Request) -> tuple[Response, dict[str, object]]:
        """POST /customers: a customer whose password is the empty text, as in the original."""
        sent = await _sent(request, "api.userPostRequest", CUSTOMERS.fields)
        customer_id = self._new_id()
        await self._store.add_customer(customer_id, {**sent, "email": ""}, await hash_in_thread(""))
        return _hal({"id": customer_id}), {"result": customer_id}

    async def post_address(self, request: Request) -> tuple[Response, dict[str, object]]:
        """POST /addresses."""
        return await self._add(request, "api.addressPostRequest", ADDRESSES)

    async def post_card(self, request: Request) -> tuple[Response, dict[str, object]]:
        """
        POST /cards. The number is stored and served as it came, and never logged.

        One of fewer than four digits is stored, and answered 500: there the original dies while it masks the number.
        """
        return await self._add(request, "api.cardPostRequest", CARDS)

    async def _add(self, request: Request, type_name: str, kind: Kind) -> tuple[Response, dict[str, object]]:
        sent = await _sent(request, type_name, (*kind.fields, "userID"))
        owner = sent.pop("userID")
        entity_id = self._new_id()
        if owner and not is_object_id(owner):
            await self._store.add(kind, entity_id, sent, None)  # Stored before it is refused, as in the original.
            raise GoError(500, "Invalid Id Hex")
        await self._store.add(kind, entity_id, sent, owner.lower() or None)
        if kind is CARDS and len(sent["longNum"].encode()) < _MASK_KEEPS:
            raise GoError(500, "runtime error: slice bounds out of range")
        return _hal({"id": entity_id}), {"result": entity_id}

    def listing(self, kind: Kind, word: str) -> Handler:
        """GET of a whole collection."""

        async def handler(request: Request) -> tuple[Response, dict[str, object]]:
            found = await self._store.all(kind)
            return self._embedded(request, found, kind, word), {"id": "", "result": len(found)}

        return handler

    def one(self, kind: Kind) -> Handler:
        """GET of one entity."""

        async def handler(request: Request) -> tuple[Response, dict[str, object]]:
            entity_id = _id(request)
            found = await self._store.find(kind, entity_id)
            return _hal(self._shown(request, found, kind)), {"id": entity_id, "result": 1}

        return handler

    def owned(self, kind: Kind, word: str) -> Handler:
        """GET of a customer's addresses or cards."""

        async def handler(request: Request) -> tuple[Response, dict[str, object]]:
            entity_id = _id(request)
            found = await self._store.belonging_to(kind, entity_id)
            return self._embedded(request, found, kind, word), {"id": entity_id, "result": len(found)}

        return handler

    async def delete(self, request: Request) -> tuple[Response, dict[str, object]]:
        """DELETE /{collection}/{id}: a path of other than two parts is refused; an unknown collection holds nothing."""
        parts = request.url.path.strip("/").split("/")
        if len(parts) != 2:
            raise GoError(500, "Invalid request")
        collection, entity_id = parts
        kind = {"customers": CUSTOMERS, "addresses": ADDRESSES, "cards": CARDS}.get(collection)
        if not is_object_id(entity_id):
            raise GoError(500, "Invalid Id Hex")
        if kind is None:
            raise NotStored(collection)
        await self._store.remove(kind, entity_id.lower())
        return _hal({"status": True}), {"entity": collection, "id": entity_id}

    async def health(self, request: Request) -> tuple[Response, dict[str, object]]:
        """GET /health…: user, then user-db."""
        parts = [("user", True), ("user-db", await self._database.answers())]
        return go_web.health(self._clock, parts, content_type=_HAL), {"result": len(parts)}

    def _embedded(self, request: Request, found: Sequence[Entity], kind: Kind, word: str) -> Response:
        return _hal({"_embedded": {word: [self._shown(request, entity, kind) for entity in found]}})

    def _shown(self, request: Request, entity: Entity, kind: Kind) -> dict[str, Any]:
        """An entity with its links, whose keys are in alphabetical order."""
        domain = self._link_domain or request.headers.get("host", "user")
        href = f"http://{domain}/{kind.table}/{entity['id']}"
        if kind is CUSTOMERS:
            links = {"addresses": f"{href}/addresses", "cards": f"{href}/cards", "customer": href, "self": href}
        else:
            links = {"address" if kind is ADDRESSES else "card": href, "self": href}
        return {**entity, "_links": {name: {"href": link} for name, link in links.items()}}


def _hal(body: object) -> Response:
    return go_web.json_answer(body, content_type=_HAL)


async def _sent(request: Request, type_name: str, fields: tuple[str, ...]) -> Entity:
    value = go_json.decode_first(await service.read_body(request))
    return go_json.strings(value, type_name, fields)


def _id(request: Request) -> str:
    """The id in the path, lower case. Raises GoError."""
    raw: str = request.path_params["id"]
    if not is_object_id(raw):
        raise GoError(500, "Invalid Id Hex")
    return raw.lower()


def _basic_credentials(header: str | None) -> tuple[str, str]:
    """Name and password (RFC 7617). Raises GoError 401."""
    scheme, _, encoded = (header or "").partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        username, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if not separator:
            raise ValueError("no colon")
    except (ValueError, binascii.Error):
        raise GoError(401, "Unauthorized") from None
    return username, password


def _as_go_error(problem: Exception) -> GoError:
    match problem:
        case GoError():
            return problem
        case UsernameTaken():
            return GoError(
                500,
                "E11000 duplicate key error collection: users.customers index: username_1 dup key: "
                f'{{ : "{problem}" }}',
            )
        case go_json.GoJSONError():
            return GoError(500, str(problem))
        case _:
            return GoError(500, "not found")
