"""Faults that no incident of the catalogue uses: each on a real yard, proven on, healed, and nothing left of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drillyard.drills import desired_state
from drillyard.faults.active import ActiveFaults, wait_for
from drillyard.faults.registry import build
from drillyard.yard.yard import open_yard

from .conftest import YARD

CATALOGUE = {"client": "sock-shop/front-end", "service": "sock-shop/catalogue"}
PAYMENT = {"client": "sock-shop/orders", "service": "sock-shop/payment"}
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("cut_link", {**CATALOGUE, "how": "refuse"}, "the connection was refused"),
    ("cut_link", {**CATALOGUE, "how": "reset"}, "the connection was reset"),
    ("cut_link", {**CATALOGUE, "how": "stall"}, "no answer"),
    ("cut_link", {**CATALOGUE, "how": "reset", "share": 0.5, "seed": 3}, "of 20 requests hit"),
    ("http_answer", {**PAYMENT, "answer": 500}, "answered 500"),
    ("http_answer", {**PAYMENT, "answer": "reset", "when": "after"}, "the connection was reset"),
    ("limit_link", {**CATALOGUE, "bandwidth_kbps": 64}, "answered 200"),
    ("crash_loop", {"deployment": "payment"}, "CrashLoopBackOff, exit code 1"),
    ("limit_memory", {"deployment": "catalogue", "memory": "8Mi"}, "OOMKilled, exit code 137"),
]


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DRILLYARD_HOME", str(home))
    yield


EVERY_TIME = ("cut_link-2", "http_answer-5", "limit_memory-8")
"""One of a kind; the others are long."""


def _case(number: int) -> object:
    name = f"{CASES[number][0]}-{number}"
    return pytest.param(*CASES[number], id=name, marks=[] if name in EVERY_TIME else [pytest.mark.long])


@pytest.mark.parametrize(("name", "data", "seen"), [_case(number) for number in range(len(CASES))])
async def test_it_is_seen_and_then_gone(name: str, data: dict[str, Any], seen: str, yard: dict[str, Any]) -> None:
    async with open_yard(YARD) as opened:
        before = await desired_state.snapshot(opened.api)
        prepared = await build(name, data).prepare(opened)
        await prepared.put_in(opened)
        try:
            proof = await wait_for(prepared.is_on, opened, opened.clock, 40)
        finally:
            [(_, healed)] = await ActiveFaults(opened.folder.faults).heal([prepared], opened)
        assert (proof.holds, seen in proof.seen) == (True, True), proof.seen
        assert healed.holds, healed.seen
        assert desired_state.differences(before, await desired_state.snapshot(opened.api)) == []
