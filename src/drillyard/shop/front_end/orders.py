"""
Routes of the orders: a customer's list, one order, and placing one from the cart.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop.front_end.answers import json_body, piped, plain, plain_json, target
from drillyard.shop.front_end.back_ends import BackEnds, segment
from drillyard.shop.front_end.failures import Failure
from drillyard.shop.front_end.log import Write, order_response, shown
from drillyard.shop.front_end.sessions import is_logged_in, session_of


class Orders:
    """Asks the orders service; an order is made of links to customer, address, card and items."""

    def __init__(self, back_ends: BackEnds, log: Write) -> None:
        self._back_ends = back_ends
        self._log = log

    async def list_all(self, request: Request) -> Response:
        """GET /orders: 201 (as the original answers) and the customer's orders, oldest first."""
        customer_id = await _customer_id(request)
        url = f"{self._back_ends.orders}/orders/search/customerId?sort=date&custId={segment(customer_id)}"
        answer = await self._back_ends.get(url)
        if answer.status == 404:
            self._log(f"No orders found for user: {shown(customer_id)}")
            return plain_json([], 201)
        embedded = answer.object().get("_embedded")
        if not isinstance(embedded, dict):
            raise Failure("Cannot read properties of undefined (reading 'customerOrders')")
        return plain_json(embedded.get("customerOrders"), 201)

    async def show(self, request: Request) -> Response:
        """GET /orders/…: the back service's answer, whole."""
        url = self._back_ends.orders + target(request)
        return piped(await self._back_ends.get(url, headers={"accept": "*/*"}))

    async def place(self, request: Request) -> Response:
        """POST /orders: the body is not looked at. The back service's status and body."""
        await json_body(request)  # A malformed one fails before anything else, as in the original.
        customer_id = await _customer_id(request)
        customer = (await self._back_ends.get(self._back_ends.customer_url(customer_id))).object()
        links = customer.get("_links")
        if not isinstance(links, dict):
            raise Failure("Cannot read properties of undefined (reading 'customer')")
        address, card = await asyncio.gather(
            self._first_link(_href(links, "addresses"), "address"), self._first_link(_href(links, "cards"), "card")
        )
        order = {
            "customer": _href(links, "customer"),
            "address": address,
            "card": card,
            "items": self._back_ends.items_url(customer_id),
        }
        self._log(f"Posting Order: {shown(order['items'])}")
        answer = await self._back_ends.call("POST", f"{self._back_ends.orders}/orders", json=order)
        self._log(order_response(answer))
        return plain(answer.body, answer.status)

    async def _first_link(self, url: str, kind: str) -> str | None:
        """The link of a customer's first address or card; None when there is none. Raises Failure."""
        body = (await self._back_ends.get(url)).object()
        embedded = body.get("_embedded")
        if body.get("status_code") == 500 or not isinstance(embedded, dict):
            return None
        entries = embedded.get(kind)
        if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
            return None
        return _href(entries[0].get("_links"), "self")


async def _customer_id(request: Request) -> str:
    if not is_logged_in(request):
        raise Failure("User not logged in.")
    return await session_of(request).customer_id()


def _href(links: Any, name: str) -> str:
    link = links.get(name) if isinstance(links, dict) else None
    if not isinstance(link, dict) or not isinstance(link.get("href"), str):
        raise Failure("Cannot read properties of undefined (reading 'href')")
    href: str = link["href"]
    return href
