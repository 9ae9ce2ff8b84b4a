"""
Reads a request's body within limits: of bytes on the wire, and of bytes once unpacked.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from drillyard.telemetry.api.answers import ApiError
from drillyard.telemetry.api.held_bytes import SCOPE_KEY, Hold

PACKED_MAX = 5 * 1024 * 1024
"""Datadog's limit for one intake payload."""
READ_S = 20.0
UNPACKED_MAX = 20 * 1024 * 1024
WINDOW_LOG_MAX = 24
"""zstd frames that would need more than 16 MB of window are refused."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


async def read_body(request: Request) -> bytes:
    """The body, unpacked. Raises ApiError 400, 408, 413, 415, or 503 where all bodies together are too much."""
    hold: Hold = request.scope[SCOPE_KEY]
    parts, size = [], 0
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.stream():
                size += len(part)
                if size > PACKED_MAX:
                    raise ApiError(413, f"The body is larger than {PACKED_MAX // 1024 // 1024} MB.")
                hold(len(part))
                parts.append(part)
    except TimeoutError as slow:
        raise ApiError(408, f"The body did not arrive within {READ_S:.0f} s.") from slow
    except ClientDisconnect as gone:
        raise ApiError(400, "The client hung up.") from gone
    packed = b"".join(parts)
    body = unpack(packed, request.headers.get("content-encoding", ""))
    if body is not packed:
        hold(len(body))
    return body


def unpack(body: bytes, encoding: str) -> bytes:
    """Undoes gzip, deflate and zstd, which the newer Datadog agents send. Raises ApiError."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not body:
        return body
    if encoding in ("zstd", "zstd1"):  # zstd1 is the name in Datadog's own API and clients.
        return _unpack_zstd(body)
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        raise ApiError(415, f"Content-Encoding {encoding[:30]} is not understood here. Use gzip, deflate or zstd.")
    for attempt in (bits, -15) if encoding == "deflate" else (bits,):  # Some send deflate without zlib's header.
        unpacker = zlib.decompressobj(attempt)
        try:
            found = unpacker.decompress(body, UNPACKED_MAX)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail:
            raise _too_large()
        if unpacker.eof:
            return found
    raise ApiError(400, f"The body is not {encoding}, or is cut off.")


def _unpack_zstd(body: bytes) -> bytes:
    """One frame, or several one after the other."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    found = b""
    while body:
        unpacker = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG_MAX})
        try:
            found += unpacker.decompress(body, UNPACKED_MAX + 1 - len(found))
        except zstd.ZstdError as wrong:
            raise ApiError(400, "The body is not zstd, or is cut off.") from wrong
        if len(found) > UNPACKED_MAX:
            raise _too_large()
        if not unpacker.eof:
            raise ApiError(400, "The body is not zstd, or is cut off.")
        body = unpacker.unused_data
    return found


def _too_large() -> ApiError:
    return ApiError(413, f"The body unpacks to more than {UNPACKED_MAX // 1024 // 1024} MB.")


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty object. Raises ApiError."""
    body = await read_body(request)
    if not body.strip():
        return {}
    found = read_json(body)
    if not isinstance(found, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return found


def read_json(body: bytes) -> Any:
    """Raises ApiError 400."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise ApiError(400, f"The body is not JSON: {wrong}.") from wrong
