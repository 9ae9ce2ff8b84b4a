"""
`agent status`: what the running agent has done, in the words of Datadog's own.

The figures come from the file that the agent writes each second; a file that is no longer written means no agent.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

STALE_S = 10.0

_USAGE = "Usage: agent status\n"


def main(argv: Sequence[str] = ()) -> int:
    """0 with the report, 1 when no agent runs, 2 for other arguments."""
    arguments = list(argv)
    if arguments[:1] == ["agent"]:
        arguments = arguments[1:]
    if arguments not in ([], ["status"]):
        print(f"Only `agent status` is available here.\n{_USAGE}", end="", file=sys.stderr)
        return 2
    path = Path(os.environ.get("AGENT_RUN", "")) / "stats.json"
    try:
        stats = orjson.loads(path.read_bytes())
        age_s = time.time() - (path.parent / "alive").stat().st_mtime
    except (OSError, ValueError):
        print("Error: unable to reach the running Agent: it has written no figures yet.", file=sys.stderr)
        return 1
    if age_s > STALE_S:
        print(f"Error: unable to reach the running Agent: its figures are {age_s:.0f} s old.", file=sys.stderr)
        return 1
    print(report(stats, datetime.now(UTC)), end="", flush=True)
    return 0


def report(stats: dict[str, Any], now: datetime) -> str:
    """The text that `agent status` prints."""
    started = datetime.fromtimestamp(stats["started_ms"] / 1000, UTC)
    lines = [
        *_headed("Agent (Drillyard)", "="),
        f"  Status date: {_moment(now)}",
        f"  Agent start: {_moment(started)}",
        f"  Hostname: {stats['hostname']}",
        f"  Cluster name: {stats['cluster_name']}",
        "",
        *_headed("Logs Agent", "="),
        _destination(stats["logs_url"]),
        f"    BytesSent: {stats['bytes_sent']}",
        f"    EncodedBytesSent: {stats['encoded_bytes_sent']}",
        f"    LogsProcessed: {stats['logs_processed']}",
        f"    LogsSent: {stats['logs_sent']}",
        f"    LogsTruncated: {stats['logs_truncated']}",
        f"    RetryCount: {stats['retry_count']}",
        f"    RetryTimeSpent: {stats['retry_time_spent_ms'] / 1000:.3f}s",
        f"    LogsDropped: {stats['logs_dropped']}",
        f"    OpenFiles: {stats['open_files']}",
        f"    WaitingOnDisk: {stats['waiting_bytes']}",
        *_troubles(stats),
        "",
        *[line for copy in stats["copies"] for line in _copy(copy)],
        *_headed("Kubernetes events", "="),
        f"    EventsSent: {stats['events_sent']}",
        "",
    ]
    return "\n".join(lines)


def _destination(url: str) -> str:
    scheme, _, address = url.partition("://")
    host, _, port = address.partition("/")[0].partition(":")
    port = port or ("443" if scheme == "https" else "80")
    return f"    Reliable: Sending compressed logs in {scheme.upper()} to {host} on port {port}"


def _troubles(stats: dict[str, Any]) -> list[str]:
    """What is not as it should be, and nothing when all is."""
    told = (
        (stats["bytes_lost"], "BytesLost: {} (log files were rotated away unread while the buffer was full)"),
        (stats["files_beyond"], "FilesNotFollowed: {} (too many are open)"),
        (stats["trouble"], "LastError: {}"),
        (stats["disk_trouble"], "DiskError: {}"),
    )
    return [f"    {text.format(value)}" for value, text in told if value]


def _copy(copy: dict[str, Any]) -> list[str]:
    """A further intake: its figures bear other names, so that a search for LogsSent finds the first one's alone."""
    trouble = [f"      LastError: {copy['trouble']}"] if copy["trouble"] else []
    return [
        _destination(copy["url"]),
        f"      Sent: {copy['sent']}",
        f"      Dropped: {copy['dropped']}",
        f"      WaitingOnDisk: {copy['waiting_bytes']}",
        *trouble,
        "",
    ]


def _headed(text: str, line: str) -> list[str]:
    return [line * len(text), text, line * len(text), ""]


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
