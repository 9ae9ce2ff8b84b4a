"""
What a URL asks for: the resource, its namespace and name, the verb, the form of the answer, the options.

Paths: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from drillyard.cluster.apiserver import status
from drillyard.cluster.resources import Resource, find

Form = Literal["json", "table", "partial"]

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True)
class ApiRequest:
    """A request for a resource. `namespace` is None for all namespaces, "" for a cluster-wide kind."""

    verb: str
    resource: Resource
    namespace: str | None
    name: str
    subresource: str


def parse(method: str, path: str, query: Mapping[str, str]) -> ApiRequest:
    """Raises ApiError: 404 for a path that this server does not serve, 405 for a method that the resource lacks."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise status.no_such_path()
    namespace: str | None = None
    within = len(rest) >= 3 and rest[0] == "namespaces" and not (len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES)
    if within:
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3 and rest[2] != "proxy":
        raise status.no_such_path()
    plural, name, subresource = (*rest, "", "")[:3]
    resource = find(group, version, plural)
    if resource is None or (within and not resource.namespaced):
        raise status.no_such_path()
    if resource.namespaced and namespace is None and name:
        raise status.no_such_path()
    verb = _verb(method, name, query)
    if (verb == "create" and name and not subresource) or (verb in ("update", "patch") and not name):
        raise status.method_not_allowed()
    if resource.namespaced and namespace is None and verb not in ("list", "watch"):
        raise status.method_not_allowed()
    _must_serve(resource, verb, subresource)
    return ApiRequest(verb, resource, namespace if resource.namespaced else "", name, subresource)


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method)
    if verb is None:
        raise status.method_not_allowed()
    if verb == "get" and not name:
        return "watch" if is_true(query.get("watch")) else "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb


def _must_serve(resource: Resource, verb: str, subresource: str) -> None:
    if subresource:
        found = resource.subresource(subresource)
        if found is None:
            raise status.no_such_path()
        allowed = found.verbs
    else:
        allowed = resource.verbs
    if verb not in allowed:
        raise status.method_not_allowed()


def is_true(text: str | None) -> bool:
    return text is not None and text.lower() in ("true", "1", "")


def form_of(accept: str) -> tuple[Form, str]:
    """The first form in an Accept header that this server can give, and the version of its meta group. Raises 406."""
    for offer in accept.split(",") if accept.strip() else ("*/*",):
        kind, *parameters = (part.strip() for part in offer.split(";"))
        wanted = dict(part.split("=", 1) for part in parameters if "=" in part)
        if kind not in ("application/json", "*/*", "application/*", "text/plain"):
            continue
        form = wanted.get("as", "")
        if form == "Table" and wanted.get("v") in ("v1", "v1beta1"):
            return "table", wanted["v"]
        if form in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return "partial", wanted.get("v", "v1")
        if not form:
            return "json", "v1"
    raise status.not_acceptable("application/json")


def seconds(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query parameter. Raises ApiError 400 for anything else."""
    text = query.get(name)
    if text is None or text == "":
        return None
    if not text.isdecimal() or len(text) > 15:
        raise status.bad_request(f'invalid value "{text}" for {name}: it takes a whole number, 0 or more')
    return int(text)
