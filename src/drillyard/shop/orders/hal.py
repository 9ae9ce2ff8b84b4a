"""
How orders are shown: compact to who placed one, as Spring Data REST's HAL pages to who reads.

HAL answers are pretty-printed as Jackson does it. They leave out every inner `id`; the order's own `id` and `status`
are shown, because people filter by them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop.money import JavaFloat, java_number
from drillyard.shop.orders.store import Order, StatusChange
from drillyard.shop.spring_web import java_date

HAL = "application/hal+json;charset=UTF-8"

_CUSTOMER = ("firstName", "lastName", "username", "addresses", "cards")
_ADDRESS = ("number", "street", "city", "postcode", "country")
_CARD = ("longNum", "expires", "ccv")
_ITEM = ("itemId", "quantity", "unitPrice")


def placed(order: Order) -> dict[str, Any]:
    """The body that answers POST /orders: upstream's keys in upstream's order, then the status."""
    return {
        "id": order.id,
        "customerId": order.customer_id,
        "customer": _keys(order.customer, ("id", *_CUSTOMER)),
        "address": _keys(order.address, ("id", *_ADDRESS)),
        "card": _keys(order.card, ("id", *_CARD)),
        "items": [_item(item, ("id", *_ITEM)) for item in order.items],
        "shipment": _keys(order.shipment, ("id", "name")) if order.shipment is not None else None,
        "date": java_date(order.date),
        "total": java_number(order.total),
        "status": order.status.value,
    }


def entry(order: Order, host: str) -> dict[str, Any]:
    """One order as a HAL resource, with links on the host that was asked."""
    href = f"http://{host}/orders/{order.id}"
    return {
        "id": order.id,
        "customerId": order.customer_id,
        "customer": _keys(order.customer, _CUSTOMER),
        "address": _keys(order.address, _ADDRESS),
        "card": _keys(order.card, _CARD),
        "items": [_item(item, _ITEM) for item in order.items],
        "shipment": _keys(order.shipment, ("name",)) if order.shipment is not None else None,
        "date": java_date(order.date),
        "total": java_number(order.total),
        "status": order.status.value,
        "_links": {"self": {"href": href}, "order": {"href": href}},
    }


def entry_with_history(order: Order, changes: Sequence[StatusChange], host: str) -> dict[str, Any]:
    """`entry`, and before its links an extra key that upstream lacks: every status with the time it was stored."""
    shown = entry(order, host)
    links = shown.pop("_links")
    history = [{"status": change.status.value, "at": java_date(change.at)} for change in changes]
    return {**shown, "statusHistory": history, "_links": links}


def _keys(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: values.get(key) for key in keys}


def _item(item: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {**_keys(item, keys), "unitPrice": java_number(item["unitPrice"])}


def answer(value: object) -> Response:
    """200 with the value pretty-printed as HAL."""
    return Response(jackson(value), headers={"content-type": HAL})


def search_result(request: Request, orders: Sequence[Order]) -> Response:
    """The answer of a search; its self link repeats the query string as it came."""
    host = request.headers.get("host", "orders")
    query = request.scope["query_string"].decode("latin-1")
    href = f"http://{host}{request.url.path}" + (f"?{query}" if query else "")
    return answer(
        {
            "_embedded": {"customerOrders": [entry(order, host) for order in orders]},
            "_links": {"self": {"href": href}},
        }
    )


def listing(request: Request, orders: Sequence[Order], *, total: int, page: int, size: int) -> Response:
    """One page of all orders, with links to its neighbours where there is more than one page."""
    base = f"http://{request.headers.get('host', 'orders')}"
    pages = -(-total // size)
    links: dict[str, Any] = {}
    if pages > 1:
        last = pages - 1
        links["first"] = _page_link(base, 0, size)
        if page > 0:
            links["prev"] = _page_link(base, page - 1, size)
        links["self"] = {"href": f"{base}/orders"}
        if page < last:
            links["next"] = _page_link(base, page + 1, size)
        links["last"] = _page_link(base, last, size)
    else:
        links["self"] = {"href": f"{base}/orders"}
    links["profile"] = {"href": f"{base}/profile/orders"}
    links["search"] = {"href": f"{base}/orders/search"}
    return answer(
        {
            "_embedded": {"customerOrders": [entry(order, base.removeprefix("http://")) for order in orders]},
            "_links": links,
            "page": {"size": size, "totalElements": total, "totalPages": pages, "number": page},
        }
    )


def _page_link(base: str, page: int, size: int) -> dict[str, str]:
    return {"href": f"{base}/orders?page={page}&size={size}"}


def jackson(value: object, indent: str = "") -> str:
    """Jackson's default pretty printer: two spaces, `"key" : value`, arrays on one line around their elements."""
    deeper = indent + "  "
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Mapping):
        if not value:
            return "{ }"
        members = [f"{deeper}{encode_basestring(key)} : {jackson(inner, deeper)}" for key, inner in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list | tuple):
        return "[ " + ", ".join(jackson(inner, indent) for inner in value) + " ]" if value else "[ ]"
    return str(value) if isinstance(value, JavaFloat) else json.dumps(value)
