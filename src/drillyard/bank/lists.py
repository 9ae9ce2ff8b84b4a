"""
Lists: newest first, a page at a time, continued after or before an object (https://docs.stripe.com/api/pagination).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from drillyard.bank.errors import Refused, no_such
from drillyard.bank.forms import Params, whole_number

LIMIT_DEFAULT = 10
LIMIT_MAX = 100

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page(
    ledger: sqlite3.Connection,
    params: Params,
    *,
    table: str,
    url: str,
    filters: dict[str, str | None],
    render: Callable[[sqlite3.Row], dict[str, Any]],
) -> dict[str, Any]:
    """
    One page of a table: `limit` (1 to 100, default 10), `starting_after`, `ending_before`, `created`, and equality
    filters.

    `table` and the filters' names are ours, never the caller's. Raises Refused for a bad parameter.
    """
    shown_max = limit(params)
    after, before = params.text("starting_after"), params.text("ending_before")
    if after and before:
        raise Refused("You may give starting_after or ending_before, not both.", param="ending_before")
    conditions, values = _created(params)
    params.refuse_unknown()
    for column, value in filters.items():
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if after:
        conditions.append("seq < ?")
        values.append(_position(ledger, table, after, "starting_after"))
    if before:
        conditions.append("seq > ?")
        values.append(_position(ledger, table, before, "ending_before"))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "ASC" if before else "DESC"
    query = f"SELECT * FROM {table} {where} ORDER BY seq {order} LIMIT ?"
    rows = ledger.execute(query, [*values, shown_max + 1]).fetchall()
    shown = rows[:shown_max]
    if before:
        shown.reverse()
    return {"object": "list", "data": [render(row) for row in shown], "has_more": len(rows) > shown_max, "url": url}


def limit(params: Params) -> int:
    """`limit`: how many objects a page shows at most. Raises Refused."""
    given = params.integer("limit")
    shown_max = LIMIT_DEFAULT if given is None else given
    if not 1 <= shown_max <= LIMIT_MAX:
        raise Refused(f"Limit must be from 1 to {LIMIT_MAX}.", param="limit", code="parameter_invalid_integer")
    return shown_max


def _created(params: Params) -> tuple[list[str], list[str | int]]:
    """`created=1700000000` or `created[gte]=…`, in Unix seconds."""
    if not params.hash_given("created"):
        exact = params.integer("created")
        return (["created = ?"], [exact]) if exact is not None else ([], [])
    conditions: list[str] = []
    values: list[str | int] = []
    for name, bound in params.hash("created").items():
        param = f"created[{name[:20]}]"
        if name not in _COMPARISONS or isinstance(bound, dict):
            raise Refused(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")
        conditions.append(f"created {_COMPARISONS[name]} ?")
        values.append(whole_number(param, bound))
    return conditions, values


def _position(ledger: sqlite3.Connection, table: str, identifier: str, param: str) -> int:
    row = ledger.execute(f"SELECT seq FROM {table} WHERE id = ?", [identifier]).fetchone()
    if row is None:
        raise no_such(table, identifier[:80], param, status=400)
    return int(row["seq"])
