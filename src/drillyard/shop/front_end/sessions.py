"""
Who is who between two requests: a signed cookie with a session id, and a store that knows the customer behind it.

The cookie is express-session's: `md.sid`, the id signed with HMAC-SHA256. An id is believed only with its signature,
so an anonymous session needs no entry in the store: only a customer who logged in has one. The store is asked only by
routes that need it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from typing import Protocol
from urllib.parse import quote, unquote

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from starlette.requests import Request

from drillyard.shop.front_end.failures import Failure

COOKIE = "md.sid"
LOGGED_IN = "logged_in"
LOGGED_IN_S = 3600
KEPT_S = 24 * 3600
SESSIONS_MAX = 50_000
STORE_TIMEOUT_S = 1.0


class SessionStore(Protocol):
    """Remembers the customer of a session."""

    async def customer_id(self, session_id: str) -> str | None:
        """None for a session without a customer. Raises Failure when the store cannot be reached."""

    async def remember(self, session_id: str, customer_id: str) -> None:
        """Raises Failure when the store cannot be reached."""

    async def close(self) -> None:
        """Lets go of connections."""


class MemoryStore:
    """In this process; the sessions used longest ago are forgotten first."""

    def __init__(self, most: int = SESSIONS_MAX) -> None:
        self._most = most
        self._customers: OrderedDict[str, str] = OrderedDict()

    async def customer_id(self, session_id: str) -> str | None:
        if session_id in self._customers:
            self._customers.move_to_end(session_id)
        return self._customers.get(session_id)

    async def remember(self, session_id: str, customer_id: str) -> None:
        self._customers[session_id] = customer_id
        self._customers.move_to_end(session_id)
        while len(self._customers) > self._most:
            self._customers.popitem(last=False)

    async def close(self) -> None:
        self._customers.clear()


class RedisStore:
    """In Redis or Valkey, under connect-redis's keys (`sess:<id>`), for a day after the log-in."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=STORE_TIMEOUT_S,
            socket_connect_timeout=STORE_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),  # One: a connection that the server closed while idle is no failure.
        )

    async def customer_id(self, session_id: str) -> str | None:
        try:
            stored = await self._redis.get(f"sess:{session_id}")
        except (RedisError, OSError) as problem:
            raise store_is_away() from problem
        try:
            customer = json.loads(stored).get("customerId") if stored else None
        except (ValueError, AttributeError):
            return None
        return customer if isinstance(customer, str) else None

    async def remember(self, session_id: str, customer_id: str) -> None:
        cookie = {"originalMaxAge": None, "expires": None, "httpOnly": True, "path": "/"}
        session = json.dumps({"cookie": cookie, "customerId": customer_id})
        try:
            await self._redis.set(f"sess:{session_id}", session, ex=KEPT_S)
        except (RedisError, OSError) as problem:
            raise store_is_away() from problem

    async def close(self) -> None:
        await self._redis.aclose()


def store_is_away() -> Failure:
    """What a route of the original says when express-session found no store."""
    return Failure("Cannot read properties of undefined (reading 'id')")


class SessionCookie:
    """Signs and checks session ids, as cookie-signature does."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def value(self, session_id: str) -> str:
        """`s%3A<id>.<signature>`."""
        return quote(f"s:{session_id}.{self._signature(session_id)}", safe="")

    def session_id(self, value: str | None) -> str | None:
        """The id in a cookie, or None for one that is absent, malformed or signed by somebody else."""
        if not value:
            return None
        text = unquote(value)
        if not text.startswith("s:") or not text.isascii():
            return None
        session_id, _, signature = text[2:].rpartition(".")
        if not session_id or not hmac.compare_digest(signature, self._signature(session_id)):
            return None
        return session_id

    def _signature(self, session_id: str) -> str:
        digest = hmac.new(self._secret, session_id.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode().rstrip("=")


def new_session_id() -> str:
    """32 characters that nobody can guess."""
    return secrets.token_urlsafe(24)


class Session:
    """One request's session: its id, and the customer behind it once the store was asked."""

    def __init__(self, session_id: str, store: SessionStore) -> None:
        self.id = session_id
        self._store = store

    async def customer_id(self) -> str:
        """The logged-in customer; `undefined`, as the original's JavaScript writes it, for none. Raises Failure."""
        return await self._store.customer_id(self.id) or "undefined"

    async def log_in(self, customer_id: str) -> None:
        """Raises Failure when the store cannot be reached."""
        await self._store.remember(self.id, customer_id)


def session_of(request: Request) -> Session:
    """The session that the middleware found or began."""
    session = request.state.session
    assert isinstance(session, Session)
    return session


def is_logged_in(request: Request) -> bool:
    """The mere presence of the cookie counts, as in the original."""
    return bool(request.cookies.get(LOGGED_IN))


async def shopper_id(request: Request) -> str:
    """Whose cart, card and address it is: the customer's where the browser says logged in, else the session's own."""
    if request.app.state.development and "custId" in request.query_params:
        return request.query_params["custId"]
    session = session_of(request)
    customer_id = await session.customer_id()  # Also asked for an anonymous one: a store that is away must show.
    return customer_id if is_logged_in(request) else session.id
