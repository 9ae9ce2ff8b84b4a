"""
The explanation of an empty event search, from the events that the window does have.

There are few events (thousands at most), so they are read and matched here instead of asked about one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from drillyard.telemetry.logs.query import matches, parse
from drillyard.telemetry.logs.query.nodes import Match, Node
from drillyard.telemetry.logs.record import Record
from drillyard.yard.empty_result.nearest import listed, nearest
from drillyard.yard.empty_result.terms import facet_of, matches_in, readable, terms, typed, without

_TERMS_MAX = 12


def explain_events(query: str, items: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences on why the query finds none of these events; never empty. Raises QueryError."""
    if not items:
        return ["There is no event at all in this window."]
    tree = parse(query)
    records = [_record(item["attributes"]) for item in items]
    said = [sentence for term in terms(tree)[:_TERMS_MAX] for sentence in _guilty(term, records)]
    said = said or list(_together(tree, records))
    return [f"Without the query, this window has {len(items)} event(s).", *said]


def _guilty(term: Node, records: Sequence[Record]) -> Iterator[str]:
    """The terms that find nothing even alone."""
    if any(matches(term, record) for record in records):
        return
    values = list(matches_in(term))
    if not values:
        yield f"No event in this window has {readable(term)}."
    for match in values:
        yield _unknown(match, records)


def _unknown(match: Match, records: Sequence[Record]) -> str:
    beginning = f"No event in this window has {readable(match)}"
    name = facet_of(match.field)
    known = {value for record in records for value in record.tag_values.get(name, ())}
    known |= {str(getattr(record, name)) for record in records if name in ("source", "status", "host", "service")} - {
        ""
    }
    near = nearest(typed(match.pattern), known)
    if near:
        return f"{beginning}; there {'is' if len(near) == 1 else 'are'} {listed(near)}."
    if known:
        return f"{beginning}; {name} is {listed(sorted(known))}."
    names = nearest(name, {tag for record in records for tag in record.tag_values} | {"source", "status", "host"})
    return f"{beginning}; no event has {name}" + (f", did you mean {listed(names)}?" if names else ".")


def _together(tree: Node, records: Sequence[Record]) -> Iterator[str]:
    """Each term finds some, but nothing fits all: leaving one out tells which."""
    for term in terms(tree)[:_TERMS_MAX]:
        rest = without(tree, term)
        count = sum(matches(rest, record) for record in records) if rest is not None else 0
        if count:
            yield f"Without {readable(term)} there would be {count} event(s): every one of them lacks it."


def _record(attributes: dict[str, Any]) -> Record:
    inner = attributes.get("attributes") or {}
    tags = [str(tag) for tag in attributes.get("tags") or []]
    source = next((tag.removeprefix("source:") for tag in tags if tag.startswith("source:")), "")
    message = f"{inner.get('title', '')}\n{attributes.get('message', '')}"
    status, host = str(inner.get("status", "")), str(inner.get("hostname") or "")
    return Record(0, message, str(inner.get("service") or ""), host, source, status, tags, dict(inner))
