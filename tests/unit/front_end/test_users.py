"""
Logging in, registering, and a customer's addresses and cards.
"""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

CUSTOMER = "57a98d98e4b00679b4a830b2"
ADDRESS = {"street": "Main Street", "number": "123", "city": "Springfield", "postcode": "12345", "country": "USA"}


async def test_a_log_in_sets_the_cookie_that_the_page_reads(front_end: Any) -> None:
    answer = await front_end.log_in()

    assert (answer.status_code, answer.text) == (200, "Cookie is set")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    cookies = answer.headers.get_list("set-cookie")
    session_id = front_end.browser.cookies["logged_in"]
    assert f"logged_in={session_id}; Max-Age=3600; Path=/" in cookies
    assert front_end.browser.cookies["md.sid"].startswith(f"s%3A{session_id}.")
    assert len(session_id) == 32


@pytest.mark.parametrize(("name", "password"), [("user", "wrong"), ("nobody", "password"), ("", ""), ("Ünï", "çødé")])
async def test_wrong_credentials_are_an_empty_401(front_end: Any, name: str, password: str) -> None:
    answer = await front_end.log_in(name, password)

    assert (answer.status_code, answer.text) == (401, "")
    assert "logged_in" not in front_end.browser.cookies
    assert "Error with log in: true" in front_end.log


async def test_a_log_in_without_credentials_is_401(front_end: Any, shop: Any) -> None:
    shop.broken["user"] = JSONResponse({"error": "Unauthorized", "status_code": 401}, 401)

    assert (await front_end.browser.get("/login")).status_code == 401


@pytest.mark.parametrize("broken", [Response("", 200), Response("nonsense", 200), JSONResponse({}), JSONResponse(5)])
async def test_a_user_service_that_talks_nonsense_is_401(front_end: Any, shop: Any, broken: Response) -> None:
    shop.broken["user"] = broken

    assert (await front_end.log_in()).status_code == 401


async def test_a_user_service_that_is_away_is_401(front_end: Any, shop: Any) -> None:
    shop.away.add("user")

    answer = await front_end.log_in()

    assert (answer.status_code, answer.text) == (401, "")
    assert "Error with log in: connect ECONNREFUSED user:80" in front_end.log


async def test_a_log_in_succeeds_while_carts_is_away(front_end: Any, shop: Any) -> None:
    shop.away.add("carts")

    assert (await front_end.log_in()).status_code == 200


async def test_posting_to_login_is_404(front_end: Any) -> None:
    answer = await front_end.browser.post("/login", json={"username": "user", "password": "password"})

    assert (answer.status_code, answer.text) == (404, "Cannot POST /login\n")


async def test_registering_logs_in(front_end: Any) -> None:
    answer = await front_end.browser.post("/register", json={"username": "new", "password": "x", "firstName": "New"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert (await front_end.browser.get("/customers/me")).json()["id"] == answer.json()["id"]


async def test_a_name_that_is_taken_is_409_in_words_for_the_customer(front_end: Any) -> None:
    answer = await front_end.browser.post("/register", json={"username": "user", "password": "x"})

    assert answer.status_code == 409
    assert answer.json() == {"error": "User already exists. Please choose a different username."}
    assert "logged_in" not in front_end.browser.cookies


async def test_registering_is_an_empty_500_when_user_fails(front_end: Any, shop: Any) -> None:
    shop.broken["user"] = JSONResponse({"error": "EOF", "status_code": 500}, 500)

    answer = await front_end.browser.post("/register", json={"username": "new"})

    assert (answer.status_code, answer.text) == (500, "")


async def test_registering_is_500_when_carts_is_away(front_end: Any, shop: Any) -> None:
    shop.away.add("carts")

    answer = await front_end.browser.post("/register", json={"username": "new"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "ECONNREFUSED")


async def test_passwords_and_cards_are_never_logged(front_end: Any) -> None:
    await front_end.browser.post("/register", json={"username": "new", "password": "hunter2"})
    await front_end.browser.post("/cards", json={"longNum": "4111111111111111", "expires": "12/29", "ccv": "737"})
    await front_end.log_in("user", "hunter2")

    log = "\n".join(front_end.log)
    for secret in ("hunter2", "4111111111111111", "737"):
        assert secret not in log


async def test_any_customer_path_shows_the_sessions_own_customer(front_end: Any) -> None:
    await front_end.log_in()

    answer = await front_end.browser.get("/customers/57a98d98e4b00679b4a830af")

    assert answer.json()["id"] == CUSTOMER
    assert "content-type" not in answer.headers


async def test_a_stranger_asking_for_a_customer_gets_the_error_of_user_with_200(front_end: Any) -> None:
    answer = await front_end.browser.get("/customers/x")

    assert (answer.status_code, answer.json()["error"]) == (200, "Invalid Id Hex")


async def test_first_address_and_last_digits_of_the_first_card(front_end: Any) -> None:
    await front_end.log_in()

    assert (await front_end.browser.get("/card")).json() == {"number": "5918"}
    assert (await front_end.browser.get("/address")).json()["street"] == "Whitelees Road"


@pytest.mark.parametrize("path", ["/card", "/address"])
async def test_a_customer_without_address_or_card_gets_status_code_500_with_200(front_end: Any, path: str) -> None:
    await front_end.browser.post("/register", json={"username": "new"})

    answer = await front_end.browser.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status_code": 500})
    async with front_end.another_browser() as stranger:
        assert (await stranger.get(path)).json() == {"status_code": 500}


async def test_an_address_and_a_card_are_added_for_the_customer(front_end: Any, shop: Any) -> None:
    await front_end.log_in()

    answer = await front_end.browser.post("/addresses", json=ADDRESS)

    assert (answer.status_code, list(answer.json())) == (200, ["id"])
    assert shop.calls[-1] == ("POST user", "/addresses", ADDRESS | {"userID": CUSTOMER})
    await front_end.browser.post("/cards", json={"longNum": "5544154011345918", "userID": "somebody else"})
    assert shop.calls[-1][2]["userID"] == CUSTOMER


async def test_a_strangers_address_goes_out_with_the_session_and_comes_back_as_an_error_with_200(
    front_end: Any,
) -> None:
    answer = await front_end.browser.post("/addresses", json=ADDRESS)

    assert (answer.status_code, answer.json()["error"]) == (200, "Invalid Id Hex")


async def test_a_customer_is_posted_without_an_owner(front_end: Any, shop: Any) -> None:
    await front_end.browser.post("/customers", json={"username": "x"})

    assert shop.calls[-1] == ("POST user", "/customers", {"username": "x"})


@pytest.mark.parametrize("path", ["/customers", "/addresses", "/cards", "/cards/57a98d98e4b00679b4a830b1"])
async def test_lists_are_passed_on(front_end: Any, shop: Any, path: str) -> None:
    answer = await front_end.browser.get(path)

    assert answer.status_code == 200
    assert shop.calls[-1][:2] == ("GET user", path)


@pytest.mark.parametrize("kind", ["customers", "addresses", "cards"])
async def test_deleting_answers_the_json_as_a_string(front_end: Any, shop: Any, kind: str) -> None:
    answer = await front_end.browser.delete(f"/{kind}/{CUSTOMER}")

    assert (answer.status_code, answer.text) == (200, '"{\\"status\\":true}"')
    assert shop.calls[-1][:2] == ("DELETE user", f"/{kind}/{CUSTOMER}")
