"""
The API over HTTP: the same methods as in one process, against any Kubernetes API server, ours or a real one.

One connection pool per HttpApi; every request has a limit in time. A watch lives for five minutes at most; whoever
needs an endless one uses an Informer.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import aiohttp
import orjson

from drillyard.cluster.client import (
    ApiError,
    Object,
    ObjectList,
    PatchType,
    Propagation,
    WatchEvent,
)
from drillyard.cluster.resources import Resource, named

_TIMEOUT_S = 30.0
_WATCH_S, _WATCH_GRACE_S = 300, 30  # A server that vanished without a word is noticed by then.
_LINE_MAX = 16 * 1024 * 1024
_PATCH_TYPES: Mapping[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class HttpApi:
    """Implements `cluster.client.Api`. Use it as `async with HttpApi(…)`, or call `close` in the end."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        ssl_context: ssl.SSLContext | None = None,
        manager: str = "drillyard",
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._url, self._manager, self._timeout_s = url.rstrip("/"), manager, timeout_s
        self.token = token
        self._ssl: ssl.SSLContext | bool = ssl_context or True
        headers = {"User-Agent": manager, **({"Authorization": f"Bearer {token}"} if token else {})}
        self._session = aiohttp.ClientSession(headers=headers, read_bufsize=_LINE_MAX)

    async def __aenter__(self) -> HttpApi:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections. Harmless twice."""
        await self._session.close()

    async def list(
        self, kind: str, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> ObjectList:
        row = _row(kind)
        found = await self._request("GET", _path(row, namespace), query=_selectors(labels, fields))
        head = {"kind": row.kind, "apiVersion": row.api_version}
        return ObjectList([head | item for item in found["items"]], found["metadata"]["resourceVersion"])

    async def watch(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        query = {"watch": "true", "timeoutSeconds": str(_WATCH_S), **_selectors(labels, fields)}
        if resource_version:
            query["resourceVersion"] = resource_version
        url = self._url + _path(_row(kind), namespace)
        timeout = aiohttp.ClientTimeout(total=_WATCH_S + _WATCH_GRACE_S, sock_connect=10)
        try:
            async with self._session.get(url, params=query, ssl=self._ssl, timeout=timeout) as response:
                if response.status != 200:
                    raise _refusal(response.status, await response.read())
                async for line in response.content:
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status["code"], status["reason"], status["message"], status.get("details"))
                    if event["type"] != "BOOKMARK":
                        yield WatchEvent(event["type"], event["object"])
        except (aiohttp.ClientError, TimeoutError, ValueError) as lost:  # ValueError: a line that was cut off.
            raise self._lost(lost) from lost

    async def get(self, kind: str, namespace: str | None, name: str) -> Object:
        return await self._request("GET", _path(_row(kind), namespace, name))

    async def create(self, kind: str, namespace: str | None, obj: Object) -> Object:
        row = _row(kind)
        path = _path(row, namespace or obj.get("metadata", {}).get("namespace"))
        return await self._request("POST", path, query=self._written_by(), body=_named(row, obj))

    async def update(self, kind: str, namespace: str | None, obj: Object, *, subresource: str | None = None) -> Object:
        row, metadata = _row(kind), obj["metadata"]
        path = _path(row, namespace or metadata.get("namespace"), metadata["name"], subresource)
        if subresource == "binding":
            body = {"apiVersion": "v1", "kind": "Binding", **obj}
            return await self._request("POST", path, query=self._written_by(), body=body)
        body = obj if subresource == "scale" else _named(row, obj)
        return await self._request("PUT", path, query=self._written_by(), body=body)

    async def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        patch: Object | Sequence[Object],
        *,
        type: PatchType = "merge",
        subresource: str | None = None,
    ) -> Object:
        row = _row(kind)
        body = _named(row, patch) if type == "apply" and isinstance(patch, dict) else patch
        path = _path(row, namespace, name, subresource)
        return await self._request("PATCH", path, query=self._written_by(), body=body, kind=_PATCH_TYPES[type])

    async def delete(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        grace_s: int | None = None,
        propagation: Propagation | None = None,
        uid: str | None = None,
    ) -> None:
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        if propagation is not None:
            body["propagationPolicy"] = propagation
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        await self._request("DELETE", _path(_row(kind), namespace, name), body=body)

    async def request_token(self, namespace: str, service_account: str, spec: Object) -> Object:
        """A TokenRequest (authentication.k8s.io/v1): its status, with `token` and `expirationTimestamp`."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer: Object = (await self._request("POST", path, body=body))["status"]
        return answer

    async def websocket(self, path: str, *, query: Mapping[str, str], protocol: str) -> aiohttp.ClientWebSocketResponse:
        """Opens a stream of the API server, such as a pod's `portforward`. Raises ApiError or ConnectionError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._session.ws_connect(
                    self._url + path, params=query, protocols=(protocol,), ssl=self._ssl, max_msg_size=0
                )
        except aiohttp.WSServerHandshakeError as refused:
            raise ApiError(refused.status, "Unknown", f"{path}: {refused.message}", {}) from refused
        except (aiohttp.ClientError, TimeoutError) as lost:
            raise self._lost(lost) from lost

    def _lost(self, problem: BaseException) -> ConnectionError:
        """In a person's words: aiohttp's own name its objects."""
        text = str(problem) or "timed out"
        if isinstance(problem, aiohttp.ClientConnectorCertificateError):
            text = (
                f"its certificate is not trusted ({getattr(problem.certificate_error, 'verify_message', '') or text})"
            )
        elif isinstance(problem, aiohttp.ClientConnectorError):
            number = problem.os_error.errno or 0  # A name that is not known has a negative one.
            text = os.strerror(number) if number > 0 else str(problem.os_error)
        return ConnectionError(f"{self._url}: {text}")

    def _written_by(self) -> dict[str, str]:
        return {"fieldManager": self._manager}

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: str = "application/json",
    ) -> Object:
        data = orjson.dumps(body) if body is not None else None
        headers = {"Accept": "application/json", **({"Content-Type": kind} if data else {})}
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._session.request(
                    method, self._url + path, params=query, data=data, headers=headers, ssl=self._ssl
                )
                async with response:
                    raw = await response.read()
        except aiohttp.ClientError as lost:
            raise self._lost(lost) from lost
        if response.status >= 400:
            raise _refusal(response.status, raw)
        answer: Object = orjson.loads(raw)
        return answer


def _row(kind: str) -> Resource:
    try:
        return named(kind)
    except KeyError:
        raise ApiError(404, "NotFound", f"this client knows no {kind}", {}) from None


def _path(row: Resource, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
    parts = ["apis", row.group, row.version] if row.group else ["api", row.version]
    if row.namespaced and namespace:
        parts += ["namespaces", namespace]
    return "/" + "/".join([*parts, row.plural, *filter(None, (name, subresource))])


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    chosen = {"labelSelector": labels, "fieldSelector": fields}
    return {name: text for name, text in chosen.items() if text}


def _named(row: Resource, obj: Object) -> Object:
    return {"kind": row.kind, "apiVersion": row.api_version, **obj}


def _refusal(code: int, raw: bytes) -> ApiError:
    """From a Status, or from whatever else a server or a proxy before it may say."""
    try:
        status = orjson.loads(raw)
        return ApiError(code, status["reason"], status["message"], status.get("details"))
    except (ValueError, KeyError, TypeError):
        text = raw[:200].decode(errors="replace").strip()
        return ApiError(code, "Unknown", text or f"the server answered {code}")
