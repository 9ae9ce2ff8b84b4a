"""
Who may speak to the bank, and what a stranger gets.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest


async def test_without_a_key_the_answer_is_401_and_says_how_to_give_one(bank: Any) -> None:
    answer = await bank.caller.get("/v1/balance", headers={"Authorization": ""})

    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("You did not provide an API key.")
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key", ["sk_test_wrongwrong", "x", "sk_live_schlüssel", "sk_test_mock2"])
async def test_a_wrong_key_is_401_and_is_shown_masked(bank: Any, key: str) -> None:
    answer = await bank.caller.get("/v1/balance", headers={"Authorization": f"Bearer {key}".encode()})

    assert answer.status_code == 401
    assert "Invalid API Key provided" in answer.json()["error"]["message"]
    assert key == "x" or key not in answer.text


async def test_the_key_may_come_as_the_user_name_of_basic_authentication(bank: Any) -> None:
    basic = base64.b64encode(b"sk_test_mock:").decode()

    assert (await bank.caller.get("/v1/balance", headers={"Authorization": f"Basic {basic}"})).status_code == 200
    assert (await bank.caller.get("/v1/balance", headers={"Authorization": "Basic %%%"})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/customers"), ("DELETE", "/v1/charges"), ("GET", "/"), ("PUT", "/v1/balance/")]
)
async def test_what_the_bank_does_not_have_is_an_unrecognized_url(bank: Any, method: str, path: str) -> None:
    answer = await bank.caller.request(method, path)

    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path}).")


async def test_every_answer_has_a_request_id_of_its_own(bank: Any) -> None:
    answers = [await bank.get("/v1/balance"), await bank.get("/v1/nothing"), await bank.get("/health")]

    ids = {answer.headers["request-id"] for answer in answers}
    assert len(ids) == 3
    assert all(identifier.startswith("req_") for identifier in ids)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"amount": 1}', "application/json", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"amount=%ff", "application/x-www-form-urlencoded", 400),
        (b"a[b=1", "application/x-www-form-urlencoded", 400),
        (b"a[b][c][d][e]=1", "application/x-www-form-urlencoded", 400),
        (b"amount=1&amount[x]=2", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"m[%d]=1" % number for number in range(300)), "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_in_one_sentence(
    bank: Any, content: bytes, kind: str, status: int
) -> None:
    answer = await bank.caller.post("/v1/charges", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "\n" not in answer.json()["error"]["message"]


async def test_health_needs_no_key(bank: Any) -> None:
    answer = await bank.caller.get("/health", headers={"Authorization": ""})

    assert answer.json() == {"service": "bank", "status": "OK", "time": "2025-11-05T20:00:00.000Z"}
