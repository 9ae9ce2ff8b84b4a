"""
Asks every monitor in turn, keeps the states, and makes an event of each change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from drillyard.base.clock import Clock
from drillyard.base.errors import DrillyardError
from drillyard.telemetry.events.event import Event
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.monitors.answer import Oracle, Values
from drillyard.telemetry.monitors.book import MonitorBook
from drillyard.telemetry.monitors.downtimes import DowntimeBook
from drillyard.telemetry.monitors.query import RecordQuestion
from drillyard.telemetry.monitors.state import ALERT, NO_DATA, OK, WARN, Transition, overall, state_of, transition_kind
from drillyard.telemetry.times import iso

EVERY_S = 5.0

_ALERT_TYPE = {ALERT: "error", WARN: "warning", NO_DATA: "warning", OK: "success"}
_WORD = {ALERT: "Triggered", WARN: "Warn", NO_DATA: "No data", OK: "Recovered"}

Read = Callable[[Callable[[], Values]], Awaitable[Values]]
AddEvents = Callable[[Sequence[Record]], Awaitable[None]]


class Evaluator:
    """`run` goes on for ever; `look` is one round."""

    def __init__(
        self,
        book: MonitorBook,
        downtimes: DowntimeBook,
        oracle: Oracle,
        read: Read,
        add_events: AddEvents,
        clock: Clock,
    ) -> None:
        self._book = book
        self._downtimes = downtimes
        self._oracle = oracle
        self._read = read
        self._add_events = add_events
        self._clock = clock

    async def run(self) -> None:
        """One round every few seconds."""
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Asks every monitor once."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        events: list[Record] = []
        for monitor in self._book.all():
            question = self._book.question(monitor["id"])
            try:
                values = await self._read(partial(self._oracle.ask, question, now_ms))
            except DrillyardError:
                continue  # Too slow or too much this time: the state stays, the next round asks again.
            transitions = self._apply(monitor, values, now_ms)
            if transitions:
                self._book.save()
            if "*" not in monitor["options"].get("silenced", {}):
                events += [
                    transition_event(monitor, change, now_ms).record()
                    for change in transitions
                    if not self._downtimes.matching(monitor, change.group, now_ms)
                ]
        if events:
            await self._add_events(events)

    def _apply(self, monitor: dict[str, Any], values: Values, now_ms: int) -> list[Transition]:
        groups = monitor["groups"]
        found = []
        for name in [*values, *(name for name in groups if name not in values)]:
            before = groups.get(name, {}).get("status", NO_DATA)
            value = values.get(name)
            after = self._state(monitor, name, value)
            if after == before and name in groups:
                continue
            group = groups.setdefault(name, {"name": name, "status": NO_DATA})
            group["status"] = after
            _stamp(group, after, now_ms // 1000)
            kind = transition_kind(before, after)
            found.append(Transition(name, before, after, value, kind or ""))
        state = overall({name: group["status"] for name, group in groups.items()})
        if state != monitor["overall_state"]:
            monitor["overall_state"], monitor["overall_state_modified"] = state, iso(now_ms)
        return [change for change in found if change.kind]

    def _state(self, monitor: dict[str, Any], group: str, value: float | None) -> str:
        known = monitor["groups"].get(group, {}).get("status", NO_DATA)
        question = self._book.question(monitor["id"])
        if value is None and isinstance(question, RecordQuestion):
            return OK  # A group of logs that is not there any more counts zero.
        return state_of(question, value, monitor["options"]) or known


def _stamp(group: dict[str, Any], state: str, now_s: int) -> None:
    names = {ALERT: "last_triggered_ts", WARN: "last_triggered_ts", NO_DATA: "last_nodata_ts", OK: "last_resolved_ts"}
    group[names[state]] = now_s
    group["last_notified_ts"] = now_s


def transition_event(monitor: dict[str, Any], change: Transition, now_ms: int) -> Event:
    """The event of a transition: `source:alert`, findable by monitor id, group tags and transition type."""
    where = "" if change.group == "*" else f" on {{{change.group}}}"
    group_tags = [] if change.group == "*" else change.group.split(",")
    shown = "no value" if change.value is None else f"{change.value:g}"
    transition = {"transition_type": change.kind, "trans_name": _WORD[change.after]}
    transition |= {"source_state": change.before, "destination_state": change.after}
    return Event(
        title=f"[{_WORD[change.after]}{where}] {monitor['name']}",
        # Clients find the monitor of an event by the path of this link, as in Datadog's own events.
        text=f"{monitor['message']}\n\n{monitor['query']}\n\nThe monitor's value was {shown}.\n\n"
        f"[[Monitor Status](/monitors/{monitor['id']})]",
        date_happened=now_ms // 1000,
        tags=tuple(dict.fromkeys([*monitor["tags"], *group_tags, "monitor"])),
        alert_type=_ALERT_TYPE[change.after],
        source="alert",
        aggregation_key=f"monitor:{monitor['id']}",
        attributes={
            "monitor": {
                "id": monitor["id"],
                "name": monitor["name"],
                "type": monitor["type"],
                "query": monitor["query"],
                "groups": group_tags,
                "transition": transition,
            }
        },
    )
