"""
A query that the telemetry refused, shown with a caret under the column that it names.

The yard's own telemetry draws the caret itself; a real Datadog says the column at most, so it is drawn here.
"""

from __future__ import annotations

import re

from drillyard.base.errors import SettingError
from drillyard.telemetry.logs.query import QueryError

_COLUMN = re.compile(r"\A(.*?)\s+at column (\d{1,5})\.?\Z", re.DOTALL)


class RefusedQuery(SettingError):
    """The sentence that the API gave (status 400); `str()` holds the query and the caret where a column is known."""


def refused_query(said: str, query: str) -> RefusedQuery:
    """The error for what the API said of this query."""
    found = _COLUMN.match(said)
    if not found or not query or not 1 <= int(found[2]) <= len(query) + 1:
        return RefusedQuery(said)
    return RefusedQuery(str(QueryError(found[1], query, int(found[2]) - 1)))
