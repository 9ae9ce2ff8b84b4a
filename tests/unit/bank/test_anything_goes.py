"""
Whatever a stranger posts, the bank answers with an object or with one error object, and never loses its balance.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from drillyard.bank.app import build
from drillyard.bank.settings import BankSettings

NAMES = st.sampled_from(
    [
        "amount",
        "currency",
        "source",
        "payment_method",
        "confirm",
        "capture",
        "charge",
        "payment_intent",
        "metadata[order_id]",
        "metadata",
        "expand[]",
        "capture_method",
        "limit",
        "query",
        "page",
        "off_session",
        "description",
        "starting_after",
        "created[gte]",
        "created",
        "reason",
        "amount_to_capture",
        "payment_method_data[type]",
        "payment_method_data[card][token]",
    ]
)
VALUES = st.sampled_from(
    [
        "500",
        "usd",
        "tok_visa",
        "pm_card_visa",
        "true",
        "card",
        "latest_charge",
        "data.payment_intent",
        "amount>1",
        "manual",
        "-1",
        "0",
    ]
)
FORMS = st.dictionaries(NAMES, VALUES | st.text(max_size=6), max_size=6)
PATHS = st.sampled_from(
    [
        "/v1/charges",
        "/v1/charges/x",
        "/v1/charges/search",
        "/v1/charges/x/capture",
        "/v1/payment_intents",
        "/v1/payment_intents/x",
        "/v1/payment_intents/search",
        "/v1/payment_methods/pm_card_visa",
        "/v1/payment_intents/x/confirm",
        "/v1/payment_intents/x/capture",
        "/v1/payment_intents/x/cancel",
        "/v1/refunds",
        "/v1/refunds/x",
        "/v1/balance",
        "/admin/behaviour",
    ]
) | st.text(max_size=12).map(lambda text: "/" + quote(text))
REQUESTS = st.lists(st.tuples(st.sampled_from(["GET", "POST", "PUT"]), PATHS, FORMS, st.text(max_size=3)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS)
def test_any_request_is_answered_with_an_object_or_an_error(
    requests: list[tuple[str, str, dict[str, str], str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_ask(Path(folder), requests))


async def _ask(folder: Path, requests: list[tuple[str, str, dict[str, str], str]]) -> None:
    log: list[str] = []
    app = build(BankSettings(data=folder, admin_key="admin"), log=log.append)
    async with app.router.lifespan_context(app):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), headers={"Authorization": "Bearer sk_test_mock"})
        async with client:
            for method, path, form, key in requests:
                answer = await _send(client, method, f"http://bank{path}", form, key)
                body = answer.json()
                assert ("error" in body) == (answer.status_code >= 400), body
                assert answer.status_code < 500, body
    assert not any("\n" in line for line in log)


async def _send(client: httpx.AsyncClient, method: str, url: str, form: dict[str, str], key: str) -> Any:
    headers: Any = {"Idempotency-Key": key.encode()} if key.strip() and "\x00" not in key else {}
    if method == "GET":
        return await client.get(url, params=form, headers=headers)
    return await client.request(method, url, data=form, headers=headers)
