"""
The Kubernetes API over HTTPS: the same methods as in the control plane's own process, for callers outside it.

It works against any API server, ours or a real one, that a kubeconfig or a pod's service account names.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from drillyard.base.errors import DrillyardError
from drillyard.cluster import resources
from drillyard.cluster.client import (
    ApiError,
    Object,
    ObjectList,
    PatchType,
    Propagation,
    WatchEvent,
)

_TIMEOUT_S = 15.0
_PATCH_TYPES: Mapping[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class HttpApi:
    """Implements `Api`. Every method raises ApiError when refused, and for a server that does not answer (503)."""

    def __init__(self, server: str, *, token: str | None = None, ca_pem: str | None = None) -> None:
        context: ssl.SSLContext | bool = ssl.create_default_context(cadata=ca_pem) if ca_pem else True
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(base_url=server, headers=headers, verify=context, timeout=_TIMEOUT_S)

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """The current context of a kubeconfig with a token. Raises DrillyardError when it cannot be used."""
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
            context = _named(config["contexts"], config["current-context"])["context"]
            cluster = _named(config["clusters"], context["cluster"])["cluster"]
            user = _named(config["users"], context["user"])["user"]
            ca_pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
            return cls(cluster["server"], token=user.get("token"), ca_pem=ca_pem)
        except (OSError, ValueError, KeyError, TypeError, StopIteration, yaml.YAMLError) as problem:
            raise DrillyardError(
                f"The kubeconfig {path} cannot be used: {type(problem).__name__} {problem}.",
                hint="It needs a current context with a server, certificate-authority-data and a token.",
            ) from problem

    async def list(
        self, kind: str, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> ObjectList:
        body = await self._call("GET", _path(kind, namespace), params=_selectors(labels, fields))
        resource = resources.named(kind)
        items = [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in body["items"]]
        return ObjectList(items, body["metadata"]["resourceVersion"])

    async def watch(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        params = {"watch": "true", **_selectors(labels, fields)}
        if resource_version is not None:
            params["resourceVersion"] = resource_version
        timeout = httpx.Timeout(_TIMEOUT_S, read=None)
        try:
            async with self._client.stream("GET", _path(kind, namespace), params=params, timeout=timeout) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _refusal(answer)
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _error(event["object"], 500)
                    if event["type"] != "BOOKMARK":
                        yield WatchEvent(event["type"], event["object"])
        except httpx.HTTPError as lost:
            raise _lost(lost) from lost

    async def get(self, kind: str, namespace: str | None, name: str) -> Object:
        return await self._call("GET", _path(kind, namespace, name))

    async def create(self, kind: str, namespace: str | None, obj: Object) -> Object:
        return await self._call("POST", _path(kind, namespace), json=obj)

    async def update(self, kind: str, namespace: str | None, obj: Object, *, subresource: str | None = None) -> Object:
        return await self._call("PUT", _path(kind, namespace, obj["metadata"]["name"], subresource), json=obj)

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
        params = {"fieldManager": "drillyard", "force": "true"} if type == "apply" else {}
        return await self._call(
            "PATCH",
            _path(kind, namespace, name, subresource),
            content=json.dumps(patch),
            headers={"Content-Type": _PATCH_TYPES[type]},
            params=params,
        )

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
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        await self._call("DELETE", _path(kind, namespace, name), json=options)

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **arguments: Any) -> Object:
        try:
            answer = await self._client.request(method, path, **arguments)
        except httpx.HTTPError as lost:
            raise _lost(lost) from lost
        if answer.is_error:
            raise _refusal(answer)
        body: Object = answer.json()
        return body


def _path(kind: str, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
    resource = resources.named(kind)
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    scope = f"/namespaces/{namespace}" if namespace and resource.namespaced else ""
    rest = "".join(f"/{part}" for part in (name, subresource) if part)
    return f"{root}{scope}/{resource.plural}{rest}"


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    wanted = {"labelSelector": labels, "fieldSelector": fields}
    return {key: value for key, value in wanted.items() if value is not None}


def _named(entries: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _refusal(answer: httpx.Response) -> ApiError:
    try:
        return _error(answer.json(), answer.status_code)
    except (ValueError, AttributeError):
        return ApiError(answer.status_code, answer.reason_phrase, answer.text[:300])


def _error(status: Object, code: int) -> ApiError:
    return ApiError(
        int(status.get("code", code)), status.get("reason", ""), status.get("message", ""), status.get("details")
    )


def _lost(lost: httpx.HTTPError) -> ApiError:
    return ApiError(503, "ServiceUnavailable", f"The API server did not answer: {type(lost).__name__} {lost}")
