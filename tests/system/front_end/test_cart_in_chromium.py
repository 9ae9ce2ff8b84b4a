"""
The cart's page in a real browser: what quick fingers, the keyboard and an odd cart make of it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from . import devtools

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(devtools.CHROMIUM is None, reason="no chromium on PATH"),
]

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
SPORT = "510a0d7e-8e83-4193-b483-e27e09ddc34d"
A_PICTURE = "/catalogue/images/holy_1.jpeg"
"""A page that asks for nothing: a first visitor's requests at once would each begin a session, and the last one counts."""


async def send(page: Any, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> None:
    """One request with the browser's own cookies."""
    sent = {"method": method, "headers": {"content-type": "application/json", **(headers or {})}}
    if body is not None:
        sent["body"] = json.dumps(body)
    await page.run(f"fetch({json.dumps(path)}, {json.dumps(sent)}).then(() => true)")


async def quantities(page: Any) -> list[list[Any]]:
    """What the carts service holds."""
    rows = "fetch('/cart').then((a) => a.json()).then((items) => items.map((item) => [item.itemId, item.quantity]))"
    found: list[list[Any]] = await page.run(rows)
    return found


async def test_every_quick_click_counts_and_the_keyboard_keeps_its_place(visit: Any) -> None:
    await visit.open(A_PICTURE)
    for sock in (HOLY, SPORT):
        await send(visit, "POST", "/cart", {"id": sock})
    await visit.open("/basket.html")
    await visit.shows("$119.98")
    plus = "document.querySelector('[aria-label=\"One more of SuperSport XL\"]')"
    await visit.run(f"{plus}.focus()")
    await visit.run(f"{plus}.click(); {plus}.click(); {plus}.click()")
    await visit.shows("$164.98")
    await visit.shows("5 items in cart")

    assert await quantities(visit) == [[HOLY, 1], [SPORT, 4]]
    assert await visit.run(f"document.activeElement === {plus}")
    await visit.run("document.querySelector('#rows .link-button').click()")
    await visit.shows("4 items in cart")
    assert await visit.run("document.activeElement.textContent") == "Remove SuperSport XL"
    assert await quantities(visit) == [[SPORT, 4]]


async def test_a_sock_in_two_rows_is_one_line(visit: Any) -> None:
    await visit.open(A_PICTURE)
    await send(visit, "GET", "/login", headers={"authorization": "Basic dXNlcjpwYXNzd29yZA=="})
    await send(visit, "POST", "/cart", {"id": SPORT})
    await visit.run("document.cookie = 'logged_in=; Max-Age=0; Path=/'")
    await send(visit, "POST", "/cart", {"id": SPORT})
    await send(visit, "GET", "/login", headers={"authorization": "Basic dXNlcjpwYXNzd29yZA=="})
    assert await quantities(visit) == [[SPORT, 1], [SPORT, 1]]

    await visit.open("/basket.html")
    await visit.shows("$34.99")
    await visit.run("document.querySelector('[aria-label=\"One more of SuperSport XL\"]').click()")
    await visit.shows("3 items in cart")
    assert await quantities(visit) == [[SPORT, 3]]


async def test_a_row_without_a_sock_is_named_so_and_goes_with_the_cart(visit: Any) -> None:
    await visit.open(A_PICTURE)
    await send(visit, "POST", "/cart", {"id": "the catalogue does not know it"})
    await visit.open("/basket.html")
    await visit.shows("Something the catalogue did not name")
    await visit.click("Empty the cart")
    await visit.shows("Your cart is empty.")
    await visit.shows("0 items in cart")

    assert await quantities(visit) == []
