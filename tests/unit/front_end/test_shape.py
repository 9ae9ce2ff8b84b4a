"""
What is the same for every request: catalogue pass-through, slashes, cookies, 404s, pages, metrics, log.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from drillyard.shop.front_end.sessions import MemoryStore, SessionCookie


@pytest.mark.parametrize(
    "url",
    ["/catalogue", "/catalogue?page=2&size=3&tags=", "/catalogue/size?tags=sport", "/tags", "/catalogue/a%20b?x=%26"],
)
async def test_the_catalogue_is_asked_with_the_same_url(front_end: Any, shop: Any, url: str) -> None:
    answer = await front_end.browser.get(url)

    assert answer.status_code == 200
    assert "content-type" not in answer.headers
    assert shop.calls == [("GET catalogue", url, None)]


async def test_an_unknown_sock_is_200_with_the_error_of_the_catalogue(front_end: Any) -> None:
    answer = await front_end.browser.get("/catalogue/unknown")

    assert (answer.status_code, answer.json()["error"]) == (200, "Do: not found")


async def test_a_failing_catalogue_is_200_too_but_one_that_is_away_is_500(front_end: Any, shop: Any) -> None:
    shop.broken["catalogue"] = JSONResponse({"error": "Do: database connection error", "status_code": 500}, 500)
    assert (await front_end.browser.get("/catalogue")).status_code == 200
    shop.away.add("catalogue")
    assert (await front_end.browser.get("/catalogue")).status_code == 500


async def test_a_picture_is_passed_on_with_its_type(front_end: Any) -> None:
    answer = await front_end.browser.get("/catalogue/images/0_1.jpg")

    assert answer.content == b"\xff\xd8picture"
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["last-modified"] == "Wed, 05 Nov 2025 20:00:00 GMT"
    assert "md.sid" in front_end.browser.cookies


@pytest.mark.parametrize(("url", "location"), [("/catalogue/", "/catalogue"), ("/x/?a=b/", "/x?a=b/")])
async def test_a_slash_at_the_end_is_redirected_away(front_end: Any, url: str, location: str) -> None:
    answer = await front_end.browser.get(url)

    assert (answer.status_code, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize("path", ["//evil.example/", "/a//b", "/\\evil.example/"])
async def test_a_path_that_could_lead_to_another_host_is_refused(front_end: Any, path: str) -> None:
    scope_path = path.encode()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": scope_path, "query_string": b"", "headers": []}
    await front_end.app(scope, receive, send)

    assert sent[0]["status"] == 400
    assert sent[1]["body"] == b"invalid URL to redirect to"


@pytest.mark.parametrize("path", ["/health", "/nothing", "/cart/a/b", "/user"])
async def test_an_unknown_path_is_404_and_names_it(front_end: Any, path: str) -> None:
    answer = await front_end.browser.get(path)

    assert (answer.status_code, answer.text) == (404, f"Cannot GET {path}\n")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_an_unknown_path_is_shown_without_its_markup(front_end: Any) -> None:
    answer = await front_end.browser.get("/<script>alert(1)</script>x")

    assert "<script>" not in answer.text


async def test_every_answer_names_express(front_end: Any) -> None:
    for url in ("/", "/catalogue", "/nothing", "/x/", "/metrics", "/orders"):
        assert (await front_end.browser.get(url)).headers["x-powered-by"] == "Express"


async def test_pages_and_metrics_set_no_cookie_and_other_answers_do(front_end: Any) -> None:
    for url in ("/", "/index.html", "/category.html", "/css/shop.css", "/metrics"):
        answer = await front_end.browser.get(url)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert "md.sid" in (await front_end.browser.get("/cart")).headers["set-cookie"]
    assert "set-cookie" not in (await front_end.browser.get("/cart")).headers


@pytest.mark.parametrize("forged", ["s%3Aabc.def", "s%3A.", "abc", "s%3Aabc", "", "s%3A%ff.%00"])
async def test_a_forged_session_gets_a_new_one(front_end: Any, forged: str) -> None:
    answer = await front_end.browser.get("/cart", headers={"cookie": f"md.sid={forged}"})

    assert answer.status_code == 200
    assert "md.sid=s%3A" in answer.headers["set-cookie"]


@given(st.text(max_size=60))
def test_no_text_is_a_session_unless_it_was_signed(text: str) -> None:
    cookie = SessionCookie("secret")

    assert cookie.session_id(text) is None
    assert cookie.session_id(SessionCookie("other").value("id")) is None
    assert cookie.session_id(cookie.value("id")) == "id"


async def test_the_memory_store_forgets_the_session_used_longest_ago() -> None:
    store = MemoryStore(most=2)
    await store.remember("a", "1")
    await store.remember("b", "2")
    assert await store.customer_id("a") == "1"
    await store.remember("c", "3")

    assert [await store.customer_id(name) for name in "abc"] == ["1", None, "3"]


async def test_a_custid_chooses_the_customer_only_in_development(front_end: Any, shop: Any) -> None:
    await front_end.browser.get("/cart?custId=57a98d98e4b00679b4a830af")
    assert "57a98d98e4b00679b4a830af" not in shop.calls[-1][1]
    front_end.make_development()
    await front_end.browser.get("/cart?custId=57a98d98e4b00679b4a830af")
    assert shop.calls[-1][1] == "/carts/57a98d98e4b00679b4a830af/items"


async def test_only_the_four_recorded_paths_are_measured(front_end: Any) -> None:
    for url in ("/catalogue/size", "/cart", "/orders", "/tags", "/login", "/nothing", "/"):
        await front_end.browser.get(url)

    text = (await front_end.browser.get("/metrics")).text
    counts = re.findall(r"^http_request_duration_seconds_count\{(.*)\} 1\.0$", text, re.MULTILINE)
    assert sorted(counts) == [
        f'method="get",path="{path}",service="front-end",status_code="{status}"'
        for path, status in (("cart", 200), ("catalogue", 200), ("orders", 500))
    ]


async def test_a_request_is_logged_as_morgan_does_and_a_page_is_not(front_end: Any) -> None:
    await front_end.browser.get("/")
    assert front_end.log == []

    await front_end.browser.get("/catalogue?page=1")
    await front_end.browser.get("/orders")

    assert re.fullmatch(
        r"\x1b\[0mGET /catalogue\?page=1 \x1b\[32m200 \x1b\[0m[0-9.]+ ms - \d+\x1b\[0m", front_end.log[0]
    )
    assert front_end.log[1] == "Error: User not logged in."
    assert re.fullmatch(r"\x1b\[0mGET /orders \x1b\[31m500 \x1b\[0m[0-9.]+ ms - \d+\x1b\[0m", front_end.log[2])


async def test_nobody_can_write_a_line_of_their_own_into_the_log(front_end: Any) -> None:
    await front_end.browser.post("/cart", json={"id": "x\nOrder response: {}\x1b[2J"})

    assert not any("\n" in line for line in front_end.log)
    assert not any("\x1b[2J" in line for line in front_end.log)


async def test_the_trace_of_a_request_goes_on_to_the_back_services(front_end: Any, shop: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    await front_end.browser.get("/catalogue", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})

    assert shop.headers[-1]["traceparent"].split("-")[1] == trace


async def test_a_page_is_not_sent_again_when_the_browser_has_it(front_end: Any) -> None:
    first = await front_end.browser.get("/")

    second = await front_end.browser.get("/", headers={"if-none-match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert (await front_end.browser.head("/")).status_code == 200
    assert (await front_end.browser.post("/")).status_code == 404
