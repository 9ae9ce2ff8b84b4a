"""
The load tests of the original and of the incident documents, request by request, with the answers that they count on.
"""

from __future__ import annotations

from typing import Any

HOLY = "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"


async def test_an_iteration_of_the_original_load_test_succeeds_throughout(front_end: Any) -> None:
    browser = front_end.browser
    item = (await browser.get("/catalogue")).json()[2]["id"]
    requests = [
        ("GET", "/", {}),
        ("GET", "/login", {"auth": ("user", "password")}),
        ("GET", "/category.html", {}),
        ("GET", f"/detail.html?id={item}", {}),
        ("DELETE", "/cart", {}),
        ("POST", "/cart", {"json": {"id": item, "quantity": 1}}),
        ("GET", "/basket.html", {}),
        ("POST", "/orders", {}),
    ]

    statuses = [(await browser.request(method, path, **given)).status_code for method, path, given in requests]

    assert statuses == [200, 200, 200, 200, 202, 201, 200, 201]


async def test_the_shopper_of_the_incident_3_document_gets_the_answers_that_its_load_test_counts(
    front_end: Any,
) -> None:
    browser = front_end.browser
    order = {
        "customer": {"username": "user"},
        "address": {"street": "123 Main St", "city": "Springfield", "postcode": "12345", "country": "USA"},
        "card": {"longNum": "4111111111111111", "expires": "12/25", "ccv": "123"},
        "items": [{"itemId": "item-3", "quantity": 1}],
    }

    assert (await browser.post("/login", json={"username": "user", "password": "password"})).status_code == 404
    assert (await browser.get("/login")).status_code == 401
    assert (await browser.get(f"/catalogue/{HOLY}")).json()["name"] == "Holy"
    assert (await browser.post("/cart", json={"id": "item-42"})).status_code == 201
    answer = await browser.post("/orders", json=order)
    assert (answer.status_code, answer.json()["message"]) == (500, "User not logged in.")
    assert "4111111111111111" not in "\n".join(front_end.log)
