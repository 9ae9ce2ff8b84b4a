"""
Whatever a stranger sends, and whatever a back service answers, ends in one answer and never in an exception.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from . import fake_shop
from .conftest import make_front_end

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "quantity", "_links", "_embedded", "card", "address", "customer", "user", "href"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        "/cart",
        "/cart/update",
        "/orders",
        "/orders/1",
        "/register",
        "/addresses",
        "/cards",
        "/customers",
        "/customers/1",
        "/login",
        "/card",
        "/address",
    ]
) | st.text(max_size=20).map(lambda text: "/" + quote(text))
METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"])


async def _ask(method: str, path: str, body: Any, headers: dict[str, str], broken: Response | None) -> httpx.Response:
    shop = fake_shop.FakeShop()
    if broken is not None:
        shop.broken = dict.fromkeys(("catalogue", "carts", "orders", "user"), broken)
    front_end = make_front_end(shop)
    async with front_end.browser as browser:
        browser.cookies.set("logged_in", "x")
        return await browser.request(method, f"http://shop.test{path}", json=body, headers=headers)


@settings(max_examples=150, deadline=None)
@given(method=METHODS, path=PATHS, body=JSON, authorization=st.binary(max_size=12))
def test_any_request_is_answered(method: str, path: str, body: Any, authorization: bytes) -> None:
    headers: Any = {"authorization": b"Basic " + authorization.hex().encode()}

    answer = asyncio.run(_ask(method, path, body, headers, None))

    assert 200 <= answer.status_code < 600


@settings(max_examples=150, deadline=None)
@given(method=METHODS, path=PATHS, body=JSON, said=JSON, status=st.sampled_from([200, 201, 202, 404, 406, 500, 503]))
def test_any_answer_of_a_back_service_is_survived(method: str, path: str, body: Any, said: Any, status: int) -> None:
    broken = fake_shop.JSONResponse(said, status)

    answer = asyncio.run(_ask(method, path, body, {}, broken))

    assert 200 <= answer.status_code < 600


@settings(max_examples=60, deadline=None)
@given(path=PATHS, said=st.binary(max_size=20))
def test_any_bytes_of_a_back_service_are_survived(path: str, said: bytes) -> None:
    answer = asyncio.run(_ask("GET", path, None, {}, Response(said, 200)))

    assert 200 <= answer.status_code < 600
