"""
The table of the bank's operations: method, path, what runs, and whether it asks a card for money.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from drillyard.bank import balance, cards, charges, payment_intents, refunds
from drillyard.bank.forms import Params, Tree
from drillyard.bank.outcome import Outcome

Run = Callable[[sqlite3.Connection, Params, str, int], Outcome]
"""Ledger, parameters, the id in the path ("" where there is none), Unix seconds."""


def _never(_: Tree) -> bool:
    return False


def _always(_: Tree) -> bool:
    return True


def _when_confirmed(tree: Tree) -> bool:
    confirm = tree.get("confirm")
    return isinstance(confirm, str) and confirm.lower() == "true"


@dataclass(frozen=True)
class Operation:
    """One line of the table."""

    method: str
    path: str
    run: Run
    asks_for_money: Callable[[Tree], bool] = _never


OPERATIONS = (
    Operation("GET", "/v1/balance", lambda ledger, params, _id, _now: balance.retrieve(ledger, params)),
    Operation("GET", "/v1/charges", lambda ledger, params, _id, _now: charges.list_all(ledger, params)),
    Operation(
        "POST",
        "/v1/charges",
        lambda ledger, params, _id, now: charges.create(ledger, params, now_s=now),
        _always,
    ),
    Operation("GET", "/v1/charges/search", lambda ledger, params, _id, _now: charges.search_all(ledger, params)),
    Operation("GET", "/v1/charges/{id}", lambda ledger, params, id, _now: charges.retrieve(ledger, id, params)),
    Operation("POST", "/v1/charges/{id}", lambda ledger, params, id, _now: charges.update(ledger, id, params)),
    Operation(
        "POST",
        "/v1/charges/{id}/capture",
        lambda ledger, params, id, _now: charges.capture(ledger, id, params),
        _always,
    ),
    Operation("GET", "/v1/payment_intents", lambda ledger, params, _id, _now: payment_intents.list_all(ledger, params)),
    Operation(
        "POST",
        "/v1/payment_intents",
        lambda ledger, params, _id, now: payment_intents.create(ledger, params, now_s=now),
        _when_confirmed,
    ),
    Operation(
        "GET",
        "/v1/payment_intents/search",
        lambda ledger, params, _id, _now: payment_intents.search_all(ledger, params),
    ),
    Operation(
        "GET",
        "/v1/payment_intents/{id}",
        lambda ledger, params, id, _now: payment_intents.retrieve(ledger, id, params),
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}",
        lambda ledger, params, id, _now: payment_intents.update(ledger, id, params),
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/confirm",
        lambda ledger, params, id, now: payment_intents.confirm(ledger, id, params, now_s=now),
        _always,
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/capture",
        lambda ledger, params, id, _now: payment_intents.capture(ledger, id, params),
        _always,
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        lambda ledger, params, id, now: payment_intents.cancel(ledger, id, params, now_s=now),
    ),
    Operation("GET", "/v1/payment_methods/{id}", lambda _ledger, params, id, _now: cards.retrieve(id, params)),
    Operation("GET", "/v1/refunds", lambda ledger, params, _id, _now: refunds.list_all(ledger, params)),
    Operation("POST", "/v1/refunds", lambda ledger, params, _id, now: refunds.create(ledger, params, now_s=now)),
    Operation("GET", "/v1/refunds/{id}", lambda ledger, params, id, _now: refunds.retrieve(ledger, id, params)),
    Operation("POST", "/v1/refunds/{id}", lambda ledger, params, id, _now: refunds.update(ledger, id, params)),
)
