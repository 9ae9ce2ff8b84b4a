"""
The calls to the four back services, each one try, with the trace and the order id passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from drillyard.shop import tracing
from drillyard.shop.front_end.failures import Failure, unreachable

ANSWER_BYTES_MAX = 16 << 20
"""More than any list of a drill's orders; a back-end gone mad must not fill this process."""


@dataclass(frozen=True)
class Answer:
    """What a back service said."""

    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises Failure where JSON.parse killed the original."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            if not self.body:
                raise Failure("Unexpected end of JSON input") from None
            first = self.body.decode(errors="replace")[0]
            raise Failure(f"Unexpected token {first} in JSON at position 0") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; anything else that is JSON counts as one without keys."""
        value = self.json()
        return value if isinstance(value, dict) else {}


class BackEnds:
    """Knows where the back services are."""

    def __init__(
        self, client: httpx.AsyncClient, *, catalogue_url: str, carts_url: str, orders_url: str, user_url: str
    ) -> None:
        self._client = client
        self.catalogue = catalogue_url
        self.orders = orders_url
        self.user = user_url
        self._carts = carts_url

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises Failure when no answer comes."""
        return await self.call("GET", url, headers=headers)

    async def call(
        self, method: str, url: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One try. An answer of any status is an answer; raises Failure when none comes."""
        sent = {
            "accept": "application/json",
            "accept-encoding": "identity",
            **tracing.outgoing_headers(),
            **(headers or {}),
        }
        content = None
        if json is not None:
            content = orjson.dumps(json)
            sent["content-type"] = "application/json"
        try:
            request = self._client.build_request(method, url, content=content, headers=sent)
        except (httpx.InvalidURL, ValueError) as problem:
            raise Failure("Invalid URI", error={"code": "ERR_INVALID_URL"}) from problem
        try:
            response = await self._client.send(request, stream=True)
            try:
                return Answer(response.status_code, response.headers, await _read(response))
            finally:
                await response.aclose()
        except httpx.HTTPError as problem:
            raise unreachable(problem, request.url) from problem

    def items_url(self, shopper_id: str) -> str:
        """The rows of a shopper's cart, in the form that orders is given."""
        return f"{self.cart_url(shopper_id)}/items"

    def cart_url(self, shopper_id: str) -> str:
        """A shopper's cart."""
        return f"{self._carts}/carts/{segment(shopper_id)}"

    def customer_url(self, customer_id: str) -> str:
        """A customer."""
        return f"{self.user}/customers/{segment(customer_id)}"

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def segment(text: str) -> str:
    """One segment of a path: whatever a stranger puts into it stays in it."""
    return quote(text, safe="")


async def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise httpx.ReadError("the answer is too large")
        parts.append(part)
    return b"".join(parts)
