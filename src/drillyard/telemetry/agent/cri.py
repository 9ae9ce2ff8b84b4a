"""
The lines of container log files, as every CRI runtime writes them: `TIME STREAM F|P TEXT`.

(Kubernetes, "CRI: Log Management"; P is a part of a line that goes on in the next.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CriLine:
    """`timestamp_us` in Unix microseconds; `partial` when the line goes on."""

    timestamp_us: int
    stream: str
    partial: bool
    text: str


def parse_line(line: bytes) -> CriLine | None:
    """One line without its newline; None for what no runtime writes."""
    parts = line.split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr"):
        return None
    try:
        moment = datetime.fromisoformat(parts[0].decode("ascii"))
        timestamp_us = round(moment.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return None
    text = parts[3].decode(errors="replace") if len(parts) > 3 else ""
    return CriLine(timestamp_us, parts[1].decode(), parts[2].split(b":")[0] == b"P", text)
