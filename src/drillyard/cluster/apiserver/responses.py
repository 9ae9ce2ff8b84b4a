"""
Answers in JSON, with Kubernetes' warnings as headers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web

from drillyard.cluster.apiserver.status import status_of
from drillyard.cluster.client import ApiError


def json_response(
    body: Any, code: int = 200, *, kind: str = "application/json", warnings: Iterable[str] = ()
) -> web.Response:
    return json_bytes(orjson.dumps(body), code, kind=kind, warnings=warnings)


def json_bytes(
    body: bytes, code: int = 200, *, kind: str = "application/json", warnings: Iterable[str] = ()
) -> web.Response:
    """From text that is JSON already. Each warning becomes a header, which kubectl prints."""
    headers = {"Content-Type": kind, "Cache-Control": "no-cache, private"}
    response = web.Response(body=body, status=code, headers=headers)
    for text in warnings:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def refusal(refused: ApiError) -> web.Response:
    return json_response(status_of(refused), refused.status)
