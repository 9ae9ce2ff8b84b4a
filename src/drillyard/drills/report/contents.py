"""
Everything that a report says, taken from a record and from nothing else.

Both forms of the report (page and Markdown) are renderings of this one object, so they cannot tell different stories.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.drills.report.audit import DEPTH_SERIES, judge_again
from drillyard.drills.report.chart import Chart, runs, seconds
from drillyard.drills.report.counterfactual import Fate, fates
from drillyard.drills.report.impact import Cost, impact
from drillyard.drills.report.own_orders import own_orders
from drillyard.drills.report.requirements import Requirement, requirements
from drillyard.drills.report.story import tell
from drillyard.drills.report.window import FaultWindow, fault_window
from drillyard.drills.report.words import in_words, money, offset, printable, time_of_day, times
from drillyard.record import Entry, Outcome, Phase, Record, Verdict

CONSUMER_SERIES = "consumers"
_EVENTS_PER_PHASE_MAX = 14
_OUTPUT_MAX = 20_000
_NOT_EVENTS = {"phase", "check", "verdict"}
_MARKS = {"fault-is-on", "healed", "recovered-canary"}
_MEANING = {
    Outcome.KEPT: "The incident broke what it says, showed as it says, and healed; every order is accounted for.",
    Outcome.UNCLEAR: "Something could not be seen, so nothing is claimed.",
    Outcome.BROKEN: "Something was otherwise than the incident promises.",
    Outcome.INVALID: "The drill says nothing of the incident: the yard was not in order, or the fault was never on.",
}


@dataclass(frozen=True)
class Moment:
    """One line of the timeline."""

    at: str
    offset: str
    text: str


@dataclass(frozen=True)
class Stretch:
    """One phase of the timeline: its events, how many more there were, and how its checks went."""

    name: str
    at: str
    offset: str
    took: str
    events: tuple[Moment, ...]
    events_left_out: int
    checks: str


@dataclass(frozen=True)
class OrderLine:
    """One order as each party tells it, in words."""

    order_id: str
    shopper: str
    amount: str
    shop: str
    bank: str
    processed: str
    order_class: str
    agreed: bool


@dataclass(frozen=True)
class QueryRun:
    """One query as it was run, with the number of results it returned."""

    source: str
    query: str
    kind: str
    window: str
    count: int
    explanation: str
    samples: tuple[str, ...]
    results: str | None
    command: str


@dataclass(frozen=True)
class QueryGroup:
    """A query of the document and its corrected form."""

    title: str
    runs: tuple[QueryRun, ...]


@dataclass(frozen=True)
class Contents:
    """The whole report, in words and numbers, unescaped."""

    record: Record
    verdict: Verdict
    incident: Mapping[str, Any]
    window: FaultWindow
    story: str
    figures: tuple[tuple[str, str], ...]
    chart: Chart | None
    depth_changes: tuple[tuple[str, str, str], ...]
    timeline: tuple[Stretch, ...]
    orders: tuple[OrderLine, ...]
    totals: tuple[tuple[str, str], ...]
    disagreements: tuple[tuple[str, str, str], ...]
    queries: tuple[QueryGroup, ...]
    investigator_output: str
    investigator_changes: tuple[str, ...] | None
    hashes: tuple[tuple[str, str, bool], ...]
    costs: tuple[Cost, ...]
    fates: tuple[Fate, ...]
    requirements: tuple[Requirement, ...]

    @property
    def title(self) -> str:
        """The incident's title where the record has it, else its name."""
        return printable(self.incident.get("title") or self.record.manifest.incident)

    @property
    def meaning(self) -> str:
        """What the verdict's word means."""
        return _MEANING[self.verdict.outcome]

    @property
    def judged_again(self) -> int:
        """How many of the verdict's checks, the last ones, were made from the record for this report."""
        return len(self.verdict.checks) - len(self.record.checks)

    @property
    def brief(self) -> str:
        """What the on-call was told; empty when the record does not say."""
        return printable(self.incident.get("brief") or "")

    @property
    def cause(self) -> str:
        """What was put in; empty when the record does not say, or when nothing was put in."""
        return printable(self.incident.get("cause") or "") if self.window.put_in else ""


