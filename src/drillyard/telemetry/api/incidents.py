"""
Incidents, second version: `/api/v2/incidents`, their search and timeline.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, section, text, whole_number
from drillyard.telemetry.telemetry import Telemetry

Pairs = list[tuple[str, dict[str, Any]]]


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    book = telemetry.incidents

    def known(request: Request) -> tuple[str, dict[str, Any]]:
        found = book.get(request.path_params["id"])
        if found is None:
            raise ApiError(404, "incident not found")
        return found

    async def listing(request: Request) -> Response:
        shown, pagination = _page(request, book.find("*", newest_first=False), 10)
        data = [_show(*pair) for pair in shown]
        return answer({"data": data, "included": [], "meta": {"pagination": pagination}})

    async def create(request: Request) -> Response:
        given = _attributes(await read_object(request), "incidents")
        return answer({"data": _show(*book.create(given, telemetry.now_ms()))}, 201)

    async def get(request: Request) -> Response:
        return answer({"data": _show(*known(request)), "included": []})

    async def change(request: Request) -> Response:
        identity, _ = known(request)
        given = _attributes(await read_object(request), "incidents")
        return answer({"data": _show(identity, book.change(identity, given, telemetry.now_ms()))})

    async def delete(request: Request) -> Response:
        book.delete(known(request)[0])
        return Response(status_code=204)

    async def search(request: Request) -> Response:
        sort = request.query_params.get("sort", "-created")
        if sort not in ("created", "-created"):
            raise ApiError(400, "sort must be created or -created.")
        found = book.find(needed_text(dict(request.query_params), "query"), newest_first=sort == "-created")
        shown, pagination = _page(request, found, 10)
        incidents = [{"data": _show(*pair)} for pair in shown]
        attributes = {"total": len(found), "facets": {}, "incidents": incidents}
        data = {"type": "incidents_search_results", "attributes": attributes}
        return answer({"data": data, "included": [], "meta": {"pagination": pagination}})

    async def timeline(request: Request) -> Response:
        return answer({"data": [_cell(cell) for cell in book.timeline(known(request)[0])]})

    async def note(request: Request) -> Response:
        identity, _ = known(request)
        given = _attributes(await read_object(request), "incident_timeline_cells")
        if text(given, "cell_type", "markdown") != "markdown":
            raise ApiError(400, "Only cells of the type markdown can be added.")
        content = needed_text(section(given, "content"), "content")
        return answer({"data": _cell(book.note(identity, content, telemetry.now_ms()))}, 201)

    return [
        Route("/api/v2/incidents", listing, methods=["GET"]),
        Route("/api/v2/incidents", create, methods=["POST"]),
        Route("/api/v2/incidents/search", search, methods=["GET"]),
        Route("/api/v2/incidents/{id}", get, methods=["GET"]),
        Route("/api/v2/incidents/{id}", change, methods=["PATCH"]),
        Route("/api/v2/incidents/{id}", delete, methods=["DELETE"]),
        Route("/api/v2/incidents/{id}/timeline", timeline, methods=["GET"]),
        Route("/api/v2/incidents/{id}/timeline", note, methods=["POST"]),
    ]


def _attributes(body: dict[str, Any], kind: str) -> dict[str, Any]:
    data = section(body, "data")
    if data.get("type") != kind:
        raise ApiError(400, f"data.type must be {kind}.")
    return section(data, "attributes")


def _show(identity: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"id": identity, "type": "incidents", "attributes": attributes, "relationships": {}}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    attributes = {name: value for name, value in cell.items() if name != "id"}
    return {"id": cell["id"], "type": "incident_timeline_cells", "attributes": attributes}


def _page(request: Request, found: Pairs, default: int) -> tuple[Pairs, dict[str, int]]:
    given = dict(request.query_params)
    size = whole_number(given, "page[size]", default, 1, 100)
    start = whole_number(given, "page[offset]", 0, 0, 1_000_000)
    shown = found[start : start + size]
    return shown, {"offset": start, "next_offset": start + len(shown), "size": size}
