"""
A shop in memory, for drills in virtual time: one queue, one consumer, one bank, and the same routes and answers as the real one.

It is small on purpose; that the real yard answers alike is what tests/incidents shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.client import ObjectList
from drillyard.drills.scene import DrillSettings, Scene
from drillyard.incidents import catalogue
from drillyard.record.verdicts import Check
from drillyard.record.writer import RecordWriter
from drillyard.yard.broker import QueueView
from drillyard.yard.datadog import Found

WELL = {"mode": "none", "share": 1.0, "delay_s": 0.0, "seed": 0}
SOCK = {"id": "sock-1", "name": "Holy", "price": 18, "count": 1, "tag": [], "imageUrl": [], "description": ""}


@dataclass
class FakeYard:
    """Answers as a yard does. The attributes are what a test bends."""

    clock: VirtualClock
    folder: Any
    consumers: int = 1
    scaling_works: bool = True
    consumer_works_twice: bool = False
    lost_orders: int = 0
    stuck_messages: int = 0
    warn_line: bool = False
    forgetful_bank: bool = False
    is_gone: bool = False
    page_took_s: float = 0.02
    page_error: str | None = None
    behaviour_on: dict[str, Any] = field(default_factory=lambda: dict(WELL))
    struck: int = 0
    username: str = ""
    state: Any = field(default_factory=lambda: SimpleNamespace(name="default"))
    replicas: int = 1
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    lines: list[tuple[datetime, str, str]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    carts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api = self.broker = self.bank = self.datadog = self  # type: ignore[assignment]
        self.transport = httpx.MockTransport(self._answer)

    def gone(self) -> bool:
        return self.is_gone

    # The Kubernetes API.
    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        template = {"spec": {"containers": [{"env": [{"name": "DECLINE_OVER", "value": "105"}]}]}}
        return {"spec": {"replicas": self.replicas, "template": template}}

    async def list(self, kind: str, namespace: str | None = None, **_: Any) -> ObjectList:
        if kind == "pods":
            ready = [{"type": "Ready", "status": "True"}]
            pods = [{"metadata": {"name": "queue-master-1"}, "status": {"conditions": ready}}] * self.replicas
            return ObjectList([{"metadata": {"name": "orders-1"}, "status": {"conditions": ready}}, *pods], "1")
        if kind == "deployments":
            return ObjectList([{"metadata": {"name": "queue-master"}, "spec": {"replicas": self.replicas}}], "1")
        return ObjectList([], "1")

    async def patch(self, kind: str, namespace: str, name: str, patch: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.clock.elapsed_s += 0.01  # A pod takes a moment to end.
        if self.scaling_works:
            self.replicas = self.consumers = patch["spec"]["replicas"]
            self._consume()
        return {}

    async def ready_addresses(self, service: str, namespace: str = "sock-shop") -> int:
        return self.replicas

    # The broker.
    async def queue_view(self) -> QueueView:
        depth = len(self.queue) + self.stuck_messages
        return QueueView(depth, depth, 0, self.consumers)

    # The bank.
    async def charges(self) -> list[dict[str, Any]]:
        return self.ledger

    async def refunds(self) -> list[dict[str, Any]]:
        return []

    async def behaviour(self) -> dict[str, Any]:
        return {**self.behaviour_on, "seen": self.struck, "struck": self.struck}

    async def behave(self, behaviour: dict[str, Any]) -> None:
        self.behaviour_on = dict(behaviour)

    async def behave_well(self) -> None:
        self.behaviour_on = dict(WELL)

    # The telemetry.
    async def logs(self, query: str, start: datetime, end: datetime, **_: Any) -> Found:
        wanted = list(query.split('"')[1::2])
        services = [
            name
            for name in ("orders", "shipping", "queue-master", "front-end", "payment")
            if f"sock-shop-{name}" in query
        ]
        if not services and "service:" in query:
            return Found(0, [])
        if "WARN" in query:
            wanted = ["WARN"]
        elif "(31m500 OR" in query:
            wanted = ["31m500"]
        found = [
            {"attributes": {"timestamp": at.isoformat(), "message": text}}
            for at, service, text in self.lines
            if start <= at <= end and service in services and all(part in text for part in wanted)
        ]
        return Found(len(found), found)

    async def events(self, query: str, start: datetime, end: datetime, **_: Any) -> Found:
        return Found(1, [{"attributes": {"message": "Scaled down replica set queue-master-1 from 1 to 0"}}])

    async def count(self, query: str, start: datetime, end: datetime) -> int:
        return (await self.logs(query, start, end)).count

    async def metrics(self, query: str, start: datetime, end: datetime) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        return []

    async def containers(self, filter_tags: str) -> Found:
        return Found(self.replicas, [])

    # The shop.
    def url(self, service: str) -> str:
        return "http://front-end"

    async def orders(self) -> list[dict[str, Any]]:
        return list(self.stored.values())

    def _say(self, service: str, text: str) -> None:
        self.lines.append((self.clock.now(), service, text))

    def _consume(self) -> None:
        while self.consumers and self.queue:
            order_id = self.queue.pop(0)
            for _ in range(2 if self.consumer_works_twice else 1):
                self._say("queue-master", f"Message processed successfully: order {order_id}")
            if order_id in self.stored:
                self.stored[order_id]["status"] = "SHIPPED"
                self._say("orders", f"Order {order_id} shipped successfully")

    def _charge(self, order: dict[str, Any]) -> None:
        cents = round(order["total"] * 100)
        self.ledger.append(
            {
                "id": f"ch_{order['id']}",
                "created": int(self.clock.now().timestamp()),
                "amount": cents,
                "amount_captured": cents,
                "amount_refunded": 0,
                "captured": True,
                "refunded": False,
                "paid": True,
                "status": "succeeded",
                "currency": "usd",
                "metadata": {"order_id": order["id"]},
            }
        )

    def _decline(self, order: dict[str, Any], *, captured: bool) -> httpx.Response:
        self.struck += 1
        self.stored[order["id"]] = order | {"status": "PAYMENT_FAILED"}
        if captured and not self.forgetful_bank:
            self._charge(order)
        message = "Payment gateway error: EOF" if captured else "Payment gateway unavailable (HTTP 500)"
        self._say("payment", message)
        self._say("orders", f"Payment failed for order {order['id']}: {message}")
        return httpx.Response(406, json={"status": 406, "message": message})

    def _place(self) -> httpx.Response:
        order_id = f"{len(self.lines):024x}"
        date = f"{self.clock.now():%Y-%m-%dT%H:%M:%S.000+0000}"
        total = 18.0 * self.carts.get("items", 1) + 4.99
        order = {
            "id": order_id,
            "status": "PAID",
            "total": total,
            "customerId": self.username,
            "customer": {"username": self.username},
            "items": [{"itemId": "sock-1", "quantity": self.carts.get("items", 1)}],
            "date": date,
        }
        mode = self.behaviour_on["mode"]
        if mode != "none":
            return self._decline(order, captured="after" in mode)
        if self.lost_orders:
            self.lost_orders -= 1
        else:
            self.stored[order_id] = dict(order)
        self._charge(order)
        self._say("shipping", f"Published shipment for order {order_id}")
        if self.warn_line:
            self._say("orders", f"WARN something about {order_id}")
        self.queue.append(order_id)
        self._consume()
        return httpx.Response(201, json=order)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        route = (request.method, request.url.path)
        if route == ("POST", "/register"):
            self.username = json.loads(request.content)["username"]
        if request.method == "GET" and request.url.path in ("/catalogue", "/catalogue/size", "/tags"):
            self.clock.elapsed_s += self.page_took_s
            if self.page_error:
                return httpx.Response(200, json={"error": self.page_error, "status_code": 500})
        if request.url.path.startswith("/catalogue/images/"):
            self._say("front-end", f"GET {request.url.path} 404")
            return httpx.Response(404)
        if route == ("GET", "/catalogue"):
            return httpx.Response(200, json=[SOCK])
        if route == ("POST", "/orders"):
            self._say("front-end", "\x1b[0mPOST /orders \x1b[32m201")
            return self._place()
        if route == ("DELETE", "/cart"):
            self.carts["items"] = 0
            return httpx.Response(202)
        if route == ("POST", "/cart"):
            self.carts["items"] = self.carts.get("items", 0) + 1
            return httpx.Response(201)
        if request.method == "GET" and request.url.path.startswith("/orders/"):
            order = self.stored.get(request.url.path.rpartition("/")[2])
            return httpx.Response(200, json=order) if order else httpx.Response(404)
        return httpx.Response(200, json={"id": "c"})


@dataclass
class Silent:
    """An audience that remembers the phases."""

    phases: list[str] = field(default_factory=list)

    live = True

    def phase(self, name: str, text: str) -> None:
        self.phases.append(name)

    def say(self, text: str) -> None: ...

    def numbers(self, **values: float | None) -> None: ...

    def checked(self, check: Check) -> None: ...


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def yard(clock: VirtualClock, tmp_path: Path) -> FakeYard:
    class Broker:
        async def queue(self, name: str) -> QueueView:
            return await fake.queue_view()

    fake = FakeYard(clock, SimpleNamespace(faults=tmp_path / "faults.json", home=tmp_path))
    fake.broker = Broker()  # type: ignore[assignment]
    return fake


@pytest.fixture
def make_scene(yard: FakeYard, clock: VirtualClock, tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    records: list[RecordWriter] = []

    def make(name: str = "incident-5", **settings: Any) -> Scene:
        incident = catalogue.find(name)
        record = RecordWriter.create(
            tmp_path / "records", incident=incident.name, yard="default", seed=1, clock=clock, versions={}
        )
        records.append(record)
        return Scene(
            yard=yard,  # type: ignore[arg-type]
            incident=incident,
            settings=DrillSettings(seed=1, **settings),
            record=record,
            audience=Silent(),
            clock=clock,
            started_at=clock.now(),
            transport=yard.transport,
        )

    yield make
    for record in records:
        record.close()
