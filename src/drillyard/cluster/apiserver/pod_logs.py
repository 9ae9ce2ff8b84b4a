"""
`pods/log`: checks what was asked against the pod, then streams what the node gives.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.request import is_true, seconds
from drillyard.cluster.client import ApiError, LogOptions, NodeAgent, Object
from drillyard.cluster.timestamps import parse_time

_HEADERS_AFTER_S = 0.25


def log_options(query: Mapping[str, str]) -> LogOptions:
    """Raises ApiError 400 or 422 for options that are none."""
    since, since_time = seconds(query, "sinceSeconds"), query.get("sinceTime")
    if since is not None and since_time:
        detail = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise status.invalid("", "PodLogOptions", "", [status.forbidden_field("sinceSeconds", detail)])
    try:
        moment = parse_time(since_time) if since_time else None
    except ValueError:
        raise status.bad_request(f'sinceTime: "{since_time}" is no RFC 3339 time with a zone') from None
    return LogOptions(
        follow=is_true(query.get("follow", "false")),
        previous=is_true(query.get("previous", "false")),
        timestamps=is_true(query.get("timestamps", "false")),
        tail_lines=seconds(query, "tailLines"),
        since_s=since,
        since_time=moment,
        limit_bytes=seconds(query, "limitBytes"),
    )


def chosen_container(pod: Object, asked: str | None) -> str:
    """The container that a request means. Raises ApiError 400 when it must say which, or says one that is not there."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [item["name"] for item in spec.get("containers", ())]
    init = [item["name"] for item in spec.get("initContainers", ())]
    if asked:
        if asked not in names + init:
            raise status.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if default in names:
        return str(default)
    if len(names) == 1:
        return str(names[0])
    choices = f"choose one of: [{' '.join(names)}]" + (
        f" or one of the init containers: [{' '.join(init)}]" if init else ""
    )
    raise status.bad_request(f"a container name must be specified for pod {name}, {choices}")


async def serve_logs(
    http: web.BaseRequest, pod: Object, agent: NodeAgent | None, query: Mapping[str, str]
) -> web.StreamResponse:
    """The answer to `GET pods/NAME/log`. A pod that no node has yet gives 204, as a real server does."""
    options = log_options(query)
    container = chosen_container(pod, query.get("container"))
    if not pod["spec"].get("nodeName"):
        return web.Response(status=204)
    if agent is None:
        raise ApiError(503, "ServiceUnavailable", "this control plane has no node that could give logs")
    metadata = pod["metadata"]
    chunks = agent.logs(metadata["namespace"], metadata["name"], container, options)
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
    first = asyncio.ensure_future(_first(chunks))
    try:
        # A refusal comes at once and must become a Status; a quiet log must not hold back the headers.
        await asyncio.wait({first}, timeout=_HEADERS_AFTER_S)
        if first.done():
            first.result()
        await response.prepare(http)
        if (chunk := await first) is not None:
            await response.write(chunk)
            async for chunk in chunks:
                await response.write(chunk)
    except ApiError as failed:
        if not response.prepared:
            raise
        raise ConnectionAbortedError(failed.message) from failed  # Too late for a Status: end it unfinished.
    finally:
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError, ApiError, OSError):
            await first
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
    await response.write_eof()
    return response


async def _first(chunks: AsyncIterator[bytes]) -> bytes | None:
    async for chunk in chunks:
        return chunk
    return None
