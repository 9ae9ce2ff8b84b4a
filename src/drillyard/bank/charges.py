"""
Charges: money asked of a card, whether it was given, taken, released or refunded.

Source: https://docs.stripe.com/api/charges. A failed charge stays in the ledger as `failed` with the issuer's reason.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from drillyard.bank import cards, lists, money, search
from drillyard.bank.cards import Card, Decline
from drillyard.bank.errors import Refused, error_body, no_such
from drillyard.bank.forms import Params
from drillyard.bank.identifiers import new_id
from drillyard.bank.outcome import Outcome


def create(ledger: sqlite3.Connection, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/charges`: amount, currency, source (a `tok_…`); captured at once unless `capture=false`."""
    amount, currency = money.amount_and_currency(params)
    if params.hash_given("source"):
        raise cards.raw_card_data()
    token = params.text("source")
    if token is None:
        raise Refused("Must provide source or customer.", code="parameter_missing")
    card = cards.source(token)
    capture = params.boolean("capture", default=True)
    metadata, description = params.metadata(), params.text("description")
    params.ignore("receipt_email", "statement_descriptor", "statement_descriptor_suffix")
    params.refuse_unknown()
    decline = cards.NEVER_AUTHENTICATED if card.authenticates else card.decline
    row = record(
        ledger,
        now_s=now_s,
        amount_cents=amount,
        currency=currency,
        card=card,
        decline=decline,
        capture=capture,
        metadata=metadata,
        description=description,
    )
    if decline is not None:
        return Outcome(declined_body(row), 402, event(row))
    return Outcome(render(row), event=event(row))


def record(
    ledger: sqlite3.Connection,
    *,
    now_s: int,
    amount_cents: int,
    currency: str,
    card: Card,
    decline: Decline | None,
    capture: bool,
    metadata: dict[str, str],
    description: str | None,
    payment_intent: str | None = None,
) -> sqlite3.Row:
    """Asks the card for the money and writes down what came of it: the issuer's `decline`, or None."""
    captured = capture and decline is None
    identifier = new_id("ch")
    ledger.execute(
        "INSERT INTO charge (id, created, amount_cents, amount_captured_cents, currency, status, captured,"
        " payment_intent, card, failure_code, decline_code, failure_message, description, metadata)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            identifier,
            now_s,
            amount_cents,
            amount_cents if captured else 0,
            currency,
            "failed" if decline else "succeeded",
            captured,
            payment_intent,
            card.name,
            decline and decline.code,
            decline and decline.decline_code,
            decline and decline.message,
            description,
            json.dumps(metadata),
        ],
    )
    return find(ledger, identifier)


def find(ledger: sqlite3.Connection, identifier: str, param: str = "id", *, status: int = 404) -> sqlite3.Row:
    """The charge of that id. Raises Refused (Stripe's resource_missing)."""
    row: sqlite3.Row | None = ledger.execute("SELECT * FROM charge WHERE id = ?", [identifier]).fetchone()
    if row is None:
        raise no_such("charge", identifier[:80], param, status=status)
    return row


