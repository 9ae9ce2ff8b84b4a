"""
Who did what about which order, and when: one JSON line each, appended and forced to disk, never rewritten.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from drillyard.base.clock import Clock, rfc3339
from drillyard.base.errors import DrillyardError


class Audit:
    """The list at `path`; made with its folder when the first entry comes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock

    def note(self, order_id: str | None, action: str, outcome: str, **data: Any) -> None:
        """One entry. Raises DrillyardError when it cannot be written."""
        row = {"at": rfc3339(self._clock.now()), "order_id": order_id, "action": action, "outcome": outcome, **data}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as refused:
            raise DrillyardError(
                f"The audit {self.path} cannot be written: {refused.strerror or refused}.",
                hint="Nothing more was done. Make room, and run it again: what is done is not done twice.",
            ) from refused

    def entries(self) -> list[dict[str, Any]]:
        """All of them; none where nothing was done yet. Raises DrillyardError for a damaged list."""
        if not self.path.exists():
            return []
        try:
            return [json.loads(line) for line in self.path.read_text().splitlines()]
        except ValueError as damaged:
            raise DrillyardError(f"The audit {self.path} cannot be read: {damaged}.") from damaged

    def told(self) -> frozenset[str]:
        """The orders whose customers were written to."""
        return frozenset(row["order_id"] for row in self.entries() if row.get("letter") and row["outcome"] == "done")
