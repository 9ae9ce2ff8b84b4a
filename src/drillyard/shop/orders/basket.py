"""
What an order is made of: four documents fetched side by side from user and carts.

Each wait ends after `timeout_s`, counted from when it begins, as in the original: items first, then address, card and
customer. Whatever cannot be fetched or read is a FetchError or a FetchTimeout; nothing is retried.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import orjson

from drillyard.shop.http_client import CallFailed, HttpClient, reason_of
from drillyard.shop.money import Line, shortest, total_cents, wire_total
from drillyard.shop.tracing import outgoing_headers

_INT_MAX = 2**31 - 1


class FetchError(Exception):
    """A callee could not be reached, refused, or answered something that is not what was asked for."""


class FetchTimeout(Exception):
    """A callee did not answer within the limit."""


@dataclass(frozen=True, kw_only=True)
class OrderRequest:
    """Where the four documents of an order are."""

    customer: str
    address: str
    card: str
    items: str


@dataclass(frozen=True, kw_only=True)
class Basket:
    """The four documents in the order's own shape, and what they cost."""

    customer_id: str
    customer: dict[str, Any]
    address: dict[str, Any]
    card: dict[str, Any]
    items: list[dict[str, Any]]
    total: float
    total_cents: int


async def fetch_basket(client: HttpClient, request: OrderRequest, timeout_s: float) -> Basket:
    """Raises FetchError, FetchTimeout."""
    hal = "application/hal+json"
    started = {
        name: asyncio.create_task(_get(client, url, accept))
        for name, url, accept in (
            ("address", request.address, hal),
            ("customer", request.customer, hal),
            ("card", request.card, hal),
            ("items", request.items, "application/json"),
        )
    }
    try:
        answers = {}
        for name in ("items", "address", "card", "customer"):
            try:
                answers[name] = await asyncio.wait_for(started[name], timeout_s)
            except TimeoutError:
                raise FetchTimeout(f"GET of {name} took longer than {timeout_s:g} s") from None
    finally:
        for task in started.values():
            task.cancel()
        await asyncio.gather(*started.values(), return_exceptions=True)
    return _basket(answers)


async def _get(client: HttpClient, url: str, accept: str) -> Any:
    try:
        answer = await client.call("GET", url, headers={"accept": accept, **outgoing_headers()})
    except TimeoutError:
        raise
    except CallFailed as problem:
        raise FetchError(f'I/O error on GET request for "{url}": {reason_of(problem)}') from problem
    if not answer.is_success:
        raise FetchError(f'GET request for "{url}": {answer.status} {answer.reason}')
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as problem:
        raise FetchError(f'GET request for "{url}": the answer is not JSON') from problem


def _basket(answers: dict[str, Any]) -> Basket:
    try:
        if not isinstance(answers["items"], list):
            raise TypeError("items are no list")
        items = [_item(item) for item in answers["items"]]
        lines = [Line(item["quantity"], float(item["unitPrice"])) for item in items]
        return Basket(
            customer_id=_last_word(answers["customer"]["_links"]["self"]["href"]),
            customer=_customer(answers["customer"]),
            address=_texts(answers["address"], ("number", "street", "city", "postcode", "country")),
            card=_texts(answers["card"], ("longNum", "expires", "ccv")),
            items=items,
            total=shortest(wire_total(lines)),
            total_cents=total_cents(lines),
        )
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as problem:
        raise FetchError(f"an answer lacks what an order needs: {type(problem).__name__} {problem}") from problem


def _item(item: dict[str, Any]) -> dict[str, Any]:
    quantity = item["quantity"]
    if type(quantity) is not int or not -_INT_MAX <= quantity <= _INT_MAX:
        raise ValueError(f"quantity {quantity!r}")
    return {
        "id": item.get("id"),
        "itemId": str(item["itemId"]),
        "quantity": quantity,
        "unitPrice": shortest(float(item["unitPrice"])),
    }


def _customer(customer: dict[str, Any]) -> dict[str, Any]:
    lists = {key: customer[key] if isinstance(customer.get(key), list) else [] for key in ("addresses", "cards")}
    return {**_texts(customer, ("firstName", "lastName", "username")), **lists}


def _texts(document: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The document's own keys, and an `id` that the original never fills."""
    return {"id": None, **{key: document.get(key) for key in keys}}


def _last_word(href: str) -> str:
    words: list[str] = re.findall(r"[\w-]+", href)
    return words[-1]
