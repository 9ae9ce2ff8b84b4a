"""
One request, from its head to its answer: who asks, for what, may they, then the verb. Every refusal becomes a Status.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver import escalation, status
from drillyard.cluster.apiserver.audit import AuditEvent, AuditLog
from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.apiserver.bodies import read_body
from drillyard.cluster.apiserver.decoding import must_have_types
from drillyard.cluster.apiserver.impersonation import acting_user
from drillyard.cluster.apiserver.metrics import Metrics
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.apiserver.pod_logs import serve_logs
from drillyard.cluster.apiserver.proxying import serve_proxy
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.apiserver.reading import list_of, listed, presented, selection_of
from drillyard.cluster.apiserver.request import ApiRequest, form_of, parse
from drillyard.cluster.apiserver.responses import json_bytes, json_response, refusal
from drillyard.cluster.apiserver.reviews import review
from drillyard.cluster.apiserver.scale import read_scale, shown_scale
from drillyard.cluster.apiserver.self_description import OPEN_PATHS, described, page_not_found
from drillyard.cluster.apiserver.streams.serve import serve_stream
from drillyard.cluster.apiserver.token_request import issue
from drillyard.cluster.apiserver.watching import WatchStream
from drillyard.cluster.apiserver.writing import (
    created,
    delete_request,
    deleted_all,
    patched,
    updated,
    write_options,
)
from drillyard.cluster.client import ApiError, NodeAgent, Object
from drillyard.cluster.resources import group_versions

_log = logging.getLogger(__name__)
_ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_STREAMS = ("exec", "attach", "portforward")
_LASTING = (*_STREAMS, "log", "proxy")
_ENDPOINTS_WARNING = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


class Handlers:
    """Answers requests on these objects. `agent` is None until a node has joined."""

    def __init__(self, objects: Objects, tokens: Tokens, clock: Clock, metrics: Metrics, audit: AuditLog) -> None:
        self.agent: NodeAgent | None = None
        self._objects, self._tokens, self._clock = objects, tokens, clock
        self._metrics, self._audit = metrics, audit
        self._authorizer = Authorizer(objects.store)

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Never raises but for a client that is gone."""
        event = self._audit.event(http)
        code = 499  # As nginx has it: the client went before the answer.
        try:
            served = await self._judge_and_serve(http, event)
            code = served.status
            return served
        except ApiError as refused:
            code = refused.status
            return refusal(refused)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            _log.exception("%s %s failed", http.method, http.path)
            code = 500
            return refusal(ApiError(500, "InternalError", "Internal error occurred: see the control plane's log"))
        finally:
            self._audit.finished(event, code)

    async def _judge_and_serve(self, http: web.BaseRequest, event: AuditEvent) -> web.StreamResponse:
        user = event.user = self._user_of(http)
        if (answer := described(http)) is not None:
            return answer
        if _unknown_group(http.path):
            return page_not_found()
        request = parse(http.method, http.path, http.query)
        event.asked = attributes_of(request)
        acting = acting_user(user, http.headers, self._authorizer)
        event.acting = acting if acting is not user else None
        self._authorizer.must_allow(acting, event.asked)
        if request.verb == "watch" or request.subresource in _LASTING:
            self._audit.begun(event)
        return await self._serve(http, request, acting)

    def _user_of(self, http: web.BaseRequest) -> User:
        header = http.headers.get("Authorization", "")
        if http.path.rstrip("/") in OPEN_PATHS and not header:
            return _ANONYMOUS
        return self._tokens.user_of(header)

    async def _serve(self, http: web.BaseRequest, request: ApiRequest, user: User) -> web.StreamResponse:
        if request.subresource in _STREAMS:
            pod = self._objects.get(request.resource, request.namespace or "", request.name)
            return await serve_stream(http, pod, request.subresource, self.agent)
        if request.subresource == "proxy":
            return await serve_proxy(http, request, self._objects, self.agent)
        if not request.resource.stored:
            return await self._virtual(http, request, user)
        match request.verb:
            case "get":
                return await self._get(http, request)
            case "list":
                form, version = form_of(http.headers.get("Accept", ""))
                body = listed(request, self._objects.store, form, http.query, self._clock.now())
                return _in_form(request, body, form, version)
            case "watch":
                form, _ = form_of(http.headers.get("Accept", ""))
                return await WatchStream(request, self._objects.store, form, http.query, self._clock).serve(http)
            case _:
                return await self._write(http, request, user)

    async def _virtual(self, http: web.BaseRequest, request: ApiRequest, user: User) -> web.Response:
        """Kinds that are answered and not stored: reviews and metrics."""
        resource, namespace = request.resource, request.namespace or ""
        if request.verb == "create":
            body = await read_body(http)
            must_have_types(resource, body)
            answer = review(resource, namespace, body, user, self._authorizer, self._tokens)
            return json_response(answer, 201)
        if request.name:
            return json_response(await self._metrics.get(resource, namespace, request.name))
        found = await self._metrics.measured(resource, namespace or None, selection_of(resource, http.query))
        return json_response(list_of(resource, found, {"resourceVersion": str(self._objects.store.version)}))

    async def _get(self, http: web.BaseRequest, request: ApiRequest) -> web.StreamResponse:
        namespace = request.namespace or ""
        match request.subresource:
            case "log":
                pod = self._objects.get(request.resource, namespace, request.name)
                return await serve_logs(http, pod, self.agent, http.query)
            case "scale":
                scale = read_scale(self._objects, request.resource, namespace, request.name)
                shown = form_of(http.headers.get("Accept", ""))[0] == "table"
                return json_response(shown_scale(scale, self._clock.now()) if shown else scale)
        form, version = form_of(http.headers.get("Accept", ""))
        stored = self._objects.stored(request.resource, namespace, request.name)
        body = presented(request.resource, stored, form, http.query, self._clock.now())
        return _in_form(request, body, form, version)

    async def _write(self, http: web.BaseRequest, request: ApiRequest, user: User) -> web.StreamResponse:
        body = await read_body(http)
        applies = request.verb == "patch" and http.content_type == "application/apply-patch+yaml"
        options = write_options(http.query, http.headers.get("User-Agent", ""), applies=applies)
        if request.resource.group == escalation.GROUP and request.verb in ("create", "update", "patch"):
            planned, _ = self._written(request, body, http.content_type, replace(options, dry_run=True))
            namespace = request.namespace or ""
            escalation.must_not_escalate(
                self._objects.store, self._authorizer, user, request.resource, namespace, planned
            )
        match request.verb:
            case "deletecollection":
                answer, code = deleted_all(self._objects, request, body, http.query), 200
            case "delete":
                wanted = delete_request(body, http.query)
                answer = self._objects.delete(request.resource, request.namespace or "", request.name, wanted)
                code = 200
            case _:
                answer, code = self._written(request, body, http.content_type, options)
        return json_response(answer, code, warnings=options.warnings)

    def _written(self, request: ApiRequest, body: Any, kind: str, options: WriteOptions) -> tuple[Object, int]:
        """A create, update or patch: the object and the HTTP status."""
        match request.verb:
            case "create" if request.subresource:
                return self._created_below(request, body, options), 201
            case "create":
                return created(self._objects, request, body, options), 201
            case "update":
                return updated(self._objects, request, body, options), 200
            case _:
                return patched(self._objects, request, body, kind, options)

    def _created_below(self, request: ApiRequest, body: Any, options: WriteOptions) -> Object:
        """POST to a subresource of a pod or a service account."""
        below = request.resource.subresource(request.subresource)
        assert below is not None  # Else the path would not have been parsed.
        must_have_types(below, body)
        match request.subresource:
            case "binding":
                node = (body.get("target") or {}).get("name")
                if not isinstance(node, str) or not node:
                    raise status.invalid("", "Binding", request.name, [status.required("target.name")])
                self._objects.bind(request.namespace or "", request.name, node, dry_run=options.dry_run)
            case "token":
                self._objects.stored(request.resource, request.namespace or "", request.name)
                return issue(self._tokens, self._clock, request.namespace or "", request.name, body)
            case "eviction":
                wanted = delete_request(body.get("deleteOptions") or {}, {})
                self._objects.delete(request.resource, request.namespace or "", request.name, wanted)
            case _:
                raise status.method_not_allowed()
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def attributes_of(request: ApiRequest) -> Attributes:
    """What access rules are asked about."""
    below = f"/{request.subresource}" if request.subresource else ""
    return Attributes(
        verb=request.verb,
        group=request.resource.group,
        resource=request.resource.plural + below,
        namespace=request.namespace or "",
        name=request.name,
    )


def _in_form(request: ApiRequest, body: bytes, form: str, version: str) -> web.Response:
    if form != "json" and version == "v1beta1":
        body = body.replace(b'"apiVersion":"meta.k8s.io/v1"', b'"apiVersion":"meta.k8s.io/v1beta1"', 1)
    warnings = [_ENDPOINTS_WARNING] if request.resource.plural == "endpoints" else []
    return json_bytes(body, warnings=warnings)


def _unknown_group(path: str) -> bool:
    parts = path.strip("/").split("/")
    return parts[0] == "apis" and tuple(parts[1:3]) not in group_versions()
