"""
Reading logs, first version: `POST /api/v1/logs-queries/list`, for older clients.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import section, text, whole_number
from drillyard.telemetry.api.logs_search import log_id, read_log_id, show
from drillyard.telemetry.api.pages import read_window
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.telemetry import Telemetry

LIMIT_MAX = 1_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def listing(request: Request) -> Response:
        body = await read_object(request)
        tree = parse(text(body, "query", "*"))
        window = read_window(section(body, "time"), telemetry.now_ms())
        limit, sort = whole_number(body, "limit", 50, 1, LIMIT_MAX), text(body, "sort") or "desc"
        if sort not in ("asc", "desc"):
            raise ApiError(400, "sort must be asc or desc.")
        start_at = text(body, "startAt")
        before = read_log_id(start_at) if start_at else None
        # `startAt` names the first log of the page, our store continues behind one.
        after = None if before is None else before + (1 if sort == "desc" else -1)

        def look() -> list[Record]:
            return list(
                islice(telemetry.logs.search(tree, window, newest_first=sort == "desc", after=after), limit + 1)
            )

        found = await telemetry.read(look)
        following = log_id(found[limit].key) if len(found) > limit else None
        return answer({"status": "done", "nextLogId": following, "logs": [_show(record) for record in found[:limit]]})

    return [Route("/api/v1/logs-queries/list", listing, methods=["POST"])]


def _show(record: Record) -> dict[str, Any]:
    shown = show(record)
    content = {name: value for name, value in shown["attributes"].items() if name != "status"}
    return {"id": shown["id"], "content": content}
