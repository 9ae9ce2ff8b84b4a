"""
What no route foresaw becomes one answer in the service's own words and one log line, and the server never sees it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from drillyard.shop import go_web, spring_web
from drillyard.shop.go_web import GoError
from drillyard.shop.metrics import new_registry


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    yield


async def broken(request: Request) -> Response:
    raise ZeroDivisionError("nobody thought of this")


async def half(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    return StreamingResponse(parts())


ROUTES = [Route("/broken", broken), Route("/half", half)]


def spring() -> Any:
    return spring_web.application(
        ROUTES, service="carts", boot="2.0", port=1, lifespan=lifespan, registry=new_registry()
    )


def go() -> Any:
    return go_web.application(
        ROUTES,
        lifespan=lifespan,
        registry=new_registry(),
        path_label=lambda scope: "x",
        store_error=lambda problem: GoError(500, "store"),
    )


async def ask(app: Any, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        return await client.get(path)


async def test_a_spring_service_answers_in_boots_body() -> None:
    answer = await ask(spring(), "/broken")

    assert answer.status_code == 500
    assert list(answer.json()) == ["timestamp", "status", "error", "message", "path"]


async def test_a_go_service_answers_in_gos_body() -> None:
    answer = await ask(go(), "/broken")

    assert (answer.status_code, answer.json()["error"]) == (500, "internal error")


async def test_an_answer_that_broke_in_the_middle_is_not_continued() -> None:
    with pytest.raises(ZeroDivisionError):
        await ask(go(), "/half")
