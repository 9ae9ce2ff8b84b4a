"""
The bank, as its HTTP API shows it: the truth about money.
"""

from __future__ import annotations

from typing import Any

import httpx

from drillyard.base.errors import DrillyardError

_TIMEOUT_S = 10.0
_PAGE = 100


class BankClient:
    """Reads the ledger at `url` with the merchant's key, and switches its behaviour with the admin's key."""

    def __init__(self, url: str, key: str, admin_key: str = "") -> None:
        self._admin_headers = {"Authorization": f"Bearer {admin_key}"}
        self._client = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT_S)

    async def charges(self) -> list[dict[str, Any]]:
        """
        Every charge, newest first, as Stripe's charge objects.

        Raises DrillyardError when the bank does not answer.
        """
        return await self._all("/v1/charges")

    async def refunds(self) -> list[dict[str, Any]]:
        """Every refund, newest first, as Stripe's refund objects."""
        return await self._all("/v1/refunds")

    async def refund(self, charge: str, *, key: str) -> dict[str, Any]:
        """
        Gives back what the charge still holds, as Stripe's refund object; the idempotency key makes it happen once.

        Raises DrillyardError with the bank's own sentence when it refuses.
        """
        try:
            answer = await self._client.post("/v1/refunds", data={"charge": charge}, headers={"Idempotency-Key": key})
        except httpx.HTTPError as lost:
            raise DrillyardError(f"The bank did not answer: {type(lost).__name__} {lost}.") from lost
        if not answer.is_success:
            raise DrillyardError(f"The bank refused to refund {charge}: {answer.text.strip()[:300]}")
        made: dict[str, Any] = answer.json()
        return made

    async def behaviour(self) -> dict[str, Any]:
        """What is on: mode, share, delay_s, seed, and how many requests it has seen and struck."""
        return await self._admin("GET")

    async def behave(self, behaviour: dict[str, Any]) -> dict[str, Any]:
        """Puts a behaviour in. Raises DrillyardError with the bank's own sentence when it is refused."""
        return await self._admin("PUT", behaviour)

    async def behave_well(self) -> None:
        """Back to normal. Harmless twice."""
        await self._admin("DELETE")

    async def _admin(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, "/admin/behaviour", json=body, headers=self._admin_headers)
        except httpx.HTTPError as lost:
            raise DrillyardError(f"The bank did not answer: {type(lost).__name__} {lost}.") from lost
        if not answer.is_success:
            raise DrillyardError(f"The bank refused: {answer.text.strip()[:300]}")
        report: dict[str, Any] = answer.json()
        return report

    async def _all(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            parameters: dict[str, str | int] = {"limit": _PAGE}
            if rows:
                parameters["starting_after"] = rows[-1]["id"]
            try:
                answer = await self._client.get(path, params=parameters)
                answer.raise_for_status()
            except httpx.HTTPError as lost:
                raise DrillyardError(f"The bank did not answer {path}: {type(lost).__name__} {lost}.") from lost
            page = answer.json()
            rows += page["data"]
            if not page["has_more"]:
                return rows

    async def close(self) -> None:
        await self._client.aclose()
