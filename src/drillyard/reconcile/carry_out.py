"""
Carries remedies out, each through the shop's and the bank's own APIs, and writes down each step.

Safe to repeat: an order that is PAID is not paid again, a charge is refunded under an idempotency key of its own, and a
customer who was written to is not written to again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.reconcile.audit import Audit
from drillyard.reconcile.letters import letter
from drillyard.reconcile.remedies import Action, Remedy
from drillyard.yard.yard import Yard


@dataclass(frozen=True)
class Done:
    """What became of a remedy: `done`, `left` (for a person, or for later) or `failed`, with a sentence."""

    remedy: Remedy
    outcome: str
    text: str


async def carry_out(
    yard: Yard, wanted: Iterable[Remedy], orders: Iterable[Mapping[str, Any]], audit: Audit, letters: Path
) -> list[Done]:
    """
    One after the other; one that fails does not keep the next from being tried.

    Raises DrillyardError only when the audit cannot be written: what cannot be noted is not done.
    """
    known = {order["id"]: order for order in orders}
    done = []
    for remedy in wanted:
        if remedy.action in (Action.WAIT, Action.LOOK):
            done.append(Done(remedy, "left", remedy.text))
            continue
        audit.note(remedy.order_id, remedy.action.value, "begun", case=remedy.case, cents=remedy.cents)
        try:
            text = await _act(yard, remedy, known.get(remedy.order_id or ""))
            written = _write_letter(remedy, known.get(remedy.order_id or ""), letters)
            audit.note(remedy.order_id, remedy.action.value, "done", text=text, letter=written)
            done.append(Done(remedy, "done", text))
        except DrillyardError as problem:
            audit.note(remedy.order_id, remedy.action.value, "failed", text=problem.message)
            done.append(Done(remedy, "failed", problem.message))
    return done


async def _act(yard: Yard, remedy: Remedy, order: Mapping[str, Any] | None) -> str:
    match remedy.action:
        case Action.REFUND:
            made = [await yard.bank.refund(charge, key=f"drillyard-refund-{charge}") for charge in remedy.charges]
            return "; ".join(f"refund {one['id']} of {one['amount'] / 100:.2f} for {one['charge']}" for one in made)
        case Action.FULFIL:
            assert order is not None
            if order["status"] == "CREATED":
                await _become(yard, order, "PENDING")
            await _become(yard, order, "PAID")
            return f"marked PAID; {await _hand_to_shipping(yard, order)}"
        case Action.SHIP:
            assert order is not None
            return await _hand_to_shipping(yard, order)
        case Action.FAIL:
            assert order is not None
            if order["status"] == "CREATED":
                await _become(yard, order, "PENDING")
            await _become(yard, order, "PAYMENT_FAILED")
            return "marked PAYMENT_FAILED"
        case _:
            return "nothing to do but to tell the customer"


async def _become(yard: Yard, order: Mapping[str, Any], status: str) -> None:
    answer = await yard.ask("PATCH", "orders", f"/orders/{order['id']}", body={"status": status})
    if not 200 <= answer.status < 300:
        raise DrillyardError(f"orders refused to mark {order['id']} {status}: {answer.status} {answer.text[:200]}")


async def _hand_to_shipping(yard: Yard, order: Mapping[str, Any]) -> str:
    """As orders does it (wire contract, shipping): the order's id travels in X-Order-Id."""
    task = {"id": str(uuid.uuid4()), "name": order["customerId"]}
    answer = await yard.ask("POST", "shipping", "/shipping", body=task, headers={"X-Order-Id": order["id"]})
    if answer.status != 201:
        raise DrillyardError(f"shipping did not take {order['id']}: {answer.status} {answer.text[:200]}")
    return "handed to shipping"


def _write_letter(remedy: Remedy, order: Mapping[str, Any] | None, letters: Path) -> str | None:
    text = letter(remedy, order)
    if text is None:
        return None
    path = letters / f"{remedy.order_id}.md"
    try:
        letters.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as refused:
        raise DrillyardError(f"The letter {path} cannot be written: {refused.strerror or refused}.") from refused
    return path.name
