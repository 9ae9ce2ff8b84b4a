"""
Payment intents: one intention to pay, through every try until money is taken or the intention is given up.

Source: https://docs.stripe.com/api/payment_intents and https://docs.stripe.com/payments/paymentintents/lifecycle.
Cards only. A card that asks for a second factor leaves its intent in `requires_action`, and there is no page on which a
customer could answer: another card pays it, or it is canceled. `processing` does not occur.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from drillyard.bank import cards, charges, lists, money, search
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
    "setup_future_usage",
    "use_stripe_sdk",
)
_AUTHENTICATE = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action")
_OPEN = (*_UNPAID, "requires_capture")


def create(ledger: sqlite3.Connection, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents`: amount, currency; with `confirm=true` and a card, the money is asked for at once."""
    amount, currency = money.amount_and_currency(params)
    card = _card(params)
    confirmed = params.boolean("confirm", default=False)
    method = params.choice("capture_method", ("automatic", "automatic_async", "manual"), default="automatic")
    metadata, description = params.metadata(), params.text("description")
    off_session = _off_session(params)
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
        return _ask_for_money(ledger, identifier, card, off_session=off_session, now_s=now_s)
    return Outcome(render(ledger, find(ledger, identifier)))


def retrieve(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`GET /v1/payment_intents/{id}`; `expand[]=latest_charge` shows the charge in full."""
    params.ignore("client_secret")
    params.refuse_unknown()
    return Outcome(render(ledger, find(ledger, identifier)))


def confirm(ledger: sqlite3.Connection, identifier: str, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents/{id}/confirm`: asks the card for the money."""
    row = find(ledger, identifier)
    card, off_session = _card(params), _off_session(params)
    params.ignore(*_WITHOUT_EFFECT)
    params.refuse_unknown()
    if row["status"] == "succeeded":
        raise Refused(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            code="payment_intent_unexpected_state",
        )
    if row["status"] not in _UNPAID:
        raise _unexpected_state("confirm", row, ", ".join(_UNPAID))
    if card is None and row["status"] != "requires_payment_method":
        card = cards.CARDS[row["card"]]
    if card is None:
        raise _needs_card()
    return _ask_for_money(ledger, identifier, card, off_session=off_session, now_s=now_s)


def update(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/payment_intents/{id}`: metadata and description at any time, the rest until it is paid or canceled."""
    row = find(ledger, identifier)
    card = _card(params)
    amount, given = params.integer("amount"), params.text("currency")
    currency = row["currency"] if given is None else money.currency(given)
    metadata = params.metadata(json.loads(row["metadata"]))
    description = params.text("description") if params.given("description") else row["description"]
    params.ignore(*_WITHOUT_EFFECT)
    params.refuse_unknown()
    for name, value in (("amount", amount), ("currency", given), ("payment_method", card)):
        if value is not None and row["status"] not in _UNPAID:
            raise Refused(
                f"This PaymentIntent's {name} could not be updated because it has a status of {row['status']}. "
                f"You may only update the {name} of a PaymentIntent with one of the following statuses: "
                f"{', '.join(_UNPAID)}.",
                code="payment_intent_unexpected_state",
            )
    if amount is not None or given is not None:
        amount = money.chargeable(row["amount_cents"] if amount is None else amount, currency)
    ledger.execute(
        "UPDATE payment_intent SET amount_cents = ?, currency = ?, status = ?, card = ?, description = ?, metadata = ?"
        " WHERE id = ?",
        [
            row["amount_cents"] if amount is None else amount,
            currency,
            row["status"] if card is None else "requires_confirmation",
            row["card"] if card is None else card.name,
            description,
            json.dumps(metadata),
            identifier,
        ],
    )
    return Outcome(render(ledger, find(ledger, identifier)))


def capture(ledger: sqlite3.Connection, identifier: str, params: Params) -> Outcome:
    """`POST /v1/payment_intents/{id}/capture`: takes what was authorised, or the smaller `amount_to_capture`."""
    row = find(ledger, identifier)
    amount = params.integer("amount_to_capture")
    params.ignore("statement_descriptor", "statement_descriptor_suffix")
    params.refuse_unknown()
    if row["status"] != "requires_capture":
        raise _unexpected_state("capture", row, "requires_capture")
    charge = charges.take(ledger, charges.find(ledger, row["latest_charge"]), amount, param="amount_to_capture")
    ledger.execute(
        "UPDATE payment_intent SET status = 'succeeded', amount_received_cents = ? WHERE id = ?",
        [charge["amount_captured_cents"], identifier],
    )
    return Outcome(render(ledger, find(ledger, identifier)), event=charges.event(charge))


def cancel(ledger: sqlite3.Connection, identifier: str, params: Params, *, now_s: int) -> Outcome:
    """`POST /v1/payment_intents/{id}/cancel`: gives the intention up and releases what a card holds for it."""
    row = find(ledger, identifier)
    reason = params.choice("cancellation_reason", _REASONS)
    params.refuse_unknown()
    if row["status"] not in _OPEN:
        raise _unexpected_state("cancel", row, ", ".join(_OPEN))
    if row["status"] == "requires_capture":
        ledger.execute("UPDATE charge SET released = 1 WHERE id = ?", [row["latest_charge"]])
    ledger.execute(
        "UPDATE payment_intent SET status = 'canceled', canceled_at = ?, cancellation_reason = ? WHERE id = ?",
        [now_s, reason, identifier],
    )
    return Outcome(render(ledger, find(ledger, identifier)))


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


def search_all(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/payment_intents/search`."""
    return Outcome(search.page(ledger, params, table="payment_intent", render=lambda row: render(ledger, row)))


def find(ledger: sqlite3.Connection, identifier: str, param: str = "intent", *, status: int = 404) -> sqlite3.Row:
    """The intent of that id. Raises Refused (Stripe's resource_missing)."""
    row: sqlite3.Row | None = ledger.execute("SELECT * FROM payment_intent WHERE id = ?", [identifier]).fetchone()
    if row is None:
        raise no_such("payment_intent", identifier[:80], param, status=status)
    return row


def render(ledger: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A payment intent object."""
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
        "last_payment_error": charges.declined_body(last)["error"] if failed and last is not None else None,
        "latest_charge": row["latest_charge"],
        "livemode": False,
        "metadata": json.loads(row["metadata"]),
        "next_action": _AUTHENTICATE if row["status"] == "requires_action" else None,
        "payment_method": row["card"] if row["status"] != "requires_payment_method" else None,
        "payment_method_types": ["card"],
        "status": row["status"],
    }


def _ask_for_money(
    ledger: sqlite3.Connection, identifier: str, card: Card, *, off_session: bool, now_s: int
) -> Outcome:
    """`off_session`: without the customer, who then cannot authenticate."""
    if card.authenticates and not off_session:
        ledger.execute(
            "UPDATE payment_intent SET status = 'requires_action', card = ? WHERE id = ?", [card.name, identifier]
        )
        return Outcome(render(ledger, find(ledger, identifier)))
    decline = cards.NOT_AUTHENTICATED if card.authenticates else card.decline
    intent = find(ledger, identifier)
    automatic = intent["capture_method"] != "manual"
    charge = charges.record(
        ledger,
        now_s=now_s,
        amount_cents=intent["amount_cents"],
        currency=intent["currency"],
        card=card,
        decline=decline,
        capture=automatic,
        metadata=json.loads(intent["metadata"]),
        description=intent["description"],
        payment_intent=identifier,
    )
    paid = "succeeded" if automatic else "requires_capture"
    ledger.execute(
        "UPDATE payment_intent SET status = ?, card = ?, latest_charge = ?, amount_received_cents = ? WHERE id = ?",
        [
            "requires_payment_method" if decline else paid,
            card.name,
            charge["id"],
            charge["amount_captured_cents"],
            identifier,
        ],
    )
    intent = find(ledger, identifier)
    if decline is not None:
        return Outcome(charges.declined_body(charge, payment_intent=render(ledger, intent)), 402, charges.event(charge))
    return Outcome(render(ledger, intent), event=charges.event(charge))


def _card(params: Params) -> Card | None:
    name = params.text("payment_method")
    data = params.hash("payment_method_data")
    if name is not None and data:
        raise Refused("Give payment_method or payment_method_data, not both.", param="payment_method_data")
    if name is not None:
        return cards.payment_method(name)
    return cards.payment_method_data(data) if data else None


def _off_session(params: Params) -> bool:
    """Asked for without the customer (`off_session`), or to be told of a needed step as an error."""
    off_session = params.boolean("off_session", default=False)
    return params.boolean("error_on_requires_action", default=False) or off_session


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
