"""
Routes of the cart: a customer's, or the session's own until somebody logs in.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop.front_end.answers import json_body, plain
from drillyard.shop.front_end.back_ends import BackEnds, segment
from drillyard.shop.front_end.failures import Failure
from drillyard.shop.front_end.log import Write, shown
from drillyard.shop.front_end.sessions import shopper_id


class Cart:
    """Asks the carts service; a sock's price comes from the catalogue."""

    def __init__(self, back_ends: BackEnds, log: Write) -> None:
        self._back_ends = back_ends
        self._log = log

    async def show(self, request: Request) -> Response:
        """GET /cart."""
        shopper = await shopper_id(request)
        self._log(f"Customer ID: {shown(shopper)}")
        answer = await self._back_ends.get(self._back_ends.items_url(shopper))
        return plain(answer.body, answer.status)

    async def empty(self, request: Request) -> Response:
        """DELETE /cart."""
        shopper = await shopper_id(request)
        self._log(f"Attempting to delete cart for user: {shown(shopper)}")
        answer = await self._back_ends.call("DELETE", self._back_ends.cart_url(shopper))
        self._log(f"User cart deleted with status: {answer.status}")
        return plain(status=answer.status)

    async def remove(self, request: Request) -> Response:
        """DELETE /cart/{itemId}."""
        shopper, item_id = await shopper_id(request), request.path_params["item_id"]
        self._log(f"Delete item from cart: {shown(item_id)}")
        answer = await self._back_ends.call("DELETE", f"{self._back_ends.items_url(shopper)}/{segment(item_id)}")
        self._log(f"Item deleted with status: {answer.status}")
        return plain(status=answer.status)

    async def add(self, request: Request) -> Response:
        """
        POST /cart `{"id"}`: 201, also for a sock that the catalogue does not know (carts then keeps an empty row).
        """
        body = await json_body(request)
        shopper = await shopper_id(request)
        self._log(f"Attempting to add to cart: {shown(body.get('id'))}")
        if body.get("id") is None:
            raise Failure("Must pass id of item to add")
        sock = await self._sock(body["id"])
        item = _without_absent(itemId=sock.get("id"), unitPrice=sock.get("price"))
        answer = await self._back_ends.call("POST", self._back_ends.items_url(shopper), json=item)
        if answer.status != 201:
            raise Failure(f"Unable to add to cart. Status code: {answer.status}")
        return plain(status=201)

    async def update(self, request: Request) -> Response:
        """POST /cart/update `{"id","quantity"}`: 202."""
        body = await json_body(request)
        shopper = await shopper_id(request)
        self._log(f"Attempting to update cart item: {shown(body.get('id'))}")
        if body.get("id") is None:
            raise Failure("Must pass id of item to update")
        if body.get("quantity") is None:
            raise Failure("Must pass quantity to update")
        sock = await self._sock(body["id"])
        item = _without_absent(itemId=sock.get("id"), unitPrice=sock.get("price"))
        item["quantity"] = _parse_int(body["quantity"])
        answer = await self._back_ends.call("PATCH", self._back_ends.items_url(shopper), json=item)
        if answer.status != 202:
            raise Failure(f"Unable to add to cart. Status code: {answer.status}")
        return plain(status=202)

    async def _sock(self, sock_id: object) -> dict[str, Any]:
        url = f"{self._back_ends.catalogue}/catalogue/{segment(_as_text(sock_id))}"
        return (await self._back_ends.get(url)).object()


def _as_text(value: object) -> str:
    """As JavaScript joins a value to a string."""
    if isinstance(value, bool):
        return str(value).lower()
    return "[object Object]" if isinstance(value, dict) else str(value)


def _without_absent(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _parse_int(value: object) -> int | None:
    """JavaScript's parseInt: the whole number at the start, or None (NaN, which JSON writes as null)."""
    match = re.match(r"\s*([+-]?[0-9]{1,18})", _as_text(value))
    return int(match[1]) if match else None