def retrieve(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`GET /v1/charges/{id}`."""
    params.refuse_unknown()
    return Outcome(render(find(ledger, identifier)))


def capture(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/charges/{id}/capture`: takes an authorised amount, or the smaller `amount` that is given."""
    row = find(ledger, identifier)
    amount = params.integer("amount")
    params.ignore("receipt_email", "statement_descriptor", "statement_descriptor_suffix")
    params.refuse_unknown()
    if row["payment_intent"] is not None:
        raise Refused(
            f"This charge belongs to a PaymentIntent. Capture {row['payment_intent']} instead.", code="charge_invalid"
        )
    row = take(ledger, row, amount, param="amount")
    return Outcome(render(row), event=event(row))


def take(ledger: sqlite3.Connection, row: sqlite3.Row, amount_cents: int | None, *, param: str) -> sqlite3.Row:
    """Captures an authorised charge, whole or in part; what is left over is released. Raises Refused."""
    identifier = row["id"]
    if row["status"] != "succeeded" or row["released"]:
        raise Refused(f"Charge {identifier} cannot be captured: it holds no money.", code="charge_not_capturable")
    if row["captured"]:
        raise Refused(f"Charge {identifier} has already been captured.", code="charge_already_captured")
    amount_cents = row["amount_cents"] if amount_cents is None else amount_cents
    money.positive(amount_cents, param)
    if amount_cents > row["amount_cents"]:
        wanted, held = (money.spoken(each, row["currency"]) for each in (amount_cents, row["amount_cents"]))
        raise Refused(
            f"The amount to capture ({wanted}) is greater than the amount authorized ({held}).",
            param=param,
            code="amount_too_large",
        )
    ledger.execute("UPDATE charge SET captured = 1, amount_captured_cents = ? WHERE id = ?", [amount_cents, identifier])
    return find(ledger, identifier)


def update(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/charges/{id}`: its description and metadata; money has its own ways to change."""
    row = find(ledger, identifier)
    metadata = params.metadata(json.loads(row["metadata"]))
    description = params.text("description") if params.given("description") else row["description"]
    params.ignore("receipt_email", "fraud_details")
    params.refuse_unknown()
    ledger.execute(
        "UPDATE charge SET metadata = ?, description = ? WHERE id = ?", [json.dumps(metadata), description, identifier]
    )
    return Outcome(render(find(ledger, identifier)))


def list_all(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/charges`: filters `payment_intent` and `created`; metadata is in every entry."""
    filters = {"payment_intent": params.text("payment_intent")}
    return Outcome(lists.page(ledger, params, table="charge", url="/v1/charges", filters=filters, render=render))


def search_all(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/charges/search`."""
    return Outcome(search.page(ledger, params, table="charge", render=render))


def render(row: sqlite3.Row) -> dict[str, Any]:
    """A charge object."""
    card = cards.CARDS[row["card"]]
    succeeded = row["status"] == "succeeded"
    refunded = row["released"] or (row["captured"] and row["amount_refunded_cents"] == row["amount_captured_cents"])
    return {
        "id": row["id"],
        "object": "charge",
        "amount": row["amount_cents"],
        "amount_captured": row["amount_captured_cents"],
        "amount_refunded": row["amount_refunded_cents"],
        "captured": bool(row["captured"]),
        "created": row["created"],
        "currency": row["currency"],
        "customer": None,
        "description": row["description"],
        "disputed": False,
        "failure_code": row["failure_code"],
        "failure_message": row["failure_message"],
        "livemode": False,
        "metadata": json.loads(row["metadata"]),
        "outcome": {
            "network_status": "approved_by_network" if succeeded else "declined_by_network",
            "reason": row["decline_code"],
            "risk_level": "normal",
            "seller_message": "Payment complete."
            if succeeded
            else "The bank did not return any further details with this decline.",
            "type": "authorized" if succeeded else "issuer_declined",
        },
        "paid": succeeded,
        "payment_intent": row["payment_intent"],
        "payment_method": card.name,
        "payment_method_details": {"card": {"brand": card.brand, "last4": card.last4}, "type": "card"},
        "refunded": bool(refunded),
        "status": row["status"],
    }


def declined_body(row: sqlite3.Row, **extra: Any) -> dict[str, Any]:
    """Stripe's card_error, naming the failed charge."""
    return error_body(
        row["failure_message"],
        type="card_error",
        code=row["failure_code"],
        charge=row["id"],
        decline_code=row["decline_code"],
        **extra,
    )


def event(row: sqlite3.Row) -> dict[str, str | int]:
    """What the log may say of a charge."""
    happened = row["status"] if row["captured"] or row["status"] == "failed" else "authorized"
    metadata: dict[str, str] = json.loads(row["metadata"])
    fields: dict[str, str | int] = {
        "msg": f"charge {happened}",
        "charge": row["id"],
        "amount_cents": row["amount_captured_cents"] if row["captured"] else row["amount_cents"],
        "currency": row["currency"],
    }
    optional = {
        "payment_intent": row["payment_intent"],
        "order_id": metadata.get("order_id"),
        "failure_code": row["failure_code"],
    }
    return fields | {name: value for name, value in optional.items() if value}
