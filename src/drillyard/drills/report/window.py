"""
When the fault was on: from the moment it was put in until it was seen to be healed.
"""

from __future__ import annotations

from dataclasses import dataclass

from drillyard.record import Record


@dataclass(frozen=True)
class FaultWindow:
    """Seconds from the start of the record. `put_in` is False when no fault was put in: then the window is empty."""

    started_s: float
    ended_s: float
    put_in: bool
    healed: bool

    @property
    def took_s(self) -> float:
        return self.ended_s - self.started_s


def fault_window(record: Record) -> FaultWindow:
    """
    From the first `fault` entry of the journal to the last `healed` check.

    Without such a check it ended where the phase `verify` began, and without that it was on to the end.
    """
    starts = [entry.t_s for entry in record.entries if entry.kind == "fault"]
    if not starts:
        return FaultWindow(0.0, 0.0, put_in=False, healed=True)
    healed = [entry.t_s for entry in record.entries if entry.kind == "check" and entry.data.get("name") == "healed"]
    after = [phase.started_s for phase in record.phases if phase.name == "verify"]
    end = (healed or after or [record.ended_s])[-1]
    return FaultWindow(starts[0], end, put_in=True, healed=bool(healed or after))
