"""
Impacts and to-dos of incidents, and the lists that Datadog's clients look into beside them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import section
from drillyard.telemetry.incidents.parts import changed_impact, changed_todo, new_impact, new_todo
from drillyard.telemetry.telemetry import Telemetry

_ONE = "/api/v2/incidents/{id}"
Handler = Callable[[Request], Awaitable[Response]]


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    impacts = _Parts(telemetry, "impacts", "incident_impacts", new_impact)
    todos = _Parts(telemetry, "todos", "incident_todos", new_todo)
    todo_path = f"{_ONE}/relationships/todos"
    return [
        Route(f"{_ONE}/impacts", impacts.listing, methods=["GET"]),
        Route(f"{_ONE}/impacts", impacts.create, methods=["POST"]),
        Route(f"{_ONE}/impacts/{{part}}", impacts.change, methods=["PATCH"]),
        Route(f"{_ONE}/impacts/{{part}}", impacts.delete, methods=["DELETE"]),
        Route(todo_path, todos.listing, methods=["GET"]),
        Route(todo_path, todos.create, methods=["POST"]),
        Route(f"{todo_path}/{{part}}", todos.get, methods=["GET"]),
        Route(f"{todo_path}/{{part}}", todos.change, methods=["PATCH"]),
        Route(f"{todo_path}/{{part}}", todos.delete, methods=["DELETE"]),
        Route(f"{_ONE}/attachments", impacts.nothing, methods=["GET"]),
        Route(f"{_ONE}/relationships/integrations", impacts.nothing, methods=["GET"]),
        Route(f"{_ONE}/responders", impacts.nothing, methods=["GET"]),
    ]


class _Parts:
    """One kind of parts; one method a call."""

    def __init__(
        self, telemetry: Telemetry, kind: str, resource: str, make: Callable[[dict[str, Any], int], dict[str, Any]]
    ) -> None:
        self._telemetry, self._kind, self._resource, self._make = telemetry, kind, resource, make

    def _incident(self, request: Request) -> str:
        found = self._telemetry.incidents.get(request.path_params["id"])
        if found is None:
            raise ApiError(404, "incident not found")
        return found[0]

    def _known(self, request: Request) -> tuple[str, dict[str, Any]]:
        incident = self._incident(request)
        for part in self._telemetry.incidents.parts(incident, self._kind):
            if part["id"] == request.path_params["part"]:
                return incident, part
        raise ApiError(404, f"{self._resource} not found")

    async def _given(self, request: Request) -> dict[str, Any]:
        data = section(await read_object(request), "data")
        if data.get("type") != self._resource:
            raise ApiError(400, f"data.type must be {self._resource}.")
        return section(data, "attributes")

    async def listing(self, request: Request) -> Response:
        incident = self._incident(request)
        parts = self._telemetry.incidents.parts(incident, self._kind)
        return answer({"data": [self._show(incident, part) for part in parts], "included": []})

    async def nothing(self, request: Request) -> Response:
        self._incident(request)
        return answer({"data": [], "included": []})

    async def create(self, request: Request) -> Response:
        incident = self._incident(request)
        part = self._make(await self._given(request), self._telemetry.now_ms())
        self._telemetry.incidents.add_part(incident, self._kind, part, self._telemetry.now_ms())
        return answer({"data": self._show(incident, part), "included": []}, 201)

    async def get(self, request: Request) -> Response:
        return answer({"data": self._show(*self._known(request)), "included": []})

    async def change(self, request: Request) -> Response:
        incident, part = self._known(request)
        changed = changed_todo if self._kind == "todos" else changed_impact
        part.update(changed(part, await self._given(request), self._telemetry.now_ms()))
        self._telemetry.incidents.parts_changed(incident, self._telemetry.now_ms())
        return answer({"data": self._show(incident, part), "included": []})

    async def delete(self, request: Request) -> Response:
        incident, part = self._known(request)
        self._telemetry.incidents.parts(incident, self._kind).remove(part)
        self._telemetry.incidents.parts_changed(incident, self._telemetry.now_ms())
        return Response(status_code=204)

    def _show(self, incident: str, part: dict[str, Any]) -> dict[str, Any]:
        attributes = {name: value for name, value in part.items() if name != "id"}
        if self._kind == "todos":
            attributes["incident_id"] = incident
        return {"id": part["id"], "type": self._resource, "attributes": attributes, "relationships": {}}
