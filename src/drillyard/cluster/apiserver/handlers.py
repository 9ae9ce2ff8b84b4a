"""
One request, from its head to its answer: who asks, for what, may they, then the verb. Every refusal becomes a Status.
"""

from __future__ import annotations

import logging
from typing import Any

import orjson
from aiohttp import web

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver import discovery, openapi, status
from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.apiserver.bodies import read_body
from drillyard.cluster.apiserver.objects import Objects, WriteOptions
from drillyard.cluster.apiserver.pod_logs import serve_logs
from drillyard.cluster.apiserver.reading import listed, presented
from drillyard.cluster.apiserver.request import ApiRequest, form_of, parse
from drillyard.cluster.apiserver.scale import read_scale
from drillyard.cluster.apiserver.watching import WatchStream
from drillyard.cluster.apiserver.writing import (
    created,
    delete_request,
    deleted_all,
    must_be_object,
    patched,
    updated,
    write_options,
)
from drillyard.cluster.client import ApiError, NodeAgent, Object

_log = logging.getLogger(__name__)
_OPEN_PATHS = ("/healthz", "/livez", "/readyz", "/version")
_ENDPOINTS_WARNING = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


class Handlers:
    """Answers requests on these objects. `agent` is None until a node has joined."""

    def __init__(self, objects: Objects, tokens: Tokens, clock: Clock) -> None:
        self.agent: NodeAgent | None = None
        self._objects, self._tokens, self._clock = objects, tokens, clock

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Never raises but for a client that is gone."""
        try:
            return await self._answer(http)
        except ApiError as refused:
            return json_response(status.status_of(refused), refused.status)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            _log.exception("%s %s failed", http.method, http.path)
            broken = ApiError(500, "InternalError", "Internal error occurred: see the control plane's log")
            return json_response(status.status_of(broken), 500)

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        path = http.path
        if path not in _OPEN_PATHS:
            user = self._tokens.user_of(http.headers.get("Authorization", ""))
        else:
            user = User("system:anonymous", ("system:unauthenticated",))
        if (answer := self._described(http, path)) is not None:
            return answer
        request = parse(http.method, path, http.query)
        return await self._serve(http, request, user)

    def _described(self, http: web.BaseRequest, path: str) -> web.Response | None:
        """The paths that are about the server itself; None for all others."""
        if path.startswith("/openapi/") and http.method == "GET":
            return _openapi(path)
        known = path in ("/", *_OPEN_PATHS) or path.rstrip("/") in ("/api", "/apis")
        parts = path.strip("/").split("/")
        grouped = (parts[0] == "apis" and len(parts) in (2, 3)) or (parts[0] == "api" and len(parts) == 2)
        if not known and not grouped:
            return None
        if http.method not in ("GET", "HEAD"):
            raise status.method_not_allowed()
        if grouped:
            return _group(parts)
        match path.rstrip("/"):
            case "":
                return json_response(discovery.paths())
            case "/api" | "/apis":
                return self._groups(http, core=path.startswith("/api") and not path.startswith("/apis"))
            case "/version":
                return json_response(discovery.version_info())
            case _:
                return web.Response(text="ok")

    def _groups(self, http: web.BaseRequest, *, core: bool) -> web.Response:
        accept = http.headers.get("Accept", "")
        for api in ("v2", "v2beta1"):
            if f"g=apidiscovery.k8s.io;v={api};as=APIGroupDiscoveryList" in accept:
                kind = f"application/json;g=apidiscovery.k8s.io;v={api};as=APIGroupDiscoveryList"
                return json_response(discovery.aggregated(core=core, api=api), kind=kind)
        return json_response(discovery.core_versions(http.host) if core else discovery.group_list())

    async def _serve(self, http: web.BaseRequest, request: ApiRequest, user: User) -> web.StreamResponse:
        match request.verb:
            case "get":
                return await self._get(http, request)
            case "list":
                form, version = form_of(http.headers.get("Accept", ""))
                body = listed(request, self._objects.store, form, http.query, self._clock.now())
                return self._bytes(request, body, form, version)
            case "watch":
                form, _ = form_of(http.headers.get("Accept", ""))
                return await WatchStream(request, self._objects.store, form, http.query, self._clock).serve(http)
            case _:
                return await self._write(http, request)

    async def _get(self, http: web.BaseRequest, request: ApiRequest) -> web.StreamResponse:
        namespace = request.namespace or ""
        match request.subresource:
            case "log":
                pod = self._objects.get(request.resource, namespace, request.name)
                return await serve_logs(http, pod, self.agent, http.query)
            case "scale":
                return json_response(read_scale(self._objects, request.resource, namespace, request.name))
            case "exec" | "attach" | "portforward":
                pod = self._objects.get(request.resource, namespace, request.name)
                if not pod["spec"].get("nodeName"):
                    raise status.bad_request(f"pod {request.name} does not have a host assigned")
                raise status.method_not_allowed()
        form, version = form_of(http.headers.get("Accept", ""))
        stored = self._objects.stored(request.resource, namespace, request.name)
        body = presented(request.resource, stored, form, http.query, self._clock.now())
        return self._bytes(request, body, form, version)

    async def _write(self, http: web.BaseRequest, request: ApiRequest) -> web.StreamResponse:
        body = await read_body(http)
        options = write_options(http.query, http.headers.get("User-Agent", ""))
        objects, code = self._objects, 200
        match request.verb:
            case "create" if request.subresource:
                answer, code = self._created_below(request, body, options), 201
            case "create":
                answer, code = created(objects, request, body, options), 201
            case "update":
                answer = updated(objects, request, body, options)
            case "patch":
                answer = patched(objects, request, body, http.content_type, options)
            case "deletecollection":
                answer = deleted_all(objects, request, body, http.query)
            case _:
                wanted = delete_request(body, http.query)
                answer = objects.delete(request.resource, request.namespace or "", request.name, wanted)
        return json_response(answer, code, warnings=options.warnings)

    def _created_below(self, request: ApiRequest, body: Any, options: WriteOptions) -> Object:
        """POST to a subresource of a pod."""
        must_be_object(body)
        match request.subresource:
            case "binding":
                node = (body.get("target") or {}).get("name")
                if not isinstance(node, str) or not node:
                    raise status.invalid("", "Binding", request.name, [status.required("target.name")])
                self._objects.bind(request.namespace or "", request.name, node, dry_run=options.dry_run)
            case "eviction":
                wanted = delete_request(body.get("deleteOptions") or {}, {})
                self._objects.delete(request.resource, request.namespace or "", request.name, wanted)
            case _:
                raise status.method_not_allowed()
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    def _bytes(self, request: ApiRequest, body: bytes, form: str, version: str) -> web.Response:
        if form != "json" and version == "v1beta1":
            body = body.replace(b'"apiVersion":"meta.k8s.io/v1"', b'"apiVersion":"meta.k8s.io/v1beta1"', 1)
        warnings = [_ENDPOINTS_WARNING] if request.resource.plural == "endpoints" else []
        return _response(body, warnings=warnings)


def _group(parts: list[str]) -> web.Response:
    """`/apis/apps`, `/apis/apps/v1` and `/api/v1`; an unknown one is a plain 404, as the real multiplexer gives."""
    if parts[0] == "api":
        found = discovery.resource_list("", parts[1])
    elif len(parts) == 2:
        found = discovery.group(parts[1])
    else:
        found = discovery.resource_list(parts[1], parts[2])
    return json_response(found) if found else web.Response(status=404, text="404 page not found\n")


def _openapi(path: str) -> web.Response:
    if path == "/openapi/v2":
        return _response(openapi.document_v2())
    if path.rstrip("/") == "/openapi/v3":
        return json_response(openapi.index())
    found = openapi.document(path.removeprefix("/openapi/v3/"))
    return _response(found) if found else web.Response(status=404, text="404 page not found\n")


def json_response(
    body: Any, code: int = 200, *, kind: str = "application/json", warnings: list[str] | None = None
) -> web.Response:
    return _response(orjson.dumps(body), code, kind=kind, warnings=warnings)


def _response(
    body: bytes, code: int = 200, *, kind: str = "application/json", warnings: list[str] | None = None
) -> web.Response:
    response = web.Response(
        body=body, status=code, headers={"Content-Type": kind, "Cache-Control": "no-cache, private"}
    )
    for text in warnings or ():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response
