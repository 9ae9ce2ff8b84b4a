"""
The pages in a real browser: the order of the Incident 3 document click by click, and what a customer reads when payment fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from . import devtools

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(devtools.CHROMIUM is None, reason="no chromium on PATH"),
]

PAGES = "/ /category.html /detail.html?id=03fef6ac-1896-4ce8-bd69-b798f85c6e0b /basket.html /login.html /register.html"


async def order_as_the_document_says(page: Any) -> None:
    """Login, two socks, cart icon, Proceed to checkout, address, Next, up to the button Place Order."""
    await page.open("/category.html")
    await page.click("SuperSport XL")
    await page.shows("Add to cart")
    await page.click("Add to cart")
    await page.shows("SuperSport XL is in your cart.")
    await page.click("Go to your cart")
    await page.click("Proceed to checkout")
    await page.fill(username="user", password="password")
    await page.click("Log in")
    await page.click("Proceed to checkout")
    await page.fill(address="123 Main Street", city="Springfield", postcode="12345", country="USA")
    await page.click("Next")
    await page.shows("Place Order")


def payment(page: Any, behaves: str) -> None:
    httpx.put(f"{page.shop.orders_url}/payment", json={"is": behaves}).raise_for_status()


async def test_an_order_from_the_first_sock_to_shipped(visit: Any) -> None:
    await order_as_the_document_says(visit)
    await visit.shows("123 Main Street")
    await visit.click("Place Order")

    await visit.shows("Thank you. Your order is placed.")
    await visit.shows("The payment is confirmed.")
    identifier = await visit.run("document.getElementById('number').textContent")
    reached = "[...document.querySelectorAll('.timeline .reached')].map((e) => e.firstChild.data)"
    assert await visit.run(reached) == ["Created", "Pending", "Paid"]
    await visit.shows("$19.99")
    await visit.run("window.lost = window.fetch; window.fetch = () => Promise.reject(new TypeError('away')); true")
    await visit.shows("This order cannot be read at the moment.")
    await visit.run("window.fetch = window.lost; true")
    await visit.until("!document.body.innerText.includes('cannot be read')")
    httpx.patch(f"{visit.shop.orders_url}/orders/{identifier}", json={"status": "SHIPPED"}).raise_for_status()
    await visit.shows("Your socks are on their way.")
    assert await visit.run(reached) == ["Created", "Pending", "Paid", "Shipped"]
    times = await visit.run("[...document.querySelectorAll('.timeline time')].map((e) => e.textContent)")
    assert [time[2:] for time in times] == [":03:55", ":03:56", ":03:57", ":04:10"]  # The hour is the reader's zone's.
    await visit.open("/basket.html")
    await visit.shows("Your cart is empty.")
    await visit.open("/checkout4.html")
    await visit.shows("there is nothing to order")
    assert await visit.run("document.getElementById('place').offsetParent") is None


async def test_when_payment_is_away_the_customer_reads_the_documents_words_and_the_true_state(visit: Any) -> None:
    payment(visit, "is away")
    await order_as_the_document_says(visit)
    await visit.click("Place Order")

    for words in ("Unable to process payment", "Payment service unavailable", "Please try again later"):
        await visit.shows(words)
    assert await visit.run("document.activeElement.getAttribute('role')") == "alert"
    assert "charged" not in await visit.text()
    await visit.click("See your orders")
    await visit.shows("Payment failed")
    await visit.run("document.querySelector('#rows a').click()")
    await visit.shows("so nothing is being sent")
    await visit.open("/basket.html")
    await visit.shows("Proceed to checkout")


async def test_a_double_click_places_two_orders(visit: Any) -> None:
    await order_as_the_document_says(visit)
    await visit.run("(() => { const b = document.getElementById('place'); b.click(); b.click(); })()")
    await visit.shows("Thank you.")

    await visit.open("/customer-orders.html")
    await visit.until("document.querySelectorAll('#rows tr').length === 2")


async def test_a_new_customer_registers_gives_a_card_and_orders(visit: Any) -> None:
    await visit.open("/detail.html?id=03fef6ac-1896-4ce8-bd69-b798f85c6e0b")
    await visit.click("Add to cart")
    await visit.shows("Holy is in your cart.")
    await visit.open("/register.html?next=/checkout1.html")
    await visit.fill(username="new", firstName="New", lastName="Person", password="secret")
    await visit.run("(() => { const b = document.querySelector('#register button'); b.click(); b.click(); })()")
    await visit.fill(address="4 Maes-Y-Deri", city="Aberdare", postcode="CF44 6TF", country="United Kingdom")
    assert [url.rpartition("/")[2] for url in visit.requested].count("register") == 1
    await visit.fill(longNum="4242 4242 4242 4242", expires="08/29", ccv="737")
    await visit.click("Next")
    await visit.shows("Card ending in 4242")
    await visit.click("Place Order")

    await visit.shows("Thank you.")
    await visit.shows("New Person")


HOSTILE = "<img src=x onerror='window.owned=1'><script>window.owned=1</script>'; DROP TABLE customers; --"


async def test_html_in_every_text_field_is_shown_as_text_and_nothing_is_executed(visit: Any) -> None:
    await visit.open("/register.html?next=/checkout1.html")
    await visit.fill(username=HOSTILE, firstName=HOSTILE, lastName=HOSTILE, email="a@b.c", password="secret")
    await visit.run("document.querySelector('#register button').click()")
    await visit.until("document.getElementById('address')?.offsetParent")
    assert f"Logged in as {HOSTILE} {HOSTILE}" in await visit.text()
    order = {"id": "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"}
    post = f"{{method: 'POST', headers: {{'content-type': 'application/json'}}, body: {json.dumps(json.dumps(order))}}}"
    await visit.run(f"fetch('/cart', {post}).then(() => true)")
    await visit.fill(address=HOSTILE, city=HOSTILE, postcode=HOSTILE, country=HOSTILE)
    await visit.fill(longNum="4242 4242 4242 4242", expires="08/29", ccv="737")
    await visit.click("Next")
    await visit.shows("Place Order")
    assert await visit.run("document.body.innerText.split('<script>').length") > 4
    await visit.click("Place Order")
    await visit.shows("Thank you.")
    assert HOSTILE in await visit.text()
    escaped = json.dumps(HOSTILE)
    for path in ("/category.html?tags=", "/detail.html?id=", "/customer-order.html?order=", "/login.html?next="):
        await visit.run(f"location.href = {json.dumps(path)} + encodeURIComponent({escaped})")
        await visit.until(
            f"location.pathname === {json.dumps(path.partition('?')[0])} && document.querySelector('.brand')"
        )
        assert await visit.run("[window.owned, document.querySelector('img[src=x]')]") == [None, None], path


async def test_a_login_leads_nowhere_but_into_the_shop(visit: Any) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "javascript:window.owned=1", "/\\evil.example"):
        await visit.open("/login.html")
        await visit.run(f"location.search = '?next=' + encodeURIComponent({json.dumps(elsewhere)})")
        await visit.until(f"new URLSearchParams(location.search).get('next') === {json.dumps(elsewhere)}")
        await visit.fill(username="user", password="password")
        await visit.click("Log in")
        await visit.shows("Logged in as")
        assert await visit.run("[location.origin, window.owned]") == [visit.shop.url, None], elsewhere
        await visit.click("Log out")
        await visit.shows("Login")


async def test_the_catalogue_is_filtered_and_paged(visit: Any) -> None:
    await visit.open("/category.html")
    await visit.shows("Showing 6 of 10 products")
    await visit.click("Next page")
    await visit.shows("Showing 4 of 10 products")
    await visit.click("magic")
    await visit.shows("Showing 1 of 1 products")
    assert "tags=magic" in await visit.run("location.search")
    assert await visit.run("document.querySelector('#socks .name').innerText") == "Holy"
    await visit.run("history.back()")
    await visit.shows("Showing 4 of 10 products")
    await visit.run("history.back()")
    await visit.shows("Showing 6 of 10 products")
    assert await visit.run("document.querySelectorAll('.chip[aria-pressed=true]').length") == 1  # That of all.


async def test_a_page_never_claims_what_only_the_bank_knows(visit: Any) -> None:
    await visit.open("/")
    answers = [
        (500, "Payment service unavailable for order 6900953ac1f4320001b50703"),
        (500, "Unable to create order due to timeout from one of the services."),
        (500, "Unable to create order due to unspecified IO error."),
        (406, 'Payment gateway error: Post "http://bank/v1/charges": dial tcp 10.96.0.9:80: connection refused'),
        (406, "Payment gateway unavailable (HTTP 503)"),
        (406, "Payment declined: amount exceeds 105.00"),
        (406, "Payment declined by gateway"),
        (406, "Invalid order request. Order requires customer, address, card and items."),
        (503, ""),
        (0, ""),
    ]
    explained = "m.map(([status, text]) => Object.values(module.explain(status, text)).flat().join(' '))"
    load = (
        f"import('/js/order-failure.js').then((module) => {{ const m = {json.dumps(answers)}; return {explained}; }})"
    )
    texts = await visit.run(load)

    assert not any("charged" in text or "http://" in text or "10.96" in text for text in texts)
    uncertain = [text for text in texts if "look at your orders" in text.lower()]
    assert len(uncertain) == 7
    assert "limit of $105.00" in texts[5]


async def test_every_page_says_so_when_nothing_behind_it_answers(visit: Any) -> None:
    await visit.open("/")
    await visit.run("document.cookie = 'logged_in=x; Path=/'; true")
    body = json.dumps(json.dumps({"message": "connect ECONNREFUSED", "error": {"code": "ECONNREFUSED"}}))
    await visit.command(
        "Page.addScriptToEvaluateOnNewDocument",
        source=f"window.fetch = () => Promise.resolve(new Response({body}, {{status: 500}}))",
    )
    for path in [
        *PAGES.split()[:4],
        "/checkout1.html",
        "/checkout4.html",
        "/customer-orders.html",
        "/customer-order.html?order=/orders/x",
    ]:
        await visit.open(path)
        await visit.until("document.querySelector('#messages [role=alert]')")
        assert await visit.run("document.querySelectorAll('h1').length") >= 1, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_a_phone_in_light_and_dark(visit: Any, scheme: str) -> None:
    await visit.command("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    await visit.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await order_as_the_document_says(visit)
    await visit.click("Place Order")
    await visit.shows("Thank you.")
    order = await visit.run("location.pathname + location.search")
    for path in [*PAGES.split(), "/checkout1.html", "/checkout4.html", "/customer-orders.html", order]:
        await visit.open(path)
        await visit.until("document.querySelector('.site-header .brand')")
        assert await visit.run("document.documentElement.scrollWidth") <= 360, path
        small = (
            "[...document.querySelectorAll('button, .button, nav a, select, input')].filter((e) => e.offsetParent "
            "&& e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"
        )
        assert await visit.run(small) == [], path
    background = await visit.run("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(250, 247, 242)", "dark": "rgb(26, 24, 22)"}[scheme]


async def test_the_first_tab_leads_past_the_header_and_every_stop_shows_its_focus(visit: Any) -> None:
    await visit.open("/detail.html?id=03fef6ac-1896-4ce8-bd69-b798f85c6e0b")
    await visit.shows("Add to cart")
    stops: list[str] = []
    for _ in range(14):
        for kind in ("keyDown", "keyUp"):
            await visit.command("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        stops.append(await visit.run("document.activeElement.innerText || document.activeElement.ariaLabel || ''"))
        assert await visit.run("getComputedStyle(document.activeElement).outlineStyle") == "solid", stops[-1]
        if stops[-1] == "Add to cart":
            break

    assert stops[0] == "Skip to content"
    assert stops[-1] == "Add to cart"
    await visit.command(
        "Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r", windowsVirtualKeyCode=13
    )
    await visit.command("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    await visit.shows("Holy is in your cart.")


async def test_the_older_order_pages_read_shipped_whatever_happened(start_front_end: Any, tmp_path: Path) -> None:
    front_end = start_front_end(ORDER_PAGES="v1")
    httpx.put(f"{front_end.orders_url}/payment", json={"is": "is away"}).raise_for_status()
    async with devtools.browser(front_end.url, tmp_path / "profile") as page:
        await order_as_the_document_says(page)
        await page.click("Place Order")
        await page.shows("Payment service unavailable")
        await page.click("See your orders")
        await page.shows("Shipped")

        assert "Payment failed" not in await page.text()
