"""
What every surface says in the same way: JSON, and Datadog's errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson
from starlette.responses import Response

from drillyard.base.errors import DrillyardError


class ApiError(DrillyardError):
    """An answer other than 2xx; the message is the one sentence that the client gets."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, dict(headers or {}), media_type="application/json")


def error_answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """`{"errors": ["…"]}`, which both API versions understand."""
    return answer({"errors": [message]}, status, headers)


def request_id() -> str:
    """A name for one request, as `meta.request_id` shows it."""
    return uuid4().hex
