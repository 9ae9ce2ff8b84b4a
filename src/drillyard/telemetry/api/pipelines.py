"""
Log pipelines: `/api/v1/logs/config/pipelines` and their order; the one index there is.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import texts
from drillyard.telemetry.telemetry import Telemetry

_INDEX = {
    "name": "main",
    "filter": {"query": "*"},
    "num_retention_days": 15,
    "daily_limit": None,
    "is_rate_limited": False,
    "exclusion_filters": [],
}


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    book = telemetry.pipelines

    def known(request: Request) -> tuple[str, dict[str, Any]]:
        identity = request.path_params["id"]
        found = book.get(identity)
        if found is None:
            raise ApiError(404, "Pipeline not found")
        return identity, found

    async def listing(_: Request) -> Response:
        return answer(book.all())

    async def create(request: Request) -> Response:
        return answer(book.create(await read_object(request)))

    async def get(request: Request) -> Response:
        return answer(known(request)[1])

    async def replace(request: Request) -> Response:
        identity, _ = known(request)
        return answer(book.replace(identity, await read_object(request)))

    async def delete(request: Request) -> Response:
        identity, _ = known(request)
        book.delete(identity)
        return answer({})

    async def order(_: Request) -> Response:
        return answer({"pipeline_ids": [definition["id"] for definition in book.all()]})

    async def reorder(request: Request) -> Response:
        book.order(texts(await read_object(request), "pipeline_ids"))
        return await order(request)

    async def indexes(_: Request) -> Response:
        return answer({"indexes": [_INDEX]})

    async def index(request: Request) -> Response:
        if request.path_params["name"] != _INDEX["name"]:
            raise ApiError(404, "Index not found")
        return answer(_INDEX)

    async def no_index(_: Request) -> Response:
        raise ApiError(400, "There is one index, main, for all logs; it cannot be changed here, and no other be made.")

    async def index_order(_: Request) -> Response:
        return answer({"index_names": ["main"]})

    async def reorder_indexes(request: Request) -> Response:
        if texts(await read_object(request), "index_names") != ["main"]:
            raise ApiError(400, "index_names must name every index once: there is main.")
        return await index_order(request)

    base = "/api/v1/logs/config"
    return [
        Route(f"{base}/pipelines", listing, methods=["GET"]),
        Route(f"{base}/pipelines", create, methods=["POST"]),
        Route(f"{base}/pipelines/{{id}}", get, methods=["GET"]),
        Route(f"{base}/pipelines/{{id}}", replace, methods=["PUT"]),
        Route(f"{base}/pipelines/{{id}}", delete, methods=["DELETE"]),
        Route(f"{base}/pipeline-order", order, methods=["GET"]),
        Route(f"{base}/pipeline-order", reorder, methods=["PUT"]),
        Route(f"{base}/indexes", indexes, methods=["GET"]),
        Route(f"{base}/indexes", no_index, methods=["POST"]),
        Route(f"{base}/indexes/{{name}}", index, methods=["GET"]),
        Route(f"{base}/indexes/{{name}}", no_index, methods=["PUT", "DELETE"]),
        Route(f"{base}/index-order", index_order, methods=["GET"]),
        Route(f"{base}/index-order", reorder_indexes, methods=["PUT"]),
    ]
