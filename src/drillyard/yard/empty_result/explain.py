"""
The explanation of an empty log search, by counting: the window, each term alone, the query without each term.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.query.nodes import RESERVED, All, Field, FieldKind, Match, Node, Not
from drillyard.yard.datadog import DatadogClient
from drillyard.yard.empty_result.nearest import listed, nearest
from drillyard.yard.empty_result.terms import facet_of, matches_in, readable, terms, typed, without

QUESTIONS_MAX = 40
_TERMS_MAX = 12
_VALUES_MAX = 1000
_SAMPLE = 200
_LONG_AGO = "now-15d"
"""As far back as Datadog keeps logs by default."""

Moment = datetime | str


@dataclass
class _Inquiry:
    """One search that found nothing, and how many questions may still be asked about it."""

    datadog: DatadogClient
    tree: Node
    start: Moment
    end: Moment
    left: int = QUESTIONS_MAX
    counted: dict[str, int] = field(default_factory=dict)

    async def count(self, node: Node) -> int | None:
        """How many logs of the window fit; None when enough has been asked."""
        query = str(node)
        if query not in self.counted:
            if self.left <= 0:
                return None
            self.left -= 1
            self.counted[query] = await self.datadog.count(query, self.start, self.end)
        return self.counted[query]


async def explain(datadog: DatadogClient, query: str, start: Moment, end: Moment) -> list[str]:
    """
    Sentences on why the query finds nothing between the two moments; never empty.

    Raises RefusedQuery, and DrillyardError when the telemetry does not answer.
    """
    inquiry = _Inquiry(datadog, parse(query), start, end)
    window = f"from {start} to {end}"
    if not await inquiry.count(All()):
        return [f"There is no log at all {window}.", *await _elsewhere(datadog, "*")]
    said = [sentence async for sentence in _guilty_terms(inquiry)]
    said = said or [sentence async for sentence in _together(inquiry)]
    elsewhere = await _elsewhere(datadog, query)
    return [*(said or [f"No log {window} fits {readable(inquiry.tree)}."]), *elsewhere]


async def _guilty_terms(inquiry: _Inquiry) -> AsyncIterator[str]:
    """The terms that find nothing even alone."""
    for term in terms(inquiry.tree)[:_TERMS_MAX]:
        if await inquiry.count(term) != 0:
            continue
        if isinstance(term, Not):
            yield f"Every log in this window is left out by {readable(term)}."
            continue
        values = list(matches_in(term))
        if not values:
            yield f"No log in this window has {readable(term)}."
        unknown = [value for value in values[:_TERMS_MAX] if await inquiry.count(value) == 0]
        for value in unknown:
            yield await _unknown_value(inquiry, value)
        if values and not unknown:
            yield f"No log in this window has {readable(term)}."


async def _unknown_value(inquiry: _Inquiry, match: Match) -> str:
    """What is known instead of this value of its field."""
    beginning = f"No log in this window has {readable(match)}"
    if match.field.kind is FieldKind.ANYWHERE or match.field.name == "message" or inquiry.left <= 0:
        return f"{beginning}."
    inquiry.left -= 1
    facet = facet_of(match.field)
    groups = await inquiry.datadog.groups("*", [facet], inquiry.start, inquiry.end, limit=_VALUES_MAX)
    known = [group.by[facet] for group in groups if group.by.get(facet)]
    if not known:
        return await _unknown_field(inquiry, match.field)
    if match.field.name == "status":
        return f"{beginning}; there are {listed(known)}. {_STATUS}"
    near = nearest(typed(match.pattern), known)
    if near:
        return f"{beginning}; there {'is' if len(near) == 1 else 'are'} {listed(near)}."
    return f"{beginning}; {facet} is {listed(sorted(known))}."


async def _unknown_field(inquiry: _Inquiry, missing: Field) -> str:
    found = await inquiry.datadog.logs("*", inquiry.start, inquiry.end, sort="-timestamp", limit=_SAMPLE)
    if missing.kind is FieldKind.ATTRIBUTE:
        known = {f"@{name}" for item in found.items for name in item["attributes"].get("attributes") or {}}
        reason = "attributes come from JSON lines and from pipelines (`drill pipelines install`), for new logs only"
    else:
        tags = (tag.partition(":")[0] for item in found.items for tag in item["attributes"].get("tags") or [])
        known = {*tags, *RESERVED}
        reason = "attributes, other than tags, are written with an @"
    name = facet_of(missing)
    near = nearest(name, known)
    hint = f"did you mean {listed(near)}?" if near else f"{reason}."
    return f"No log in this window has {name} at all; {hint}"


async def _together(inquiry: _Inquiry) -> AsyncIterator[str]:
    """The terms that find logs alone, but with which nothing fits: leaving one of them out tells which."""
    for term in terms(inquiry.tree)[:_TERMS_MAX]:
        rest = without(inquiry.tree, term)
        count = await inquiry.count(rest) if rest is not None else None
        if not count:
            continue
        yield f"Without {readable(term)} there would be {count} log(s): every one of them lacks it."
        if any(match.field.name == "status" for match in matches_in(term)):
            yield _STATUS


_STATUS = (
    "A status comes from the stream (stdout info, stderr error) or from a pipeline: Spring lines are all info until a "
    "pipeline reads their level. `drill pipelines install` does so for new lines; the words themselves, such as "
    '"ERROR", are found at once.'
)


async def _elsewhere(datadog: DatadogClient, query: str) -> list[str]:
    """Whether logs outside the window fit."""
    newest = await datadog.logs(query, _LONG_AGO, "now", sort="-timestamp", limit=1)
    if not newest.items:
        return ["No log of the last 15 days fits either."]
    count = await datadog.count(query, _LONG_AGO, "now")
    at = newest.items[0]["attributes"]["timestamp"]
    return [f"Outside this window {count} log(s) fit, the newest at {at}: widen it with --from."]
