"""
Payment intents: one intention to pay, through every try until money is taken or the intention is given up.

Source: https://docs.stripe.com/api/payment_intents and https://docs.stripe.com/payments/paymentintents/lifecycle.
Cards only, and no card asks for a second factor, so `requires_action` and `processing` do not occur.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from drillyard.bank import cards, charges, lists, money
from drillyard.bank.cards import Card
from drillyard.bank.errors import Refused, no_such
from drillyard.bank.forms import Params
from drillyard.bank.identifiers import new_id
from drillyard.bank.outcome import Outcome

_WITHOUT_EFFECT = (
    "automatic_payment_methods",
    "payment_method_types",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "return_url",
    "off_session",
    "error_on_requires_action",
    "setup_future_usage",
    "use_stripe_sdk",
)
_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_capture")


def create(ledger: sqlite3.Connection, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents`: amount, currency; with `confirm=true` and a card, the money is asked for at once."""
    amount, currency = money.chargeable_amount(params), money.currency(params)
    card = _card(params)
    confirmed = params.boolean("confirm", default=False)
    method = params.choice("capture_method", ("automatic", "automatic_async", "manual"), default="automatic")
    metadata, description = params.metadata(), params.text("description")
    expanded = _expanded(params)
    params.ignore(*_WITHOUT_EFFECT)
    params.refuse_unknown()
    if confirmed and card is None:
        raise _needs_card()
    identifier = new_id("pi")
    ledger.execute(
        "INSERT INTO payment_intent (id, created, amount_cents, currency, status, capture_method, card, description,"
        " client_secret, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            identifier,
            now_s,
            amount,
            currency,
            "requires_payment_method" if card is None else "requires_confirmation",
            method,
            card and card.name,
            description,
            new_id(f"{identifier}_secret"),
            json.dumps(metadata),
        ],
    )
    if confirmed and card is not None:
        return _ask_for_money(ledger, identifier, card, now_s=now_s, expanded=expanded)
    return Outcome(render(ledger, find(ledger, identifier), expanded=expanded))


