"""
A front-end in this process, with a fake shop behind it and a browser (an httpx client with cookies) in front of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from drillyard.shop.front_end.app import build
from drillyard.shop.front_end.back_ends import BackEnds
from drillyard.shop.front_end.sessions import MemoryStore, SessionCookie, SessionStore

from . import fake_shop


@dataclass
class FrontEnd:
    """The application under test, what it logged, and a browser."""

    app: ASGIApp
    browser: httpx.AsyncClient
    shop: Any
    log: list[str] = field(default_factory=list)

    async def log_in(self, name: str = "user", password: str = "password") -> httpx.Response:
        return await self.browser.get("/login", auth=(name, password))

    def make_development(self) -> None:
        """The same front-end, as it runs with NODE_ENV=development."""
        self.starlette().state.development = True

    def starlette(self) -> Any:
        """The Starlette application inside the middleware around it."""
        inner: Any = self.app
        while not hasattr(inner, "state"):
            inner = inner._app
        return inner

    def another_browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://shop.test")


def make_front_end(shop: Any, *, store: SessionStore | None = None, development: bool = False) -> FrontEnd:
    log: list[str] = []
    client = fake_shop.ToTheShop(shop)
    urls = {f"{name}_url": f"http://{name}" for name in ("catalogue", "carts", "orders", "user")}
    app = build(
        BackEnds(client, **urls),
        store or MemoryStore(),
        SessionCookie("secret"),
        log=log.append,
        development=development,
        registry=CollectorRegistry(),
    )
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
    return FrontEnd(app, browser, shop, log)


@pytest.fixture
def shop() -> Any:
    return fake_shop.FakeShop()


@pytest.fixture
async def front_end(shop: Any) -> AsyncIterator[FrontEnd]:
    made = make_front_end(shop)
    async with made.browser:
        yield made
