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

from drillyard.base.clock import rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.drills import order_book, views
from drillyard.drills.scene import Scene
from drillyard.incidents.expectation import (
    BankStruck,
    Canary,
    Expectation,
    Logs,
    NoLogs,
    OrderBook,
    OrderedTwice,
    OrdersAnswered,
    OrdersStored,
    Pages,
    Queue,
    Restarts,
    ShippedOnce,
    StatusPage,
)
from drillyard.load import Attempt
from drillyard.load.canary import CanaryResult, canary_order
from drillyard.record.verdicts import Check, judge_later
from drillyard.yard.datadog import Found

Seen = tuple[bool | None, object]
_PATIENCE_S = 10.0
_DRAIN_S = 60.0
_CANARY_S = 30.0
_ITEMS_MAX = 100


async def check(scene: Scene, expectation: Expectation, *, phase: str) -> Check:
    """One check of the record. Never raises for what the yard does: a look that fails is UNCLEAR."""
    what = expectation.what()
    look, claim, expected = _LOOKS[type(what)](scene, what, phase)
    return await judge_later(check_name(phase, what), claim, expected, look)


def check_name(phase: str, what: Any) -> str:
    """`while-on-queue`, `recovered-canary`; of logs with their title."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(what).__name__).strip("-")
    title = getattr(what, "title", None)
    return f"{phase}-{words}-{'-'.join(title.lower().split())}" if title else f"{phase}-{words}"


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
    expected = " ".join(str(part) for part in (what.http_status, what.order_status) if part is not None)
    expected += f" and told “{what.says}”" if what.says else ""
    expected += ", and late" if what.outcome == "slow" else ""
    which = f"the first {what.first}" if what.first else f"all after the first {what.after}" if what.after else "all"

    async def look() -> Seen:
        rows = _told_apart(scene)[what.after : what.first]
        wrong = [row for row in rows if not _answered_so(row, what)]
        answers = Counter(f"{row.http_status} {row.status_seen or row.error or ''}".strip()[:160] for row in rows)
        kept = len(scene.ledger) == scene.attempts and bool(rows) and not wrong
        return kept, _counted(answers)

    return look, f"Of the attempts to order, {which} were answered {expected}", f"{which}: {expected}"


def _told_apart(scene: Scene) -> list[Attempt]:
    """The attempts in their order; those of a crowd overtake each other, so there the accepted ones come first."""
    if scene.settings.profile is None:
        return scene.ledger.rows
    return sorted(scene.ledger.rows, key=lambda row: not row.outcome.accepted)


def _answered_so(row: Attempt, what: OrdersAnswered) -> bool:
    return (
        row.http_status == what.http_status
        and (what.order_status is None or row.status_seen == what.order_status)
        and (what.says is None or what.says in (row.error or ""))
        and (what.outcome is None or row.outcome.value == what.outcome)
    )


def _order_book(scene: Scene, what: OrderBook, phase: str) -> Made:
    wanted = Counter({status: scene.number(count) for status, count in what.statuses.items()})
    expected = f"{_counted(+wanted)}; {what.charges} charge(s) each"

    async def look() -> Seen:
        orders = await order_book.own_orders(scene)
        charges = Counter(await order_book.charges_per_order(scene, orders))
        statuses = Counter(order["status"] for order in orders)
        times = Counter(charges[order["id"]] for order in orders)
        return statuses == +wanted and set(times) <= {what.charges}, (
            f"{_counted(statuses)}; " + (", ".join(f"{n} × {c} charge(s)" for c, n in sorted(times.items())) or "none")
        )

    return (
        lambda: patiently(scene, look, _DRAIN_S if phase == "recovered" else _PATIENCE_S),
        f"Of the shoppers' orders the shop stores {expected}",
        expected,
    )


def _ordered_twice(scene: Scene, what: OrderedTwice, phase: str) -> Made:
    wanted = scene.orders

    async def look() -> Seen:
        pairs = order_book.twins(await order_book.own_orders(scene))
        return len(pairs) == wanted, f"{len(pairs)} pair(s): " + "; ".join(" = ".join(pair) for pair in pairs)

    claim = "One double click became two orders of the same socks, by the same customer"
    return lambda: patiently(scene, look), claim, f"{wanted} pair(s) of orders"


def _bank_struck(scene: Scene, what: BankStruck, phase: str) -> Made:
    wanted = scene.number(what.least)

    async def look() -> Seen:
        report = await scene.yard.bank.behaviour()
        return report["struck"] >= wanted, f"{report['struck']} of {report['seen']} request(s) struck"

    return look, "The bank's misbehaviour struck the shoppers' charges", f"at least {wanted} struck"


def _pages(scene: Scene, what: Pages, phase: str) -> Made:
    return views.look_at(scene, what, phase)


def _status_page(scene: Scene, what: StatusPage, phase: str) -> Made:
    async def look() -> Seen:
        return await order_book.page_is_hard_coded(scene) is what.hard_coded, "the script of the page was read"

    text = "says Shipped whatever happened" if what.hard_coded else "shows the stored status"
    return lambda: patiently(scene, look), f"The page of a customer's orders {text}", text


def _restarts(scene: Scene, what: Restarts, phase: str) -> Made:
    async def look() -> Seen:
        now = await order_book.restarts(scene)
        more = {name: count - scene.restarts_before.get(name, 0) for name, count in now.items()}
        restarted = {name: count for name, count in more.items() if count > 0}
        total = sum(restarted.values())
        return total <= what.most, f"{total} restart(s)" + (f": {', '.join(sorted(restarted))}" if restarted else "")

    return look, "No container of the shop was restarted", f"at most {what.most}"


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
        f"The queue {what.queue} is as it should be",
        f"{scene.number(what.messages)} message(s), {what.consumers} consumer(s)",
    )


def _logs(scene: Scene, what: Logs, phase: str) -> Made:
    wanted = scene.number(what.count)

    async def look() -> Seen:
        found = await _searched(scene, what, phase)
        return found.count >= wanted, f"{found.count} log(s)"

    return lambda: patiently(scene, look), what.title, f"at least {wanted} log(s) for {what.query}"


def _no_logs(scene: Scene, what: NoLogs, phase: str) -> Made:
    async def look() -> Seen:
        found = await _searched(scene, what, phase, limit=20)
        sample = found.items[0]["attributes"]["message"][:160] if found.items else ""
        return found.count == 0, f"{found.count} log(s)" + (f", the first: {sample}" if sample else "")

    return look, what.title, f"no log for {what.query}"


async def _searched(scene: Scene, what: Logs | NoLogs, phase: str, limit: int | None = None) -> Found:
    """Searches, and keeps for the record what was asked and found."""
    start, end = _window_start(scene), scene.clock.now()
    found = await scene.yard.datadog.logs(what.query, start, end, limit=limit)
    asked = {"title": what.title, "query": what.query, "from": rfc3339(start), "to": rfc3339(end)}
    name = check_name(phase, what)
    scene.searches[name] = {**asked, "count": found.count, "items": found.items[:_ITEMS_MAX]}
    return found


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
    OrderBook: _order_book,
    OrderedTwice: _ordered_twice,
    BankStruck: _bank_struck,
    Pages: _pages,
    StatusPage: _status_page,
    Restarts: _restarts,
    Queue: _queue,
    Logs: _logs,
    NoLogs: _no_logs,
    ShippedOnce: _shipped_once,
    Canary: _canary,
}
