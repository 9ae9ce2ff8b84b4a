"""
The agent's own figures, kept in a file that `agent status` reads.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from drillyard.base.files import write_atomically


@dataclass
class CopyStats:
    """What became of the logs for one further intake; `trouble` is what it last refused with, empty for nothing."""

    url: str
    sent: int = 0
    dropped: int = 0
    waiting_bytes: int = 0
    trouble: str = ""


@dataclass
class Stats:
    """Counters since the start; names as `agent status` prints them, times in milliseconds."""

    started_ms: int = 0
    logs_processed: int = 0
    logs_sent: int = 0
    logs_truncated: int = 0
    logs_dropped: int = 0
    bytes_sent: int = 0
    encoded_bytes_sent: int = 0
    retry_count: int = 0
    retry_time_spent_ms: int = 0
    events_sent: int = 0
    open_files: int = 0
    files_beyond: int = 0
    bytes_lost: int = 0
    waiting_bytes: int = 0
    disk_trouble: str = ""
    trouble: str = ""
    copies: list[CopyStats] = field(default_factory=list)
    logs_url: str = ""
    hostname: str = ""
    cluster_name: str = ""

    def save(self, path: Path) -> None:
        """Raises OSError."""
        write_atomically(path, orjson.dumps(asdict(self)))
