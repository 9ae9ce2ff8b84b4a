"""
Notebooks: `/api/v1/notebooks`, kept and given back as they were written.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import flag, section, text, whole_number
from drillyard.telemetry.notebooks import changed_notebook, new_notebook
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    shelf = telemetry.notebooks

    def known(request: Request) -> dict[str, Any]:
        found = shelf.get(str(request.path_params["id"]))
        if found is None:
            raise ApiError(404, "Notebook not found")
        return found

    async def listing(request: Request) -> Response:
        given = dict(request.query_params)
        words, author = text(given, "query").lower().split(), text(given, "author_handle")
        start, count = whole_number(given, "start", 0, 0, 1_000_000), whole_number(given, "count", 100, 1, 1_000)
        found = [
            one
            for one in shelf.all()
            if all(word in one["attributes"]["name"].lower() for word in words)
            and author in ("", one["attributes"]["author"]["handle"])
            and text(given, "exclude_author_handle") != one["attributes"]["author"]["handle"]
        ]
        page = found[start : start + count]
        if not flag(given, "include_cells", True):
            page = [one | {"attributes": one["attributes"] | {"cells": []}} for one in page]
        counted = {"total_count": len(shelf.all()), "total_filtered_count": len(found)}
        return answer({"data": page, "meta": {"page": counted}})

    async def create(request: Request) -> Response:
        attributes = _attributes(await read_object(request))
        made = new_notebook(shelf.number(), attributes, telemetry.now_ms())
        return answer({"data": shelf.put(str(made["id"]), made)})

    async def get(request: Request) -> Response:
        return answer({"data": known(request)})

    async def change(request: Request) -> Response:
        before = known(request)
        made = changed_notebook(before, _attributes(await read_object(request)), telemetry.now_ms())
        return answer({"data": shelf.put(str(made["id"]), made)})

    async def delete(request: Request) -> Response:
        shelf.take(str(known(request)["id"]))
        return Response(status_code=204)

    return [
        Route("/api/v1/notebooks", listing, methods=["GET"]),
        Route("/api/v1/notebooks", create, methods=["POST"]),
        Route("/api/v1/notebooks/{id:int}", get, methods=["GET"]),
        Route("/api/v1/notebooks/{id:int}", change, methods=["PUT"]),
        Route("/api/v1/notebooks/{id:int}", delete, methods=["DELETE"]),
    ]


def _attributes(body: dict[str, Any]) -> dict[str, Any]:
    data = section(body, "data")
    if data.get("type") != "notebooks":
        raise ApiError(400, "data.type must be notebooks.")
    return section(data, "attributes")
