"""
Search: which charge belongs to this order? `metadata['order_id']:'6900…' AND status:'succeeded'`.

Stripe's query language (https://docs.stripe.com/search#search-query-language) over charges and payment intents. What
was written is found at once; Stripe takes up to a minute.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.bank import cards, lists
from drillyard.bank.errors import Refused
from drillyard.bank.forms import Params

CLAUSES_MAX = 10

_QUOTED = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_CLAUSE = re.compile(
    rf"(?P<negated>-?)(?P<field>[a-z0-9_.]+)(?:\[(?P<key>{_QUOTED})\])?\s*"
    rf"(?P<operator>:|~|>=|<=|>|<)\s*(?P<value>{_QUOTED}|-?[0-9]{{1,15}}|null)(?=\s|$)"
)
_BETWEEN = re.compile(r"\s+(?:(and|or)\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Field:
    """How a field is asked of the ledger: an SQL expression of ours, and whether it is a number."""

    sql: str
    number: bool = False


def _of_card(attribute: str) -> str:
    """What the ledger knows of a card by its name only."""
    return (
        "CASE card "
        + " ".join(f"WHEN '{card.name}' THEN '{getattr(card, attribute)}'" for card in cards.CARDS.values())
        + " END"
    )


_INTENT = {
    "amount": _Field("amount_cents", number=True),
    "created": _Field("created", number=True),
    "currency": _Field("currency"),
    "customer": _Field("NULL"),
    "status": _Field("status"),
}
_FIELDS: Mapping[str, Mapping[str, _Field]] = {
    "payment_intent": _INTENT,
    "charge": _INTENT
    | {
        "disputed": _Field("'false'"),
        "payment_method_details.card.brand": _Field(_of_card("brand")),
        "payment_method_details.card.last4": _Field(_of_card("last4")),
        "refunded": _Field(
            "CASE WHEN released OR (captured AND amount_refunded_cents = amount_captured_cents)"
            " THEN 'true' ELSE 'false' END"
        ),
    },
}


def page(
    ledger: sqlite3.Connection, params: Params, *, table: str, render: Callable[[sqlite3.Row], dict[str, Any]]
) -> dict[str, Any]:
    """One page of what a `query` finds, newest first: `limit`, and `page` with the `next_page` of the one before."""
    condition, values = _condition(params.required("query"), table)
    limit, after = lists.limit(params), params.text("page")
    params.refuse_unknown()
    if after is not None:
        if not re.fullmatch("[0-9]{1,15}", after):
            raise Refused(f"Invalid page: {after[:80]}. Give the next_page of an earlier answer.", param="page")
        condition, values = f"({condition}) AND seq < ?", [*values, int(after)]
    query = f"SELECT * FROM {table} WHERE {condition} ORDER BY seq DESC LIMIT ?"
    rows = ledger.execute(query, [*values, limit + 1]).fetchall()
    shown, more = rows[:limit], len(rows) > limit
    return {
        "object": "search_result",
        "data": [render(row) for row in shown],
        "has_more": more,
        "next_page": str(shown[-1]["seq"]) if more else None,
        "url": f"/v1/{table}s/search",
    }


def _condition(query: str, table: str) -> tuple[str, list[str | int]]:
    """An SQL condition with its values. Raises Refused for a query that cannot be read."""
    text = query.strip()
    conditions: list[str] = []
    values: list[str | int] = []
    joins: set[str] = set()
    at = 0
    while True:
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise _unreadable()
        condition, asked = _one(clause, table)
        conditions.append(condition)
        values += asked
        at = clause.end()
        if at == len(text):
            break
        between = _BETWEEN.match(text, at)
        if between is None:
            raise _unreadable()
        joins.add((between[1] or "and").upper())
        at = between.end()
    if len(joins) > 1:
        raise Refused("AND and OR cannot be combined in one search query.", param="query")
    if len(conditions) > CLAUSES_MAX:
        raise Refused(f"A search query has at most {CLAUSES_MAX} clauses.", param="query")
    return f" {joins.pop() if joins else 'AND'} ".join(conditions), values


def _one(clause: re.Match[str], table: str) -> tuple[str, list[str | int]]:
    field, asked = _field(clause, table)
    condition, value = _comparison(field, clause["operator"], clause["value"])
    # A row that has no such value does not match, and so it matches the negation.
    negated = f"NOT coalesce({condition}, 0)" if clause["negated"] else condition
    return negated, [*asked, *value]


def _field(clause: re.Match[str], table: str) -> tuple[_Field, list[str | int]]:
    name = clause["field"]
    if name == "metadata" and clause["key"]:
        return _Field("(SELECT value FROM json_each(metadata) WHERE key = ?)"), [_unquoted(clause["key"])]
    field = _FIELDS[table].get(name)
    if field is None or clause["key"]:
        raise Refused(f"Field `{name[:80]}` is an unsupported search field for resource `{table}s`.", param="query")
    return field, []


def _comparison(field: _Field, operator: str, given: str) -> tuple[str, list[str | int]]:
    if given == "null":
        if operator != ":":
            raise _unreadable()
        return f"({field.sql} IS NULL)", []
    value = _unquoted(given)
    if field.number:
        if operator == "~" or not re.fullmatch("-?[0-9]{1,15}", value):
            raise Refused("A numeric search field takes a whole number and one of : > < >= <=.", param="query")
        return f"({field.sql} {'=' if operator == ':' else operator} ?)", [int(value)]
    if operator == ":":
        return f"(lower({field.sql}) = lower(?))", [value]
    if operator == "~":
        return f"(instr(lower({field.sql}), lower(?)) > 0)", [value]
    raise Refused(f"Operator {operator} is for numeric search fields only.", param="query")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "\"'" else text


def _unreadable() -> Refused:
    return Refused(
        'We were unable to parse your search query. Try using the format `metadata["key"]:"value"` to query for '
        'metadata or key:"value" to query for other fields.',
        param="query",
    )
