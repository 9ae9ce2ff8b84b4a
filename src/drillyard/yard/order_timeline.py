"""
One order across all services: every log line that names it, its stored statuses and the bank's own entries, in order.

The order's creation is T+0. Where orders does not answer or does not know it, the first line found is, and it is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drillyard.base.clock import rfc3339
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.yard.yard import Yard

LOGS_MAX = 5_000
SPANS_MAX = 1_000
TRACES_MAX = 20
_ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_BEFORE = timedelta(minutes=5)
_LONG_AGO = "now-15d"


@dataclass(frozen=True)
class Step:
    """Something that happened to the order. `kind` is log, status, charge, refund or span; `level` a log's own word."""

    at: datetime
    kind: str
    service: str
    level: str
    text: str

    def offset_s(self, start: datetime) -> float:
        return (self.at - start).total_seconds()


@dataclass(frozen=True)
class Timeline:
    """`start` is T+0. `notes` say what could not be asked."""

    order_id: str
    start: datetime
    steps: list[Step]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        rows = [
            {
                "at": rfc3339(step.at),
                "offset_s": round(step.offset_s(self.start), 3),
                "kind": step.kind,
                "service": step.service,
                "level": step.level,
                "text": step.text,
            }
            for step in self.steps
        ]
        return {"order_id": self.order_id, "start": rfc3339(self.start), "steps": rows, "notes": self.notes}


async def order_timeline(yard: Yard, order_id: str, *, with_spans: bool = False) -> Timeline:
    """
    The order's timeline, with the spans of its traces where they are wanted.

    Raises SettingError for what is no order id, DrillyardError when nothing knows the order.
    """
    if not _ORDER_ID.fullmatch(order_id):
        raise SettingError(f"{order_id[:80]!r} is no order id.", hint="An id looks like 6900953ac1f4320001b50703.")
    notes: list[str] = []
    order = await _stored(yard, order_id, notes)
    created = _created(order)
    since = created - _BEFORE if created else _LONG_AGO
    found = await yard.datadog.logs(f'"{order_id}"', since, "now", limit=LOGS_MAX)
    if found.count >= LOGS_MAX:
        notes.append(f"There are more than {LOGS_MAX} log lines; the first so many are shown.")
    steps = [_of_log(item) for item in found.items]
    steps += _of_history(order)
    steps += await _of_traces(yard, order_id, since, notes) if with_spans else []
    money = await _of_bank(yard, order_id, notes)
    if not steps and not money and order is None:
        raise DrillyardError(
            f"Nothing is known of order {order_id}.", hint=" ".join([*notes, "`drill logs` shows what there is."])
        )
    start = created or min(step.at for step in [*steps, *money])
    if created is None:
        notes.append("The time of its creation is not known: T+0 is the first step found.")
    steps += _placed(money, steps, start)
    return Timeline(order_id, start, sorted(steps, key=lambda step: step.at), notes)


async def _stored(yard: Yard, order_id: str, notes: list[str]) -> dict[str, Any] | None:
    try:
        answer = await yard.look("orders", f"/orders/{order_id}")
        order = json.loads(answer.text) if answer.status == 200 else None
    except (DrillyardError, ValueError) as lost:
        notes.append(f"The stored order could not be read ({str(lost).splitlines()[0]}).")
        return None
    if not isinstance(order, dict):
        notes.append(f"orders does not know it (status {answer.status}).")
        return None
    return order


def _created(order: dict[str, Any] | None) -> datetime | None:
    return _moment((order or {}).get("date"))


def _of_history(order: dict[str, Any] | None) -> list[Step]:
    """The statuses that orders-db keeps with their times; only the newest, without a time, on an older shop."""
    steps = []
    for entry in (order or {}).get("statusHistory") or ():
        at = _moment(entry.get("at"))
        if at is not None:
            steps.append(Step(at, "status", "orders-db", "", f"status {entry.get('status')}"))
    return steps


def _of_log(item: dict[str, Any]) -> Step:
    attributes = item["attributes"]
    message = str(attributes.get("message", ""))
    level = _level(message, str(attributes.get("status", "")))
    at = datetime.fromisoformat(attributes["timestamp"])
    return Step(at, "log", str(attributes.get("service", "")), level, _text(message))


