"""
Every entry of the documents' checklists against a made-up yard: whole, with each thing broken, and not answering.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.clock import VirtualClock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.cli.main import register
from drillyard.drills.checklists.entry import Answer, Entry, Sight, exit_code, go_through
from drillyard.drills.checklists.lists import LISTS
from drillyard.drills.checklists.order_looks import length_of

app = register()

ENTRIES = [entry for parts in LISTS.values() for part in parts.values() for entry in part]
NAMES = ["carts", "carts-db", "catalogue", "catalogue-db", "front-end", "orders", "orders-db", "payment", "queue-master", "rabbitmq", "session-db", "shipping", "user", "user-db"]  # fmt: skip


class World:
    """A yard as far as the looks ask it. `orders` maps an id to its status; `found` maps part of a query to a count."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.replicas = dict.fromkeys(NAMES, 1)
        self.stored: dict[str, str] = {"a" * 24: "SHIPPED"}
        self.found: dict[str, int] = {"": 1}
        self.status = "error"
        self.scaled_down = False
        self.waiting, self.consumers = 0, 1
        self.charged: list[str] = []
        self.lost: list[str] = []
        self.page = "… PAYMENT_FAILED …"
        self.api = SimpleNamespace(get=self._deployment, list=self._pods)
        self.datadog = SimpleNamespace(count=self._count, logs=self._logs, events=self._events, containers=self._boxes)
        self.broker = SimpleNamespace(queue=self._queue)
        self.bank = SimpleNamespace(charges=self._charges)

    async def orders(self) -> list[dict[str, Any]]:
        return [{"id": one, "status": status, "date": self._date()} for one, status in self.stored.items()]

    async def look(self, service: str, path: str, **_: Any) -> Any:
        text = '{"status":"OK"}' if service == "payment" else self.page
        if self.replicas[service] == 0:
            raise DrillyardError(f"{service} did not answer.")
        return SimpleNamespace(status=200, text=text, took_s=0.0)

    async def ready_addresses(self, service: str, namespace: str = "") -> int:
        return self.replicas[service]

    def url(self, service: str) -> str:
        return f"http://{service}"

    async def _deployment(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return {"spec": {"replicas": self.replicas[name]}}

    async def _pods(self, kind: str, namespace: str, labels: str = "") -> Any:
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        pods = [
            {"metadata": {"name": f"{name}-{number}", "labels": {"name": name}}, "status": ready}
            for name, count in self.replicas.items()
            for number in range(count)
        ]
        return SimpleNamespace(items=pods)

    async def _count(self, query: str, *_: Any) -> int:
        return next((count for part, count in reversed(self.found.items()) if part in query), 0)

    async def _logs(self, query: str, *window: Any, **_: Any) -> Any:
        failed = [one for one, status in self.stored.items() if status == "PAYMENT_FAILED"] + self.lost
        texts = [f"Order {one} status updated to PAYMENT_FAILED due to: Connection refused" for one in failed]
        if "PAYMENT_FAILED" not in query:
            texts = ["text"] * await self._count(query)
        now = rfc3339(self.clock.now())
        lines = [{"attributes": {"message": text, "status": self.status, "timestamp": now}} for text in texts]
        return SimpleNamespace(items=lines, count=len(lines))

    async def _events(self, *_: Any, **__: Any) -> Any:
        event = {"attributes": {"timestamp": "2025-11-05T19:00:00Z"}}
        return SimpleNamespace(items=[event] if self.scaled_down else [])

    async def _boxes(self, tags: str) -> Any:
        return SimpleNamespace(count=self.replicas["queue-master"])

    async def _queue(self, name: str) -> Any:
        return SimpleNamespace(messages=self.waiting, consumers=self.consumers)

    async def _charges(self) -> list[dict[str, Any]]:
        return [
            {"metadata": {"order_id": one}, "paid": True, "amount": 100, "amount_refunded": 0} for one in self.charged
        ]

    def _date(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000")


async def words(entries: Any, world: Any) -> str:
    """The words of a list without the entries that write or order something, as one text: P, F, U."""
    answers = await go_through(entries, Sight(world, may_order=False))
    return "".join(answer.word[0] for answer in answers)


def payment_down(world: World) -> None:
    world.replicas["payment"], world.scaled_down = 0, True
    world.stored = {"b" * 24: "PAYMENT_FAILED"}


def queue_down(world: World) -> None:
    world.replicas["queue-master"], world.scaled_down = 0, True
    world.stored, world.waiting, world.consumers = {"c" * 24: "PAID"}, 1, 0
    world.found["queue-master"] = 0


def one(change: Callable[[World], Any]) -> Callable[[World], None]:
    def broken(world: World) -> None:
        change(world)

    return broken


@pytest.mark.parametrize(
    ("document", "part", "change", "expected"),
    [
        # The order of its own and the log canary are not asked for here: UNKNOWN.
        ("incident-3", "during", payment_down, "PPPPPP"),
        ("incident-3", "during", lambda world: None, "FPFPPU"),
        ("incident-3", "after", lambda world: None, "PPUPUP"),
        ("incident-3", "troubleshooting", payment_down, "PPPPPFP"),
        ("incident-3", "troubleshooting", one(lambda world: setattr(world, "page", "Shipped")), "FPUPUPP"),
        ("incident-3", "troubleshooting", one(lambda world: setattr(world, "status", "info")), "PFUPUPP"),
        ("incident-3", "troubleshooting", one(lambda world: world.found.update({"": 0})), "PUUPUPF"),
        ("incident-3", "troubleshooting", one(lambda world: world.lost.append("e" * 24)), "PPUPFPP"),
        ("incident-5", "after", lambda world: None, "PPP"),
        ("incident-5", "after", queue_down, "FFF"),
    ],
)
async def test_a_list_says_what_is_so(document: str, part: str, change: Any, expected: str) -> None:
    world = World()
    change(world)

    assert await words(LISTS[document][part], world) == expected


async def test_an_order_paid_while_payment_is_down_is_a_failure() -> None:
    world = World()
    payment_down(world)
    world.stored["d" * 24] = "PAID"

    assert (await words(LISTS["incident-3"]["during"], world))[5] == "F"


async def test_money_that_is_held_for_a_failed_order_is_named() -> None:
    world = World()
    payment_down(world)
    world.charged = ["b" * 24]

    answers = await go_through(LISTS["incident-3"]["after"][5:], Sight(world))  # type: ignore[arg-type]

    assert (answers[0].word, answers[0].next) == ("FAIL", "drill reconcile")
    assert "b" * 24 in answers[0].seen


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.claim)
async def test_where_nothing_answers_nothing_passes(entry: Entry) -> None:
    class Silent(World):
        def __getattribute__(self, name: str) -> Any:
            if name in ("api", "datadog", "broker", "bank", "look", "orders"):
                raise DrillyardError("Nobody answers.")
            return super().__getattribute__(name)

    (answer,) = await go_through([entry], Sight(Silent(), may_order=False))  # type: ignore[arg-type]

    assert answer.word in ("FAIL", "UNKNOWN")
    assert answer.next


def test_every_next_step_of_ours_is_a_command() -> None:
    group: Any = typer.main.get_command(app)

    for entry in ENTRIES:
        if entry.next.startswith("drill "):
            assert entry.next.split()[1] in group.commands, entry.next
        else:
            assert entry.next.startswith(("kubectl ", "curl ")), entry.next


@pytest.mark.parametrize(
    ("words", "code"),
    [(["PASS"], 0), (["PASS", "UNKNOWN"], 3), (["UNKNOWN", "FAIL", "PASS"], 1), ([], 3)],
)
def test_the_exit_code_is_that_of_the_worst(words: list[str], code: int) -> None:
    assert exit_code([Answer(word, "", "", "") for word in words]) == code


@given(st.text(max_size=8))
def test_a_length_of_time_is_one_or_is_refused(text: str) -> None:
    try:
        assert length_of(f"now-{text}").total_seconds() >= 0
    except (ValueError, OverflowError):
        return
