"""
The calls to the four back services, each one try, with the trace and the order id passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from drillyard.shop import http_client, tracing
from drillyard.shop.front_end.failures import Failure, unreachable
from drillyard.shop.http_client import BadUrl, CallFailed, HttpClient


class Answer(http_client.Answer):
    """What a back service said."""

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
        self, client: HttpClient, *, catalogue_url: str, carts_url: str, orders_url: str, user_url: str
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
        body = None
        if json is not None:
            body = orjson.dumps(json)
            sent["content-type"] = "application/json"
        try:
            answer = await self._client.call(method, url, headers=sent, body=body)
        except BadUrl as problem:
            raise Failure("Invalid URI", error={"code": "ERR_INVALID_URL"}) from problem
        except CallFailed as problem:
            raise unreachable(problem, URL(url)) from problem
        return Answer(answer.status, answer.reason, answer.headers, answer.body)

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
        await self._client.close()


def segment(text: str) -> str:
    """One segment of a path: whatever a stranger puts into it stays in it."""
    return quote(text, safe="")