async def _of_traces(yard: Yard, order_id: str, since: datetime | str, notes: list[str]) -> list[Step]:
    """Every span of the traces that name the order, also those from before it had its id."""
    named = await yard.datadog.spans(f"@order.id:{order_id}", since, "now", limit=SPANS_MAX)
    traces = sorted({span["attributes"]["trace_id"] for span in named})[:TRACES_MAX]
    if not traces:
        notes.append("No span names it: spans are sent every 5 s, and only while a service has an intake for them.")
        return []
    found = await yard.datadog.spans(f"trace_id:({' OR '.join(traces)})", since, "now", limit=SPANS_MAX)
    return [_of_span(span["attributes"]) for span in found]


def _of_span(attributes: dict[str, Any]) -> Step:
    custom = attributes["custom"]
    callee = (custom.get("server") or {}).get("address")
    status = ((custom.get("http") or {}).get("response") or {}).get("status_code")
    words = [str(attributes["resource_name"]), f"to {callee}" if callee else "", str(status or "")]
    text = " ".join(word for word in words if word) + f", {custom['duration'] / 1e6:.1f} ms"
    at = datetime.fromisoformat(attributes["start_timestamp"])
    return Step(at, "span", str(attributes["service"]), "error" if attributes["status"] == "error" else "", text)


async def _of_bank(yard: Yard, order_id: str, notes: list[str]) -> list[Step]:
    try:
        charges = [one for one in await yard.bank.charges() if (one.get("metadata") or {}).get("order_id") == order_id]
        ids = {one["id"] for one in charges}
        refunds = [one for one in await yard.bank.refunds() if one.get("charge") in ids] if ids else []
    except DrillyardError as lost:
        notes.append(f"The bank could not be asked ({lost.message}).")
        return []
    if not charges:
        notes.append("The bank has no charge for it.")
    return [*map(_of_charge, charges), *map(_of_refund, refunds)]


def _of_charge(charge: dict[str, Any]) -> Step:
    words = f"{charge['id']} {_money(charge)}: {charge.get('status')}"
    if charge.get("failure_code"):
        words += f" ({charge['failure_code']})"
    elif charge.get("status") == "succeeded" and not charge.get("captured", True):
        words += ", authorised but not captured"
    return Step(_epoch(charge), "charge", "bank ledger", "", words)


def _of_refund(refund: dict[str, Any]) -> Step:
    words = f"{refund['id']} {_money(refund)} of {refund.get('charge')}: {refund.get('status')}"
    return Step(_epoch(refund), "refund", "bank ledger", "", words)


def _money(entry: dict[str, Any]) -> str:
    return f"{entry['amount'] / 100:.2f} {str(entry.get('currency', '')).upper()}".rstrip()


def _placed(money: Iterable[Step], steps: list[Step], start: datetime) -> list[Step]:
    """The ledger counts whole seconds: an entry takes the time of the first line that names it within that second."""
    placed = []
    for entry in money:
        identity = entry.text.partition(" ")[0]
        end = entry.at + timedelta(seconds=1)
        named = [one.at for one in steps if identity in one.text and entry.at <= one.at < end]
        at = min(named) if named else (start if entry.at <= start < end else entry.at)
        placed.append(replace(entry, at=at))
    return placed


_SPRING = re.compile(r"\A\S+ \S+\s+([A-Z]{4,5}) \[[^\]]*\] \d+ --- \[[^\]]*\] \S+\s*: (.*)\Z", re.DOTALL)
_LOGFMT_LEVEL = re.compile(r"(?:\A|\s)level=(\w+)")
_LOGFMT_START = re.compile(r"\Ats=\S+ (?:caller=\S+ )?(?:level=\w+ )?")


def _level(message: str, status: str) -> str:
    """The level that the line itself claims; without a pipeline, the status tells only stdout from stderr."""
    spring = _SPRING.match(message)
    if spring:
        return spring[1].lower()
    if not _LOGFMT_START.match(message):
        return status
    found = _LOGFMT_LEVEL.search(message)
    return found[1].lower() if found else ""


def _text(message: str) -> str:
    """The line without the time, thread and logger in front, as the documents print their timelines."""
    spring = _SPRING.match(message)
    return spring[2] if spring else _LOGFMT_START.sub("", message)


def _epoch(entry: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(entry["created"], UTC)


def _moment(value: Any) -> datetime | None:
    """`2025-10-28T10:04:42.603+0000` (as Spring writes it) or RFC 3339."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
