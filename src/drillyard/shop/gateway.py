"""
The card charge at the payment gateway, through Stripe's official library.

One confirmed PaymentIntent per call, with the order's id in its metadata. As found: the library's own retries are off,
and the idempotency key is a new one for each call, so that a second call for an order charges a second time. The answer
is always an outcome with a message; the words are those that the incident documents search for.

Imported when a gateway is configured, since the library is large; a parent of forked services may import it beforehand.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import stripe

from drillyard.shop import tracing
from drillyard.shop.http_client import CallFailed, HttpClient, HungUp


@dataclass(frozen=True)
class Outcome:
    """What became of a charge: whether the money was taken, and the message for the customer and the log."""

    authorised: bool
    message: str


class _Transport(stripe.HTTPClient):
    """Stripe's requests over our own client, which takes no proxy from the environment."""

    name = "aiohttp"

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._http = HttpClient(timeout_s)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Raises APIConnectionError with the CallFailed as its cause."""
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = await self._http.call(method.upper(), url, headers=headers, body=body)
        except CallFailed as problem:
            raise stripe.APIConnectionError(str(problem)) from problem  # type: ignore[no-untyped-call]
        return answer.body, answer.status, answer.headers

    async def close_async(self) -> None:
        await self._http.close()


class Gateway:
    """A gateway at a base URL. Close it when done."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._transport = _Transport(timeout_s)
        stripe.enable_telemetry = False
        self._client = stripe.StripeClient(
            key, base_addresses={"api": url}, http_client=self._transport, max_network_retries=0
        )

    async def charge(self, cents: int) -> Outcome:
        """Charges so many cents to the customer's card. Takes at most the timeout; raises nothing of its own."""
        order_id = tracing.order_id.get()
        try:
            async with asyncio.timeout(self._timeout_s):
                intent = await self._client.v1.payment_intents.create_async(
                    {
                        "amount": cents,
                        "currency": "usd",
                        "payment_method": "pm_card_visa",
                        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                        "confirm": True,
                        "metadata": {"order_id": order_id} if order_id else {},
                    },
                    {"headers": tracing.outgoing_headers()},
                )
        except TimeoutError:
            return Outcome(False, self._network_error("context deadline exceeded"))
        except stripe.CardError:
            return Outcome(False, "Payment declined by gateway")
        except stripe.APIConnectionError as problem:
            return Outcome(False, self._network_error(_reason(problem.__cause__)))
        except stripe.StripeError as problem:
            return Outcome(False, _refusal(problem.http_status))
        if intent.status != "succeeded":
            return Outcome(False, "Payment declined by gateway")
        return Outcome(True, f"Payment authorized (charge: {intent.latest_charge})")

    def _network_error(self, reason: str) -> str:
        return f'Payment gateway error: Post "{self.url}/v1/payment_intents": {reason}'

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close_async()


def _refusal(status: int | None) -> str:
    if status is not None and status >= 500:
        return f"Payment gateway unavailable (HTTP {status})"
    if status == 429:
        return "Payment gateway rate limit exceeded"
    if status is not None and status >= 400:
        return f"Payment request failed (HTTP {status})"
    return "Payment gateway returned invalid JSON"


def _reason(problem: BaseException | None) -> str:
    """A network problem in Go's words."""
    if isinstance(problem, TimeoutError):
        return "context deadline exceeded"
    seen = problem
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return "dial tcp: lookup failed: no such host"
        if isinstance(seen, ConnectionRefusedError):
            return "dial tcp: connect: connection refused"
        if isinstance(seen, ExceptionGroup):
            seen = seen.exceptions[0]
            continue
        seen = seen.__cause__ or seen.__context__
    return "EOF" if isinstance(problem, HungUp) else f"{problem or type(problem).__name__}"
