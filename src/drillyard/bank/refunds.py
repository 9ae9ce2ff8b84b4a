"""
Refunds: money given back from a captured charge, never more than was taken.

Source: https://docs.stripe.com/api/refunds.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from drillyard.bank import charges, lists, money, payment_intents
from drillyard.bank.errors import Refused, no_such
from drillyard.bank.forms import Params
from drillyard.bank.identifiers import new_id
from drillyard.bank.outcome import Outcome

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(ledger: sqlite3.Connection, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/refunds`: of a `charge` or a `payment_intent`; all that is left, or a smaller `amount`."""
    charge = _charge(ledger, params)
    amount = params.integer("amount")
    reason = params.choice("reason", _REASONS)
    metadata = params.metadata()
    params.refuse_unknown()
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise Refused(
            f"Charge {charge['id']} took no money, so there is nothing to refund. "
            "To release an authorization, cancel its PaymentIntent.",
            code="charge_not_refundable",
        )
    left = charge["amount_captured_cents"] - charge["amount_refunded_cents"]
    if left == 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = left if amount is None else amount
    money.positive(amount, "amount")
    if amount > left:
        raise Refused(
            f"Refund amount ({money.spoken(amount, charge['currency'])}) is greater than unrefunded amount on charge "
            f"({money.spoken(left, charge['currency'])})",
            param="amount",
        )
    identifier = new_id("re")
    ledger.execute(
        "INSERT INTO refund (id, created, amount_cents, currency, charge, payment_intent, reason, metadata)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            identifier,
            now_s,
            amount,
            charge["currency"],
            charge["id"],
            charge["payment_intent"],
            reason,
            json.dumps(metadata),
        ],
    )
    ledger.execute(
        "UPDATE charge SET amount_refunded_cents = amount_refunded_cents + ? WHERE id = ?", [amount, charge["id"]]
    )
    return Outcome(render(_find(ledger, identifier)), event=_event(charge, identifier, amount))


def retrieve(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`GET /v1/refunds/{id}`."""
    params.refuse_unknown()
    return Outcome(render(_find(ledger, identifier)))


def update(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/refunds/{id}`: its metadata, and nothing else."""
    metadata = params.metadata(json.loads(_find(ledger, identifier)["metadata"]))
    params.refuse_unknown()
    ledger.execute("UPDATE refund SET metadata = ? WHERE id = ?", [json.dumps(metadata), identifier])
    return Outcome(render(_find(ledger, identifier)))


def list_all(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/refunds`: filters `charge`, `payment_intent` and `created`."""
    filters = {"charge": params.text("charge"), "payment_intent": params.text("payment_intent")}
    return Outcome(lists.page(ledger, params, table="refund", url="/v1/refunds", filters=filters, render=render))


def render(row: sqlite3.Row) -> dict[str, Any]:
    """A refund object."""
    return {
        "id": row["id"],
        "object": "refund",
        "amount": row["amount_cents"],
        "charge": row["charge"],
        "created": row["created"],
        "currency": row["currency"],
        "metadata": json.loads(row["metadata"]),
        "payment_intent": row["payment_intent"],
        "reason": row["reason"],
        "status": "succeeded",
    }


def _charge(ledger: sqlite3.Connection, params: Params) -> sqlite3.Row:
    charge, intent = params.text("charge"), params.text("payment_intent")
    if charge and intent:
        raise Refused("Give charge or payment_intent, not both.", param="payment_intent")
    if charge:
        return charges.find(ledger, charge, "charge", status=400)
    if intent is None:
        raise Refused(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    latest = payment_intents.find(ledger, intent, "payment_intent", status=400)["latest_charge"]
    if latest is None:
        raise Refused(f"This PaymentIntent ({intent}) does not have a successful charge to refund.")
    return charges.find(ledger, latest)


def _find(ledger: sqlite3.Connection, identifier: str) -> sqlite3.Row:
    row: sqlite3.Row | None = ledger.execute("SELECT * FROM refund WHERE id = ?", [identifier]).fetchone()
    if row is None:
        raise no_such("refund", identifier[:80])
    return row


def _event(charge: sqlite3.Row, identifier: str, amount_cents: int) -> dict[str, str | int]:
    about = charges.event(charge)
    return about | {"msg": "charge refunded", "refund": identifier, "amount_cents": amount_cents}
