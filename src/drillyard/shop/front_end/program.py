"""
The front-end as a program: settings from the environment, served until SIGTERM.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from drillyard.shop import service, settings
from drillyard.shop.front_end.app import build
from drillyard.shop.front_end.back_ends import BackEnds
from drillyard.shop.front_end.pages import load
from drillyard.shop.front_end.sessions import MemoryStore, RedisStore, SessionCookie
from drillyard.shop.http_client import HttpClient


@dataclass(frozen=True, kw_only=True)
class FrontEndSettings:
    """Where it listens, whom it calls, and how it remembers who is logged in."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8079, least=0, most=65535)
    catalogue_url: str = settings.url("http://catalogue", "http", "https")
    carts_url: str = settings.url("http://carts", "http", "https")
    orders_url: str = settings.url("http://orders", "http", "https")
    user_url: str = settings.url("http://user", "http", "https")
    session_redis_url: str | None = settings.url(None, "redis", "rediss", "unix")
    """Unset: sessions live in this process and end with it."""
    session_secret: str = settings.text("weavesocks", pattern=r"[\x21-\x7e]+", fits="printable ASCII", secret=True)
    """
    Signs the session cookie, the same in every front-end of a shop. It only keeps out ids that no front-end gave: what
    protects a session is its id, which nobody can guess.
    """
    back_end_timeout_s: float = settings.number(60.0, least=0.1, most=600.0)
    """The original waits for ever; this is longer than any answer of a back-end that still works."""
    node_env: str = settings.text("production", pattern="production|development", fits="production or development")
    """`development` lets `?custId=` choose the customer, as in the original."""
    order_pages: str = settings.text("v2", pattern="v1|v2", fits="v1 or v2")
    """v1: the original's order pages, from before orders had a status; whatever happened, they read Shipped."""


def main(argv: Sequence[str] = ()) -> int:
    """Serves until SIGTERM. Returns 0, 1 when it cannot listen, 2 for a bad setting or an argument."""
    return service.run(FrontEndSettings, serve, argv)


def serve(settings: FrontEndSettings) -> int:
    """Builds the application for these settings and serves it."""
    client = HttpClient(settings.back_end_timeout_s)
    back_ends = BackEnds(
        client,
        catalogue_url=settings.catalogue_url,
        carts_url=settings.carts_url,
        orders_url=settings.orders_url,
        user_url=settings.user_url,
    )
    store = RedisStore(settings.session_redis_url) if settings.session_redis_url else MemoryStore()
    app = build(
        back_ends,
        store,
        SessionCookie(settings.session_secret),
        log=_write,
        pages=load(settings.order_pages),
        development=settings.node_env == "development",
    )
    return service.serve(
        app,
        host=settings.host,
        port=settings.port,
        announce=lambda port: _write(f"App now running in {settings.node_env} mode on port {port}"),
    )


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
