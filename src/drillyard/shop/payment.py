"""
payment: says yes or no to an amount, and where a gateway is configured has it charged there.

Its own rule comes first: an amount over `DECLINE_OVER` is declined (float32 compare, the limit itself is fine). Without
PAYMENT_GATEWAY_URL that is all, as in the stock service. The answer is 200 with `authorised` either way; only a request
that is no payment is an error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from drillyard.shop import go_web, service, settings
from drillyard.shop.go_json import GoJSONError, float32_field, unmarshal
from drillyard.shop.go_log import Took, log, log_to_stderr
from drillyard.shop.go_web import GoError
from drillyard.shop.metrics import BoundedPaths, new_registry, route_path
from drillyard.shop.money import float32, shortest

if TYPE_CHECKING:
    from drillyard.shop.gateway import Gateway


@dataclass(frozen=True, kw_only=True)
class PaymentSettings:
    """As found, `gateway_timeout_s` is far longer than the 5 s that orders waits: a late charge is a charge."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8080, least=0, most=65535)
    decline_over: float = settings.number(105, least=0, most=1e9)
    payment_gateway_url: str | None = settings.url(None, "http", "https")
    payment_gateway_key: str = settings.text(
        "sk_test_mock", fits="a key of printable ASCII", pattern=r"[\x21-\x7e]+", secret=True
    )
    gateway_timeout_s: float = settings.number(35, least=0.01, most=600)


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(PaymentSettings, serve_payment, argv)


def serve_payment(settings: PaymentSettings) -> int:
    """Serves with these settings."""
    log_to_stderr()
    if settings.payment_gateway_url:
        log("main.go:61", msg=f"Payment gateway: {settings.payment_gateway_url}")

    def announce(port: int) -> None:
        log("main.go:74", transport="HTTP", port=port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: PaymentSettings) -> ASGIApp:
    """The service as an ASGI application."""
    registry = new_registry()
    bounded = BoundedPaths()
    payment = Payment(settings)

    def path_label(scope: Scope) -> str:
        return (route_path(scope) or bounded(scope["path"])).strip("/").replace("/", "_").lower() or "root"

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await payment.close()

    return go_web.application(
        [
            go_web.method("POST", "/paymentAuth", payment.authorise),
            go_web.get("/health", payment.health),
        ],
        lifespan=lifespan,
        registry=registry,
        path_label=path_label,
        store_error=lambda problem: GoError(500, str(problem)),
    )


class Payment:
    """The two routes and the gateway behind them."""

    def __init__(self, settings: PaymentSettings) -> None:
        self._settings = settings
        self._limit = float32(settings.decline_over)
        self._clock = go_web.GoTime()
        self._gateway = _gateway(settings)

    async def authorise(self, request: Request) -> Response:
        """POST /paymentAuth {"amount": …}: 200 with `authorised` and `message`; 500 for what is no payment."""
        took = Took()
        body = await service.read_body(request)
        try:
            amount = float32(float32_field(unmarshal(body), "payment.AuthoriseRequest", "amount"))
        except GoJSONError as problem:
            raise GoError(500, str(problem)) from None
        if amount == 0:
            raw = body.decode("utf-8", "replace")
            raise GoError(500, f'Cannot unmarshal object key "amount" from JSON: {raw}')
        authorised, message = await self._decide(amount)
        log("logging.go:25", method="Authorise", result=authorised, message=message, took=took)
        return go_web.json_answer({"authorised": authorised, "message": message})

    async def _decide(self, amount: float) -> tuple[bool, str]:
        if amount < 0:
            log("logging.go:25", method="Authorise", result=False, err="Invalid payment amount")
            raise GoError(500, "Invalid payment amount")
        if amount > self._limit:
            return False, f"Payment declined: amount exceeds {self._settings.decline_over:.2f}"
        if self._gateway is None:
            return True, "Payment authorised"
        return await self._charge(amount, self._gateway)

    async def _charge(self, amount: float, gateway: Gateway) -> tuple[bool, str]:
        cents = round(shortest(amount) * 100)
        log("gateway.go:52", msg=f"Calling payment gateway: {gateway.url}/v1/payment_intents (amount={cents} cents)")
        started_s = time.monotonic()
        outcome = await gateway.charge(cents)
        level = "info" if outcome.authorised else "error"
        log("gateway.go:71", level=level, msg=outcome.message, took=f"{time.monotonic() - started_s:.2f}s")
        return outcome.authorised, outcome.message

    async def health(self, request: Request) -> Response:
        """GET /health: payment alone; the gateway is not asked, as found."""
        took = Took()
        answer = go_web.health(self._clock, [("payment", True)])
        log("logging.go:36", method="Health", result=1, took=took)
        return answer

    async def close(self) -> None:
        """Closes the connections to the gateway."""
        if self._gateway is not None:
            await self._gateway.close()


def _gateway(settings: PaymentSettings) -> Gateway | None:
    if settings.payment_gateway_url is None:
        return None
    from drillyard.shop.gateway import Gateway  # The library is large, and the stock service has no use for it.

    return Gateway(settings.payment_gateway_url, settings.payment_gateway_key, settings.gateway_timeout_s)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