def retrieve(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`GET /v1/payment_intents/{id}`; `expand[]=latest_charge` shows the charge in full."""
    expanded = _expanded(params)
    params.ignore("client_secret")
    params.refuse_unknown()
    return Outcome(render(ledger, find(ledger, identifier), expanded=expanded))


def confirm(ledger: sqlite3.Connection, identifier: str, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents/{id}/confirm`: asks the card for the money."""
    row = find(ledger, identifier)
    card = _card(params)
    expanded = _expanded(params)
    params.ignore(*_WITHOUT_EFFECT)
    params.refuse_unknown()
    if row["status"] == "succeeded":
        raise Refused(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            code="payment_intent_unexpected_state",
        )
    if row["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise _unexpected_state("confirm", row, "requires_confirmation, requires_payment_method")
    if card is None and row["status"] == "requires_confirmation":
        card = cards.CARDS[row["card"]]
    if card is None:
        raise _needs_card()
    return _ask_for_money(ledger, identifier, card, now_s=now_s, expanded=expanded)


def capture(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/payment_intents/{id}/capture`: takes what was authorised, or the smaller `amount_to_capture`."""
    row = find(ledger, identifier)
    amount = params.integer("amount_to_capture")
    expanded = _expanded(params)
    params.ignore("statement_descriptor", "statement_descriptor_suffix")
    params.refuse_unknown()
    if row["status"] != "requires_capture":
        raise _unexpected_state("capture", row, "requires_capture")
    charge = charges.take(ledger, charges.find(ledger, row["latest_charge"]), amount, param="amount_to_capture")
    ledger.execute(
        "UPDATE payment_intent SET status = 'succeeded', amount_received_cents = ? WHERE id = ?",
        [charge["amount_captured_cents"], identifier],
    )
    return Outcome(render(ledger, find(ledger, identifier), expanded=expanded), event=charges.event(charge))


def cancel(ledger: sqlite3.Connection, identifier: str, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents/{id}/cancel`: gives the intention up and releases what a card holds for it."""
    row = find(ledger, identifier)
    reason = params.choice("cancellation_reason", _REASONS)
    expanded = _expanded(params)
    params.refuse_unknown()
    if row["status"] not in _OPEN:
        raise _unexpected_state("cancel", row, ", ".join(_OPEN))
    if row["status"] == "requires_capture":
        ledger.execute("UPDATE charge SET released = 1 WHERE id = ?", [row["latest_charge"]])
    ledger.execute(
        "UPDATE payment_intent SET status = 'canceled', canceled_at = ?, cancellation_reason = ? WHERE id = ?",
        [now_s, reason, identifier],
    )
    return Outcome(render(ledger, find(ledger, identifier), expanded=expanded))


def list_all(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/payment_intents`: filter `created`."""
    body = lists.page(
        ledger,
        params,
        table="payment_intent",
        url="/v1/payment_intents",
        filters={},
        render=lambda row: render(ledger, row),
    )
    return Outcome(body)


def find(ledger: sqlite3.Connection, identifier: str, param: str = "intent", *, status: int = 404) -> sqlite3.Row:
    """The intent of that id. Raises Refused (Stripe's resource_missing)."""
    row: sqlite3.Row | None = ledger.execute("SELECT * FROM payment_intent WHERE id = ?", [identifier]).fetchone()
    if row is None:
        raise no_such("payment_intent", identifier[:80], param, status=status)
    return row


def render(ledger: sqlite3.Connection, row: sqlite3.Row, *, expanded: bool = False) -> dict[str, Any]:
    """A payment intent object; `expanded` shows its latest charge in full."""
    last: sqlite3.Row | None = None
    if row["latest_charge"] is not None:
        last = charges.find(ledger, row["latest_charge"])
    failed = last is not None and last["status"] == "failed" and row["status"] == "requires_payment_method"
    return {
        "id": row["id"],
        "object": "payment_intent",
        "amount": row["amount_cents"],
        "amount_capturable": row["amount_cents"] if row["status"] == "requires_capture" else 0,
        "amount_received": row["amount_received_cents"],
        "canceled_at": row["canceled_at"],
        "cancellation_reason": row["cancellation_reason"],
        "capture_method": row["capture_method"],
        "client_secret": row["client_secret"],
        "confirmation_method": "automatic",
        "created": row["created"],
        "currency": row["currency"],
        "customer": None,
        "description": row["description"],
        "last_payment_error": _declined(last)["error"] if failed and last is not None else None,
        "latest_charge": charges.render(last) if expanded and last is not None else row["latest_charge"],
        "livemode": False,
        "metadata": json.loads(row["metadata"]),
        "next_action": None,
        "payment_method": row["card"] if row["status"] != "requires_payment_method" else None,
        "payment_method_types": ["card"],
        "status": row["status"],
    }


def _ask_for_money(ledger: sqlite3.Connection, identifier: str, card: Card, *, now_s: int, expanded: bool) -> Outcome:
    intent = find(ledger, identifier)
    automatic = intent["capture_method"] != "manual"
    charge = charges.record(
        ledger,
        now_s=now_s,
        amount_cents=intent["amount_cents"],
        currency=intent["currency"],
        card=card,
        capture=automatic,
        metadata=json.loads(intent["metadata"]),
        description=intent["description"],
        payment_intent=identifier,
    )
    paid = "succeeded" if automatic else "requires_capture"
    ledger.execute(
        "UPDATE payment_intent SET status = ?, card = ?, latest_charge = ?, amount_received_cents = ? WHERE id = ?",
        [
            "requires_payment_method" if card.decline else paid,
            card.name,
            charge["id"],
            charge["amount_captured_cents"],
            identifier,
        ],
    )
    intent = find(ledger, identifier)
    if card.decline is not None:
        return Outcome(_declined(charge, payment_intent=render(ledger, intent)), 402, charges.event(charge))
    return Outcome(render(ledger, intent, expanded=expanded), event=charges.event(charge))


def _declined(charge: sqlite3.Row, **extra: Any) -> dict[str, Any]:
    return charges.declined_body(charge, cards.CARDS[charge["card"]], **extra)


def _card(params: Params) -> Card | None:
    name = params.text("payment_method")
    data = params.hash("payment_method_data")
    if name is not None and data:
        raise Refused("Give payment_method or payment_method_data, not both.", param="payment_method_data")
    if name is not None:
        return cards.payment_method(name)
    return cards.payment_method_data(data) if data else None


def _expanded(params: Params) -> bool:
    for name in params.texts("expand"):
        if name != "latest_charge":
            raise Refused(f"This property cannot be expanded ({name[:80]}).", param="expand")
    return bool(params.hash("expand"))


def _needs_card() -> Refused:
    return Refused(
        "You cannot confirm this PaymentIntent because it's missing a payment method. "
        "To confirm the PaymentIntent, specify a payment method attached to this PaymentIntent.",
        code="payment_intent_unexpected_state",
    )


def _unexpected_state(verb: str, row: sqlite3.Row, fitting: str) -> Refused:
    return Refused(
        f"You cannot {verb} this PaymentIntent because it has a status of {row['status']}. "
        f"Only a PaymentIntent with one of the following statuses may be {_PARTICIPLES[verb]}: {fitting}.",
        code="payment_intent_unexpected_state",
    )


_PARTICIPLES = {"confirm": "confirmed", "capture": "captured", "cancel": "canceled"}