def read_contents(record: Record) -> Contents:
    """Raises DrillyardError when a piece of the record's evidence has not the shape that a report needs."""
    try:
        return _read(record)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DrillyardError(f"No report can be made of {record.path}: its evidence is damaged ({reason}).") from error


def _read(record: Record) -> Contents:
    verdict, window = judge_again(record), fault_window(record)
    accounts = record.evidence("reconciliation") or {}
    incident = record.evidence("incident") or {}
    orders = _orders(record, accounts)
    depth = record.samples.get(DEPTH_SERIES, ())
    changes = record.evidence("investigator-changes")
    altered = set(record.altered_files())
    story, figures = tell(record, window, accounts)
    return Contents(
        record=record,
        verdict=verdict,
        incident=incident if isinstance(incident, Mapping) else {},
        window=window,
        story=story,
        figures=figures,
        chart=_chart(record, window) if any(sample.value is not None for sample in depth) else None,
        depth_changes=_depth_changes(record),
        timeline=tuple(_stretch(record, phase) for phase in record.phases),
        orders=orders,
        totals=_totals(accounts),
        disagreements=tuple(
            (one["order_id"] or "–", in_words(one["order_class"]), printable(one["text"]))
            for one in accounts.get("disagreements", ())
        ),
        queries=_queries(record.evidence("queries") or ()),
        investigator_output=_cut(printable(record.evidence("investigator-output") or "")),
        investigator_changes=None if changes is None else tuple(printable(change) for change in changes),
        costs=impact(record, window, accounts),
        fates=fates(record, accounts),
        requirements=requirements(record, incident),
        hashes=tuple((name, value, name not in altered) for name, value in sorted(record.sha256.items())),
    )


def _chart(record: Record, window: FaultWindow) -> Chart:
    return Chart(
        started_at=record.manifest.started_at,
        ended_s=record.ended_s,
        depth=record.samples[DEPTH_SERIES],
        consumers=record.samples.get(CONSUMER_SERIES, ()),
        window=(window.started_s, window.ended_s) if window.put_in else None,
        orders_s=[entry.t_s for entry in record.entries if entry.kind == "order"],
    )


def _depth_changes(record: Record) -> tuple[tuple[str, str, str], ...]:
    """Time, offset and depth wherever the depth changed; the chart in words."""
    start = record.manifest.started_at
    corners = [
        corner for stretch in runs(record.samples.get(DEPTH_SERIES, ()), record.ended_s) for corner in stretch[:-1]
    ]
    return tuple((time_of_day(start + timedelta(seconds=t_s)), offset(t_s), f"{value:g}") for t_s, value in corners)


def _stretch(record: Record, phase: Phase) -> Stretch:
    inside = [
        entry for entry in record.entries if entry.phase == phase.name and phase.started_s <= entry.t_s <= phase.ended_s
    ]
    events = [
        Moment(time_of_day(entry.at), offset(entry.t_s), printable(_as_event(entry)))
        for entry in inside
        if entry.kind not in _NOT_EVENTS or _is_mark(entry)
    ]
    outcomes = Counter(Outcome(entry.data["outcome"]) for entry in inside if entry.kind == "check")
    return Stretch(
        name=phase.name,
        at=time_of_day(phase.started_at),
        offset=offset(phase.started_s),
        took=seconds(phase.ended_s - phase.started_s),
        events=tuple(events[:_EVENTS_PER_PHASE_MAX]),
        events_left_out=max(0, len(events) - _EVENTS_PER_PHASE_MAX),
        checks=", ".join(f"{outcomes[outcome]} {outcome.value}" for outcome in Outcome if outcomes[outcome]),
    )


