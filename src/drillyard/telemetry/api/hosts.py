"""
Hosts: `GET /api/v1/hosts`, their totals and tags, from what agents have reported; muting.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import flag, text, whole_number
from drillyard.telemetry.hosts import ACTIVE_S, UP_S, Host, find_hosts
from drillyard.telemetry.monitors.downtimes import status
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
        shown = [_show(host, now_s(), mutes(host.name)) for host in found[start : start + count]]
        return answer({"host_list": shown, "total_matching": len(found), "total_returned": len(shown)})

    async def totals(_: Request) -> Response:
        active, up = await hosts(now_s() - ACTIVE_S), await hosts(now_s() - UP_S)
        return answer({"total_active": len(active), "total_up": len(up)})

    def mutes(name: str) -> list[dict[str, Any]]:
        """A muted host is a downtime of its scope, as in Datadog."""
        now_ms, every = telemetry.now_ms(), telemetry.downtimes.all()
        return [one for one in every if one["scope"] == f"host:{name}" and status(one, now_ms) == "active"]

    async def mute(request: Request) -> Response:
        name, given = request.path_params["name"].lower(), await read_object(request)
        if mutes(name) and not flag(given, "override"):
            raise ApiError(400, f"host:{name} is already muted. To mute this host with a different end timestamp, "
                                "add ?override=true to your request or include it in the body.")  # fmt: skip
        end_s = whole_number(given, "end", 0, 0, TIME_MAX_S)
        asked = {"scope": f"host:{name}", "message": text(given, "message"), "end_ms": end_s * 1000 or None}
        for one in mutes(name):
            telemetry.downtimes.cancel(one["id"], telemetry.now_ms())
        telemetry.downtimes.create(asked, telemetry.now_ms())
        return answer({"action": "Muted", "hostname": name, "message": asked["message"], "end": end_s or None})

    async def unmute(request: Request) -> Response:
        name = request.path_params["name"].lower()
        if not mutes(name):
            raise ApiError(400, f"Host {name[:200]} is not muted.")
        for one in mutes(name):
            telemetry.downtimes.cancel(one["id"], telemetry.now_ms())
        return answer({"action": "Unmuted", "hostname": name})

    async def tags(_: Request) -> Response:
        found: dict[str, list[str]] = {}
        for host in await hosts(now_s() - LIST_S):
            for tag in host.tags:
                found.setdefault(tag, []).append(host.name)
        return answer({"tags": found})

    async def tags_of(request: Request) -> Response:
        name = request.path_params["name"].lower()
        for host in await hosts(now_s() - LIST_S):
            if host.name == name:
                return answer({"host": name, "tags": list(host.tags)})
        raise ApiError(404, f"Host {name[:200]} not found")

    async def no_tags(_: Request) -> Response:
        raise ApiError(400, "The tags of a host are those that its agent sends: none can be added or taken away here.")

    return [
        Route("/api/v1/tags/hosts/{name}", tags_of, methods=["GET"]),
        Route("/api/v1/tags/hosts/{name}", no_tags, methods=["POST", "PUT", "DELETE"]),
        Route("/api/v1/hosts", listing, methods=["GET"]),
        Route("/api/v1/hosts/totals", totals, methods=["GET"]),
        Route("/api/v1/host/{name}/mute", mute, methods=["POST"]),
        Route("/api/v1/host/{name}/unmute", unmute, methods=["POST"]),
        Route("/api/v1/tags/hosts", tags, methods=["GET"]),
    ]


def _show(host: Host, now_s: int, mutes: list[dict[str, Any]]) -> dict[str, Any]:
    end_ms = mutes[0]["end_ms"] if mutes else None
    return {
        "id": host.id,
        "name": host.name,
        "host_name": host.name,
        "aliases": [host.name],
        "apps": ["agent"],
        "sources": ["agent"],
        "up": now_s - host.last_seen_s <= UP_S,
        "is_muted": bool(mutes),
        "mute_timeout": end_ms // 1000 if end_ms else None,
        "last_reported_time": host.last_seen_s,
        "tags_by_source": {"Datadog": list(host.tags)},
        "meta": {},
        "metrics": {"cpu": None, "iowait": None, "load": host.load},
    }
