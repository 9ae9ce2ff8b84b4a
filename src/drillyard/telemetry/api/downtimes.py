"""
Downtimes: `/api/v2/downtime`, its first version `/api/v1/downtime`, and which of them hold for a monitor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import flag, needed_text, section, texts, whole_number
from drillyard.telemetry.monitors.downtimes import moment, status
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import iso

TIME_MAX_S = 4_000_000_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    surface = _Downtimes(telemetry)
    return [
        Route("/api/v2/downtime", surface.listing, methods=["GET"]),
        Route("/api/v2/downtime", surface.create, methods=["POST"]),
        Route("/api/v2/downtime/{id}", surface.get, methods=["GET"]),
        Route("/api/v2/downtime/{id}", surface.change, methods=["PATCH"]),
        Route("/api/v2/downtime/{id}", surface.cancel, methods=["DELETE"]),
        Route("/api/v2/monitor/{id:int}/downtime_matches", surface.of_monitor, methods=["GET"]),
        Route("/api/v1/downtime", surface.listing_v1, methods=["GET"]),
        Route("/api/v1/downtime", surface.create_v1, methods=["POST"]),
        Route("/api/v1/monitor/mute_all", surface.mute_all, methods=["POST"]),
        Route("/api/v1/monitor/unmute_all", surface.unmute_all, methods=["POST"]),
        Route("/api/v1/downtime/cancel/by_scope", surface.cancel_by_scope, methods=["POST"]),
        Route("/api/v1/downtime/{id}", surface.get_v1, methods=["GET"]),
        Route("/api/v1/downtime/{id}", surface.change_v1, methods=["PUT"]),
        Route("/api/v1/downtime/{id}", surface.cancel, methods=["DELETE"]),
    ]


class _Downtimes:
    """One method a call."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._book = telemetry.downtimes

    def _known(self, request: Request) -> dict[str, Any]:
        found = self._book.get(request.path_params["id"])
        if found is None:
            raise ApiError(404, "Downtime not found")
        return found

    async def listing(self, request: Request) -> Response:
        given = dict(request.query_params)
        now_ms = self._telemetry.now_ms()
        current = flag(given, "current_only")
        found = [one for one in self._book.all() if not current or status(one, now_ms) == "active"]
        size, start = whole_number(given, "page[limit]", 30, 1, 1_000), whole_number(given, "page[offset]", 0, 0, 10**6)
        data = [_show(one, now_ms) for one in found[start : start + size]]
        return answer({"data": data, "included": [], "meta": {"page": {"total_filtered_count": len(found)}}})

    async def create(self, request: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        given = _read(await read_object(request))
        return answer({"data": _show(self._book.create(given, now_ms), now_ms)})

    async def get(self, request: Request) -> Response:
        return answer({"data": _show(self._known(request), self._telemetry.now_ms()), "included": []})

    async def change(self, request: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        identity = self._known(request)["id"]
        given = _read(await read_object(request))
        return answer({"data": _show(self._book.change(identity, given, now_ms), now_ms)})

    async def cancel(self, request: Request) -> Response:
        self._book.cancel(self._known(request)["id"], self._telemetry.now_ms())
        return Response(status_code=204)

    async def of_monitor(self, request: Request) -> Response:
        monitor = self._telemetry.monitors.get(request.path_params["id"])
        if monitor is None:
            raise ApiError(404, "Monitor not found")
        groups: dict[str, list[str]] = {}
        for group in monitor["groups"] or {"*": None}:
            for one in self._book.matching(monitor, group, self._telemetry.now_ms()):
                groups.setdefault(one["id"], []).append(group)
        data = [_match(self._book.get(identity) or {}, held) for identity, held in groups.items()]
        return answer({"data": data, "meta": {"page": {"total_filtered_count": len(data)}}})

    async def listing_v1(self, request: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        current = flag(dict(request.query_params), "current_only")
        found = [one for one in self._book.all() if not current or status(one, now_ms) == "active"]
        return answer([show_v1(one, now_ms) for one in found])

    async def create_v1(self, request: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        return answer(show_v1(self._book.create(_read_v1(await read_object(request)), now_ms), now_ms))

    async def cancel_by_scope(self, request: Request) -> Response:
        scope = needed_text(await read_object(request), "scope")
        found = self._cancelled({part.strip() for part in scope.split(",")})
        if not found:
            raise ApiError(404, f"No downtimes found for scope {scope[:200]}")
        return answer({"cancelled_ids": found})

    async def mute_all(self, _: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        return answer(show_v1(self._book.create({"scope": "*"}, now_ms), now_ms))

    async def unmute_all(self, _: Request) -> Response:
        self._cancelled({"*"})
        return Response(status_code=204)

    def _cancelled(self, scope: set[str]) -> list[int]:
        """Cancels what is planned or active for exactly these tags; the numbers of what was."""
        now_ms, numbers = self._telemetry.now_ms(), []
        for one in self._book.all():
            own = {part.strip() for part in one["scope"].split(" AND ")}
            if own == scope and status(one, now_ms) in ("active", "scheduled"):
                self._book.cancel(one["id"], now_ms)
                numbers.append(one["number"])
        return numbers

    async def get_v1(self, request: Request) -> Response:
        return answer(show_v1(self._known(request), self._telemetry.now_ms()))

    async def change_v1(self, request: Request) -> Response:
        now_ms = self._telemetry.now_ms()
        identity = self._known(request)["id"]
        return answer(show_v1(self._book.change(identity, _read_v1(await read_object(request)), now_ms), now_ms))


def _read(body: Mapping[str, Any]) -> dict[str, Any]:
    data = section(body, "data")
    if data.get("type") != "downtime":
        raise ApiError(400, "data.type must be downtime.")
    attributes = section(data, "attributes")
    found: dict[str, Any] = {
        name: attributes[name] for name in ("scope", "message") if attributes.get(name) is not None
    }
    if "monitor_identifier" in attributes:
        monitors = section(attributes, "monitor_identifier")
        found |= {"monitor_id": monitors.get("monitor_id"), "monitor_tags": monitors.get("monitor_tags", ["*"])}
    schedule = section(attributes, "schedule")
    if schedule.get("recurrences"):
        raise ApiError(400, "Recurring downtimes are not available here: give schedule.start and schedule.end.")
    for name in ("start", "end"):
        at_ms = moment(schedule.get(name), f"schedule.{name}")
        if at_ms is not None or (name == "end" and name in schedule):
            found[f"{name}_ms"] = at_ms
    return found


def _read_v1(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("recurrence"):
        raise ApiError(400, "Recurring downtimes are not available here: give start and end.")
    found: dict[str, Any] = {name: body[name] for name in ("message", "monitor_id", "monitor_tags") if body.get(name)}
    if "scope" in body:
        found["scope"] = " AND ".join(texts(body, "scope")) or "*"
    for name in ("start", "end"):
        if body.get(name) is not None:
            found[f"{name}_ms"] = whole_number(body, name, 0, 0, TIME_MAX_S) * 1000
    return found


def _show(one: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    by_id = one["monitor_id"] is not None
    attributes = {
        "message": one["message"],
        "monitor_identifier": {"monitor_id": one["monitor_id"]} if by_id else {"monitor_tags": one["monitor_tags"]},
        "scope": one["scope"],
        "schedule": {"start": iso(one["start_ms"]), "end": None if one["end_ms"] is None else iso(one["end_ms"])},
        "status": status(one, now_ms),
        "created": iso(one["created_ms"]),
        "modified": iso(one["modified_ms"]),
        "canceled": None if one["canceled_ms"] is None else iso(one["canceled_ms"]),
        "display_timezone": "UTC",
        "mute_first_recovery_notification": False,
        "notify_end_states": ["alert", "warn", "no data"],
        "notify_end_types": ["expired"],
    }
    return {"id": one["id"], "type": "downtime", "attributes": attributes, "relationships": {}}


def show_v1(one: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """A downtime as version 1 shows it."""
    state = status(one, now_ms)
    return {
        "id": one["number"],
        "scope": [part.strip() for part in one["scope"].split(" AND ")],
        "message": one["message"],
        "monitor_id": one["monitor_id"],
        "monitor_tags": one["monitor_tags"],
        "start": one["start_ms"] // 1000,
        "end": None if one["end_ms"] is None else one["end_ms"] // 1000,
        "active": state == "active",
        "disabled": state == "canceled",
        "canceled": None if one["canceled_ms"] is None else one["canceled_ms"] // 1000,
        "timezone": "UTC",
        "recurrence": None,
        "parent_id": None,
        "downtime_type": 2,
    }


def _match(one: Mapping[str, Any], groups: list[str]) -> dict[str, Any]:
    end = None if one["end_ms"] is None else iso(one["end_ms"])
    held = [group for group in groups if group != "*"]
    attributes = {"groups": held, "scope": one["scope"], "start": iso(one["start_ms"]), "end": end}
    return {"id": one["id"], "type": "downtime_match", "attributes": attributes}
