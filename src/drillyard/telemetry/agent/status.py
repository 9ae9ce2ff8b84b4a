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
    scheme, _, address = stats["logs_url"].partition("://")
    host, _, port = address.partition("/")[0].partition(":")
    port = port or ("443" if scheme == "https" else "80")
    lines = [
        *_headed("Agent (Drillyard)", "="),
        f"  Status date: {_moment(now)}",
        f"  Agent start: {_moment(started)}",
        f"  Hostname: {stats['hostname']}",
        f"  Cluster name: {stats['cluster_name']}",
        "",
        *_headed("Logs Agent", "="),
        f"    Reliable: Sending compressed logs in {scheme.upper()} to {host} on port {port}",
        f"    BytesSent: {stats['bytes_sent']}",
        f"    EncodedBytesSent: {stats['encoded_bytes_sent']}",
        f"    LogsProcessed: {stats['logs_processed']}",
        f"    LogsSent: {stats['logs_sent']}",
        f"    LogsTruncated: {stats['logs_truncated']}",
        f"    RetryCount: {stats['retry_count']}",
        f"    RetryTimeSpent: {stats['retry_time_spent_ms'] / 1000:.3f}s",
        f"    LogsDropped: {stats['logs_dropped']}",
        f"    OpenFiles: {stats['open_files']}",
        f"    WaitingOnDisk: {'yes' if stats['buffered_payloads'] else 'no'}",
        "",
        *_headed("Kubernetes events", "="),
        f"    EventsSent: {stats['events_sent']}",
        "",
    ]
    return "\n".join(lines)


def _headed(text: str, line: str) -> list[str]:
    return [line * len(text), text, line * len(text), ""]


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
