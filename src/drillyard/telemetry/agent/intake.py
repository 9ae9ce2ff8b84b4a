"""
The way to the intake: one session, and for every answer a plain decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import aiohttp
import orjson

TIMEOUT_S = 10.0


class Delivery(Enum):
    """What became of a payload."""

    DONE = "done"
    LATER = "later"
    """The intake is away or busy: try again."""
    NEVER = "never"
    """The intake refuses this payload, and would again."""


class Intake:
    """Datadog's intake and API as the agent uses them."""

    def __init__(self, session: aiohttp.ClientSession, api_key: str) -> None:
        self._session = session
        self._headers = {"DD-API-KEY": api_key, "Content-Type": "application/json", "DD-EVP-ORIGIN": "agent"}
        self.trouble = ""
        """Why the last post was not taken; empty when it was."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Delivery:
        """Sends once. Cancelled or failed, it may have arrived all the same."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            sent = self._headers | dict(headers or {})
            async with self._session.post(url, data=body, headers=sent, timeout=timeout) as answer:
                await answer.read()
                status = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as lost:
            self.trouble = f"no answer ({type(lost).__name__})"
            return Delivery.LATER
        self.trouble = "" if status < 300 else f"HTTP {status}"
        if status < 300:
            return Delivery.DONE
        return Delivery.NEVER if status in (400, 404, 405, 413, 415, 422) else Delivery.LATER

    async def post_json(self, url: str, content: Any) -> Delivery:
        """Sends an object as JSON."""
        return await self.post(url, orjson.dumps(content))

    async def valid(self, api_url: str) -> bool:
        """Whether the intake answers and takes our key."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._session.get(
                f"{api_url}/api/v1/validate", headers=self._headers, timeout=timeout
            ) as answer:
                await answer.read()
                return answer.status == 200
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
