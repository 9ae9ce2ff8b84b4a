"""
queue-master: does the work of each shipment on the queue, then tells orders that it is SHIPPED.

The work is a wait of WORK_MS. A shipment is acknowledged after orders has stored it; while orders is away it goes back
to the queue, with a pause. What orders refuses for good (an unknown order, or one that may not be shipped) and what is
no shipment at all is dropped with an ERROR line: there is no dead-letter queue, and a retry could not help.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
from aio_pika.abc import AbstractIncomingMessage
from prometheus_client import CollectorRegistry, Counter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from drillyard.base.clock import Clock, SystemClock
from drillyard.shop import service, settings, spring_web, tracing
from drillyard.shop.consumer import Consumer, Verdict
from drillyard.shop.http_client import CallFailed, HttpClient, reason_of
from drillyard.shop.metrics import new_registry
from drillyard.shop.shipping_queue import QUEUE
from drillyard.shop.spring_log import log_to_stdout, thread_name

_log = logging.getLogger("works.weave.socks.queuemaster.ShippingTaskHandler")
_start_log = logging.getLogger("works.weave.socks.queuemaster.QueueMasterApplication")
_ORDERS_TIMEOUT_S = 5
_FINISH_S = 0.4


@dataclass(frozen=True, kw_only=True)
class QueueMasterSettings:
    """`work_ms` is how long one shipment takes; 0 in benchmarks."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8080, least=0, most=65535)
    amqp_url: str = settings.url("amqp://guest:guest@rabbitmq:5672/", "amqp")
    work_ms: int = settings.whole(200, least=0, most=3_600_000)
    orders_url: str = settings.url("http://orders", "http", "https")


@dataclass(frozen=True)
class Task:
    """A shipment off the queue. `name` is the customer's id, as in the original; a foreign message has no order."""

    id: str
    name: str
    order_id: str | None


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(QueueMasterSettings, serve_queue_master, argv)


def serve_queue_master(settings: QueueMasterSettings) -> int:
    """Serves with these settings."""
    started_s = time.monotonic()
    log_to_stdout("queue-master")

    def announce(port: int) -> None:
        took_s = time.monotonic() - started_s
        _start_log.info("Started QueueMasterApplication in %.3f seconds (port %d)", took_s, port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: QueueMasterSettings) -> ASGIApp:
    """The service as an ASGI application, whose lifespan runs the consumer."""
    registry = new_registry()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with HttpClient(_ORDERS_TIMEOUT_S) as client:
            handler = ShippingTaskHandler(settings, client, SystemClock(), registry)
            consumer = Consumer(settings.amqp_url, handler, SystemClock())
            app.state.consumer = consumer
            running = asyncio.create_task(consumer.run())
            running.add_done_callback(_say_why_it_ended)
            yield
            await consumer.finish(_FINISH_S)
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    return spring_web.application(
        [Route("/health", health, methods=["GET"])],
        service="queue-master",
        boot="1.4",
        port=settings.port,
        lifespan=lifespan,
        registry=registry,
        metrics_path="/prometheus",
        metrics_name="request_duration_seconds",
        path_label="route",
    )


class ShippingTaskHandler:
    """Handles one message: the work, then the report to orders."""

    def __init__(
        self, settings: QueueMasterSettings, client: HttpClient, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._handled = Counter(
            "shipment_tasks", "Messages taken off the queue, by what became of them.", ["outcome"], registry=registry
        )

    async def __call__(self, message: AbstractIncomingMessage) -> Verdict:
        """The verdict on the message. Raises nothing but cancellation."""
        thread_name.set("SimpleAsyncTaskExecutor-1")
        verdict = await self._handle(message)
        self._handled.labels(outcome=verdict.name.lower()).inc()
        return verdict

    async def _handle(self, message: AbstractIncomingMessage) -> Verdict:
        header = {key: value for key, value in message.headers.items() if isinstance(value, str)}
        task = read_task(message.body)
        order_id = header.get(tracing.ORDER_ID_HEADER) or (task.order_id if task else None)
        tracing.continue_from(header, order_id)
        with tracing.handling(QUEUE) as step:
            verdict = await self._work(message, task, tracing.order_id.get())
            if step is not None and verdict is not Verdict.DONE:
                step.fail(verdict.name.lower(), "")
            return verdict

    async def _work(self, message: AbstractIncomingMessage, task: Task | None, order_id: str | None) -> Verdict:
        if task is None:
            _log.error("Dropped a message of %d bytes that is no shipment (order %s)", len(message.body), order_id)
            return Verdict.USELESS
        _log.info("Consuming from queue: %s order %s", QUEUE, order_id)
        _log.info("Received shipment task: %s order %s", task.name, order_id)
        await self._clock.sleep(self._settings.work_ms / 1000)
        verdict = await self._report(order_id) if order_id else Verdict.DONE
        if verdict is Verdict.DONE:
            _log.info("Message processed successfully: shipment %s order %s", task.id, order_id)
        return verdict

    async def _report(self, order_id: str) -> Verdict:
        url = f"{self._settings.orders_url}/orders/{order_id}"
        try:
            answer = await self._client.call(
                "PATCH",
                url,
                headers={"content-type": "application/json", **tracing.outgoing_headers()},
                body=b'{"status":"SHIPPED"}',
            )
        except CallFailed as problem:
            _log.warning(
                "Returned to queue: order %s could not be reported to orders: %s", order_id, reason_of(problem)
            )
            return Verdict.AGAIN
        if answer.is_success:
            return Verdict.DONE
        if answer.status in (400, 404, 409):
            _log.error("Dropped the shipment of order %s: orders answered %d", order_id, answer.status)
            return Verdict.USELESS
        _log.warning("Returned to queue: orders answered %d for order %s", answer.status, order_id)
        return Verdict.AGAIN


def read_task(body: bytes) -> Task | None:
    """The shipment in a message's body, or None where there is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    order_id = value.get("orderId")
    return Task(str(value.get("id", "")), str(value.get("name", "")), order_id if isinstance(order_id, str) else None)


def _say_why_it_ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("The consumer ended: %r", task.exception())


async def health(request: Request) -> Response:
    """GET /health: queue-master, then whether it is consuming."""
    consumer: Consumer = request.app.state.consumer
    return spring_web.health([("queue-master", True), ("queue-master-rabbitmq", consumer.consuming)])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
