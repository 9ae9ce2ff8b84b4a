"""
What an investigator asked of the Kubernetes API, out of the API server's audit log: what a grader wants to know of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drillyard.cluster.apiserver import audit
from drillyard.cluster.timestamps import parse_time
from drillyard.yard.home import YardFolder

INVESTIGATOR = "investigator"
ROWS_MAX = 5_000


def by_investigator(folder: YardFolder, since: datetime) -> list[dict[str, Any]]:
    """
    Rows `{"time", "verb", "uri", "code", "agent"}`, oldest first; the last 5,000 where there are more.

    `time` is when the request came in (RFC 3339, UTC), `code` its HTTP status, None while it is still being answered.
    """
    rows: dict[str, dict[str, Any]] = {}
    for event in audit.read(folder.audit_log, user=INVESTIGATOR):
        if parse_time(event["requestReceivedTimestamp"]) >= since:
            rows[event["auditID"]] = {
                "time": event["requestReceivedTimestamp"],
                "verb": event["verb"],
                "uri": event["requestURI"],
                "code": event.get("responseStatus", {}).get("code"),
                "agent": event["userAgent"],
            }
    return list(rows.values())[-ROWS_MAX:]
