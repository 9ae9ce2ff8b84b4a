"""
Monitors: `/api/v1/monitor`, its search, validation and muting.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.downtimes import show_v1
from drillyard.telemetry.api.fields import flag, texts, whole_number
from drillyard.telemetry.monitors.book import check
from drillyard.telemetry.monitors.search import find_monitors, groups_of, search_row
from drillyard.telemetry.telemetry import Telemetry

_GROUP_STATES = frozenset({"all", "alert", "warn", "no data", "ok"})
ID_MAX = 1 << 53


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    surface = _Monitors(telemetry)
    return [
        Route("/api/v1/monitor", surface.listing, methods=["GET"]),
        Route("/api/v1/monitor", surface.create, methods=["POST"]),
        Route("/api/v1/monitor/validate", surface.validate, methods=["POST"]),
        Route("/api/v1/monitor/search", surface.search, methods=["GET", "POST"]),
        Route("/api/v1/monitor/groups/search", surface.groups, methods=["GET"]),
        Route("/api/v1/monitor/can_delete", surface.can_delete, methods=["GET"]),
        Route("/api/v1/monitor/{id:int}", surface.get, methods=["GET"]),
        Route("/api/v1/monitor/{id:int}", surface.change, methods=["PUT"]),
        Route("/api/v1/monitor/{id:int}", surface.delete, methods=["DELETE"]),
        Route("/api/v1/monitor/{id:int}/validate", surface.validate_known, methods=["POST"]),
        Route("/api/v1/monitor/{id:int}/mute", surface.mute, methods=["POST"]),
        Route("/api/v1/monitor/{id:int}/unmute", surface.unmute, methods=["POST"]),
    ]


class _Monitors:
    """One method a call."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._book = telemetry.monitors

    def known(self, request: Request) -> dict[str, Any]:
        found = self._book.get(request.path_params["id"])
        if found is None:
            raise ApiError(404, "Monitor not found")
        return found

    async def listing(self, request: Request) -> Response:
        given = dict(request.query_params)
        states = _states(given)
        wanted_tags = texts(given, "monitor_tags")
        after = whole_number(given, "id_offset", 0, 0, ID_MAX)
        found = [
            monitor
            for monitor in self._book.all()
            if given.get("name", "").lower() in monitor["name"].lower()
            and all(tag in monitor["tags"] for tag in wanted_tags)
            and monitor["id"] > after
        ]
        size = whole_number(given, "page_size", 100 if "page" in given else 1_000, 1, 1_000)
        start = whole_number(given, "page", 0, 0, 1_000_000) * size
        shown = found[start : start + size]
        return answer([_show(monitor, states) | self.downtimes(given, monitor) for monitor in shown])

    async def create(self, request: Request) -> Response:
        return answer(_show(self._book.create(await read_object(request), self._telemetry.now_ms())))

    async def validate(self, request: Request) -> Response:
        check(await read_object(request))
        return answer({})

    async def validate_known(self, request: Request) -> Response:
        self.known(request)
        return await self.validate(request)

    async def get(self, request: Request) -> Response:
        given, monitor = dict(request.query_params), self.known(request)
        return answer(_show(monitor, _states(given)) | self.downtimes(given, monitor))

    def downtimes(self, given: dict[str, str], monitor: dict[str, Any]) -> dict[str, Any]:
        """`matching_downtimes`, where they are asked for."""
        if not flag(given, "with_downtimes"):
            return {}
        now_ms = self._telemetry.now_ms()
        found: dict[str, dict[str, Any]] = {}
        for group in monitor["groups"] or {"*": None}:
            found |= {one["id"]: one for one in self._telemetry.downtimes.matching(monitor, group, now_ms)}
        return {"matching_downtimes": [show_v1(one, now_ms) for one in found.values()]}

    async def change(self, request: Request) -> Response:
        identity = self.known(request)["id"]
        return answer(_show(self._book.change(identity, await read_object(request), self._telemetry.now_ms())))

    async def delete(self, request: Request) -> Response:
        identity = self.known(request)["id"]
        self._book.delete(identity)
        return answer({"deleted_monitor_id": identity})

    async def search(self, request: Request) -> Response:
        given = dict(request.query_params)
        found = find_monitors(self._book.all(), given.get("query", ""), given.get("sort", ""))
        size, page = whole_number(given, "per_page", 30, 1, 1_000), whole_number(given, "page", 0, 0, 1_000_000)
        rows = [search_row(monitor) for monitor in found[page * size : (page + 1) * size]]
        pages = {"page": page, "page_count": -(-len(found) // size), "per_page": size, "total_count": len(found)}
        return answer({"monitors": rows, "metadata": pages, "counts": _counts(found)})

    async def groups(self, request: Request) -> Response:
        given = dict(request.query_params)
        found = groups_of(find_monitors(self._book.all(), given.get("query", ""), given.get("sort", "")))
        size, page = whole_number(given, "per_page", 30, 1, 1_000), whole_number(given, "page", 0, 0, 1_000_000)
        pages = {"page": page, "page_count": -(-len(found) // size), "per_page": size, "total_count": len(found)}
        counts = {"status": _counted(group["status"] for group in found)}
        return answer({"groups": found[page * size : (page + 1) * size], "metadata": pages, "counts": counts})

    async def can_delete(self, request: Request) -> Response:
        ids = [int(part) for part in texts(dict(request.query_params), "monitor_ids") if part.isdecimal()]
        unknown = [identity for identity in ids if self._book.get(identity) is None]
        if unknown:
            raise ApiError(404, "Monitor not found")
        return answer({"data": {"ok": ids}, "errors": None})

    async def mute(self, request: Request) -> Response:
        return answer(_show(_silenced(self._telemetry, self.known(request), {"*": None})))

    async def unmute(self, request: Request) -> Response:
        return answer(_show(_silenced(self._telemetry, self.known(request), {})))


def _states(given: dict[str, str]) -> set[str]:
    states = {state.lower() for state in texts(given, "group_states")}
    if states - _GROUP_STATES:
        raise ApiError(400, "Invalid group_state filters.")
    return states


def _show(monitor: dict[str, Any], states: set[str] | None = None) -> dict[str, Any]:
    """Groups are shown only when asked for, as in Datadog."""
    shown = {name: value for name, value in monitor.items() if name != "groups"}
    if states:
        groups = monitor["groups"]
        every = "all" in states
        shown["state"] = {"groups": {n: g for n, g in groups.items() if every or g["status"].lower() in states}}
    return shown


def _silenced(telemetry: Telemetry, monitor: dict[str, Any], silenced: dict[str, None]) -> dict[str, Any]:
    return telemetry.monitors.change(monitor["id"], {"options": {"silenced": silenced}}, telemetry.now_ms())


def _counts(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "status": _counted(monitor["overall_state"] for monitor in found),
        "muted": _counted("*" in monitor["options"].get("silenced", {}) for monitor in found),
        "tag": _counted(tag for monitor in found for tag in monitor["tags"]),
        "type": _counted(monitor["type"] for monitor in found),
    }


def _counted(names: Any) -> list[dict[str, Any]]:
    return [{"name": name, "count": count} for name, count in Counter(names).most_common()]
