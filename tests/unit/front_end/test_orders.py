"""
Orders through the front-end: placing, listing, and what happens when a back service is away or broken.
"""

from __future__ import annotations

from typing import Any

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
CUSTOMER = "57a98d98e4b00679b4a830b2"


async def test_an_order_is_made_of_the_links_that_the_back_services_gave(front_end: Any, shop: Any) -> None:
    await front_end.log_in()
    await front_end.browser.post("/cart", json={"id": HOLY})

    answer = await front_end.browser.post("/orders")

    assert answer.status_code == 201
    assert answer.json()["status"] == "PAID"
    assert "content-type" not in answer.headers
    sent = next(body for call, _, body in shop.calls if call == "POST orders")
    assert sent == {
        "customer": f"http://user/customers/{CUSTOMER}",
        "address": "http://user/addresses/57a98d98e4b00679b4a830b0",
        "card": "http://user/cards/57a98d98e4b00679b4a830b1",
        "items": f"http://carts/carts/{CUSTOMER}/items",
    }
