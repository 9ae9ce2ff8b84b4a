"""
Lists the records of a folder, newest first, without reading more of each than its manifest and verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drillyard.base.errors import DrillyardError
from drillyard.record import layout
from drillyard.record.reader import read_manifest, read_verdict
from drillyard.record.verdicts import Outcome


@dataclass(frozen=True)
class RecordSummary:
    """One record in the list. `outcome` is None while unfinished; `problem` says why a folder cannot be read."""

    path: Path
    incident: str
    yard: str
    seed: int | None
    started_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    reason: str
    problem: str | None = None

    @property
    def state(self) -> str:
        """`kept`, `unclear`, `broken`, `invalid`, `unfinished` or `unreadable`."""
        if self.problem is not None:
            return "unreadable"
        return self.outcome.value if self.outcome else "unfinished"


def list_records(root: Path) -> list[RecordSummary]:
    """Every record under `root`, newest first; a damaged one is listed with its problem. No such folder: none."""
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if (path / layout.MANIFEST).is_file()]
    summaries = [_summary(path) for path in folders]
    return sorted(
        summaries,
        key=lambda summary: (summary.started_at.timestamp() if summary.started_at else 0.0, summary.path.name),
        reverse=True,
    )


def _summary(path: Path) -> RecordSummary:
    try:
        manifest = read_manifest(path)
        verdict, finished_at, _ = read_verdict(path)
    except DrillyardError as error:
        return RecordSummary(path, "", "", None, None, None, None, "", problem=error.message)
    return RecordSummary(
        path=path,
        incident=manifest.incident,
        yard=manifest.yard,
        seed=manifest.seed,
        started_at=manifest.started_at,
        finished_at=finished_at,
        outcome=verdict.outcome if verdict else None,
        reason=verdict.reason if verdict else "The drill ended before its verdict.",
    )
