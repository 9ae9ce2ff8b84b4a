"""
The paths that are about the server itself: health, version, discovery, OpenAPI.
"""

from __future__ import annotations

from aiohttp import web

from drillyard.cluster.apiserver import discovery, openapi, status
from drillyard.cluster.apiserver.responses import json_bytes, json_response

_HEALTH = ("/healthz", "/livez", "/readyz")
OPEN_PATHS = (*_HEALTH, *(f"{path}/ping" for path in _HEALTH), "/version")


def described(http: web.BaseRequest) -> web.Response | None:
    """The answer, or None for a path that is about resources. Raises ApiError 405."""
    path = http.path.rstrip("/") or "/"  # A slash more means the same: kr8s asks for /version/.
    if path.startswith("/openapi/") and http.method == "GET":
        return _openapi(path, http.headers.get("Accept", ""))
    known = path in ("/", *OPEN_PATHS, "/api", "/apis")
    parts = path.strip("/").split("/")
    grouped = (parts[0] == "apis" and len(parts) in (2, 3)) or (parts[0] == "api" and len(parts) == 2)
    if not known and not grouped:
        return None
    if http.method not in ("GET", "HEAD"):
        raise status.method_not_allowed()
    if grouped:
        return _group(parts)
    match path:
        case "/":
            return json_response(discovery.paths())
        case "/api":
            return _groups(http, core=True)
        case "/apis":
            return _groups(http, core=False)
        case "/version":
            return json_response(discovery.version_info())
        case _:
            return web.Response(text=_health(path, verbose="verbose" in http.query))


def _health(path: str, *, verbose: bool) -> str:
    """One check, of the server itself: nothing stands behind it that could be ill."""
    name = path.split("/")[1]
    return f"[+]ping ok\n{name} check passed\n" if verbose and path in _HEALTH else "ok"


def _groups(http: web.BaseRequest, *, core: bool) -> web.Response:
    accept = http.headers.get("Accept", "")
    for api in ("v2", "v2beta1"):
        form = f"g=apidiscovery.k8s.io;v={api};as=APIGroupDiscoveryList"
        if form in accept:
            return json_response(discovery.aggregated(core=core, api=api), kind=f"application/json;{form}")
    return json_response(discovery.core_versions(http.host) if core else discovery.group_list())


def _group(parts: list[str]) -> web.Response:
    """`/apis/apps`, `/apis/apps/v1` and `/api/v1`."""
    if parts[0] == "api":
        found = discovery.resource_list("", parts[1])
    elif len(parts) == 2:
        found = discovery.group(parts[1])
    else:
        found = discovery.resource_list(parts[1], parts[2])
    return json_response(found) if found else page_not_found()


def _openapi(path: str, accept: str) -> web.Response:
    if path == "/openapi/v2" and openapi.PROTOBUF in accept and "json" not in accept:
        return web.Response(body=openapi.EMPTY_V2, content_type=openapi.PROTOBUF.replace("@", "."))
    if path == "/openapi/v2":
        return json_bytes(openapi.document_v2())
    if path == "/openapi/v3":
        return json_response(openapi.index())
    found = openapi.document(path.removeprefix("/openapi/v3/"))
    return json_bytes(found) if found else page_not_found()


def page_not_found() -> web.Response:
    """What the real multiplexer says of a group that it does not know: plain text and no Status."""
    return web.Response(status=404, text="404 page not found\n")
