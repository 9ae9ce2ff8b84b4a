"""
The body of a request: JSON, YAML or Kubernetes' protobuf, with limits on size and depth.
"""

from __future__ import annotations

from typing import Any

import orjson
import yaml
from aiohttp import web

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.wire import decode_wire
from drillyard.cluster.client import ApiError

BYTES_MAX = 3 * 1024 * 1024  # etcd's own limit for a request to a real server.
_DEPTH_MAX = 100
_JSON = ("application/json", "application/json-patch+json", "application/merge-patch+json")
_STRATEGIC = "application/strategic-merge-patch+json"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_YAML = ("application/yaml", "application/apply-patch+yaml")


async def read_raw(request: web.BaseRequest) -> bytes:
    """The body as it came. Raises ApiError 413."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as large:
        message = f"Request entity too large: limit is {BYTES_MAX}"
        raise ApiError(413, "RequestEntityTooLarge", message, {}) from large


async def read_body(request: web.BaseRequest) -> Any:
    """The decoded body, {} for an empty one. Raises ApiError: 400, 413, 415."""
    raw = await read_raw(request)
    if not raw:
        return {}
    kind = request.content_type
    if kind == "application/octet-stream" and "Content-Type" not in request.headers:
        kind = "application/json"
    return decode(raw, kind)


def decode(raw: bytes, kind: str) -> Any:
    """Raises ApiError 400 for what does not parse, 415 for a type that is not served."""
    try:
        if kind in _JSON or kind == _STRATEGIC:
            decoded = orjson.loads(raw)
        elif kind in _YAML:
            decoded = yaml.load(raw, Loader=_PlainLoader)
        elif kind == _PROTOBUF:
            decoded = decode_wire(raw)
        else:
            raise status.unsupported_media_type()
    except (ValueError, yaml.YAMLError, RecursionError) as malformed:
        raise status.bad_request(f"error decoding the request body: {_first_line(malformed)}") from malformed
    if _too_deep(decoded):
        raise status.bad_request(f"the request body is nested deeper than {_DEPTH_MAX} levels")
    return decoded


class _PlainLoader(yaml.SafeLoader):
    """YAML as JSON has it: no dates, and no aliases, which could unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _first_line(problem: BaseException) -> str:
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEPTH_MAX):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
