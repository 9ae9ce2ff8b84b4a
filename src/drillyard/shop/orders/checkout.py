"""
The way of one order: fetched, stored, paid, shipped. As found: no retry, no idempotency, no compensation.

The order is stored before it is paid, so that nobody can be charged for an order that we do not know. Every step is
stored before the next begins; a step that fails leaves the order where it was (PAYMENT_FAILED, or PAID and not
shipped), and the customer gets a 500 or 406. A payment that answers after our limit may still take the money.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson

from drillyard.shop import tracing
from drillyard.shop.http_client import CallFailed, HttpClient, NotConnected, reason_of
from drillyard.shop.money import java_number
from drillyard.shop.object_id import ObjectIds
from drillyard.shop.orders.basket import Basket, FetchError, FetchTimeout, OrderRequest, fetch_basket
from drillyard.shop.orders.status import Status
from drillyard.shop.orders.store import Order, OrderStore, with_status
from drillyard.shop.spring_web import SpringError

_log = logging.getLogger("works.weave.socks.orders.controllers.OrdersController")
_servlet_log = logging.getLogger("org.apache.catalina.core.ContainerBase.[Tomcat].[localhost].[/].[dispatcherServlet]")
_EXCEPTIONS = "works.weave.socks.orders.controllers.OrdersController$"
_IO_TEXT = "Unable to create order due to unspecified IO error."
_TIMEOUT_TEXT = "Unable to create order due to timeout from one of the services."


class Checkout:
    """Places orders. One per process."""

    def __init__(
        self, store: OrderStore, client: HttpClient, *, payment_url: str, shipping_url: str, timeout_s: float
    ) -> None:
        self._store = store
        self._client = client
        self._payment_url = f"{payment_url}/paymentAuth"
        self._shipping_url = f"{shipping_url}/shipping"
        self._timeout_s = timeout_s
        self._new_id = ObjectIds()

    async def place(self, request: OrderRequest) -> Order:
        """
        Returns the paid and queued order. Raises SpringError: 406 when payment declines, 500 when a callee fails;
        DatabaseUnavailable when orders-db does.
        """
        try:
            basket = await fetch_basket(self._client, request, self._timeout_s)
        except FetchTimeout as problem:
            _log.error("%s %s", _TIMEOUT_TEXT, problem)
            raise _failure(_TIMEOUT_TEXT) from problem
        except FetchError as problem:
            _log.error("%s %s", _IO_TEXT, problem)
            raise _failure(_IO_TEXT) from problem
        order = await self._create(basket)
        order = await self._pay(order)
        return await self._ship(order)

    async def _create(self, basket: Basket) -> Order:
        order = Order(
            id=self._new_id(),
            customer_id=basket.customer_id,
            customer=basket.customer,
            address=basket.address,
            card=basket.card,
            items=basket.items,
            shipment=None,
            date=datetime.now(UTC),
            total=basket.total,
            total_cents=basket.total_cents,
            status=Status.CREATED,
        )
        tracing.order_id.set(order.id)
        await self._store.create(order)
        _log.info("Order created with ID: %s and status: Created", order.id)
        await self._store.change_status(order.id, Status.PENDING)
        _log.info("Order %s status updated to PENDING", order.id)
        return with_status(order, Status.PENDING)

    async def _pay(self, order: Order) -> Order:
        _log.info("Sending payment request for order %s: %s", order.id, _described(order))
        body = {
            "address": order.address,
            "card": order.card,
            "customer": order.customer,
            "amount": order.total,
        }
        url = self._payment_url
        try:
            answer = await self._post(url, body)
        except NotConnected as problem:
            reason = reason_of(problem)
            cause = (
                "org.springframework.web.client.ResourceAccessException: I/O error on POST request for "
                f'"{url}": {reason} ({reason}); nested exception is java.net.ConnectException: {reason} ({reason})'
            )
            raise await self._payment_failed(
                order, cause, reason, _failure(f"Payment service unavailable for order {order.id}")
            ) from problem
        except TimeoutError as problem:
            why = f"no answer within {self._timeout_s:g} s"
            cause = f'java.util.concurrent.TimeoutException: POST request for "{url}": {why}'
            raise await self._payment_failed(order, cause, why, _failure(_TIMEOUT_TEXT)) from problem
        except (_Refused, CallFailed) as problem:
            raise await self._payment_failed(
                order, _as_java(problem, url), reason_of(problem), _failure(_IO_TEXT)
            ) from problem
        return await self._judge(order, answer)

    async def _judge(self, order: Order, answer: object) -> Order:
        """Decides by payment's answer. Whatever is not an object with `authorised` is no authorisation."""
        if not isinstance(answer, dict) or not isinstance(answer.get("authorised"), bool):
            message = "Unable to parse authorisation packet"
            raise await self._payment_failed(order, message, message, _declined(message))
        authorised, message = answer["authorised"], str(answer.get("message"))
        _log.info(
            "Received payment response for order %s: PaymentResponse{authorised=%s, message=%s}",
            order.id,
            str(authorised).lower(),
            message,
        )
        if not authorised:
            cause = f"{_EXCEPTIONS}PaymentDeclinedException: {message}"
            raise await self._payment_failed(order, cause, message, _declined(message))
        await self._store.change_status(order.id, Status.PAID)
        _log.info("Order %s payment successful, status updated to PAID", order.id)
        return with_status(order, Status.PAID)

    async def _payment_failed(self, order: Order, cause: str, why: str, error: SpringError) -> SpringError:
        _log.error("Payment failed for order %s: %s", order.id, cause)
        await self._store.change_status(order.id, Status.PAYMENT_FAILED)
        _log.warning("Order %s status updated to PAYMENT_FAILED due to: %s", order.id, why)
        if error.status >= 500:
            _servlet_log.error("Servlet.service() threw exception: %s", error.message)
        return error

    async def _ship(self, order: Order) -> Order:
        """Hands the paid order to shipping. A failure here leaves it PAID: charged, and on no queue."""
        try:
            answer = await self._post(self._shipping_url, {"id": str(uuid.uuid4()), "name": order.customer_id})
            if not isinstance(answer, dict):
                raise _Refused("shipping's answer is no shipment")
        except TimeoutError as problem:
            _log.error("Shipping failed for order %s: no answer within %g s", order.id, self._timeout_s)
            raise self._not_shipped(_TIMEOUT_TEXT) from problem
        except (_Refused, CallFailed) as problem:
            _log.error("Shipping failed for order %s: %s", order.id, _as_java(problem, self._shipping_url))
            raise self._not_shipped(_IO_TEXT) from problem
        shipment = {"id": answer.get("id"), "name": answer.get("name")}
        await self._store.add_shipment(order.id, shipment)
        return with_status(order, Status.PAID, shipment)

    def _not_shipped(self, message: str) -> SpringError:
        _servlet_log.error("Servlet.service() threw exception: %s", message)
        return _failure(message)

    async def _post(self, url: str, body: object) -> Any:
        """The parsed answer of a JSON POST; None where it is no JSON. Raises CallFailed, TimeoutError, _Refused."""
        headers = {"content-type": "application/json", "accept": "application/json", **tracing.outgoing_headers()}
        async with asyncio.timeout(self._timeout_s):
            answer = await self._client.call("POST", url, headers=headers, body=orjson.dumps(body))
        if not answer.is_success:
            kind = "HttpServerErrorException" if answer.status >= 500 else "HttpClientErrorException"
            raise _Refused(f"org.springframework.web.client.{kind}: {answer.status} null")
        try:
            return orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return None


class _Refused(Exception):
    """A callee answered, but with a status or a body that is no use. The text is the Java exception's."""


def _failure(message: str) -> SpringError:
    return SpringError(500, message, "java.lang.IllegalStateException")


def _declined(message: str) -> SpringError:
    return SpringError(406, message, f"{_EXCEPTIONS}PaymentDeclinedException")


def _described(order: Order) -> str:
    """The payment request for the log: enough to follow the money, nothing to steal it with."""
    number = str(order.card.get("longNum") or "")
    last = number[-4:] if len(number) >= 12 else ""
    return (
        f"PaymentRequest{{customer='{order.customer_id}', card=Card{{longNum='************{last}'}}, "
        f"amount={java_number(order.total)}}}"
    )


def _as_java(problem: Exception, url: str) -> str:
    if isinstance(problem, _Refused):
        return str(problem)
    where = f'I/O error on POST request for "{url}"'
    return f"org.springframework.web.client.ResourceAccessException: {where}: {reason_of(problem)}"
