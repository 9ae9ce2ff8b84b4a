"""
Holds what an incident file expects against the yard. Each look gives what was seen, so that the report can say it.

Something that must appear may take a moment (a log line travels through agent and intake), so looks are repeated
until they hold or their time is over. Something that must not appear is looked for after a line written later has
been found: silence is then silence, and not delay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.drills.scene import Scene
from drillyard.incidents.schema import (
    Canary,
    Expectation,
    Logs,
    NoLogs,
    OrdersAnswered,
    OrdersStored,
    Queue,
    ShippedOnce,
)
from drillyard.load.canary import CanaryResult, canary_order
from drillyard.record.verdicts import Check, judge_later

Seen = tuple[bool | None, object]
_PATIENCE_S = 10.0
_DRAIN_S = 60.0
_CANARY_S = 30.0


async def check(scene: Scene, expectation: Expectation, *, phase: str) -> Check:
    """One check of the record. Never raises for what the yard does: a look that fails is UNCLEAR."""
    what = expectation.what()
    look, claim, expected = _LOOKS[type(what)](scene, what, phase)
    name = f"{phase}-{_name(what)}"
    return await judge_later(name, claim, expected, look)


def _name(what: Any) -> str:
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(what).__name__).strip("-")
    title = getattr(what, "title", None)
    return f"{words}-{'-'.join(title.lower().split())}" if title else words


async def patiently(scene: Scene, look: Callable[[], Awaitable[Seen]], patience_s: float = _PATIENCE_S) -> Seen:
    """Looks again until it holds or the time is over; a look that fails counts as one that does not hold."""
    deadline = scene.clock.monotonic_s() + patience_s
    while True:
        try:
            kept, seen = await look()
        except DrillyardError as problem:
            if scene.clock.monotonic_s() >= deadline:
                raise
            kept, seen = False, problem.message
        if kept or scene.clock.monotonic_s() >= deadline:
            return kept, seen
        await scene.clock.sleep(0.1)


Look = Callable[[], Awaitable[Seen]]
Made = tuple[Look, str, str]


def _orders_answered(scene: Scene, what: OrdersAnswered, phase: str) -> Made:
    async def look() -> Seen:
        statuses = Counter(row.http_status for row in scene.ledger)
        shown = Counter(row.status_seen for row in scene.ledger)
        kept = (
            len(scene.ledger) == scene.orders
            and set(statuses) == {what.http_status}
            and set(shown) == {what.order_status}
        )
        return kept, f"{_counted(statuses)}; {_counted(shown)}"

    return (
        look,
        f"Every order was answered {what.http_status} and {what.order_status}",
        f"{scene.orders} × {what.http_status} {what.order_status}",
    )


def _orders_stored(scene: Scene, what: OrdersStored, phase: str) -> Made:
    async def look() -> Seen:
        stored = {order["id"]: order["status"] for order in await scene.yard.orders()}
        charges = Counter(
            charge["metadata"].get("order_id")
            for charge in await scene.yard.bank.charges()
            if charge["status"] == "succeeded"
        )
        ids = scene.ledger.order_ids
        statuses = Counter(stored.get(order_id, "not stored") for order_id in ids)
        charged = Counter(charges[order_id] for order_id in ids)
        kept = set(statuses) <= {what.order_status} and set(charged) <= {1}
        return kept, f"{_counted(statuses)}; charged once: {charged[1]} of {len(ids)}"

    return (
        lambda: patiently(scene, look, _DRAIN_S if phase == "recovered" else _PATIENCE_S),
        f"Every accepted order is stored as {what.order_status} and charged once",
        f"{scene.placed} × {what.order_status}, each charged once",
    )


def _queue(scene: Scene, what: Queue, phase: str) -> Made:
    async def look() -> Seen:
        view = await scene.yard.broker.queue(what.queue)
        kept = view.messages == scene.number(what.messages) and view.consumers == what.consumers
        return kept, f"{view.messages} message(s), {view.consumers} consumer(s)"

    return (
        lambda: patiently(scene, look, _DRAIN_S if phase == "recovered" else _PATIENCE_S),
        f"Queue {what.queue} holds what it should",
        f"{scene.number(what.messages)} message(s), {what.consumers} consumer(s)",
    )


def _logs(scene: Scene, what: Logs, phase: str) -> Made:
    wanted = scene.number(what.count)

    async def look() -> Seen:
        found = await scene.yard.datadog.logs(what.query, _window_start(scene), scene.clock.now())
        return found.count >= wanted, f"{found.count} log(s)"

    return lambda: patiently(scene, look), what.title, f"at least {wanted} log(s) for {what.query}"


def _no_logs(scene: Scene, what: NoLogs, phase: str) -> Made:
    async def look() -> Seen:
        found = await scene.yard.datadog.logs(what.query, _window_start(scene), scene.clock.now(), limit=20)
        sample = found.items[0]["attributes"]["message"][:160] if found.items else ""
        return found.count == 0, f"{found.count} log(s)" + (f", the first: {sample}" if sample else "")

    return look, what.title, f"no log for {what.query}"


def _shipped_once(scene: Scene, what: ShippedOnce, phase: str) -> Made:
    async def look() -> Seen:
        processed = await processed_per_order(scene, scene.ledger.order_ids)
        times = Counter(processed[order_id] for order_id in scene.ledger.order_ids)
        return set(times) <= {1}, f"processed once: {times[1]} of {scene.placed}" + (
            f"; otherwise: {_counted(times)}" if set(times) - {1} else ""
        )

    return lambda: patiently(scene, look), "Queue-master processed every order exactly once", f"{scene.placed} × once"


def _canary(scene: Scene, what: Canary, phase: str) -> Made:
    async def look() -> Seen:
        result = await canary_order(
            scene.yard.url("front-end"),
            seed=scene.settings.seed,
            clock=scene.clock,
            deadline_s=_CANARY_S,
            transport=scene.transport,
        )
        if result.order_id:
            scene.canary_ids.append(result.order_id)
        return result.shipped, _canary_story(result)

    # A store that was just restarted may refuse for a moment; a shop that stays broken refuses again.
    return lambda: patiently(scene, look), "A canary order reaches SHIPPED", "SHIPPED"


def _canary_story(result: CanaryResult) -> str:
    if result.shipped:
        return f"order {result.order_id} SHIPPED after {result.took_s:.1f} s"
    return result.reason


async def processed_per_order(scene: Scene, order_ids: Iterable[str]) -> Counter[str]:
    """How often queue-master says that it processed each order, from its log through the search API."""
    found = await scene.yard.datadog.logs(
        'kube_namespace:sock-shop service:sock-shop-queue-master "Message processed successfully"',
        scene.started_at,
        scene.clock.now(),
    )
    texts = [item["attributes"]["message"] for item in found.items]
    return Counter({order_id: sum(order_id in text for text in texts) for order_id in order_ids})


def _window_start(scene: Scene) -> datetime:
    return scene.fault_on_at or scene.started_at


def _counted(counter: Counter[Any]) -> str:
    return ", ".join(f"{count} × {value}" for value, count in sorted(counter.items(), key=str)) or "none"


_LOOKS: dict[type[Any], Callable[[Scene, Any, str], Made]] = {
    OrdersAnswered: _orders_answered,
    OrdersStored: _orders_stored,
    Queue: _queue,
    Logs: _logs,
    NoLogs: _no_logs,
    ShippedOnce: _shipped_once,
    Canary: _canary,
}
