"""
Hosts: `GET /api/v1/hosts`, their totals and tags, from what agents have reported.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import answer
from drillyard.telemetry.api.fields import whole_number
from drillyard.telemetry.hosts import ACTIVE_S, UP_S, Host, find_hosts
from drillyard.telemetry.telemetry import Telemetry

LIST_S = 3 * 3_600
TIME_MAX_S = 4_000_000_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def hosts(since_s: int) -> list[Host]:
        return await telemetry.read(lambda: find_hosts(telemetry.metrics, since_s))

    def now_s() -> int:
        return telemetry.now_ms() // 1000

    async def listing(request: Request) -> Response:
        given = dict(request.query_params)
        since_s = whole_number(given, "from", now_s() - LIST_S, 0, TIME_MAX_S)
        count, start = whole_number(given, "count", 100, 0, 1_000), whole_number(given, "start", 0, 0, 1_000_000)
        wanted = given.get("filter", "").removeprefix("host:").lower()
        found = [host for host in await hosts(since_s) if wanted in host.name or wanted in host.tags]
        if given.get("sort_dir") == "desc":
            found.reverse()
        shown = [_show(host, now_s()) for host in found[start : start + count]]
        return answer({"host_list": shown, "total_matching": len(found), "total_returned": len(shown)})

    async def totals(_: Request) -> Response:
        active, up = await hosts(now_s() - ACTIVE_S), await hosts(now_s() - UP_S)
        return answer({"total_active": len(active), "total_up": len(up)})

    async def tags(_: Request) -> Response:
        found: dict[str, list[str]] = {}
        for host in await hosts(now_s() - LIST_S):
            for tag in host.tags:
                found.setdefault(tag, []).append(host.name)
        return answer({"tags": found})

    return [
        Route("/api/v1/hosts", listing, methods=["GET"]),
        Route("/api/v1/hosts/totals", totals, methods=["GET"]),
        Route("/api/v1/tags/hosts", tags, methods=["GET"]),
    ]


def _show(host: Host, now_s: int) -> dict[str, Any]:
    return {
        "id": host.id,
        "name": host.name,
        "host_name": host.name,
        "aliases": [host.name],
        "apps": ["agent"],
        "sources": ["agent"],
        "up": now_s - host.last_seen_s <= UP_S,
        "is_muted": False,
        "mute_timeout": None,
        "last_reported_time": host.last_seen_s,
        "tags_by_source": {"Datadog": list(host.tags)},
        "meta": {},
        "metrics": {"cpu": None, "iowait": None, "load": host.load},
    }
