"""
A bank in this process: its real application and ledger, a clock that only tests move, and a caller that holds the key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from drillyard.bank.app import build
from drillyard.bank.settings import BankSettings
from drillyard.base.clock import VirtualClock

KEY = "sk_test_mock"
ADMIN_KEY = "admin"


@dataclass
class Bank:
    """The bank as its callers see it, its clock, and the lines it logged."""

    caller: httpx.AsyncClient
    clock: VirtualClock
    log: list[str]

    async def post(self, path: str, key: str | None = None, **form: Any) -> httpx.Response:
        """`metadata__order_id=1` is sent as `metadata[order_id]=1`."""
        headers = {"Idempotency-Key": key} if key else {}
        data = {_bracketed(name): str(value) for name, value in form.items()}
        return await self.caller.post(path, data=data, headers=headers)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.caller.get(path, params={_bracketed(name): str(value) for name, value in query.items()})

    async def pay(self, key: str | None = None, **form: Any) -> httpx.Response:
        given = {"amount": 1999, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"} | form
        return await self.post("/v1/payment_intents", key, **given)

    async def charges(self) -> list[dict[str, Any]]:
        answer = await self.get("/v1/charges", limit=100)
        charges: list[dict[str, Any]] = answer.json()["data"]
        return charges

    async def misbehave(self, **behaviour: Any) -> httpx.Response:
        return await self.caller.put("/admin/behaviour", json=behaviour, headers=admin())


def admin() -> dict[str, str]:
    return {"Authorization": f"Bearer {ADMIN_KEY}"}


def _bracketed(name: str) -> str:
    first, *rest = name.split("__")
    return first + "".join(f"[{part}]" for part in rest)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def bank(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Bank]:
    log: list[str] = []
    settings = BankSettings(data=tmp_path, key=KEY, admin_key=ADMIN_KEY)
    app = build(settings, log=log.append, clock=clock)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://bank", headers=headers) as caller:
            yield Bank(caller, clock, log)
