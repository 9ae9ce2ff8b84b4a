"""
JSON answers and request bodies, with a limit on what a stranger may send.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from drillyard.bank.errors import Refused

BODY_MAX_BYTES = 64 * 1024


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Indented, as Stripe's own answers are."""
    return Response(
        orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE),
        status,
        headers=headers,
        media_type="application/json",
    )


async def read_body(request: Request) -> bytes:
    """Raises Refused (413) for a body over the limit, and starlette's ClientDisconnect when the caller went away."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > BODY_MAX_BYTES:
            raise Refused(f"The request body is larger than {BODY_MAX_BYTES // 1024} KiB.", status=413)
    return bytes(received)


def same_secret(given: str, expected: str) -> bool:
    """Compares without telling by its duration how much of the secret was right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
