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
    """Reads the ledger at `url` with the merchant's key."""

    def __init__(self, url: str, key: str) -> None:
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
