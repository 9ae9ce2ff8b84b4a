"""
The end of a record whose writer was killed: what was done for it afterwards, and a verdict that says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from drillyard.base.clock import Clock
from drillyard.record import layout
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome, Verdict
from drillyard.record.writer import RecordWriter

PHASE = "recover"


def conclude(path: Path, clock: Clock, *, by: str, lines: Sequence[str]) -> Verdict | None:
    """
    Notes who healed the yard (`by`) and what was healed, and gives the verdict INVALID.

    None, and nothing is written, when there is no record at `path` or it has its verdict already. Raises DrillyardError
    when the record is damaged or cannot be written.
    """
    if not (path / layout.MANIFEST).is_file() or (path / layout.VERDICT).exists():
        return None
    for name in (layout.JOURNAL, layout.SAMPLES):
        _cut_torn_line(path / name)
    record = Record.open(path)
    reached = record.phases[-1].name if record.phases else "begin"
    writer = RecordWriter.reopen(record, clock)
    writer.phase(PHASE)
    for line in lines:
        writer.note("healed", line, by=by)
    reason = f"The drill was killed in its phase {reached}; {by} healed the yard afterwards: {' '.join(lines)}"
    return writer.finish(Verdict(Outcome.INVALID, reason, record.checks))


def _cut_torn_line(path: Path) -> None:
    """What stands after the last newline: the writer was killed in its middle."""
    if not path.is_file():
        return
    whole = path.read_bytes()
    kept = whole.rfind(b"\n") + 1
    if kept < len(whole):
        os.truncate(path, kept)