def _is_mark(entry: Entry) -> bool:
    """What a timeline is read for: the fault is on, it is over, an order ships again, a promise is broken."""
    if entry.kind != "check":
        return False
    return entry.data.get("name") in _MARKS or entry.data.get("outcome") != Outcome.KEPT.value


def _as_event(entry: Entry) -> str:
    if entry.kind != "check":
        return entry.text
    word = "" if entry.data["outcome"] == Outcome.KEPT.value else f"{str(entry.data['outcome']).upper()}: "
    return f"{word}{entry.data['claim']}: {entry.data['seen']}"


def _orders(record: Record, accounts: Mapping[str, Any]) -> tuple[OrderLine, ...]:
    if accounts:
        own = own_orders(record)
        return tuple(_order_line(row, own) for row in accounts["rows"])
    return tuple(
        OrderLine(
            order_id=row["order_id"] or "none named",
            shopper=f"{row['http_status'] or 'no answer'} {row['status_seen'] or ''}".strip(),
            amount=money(row["total_cents"]),
            shop="not compared",
            bank="not compared",
            processed="not compared",
            order_class="not compared",
            agreed=False,
        )
        for row in record.ledger("shoppers") or ()
    )


def _order_line(row: Mapping[str, Any], own: frozenset[str]) -> OrderLine:
    if row["charges"] is None:
        bank = "not asked"
    elif not row["charges"]:
        bank = "no charge"
    else:
        bank = (f"{row['charges']} charges, " if row["charges"] > 1 else "") + money(row["charged_cents"])
        bank += f", {money(row['refunded_cents'])} back" if row["refunded_cents"] else ""
    amount = row["order_cents"] if row["order_cents"] is not None else row["shopper_cents"]
    return OrderLine(
        order_id=str(row["order_id"]),
        shopper=printable(
            row["shopper"] or ("the drill's test order" if row["order_id"] in own else "not a shopper's")
        ),
        amount=money(amount),
        shop=printable(row["order_status"] or "not stored"),
        bank=bank,
        processed=times(row["processed"]),
        order_class=in_words(str(row["order_class"])),
        agreed=row["order_class"] == "agreed",
    )


def _totals(accounts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    words = {
        "accepted_cents": "Accepted from shoppers",
        "paid_cents": "Paid or shipped, says the shop",
        "charged_cents": "Charged, says the bank",
        "refunded_cents": "Refunded, says the bank",
        "held_cents": "Held by the bank",
        "processed_cents": "Shipped, says queue-master",
    }
    totals = accounts.get("totals") or {}
    return tuple((words[key], money(totals[key])) for key in words if key in totals)


def _queries(rows: Iterable[Mapping[str, Any]]) -> tuple[QueryGroup, ...]:
    groups: dict[str, list[QueryRun]] = {}
    for row in rows:
        groups.setdefault(printable(row["title"]), []).append(
            QueryRun(
                source=str(row["source"]),
                query=printable(row["query"]),
                kind=str(row["kind"]),
                window=f"{row['from']} to {row['to']}",
                count=int(row["count"]),
                explanation=printable(row["explanation"] or ""),
                samples=tuple(printable(sample) for sample in row["samples"]),
                results=f"evidence/{row['results']}.json" if row.get("results") else None,
                command=_command(row),
            )
        )
    return tuple(QueryGroup(title, tuple(found)) for title, found in groups.items())


def _command(row: Mapping[str, Any]) -> str:
    """What asks the same again while the yard is up."""
    if row["kind"] == "containers":
        return ""
    window = f" --from {row['from']} --to {row['to']}"
    return printable(f"drill {row['kind']} {shlex.quote(str(row['query']))}{window}")


def _cut(text: str) -> str:
    if len(text) <= _OUTPUT_MAX:
        return text
    return text[:_OUTPUT_MAX] + f"\n… {len(text) - _OUTPUT_MAX} more characters in evidence/investigator-output.txt"
