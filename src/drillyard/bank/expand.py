"""
Expanding: `expand[]=latest_charge` puts a whole object where its id stood (https://docs.stripe.com/expand).

A path goes through objects by dots, and through a list by `data`; four levels at most.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drillyard.bank import cards, charges, payment_intents
from drillyard.bank.errors import Refused

DEPTH_MAX = 4
_Find = Callable[[sqlite3.Connection, str], dict[str, Any]]


def _charge(ledger: sqlite3.Connection, identifier: str) -> dict[str, Any]:
    return charges.render(charges.find(ledger, identifier))


def _intent(ledger: sqlite3.Connection, identifier: str) -> dict[str, Any]:
    return payment_intents.render(ledger, payment_intents.find(ledger, identifier))


def _method(_: sqlite3.Connection, identifier: str) -> dict[str, Any]:
    return cards.render(cards.CARDS[identifier])


def _nobody(_: sqlite3.Connection, __: str) -> dict[str, Any]:
    raise AssertionError("the bank knows no customers, so none is ever named")


_EXPANDABLE: Mapping[str, Mapping[str, _Find]] = {
    "payment_intent": {"latest_charge": _charge, "payment_method": _method, "customer": _nobody},
    "charge": {"payment_intent": _intent, "customer": _nobody},
    "refund": {"charge": _charge, "payment_intent": _intent},
    "payment_method": {"customer": _nobody},
}


def expand(ledger: sqlite3.Connection, body: dict[str, Any], paths: Sequence[str]) -> None:
    """Expands an answer in place. Raises Refused for a path that leads to nothing expandable."""
    for path in paths:
        names = path.split(".")
        if len(names) > DEPTH_MAX:
            raise Refused(
                f"You cannot expand more than {DEPTH_MAX} levels of a property ({path[:80]}).", param="expand"
            )
        _walk(ledger, body, names, path)


def _walk(ledger: sqlite3.Connection, node: dict[str, Any], names: list[str], path: str) -> None:
    first, *rest = names
    if node["object"] in ("list", "search_result"):
        if first != "data" or not rest:
            raise _not_expandable(path, f" You may want to try expanding 'data.{path[:80]}' instead.")
        for item in node["data"]:
            _walk(ledger, item, rest, path)
        return
    find = _EXPANDABLE.get(node["object"], {}).get(first)
    if find is None:
        raise _not_expandable(path)
    if isinstance(node[first], str):
        node[first] = find(ledger, node[first])
    if rest and node[first] is not None:
        _walk(ledger, node[first], rest, path)


def _not_expandable(path: str, instead: str = "") -> Refused:
    return Refused(f"This property cannot be expanded ({path[:80]}).{instead}", param="expand")
