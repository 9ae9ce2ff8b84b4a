"""
The environment of a container: service variables, the image's own, envFrom, env, with `$(NAME)` expanded.

Order and precedence are the kubelet's: services first, then envFrom in order, then env in order; later ones win, and a
value may refer to what came before it. `$$(NAME)` stays as `$(NAME)`, and so does a name that is unknown.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.quantity import parse_quantity

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class ConfigError(Exception):
    """A container cannot be configured; the text is the kubelet's (`configmap "x" not found`)."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replaces `$(NAME)` by its value."""

    def replacement(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        return values.get(found[1], found.group())

    return _REFERENCE.sub(replacement, text)


@dataclass(frozen=True)
class PodFacts:
    """What the downward API can tell about a pod."""

    pod: Object
    ip: str
    node_name: str
    node_ip: str
    allocatable: Mapping[str, str]


def field_value(facts: PodFacts, path: str) -> str:
    """A `fieldRef`. Raises ConfigError for a path that the downward API does not know."""
    metadata, spec = facts.pod["metadata"], facts.pod["spec"]
    if keyed := _KEYED_FIELD.fullmatch(path):
        return str((metadata.get(keyed[1]) or {}).get(keyed[2], ""))
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": facts.node_name,
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.podIP": facts.ip,
        "status.podIPs": facts.ip,
        "status.hostIP": facts.node_ip,
        "status.hostIPs": facts.node_ip,
    }
    if path in simple:
        return str(simple[path])
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(pairs.items()))
    raise ConfigError(f"unsupported fieldPath: {path}")


def resource_value(facts: PodFacts, container: Object, reference: Object) -> str:
    """A `resourceFieldRef`: a limit or request, in its divisor, rounded up; without a limit, what the node has."""
    kind, _, name = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(name)
    if amount is None and kind == "limits":
        amount = facts.allocatable.get(name)
    divisor = parse_quantity(reference.get("divisor") or "1") or parse_quantity("1")
    return str(math.ceil(parse_quantity(amount or "0") / divisor))


def service_variables(services: Iterable[Object], namespace: str, *, links: bool) -> dict[str, str]:
    """`PAYMENT_SERVICE_HOST` and its sisters, for the pod's namespace; always for `kubernetes` in `default`."""
    found: dict[str, str] = {}
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        address, ports = spec.get("clusterIP"), spec.get("ports") or ()
        is_api = (metadata["namespace"], metadata["name"]) == ("default", "kubernetes")
        if (
            not address
            or address == "None"
            or not ports
            or not (is_api or (links and metadata["namespace"] == namespace))
        ):
            continue
        name = metadata["name"].upper().replace("-", "_")
        found[f"{name}_SERVICE_HOST"] = address
        found[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
        for place, port in enumerate(ports):
            protocol = port.get("protocol", "TCP")
            url = f"{protocol.lower()}://{address}:{port['port']}"
            prefix = f"{name}_PORT_{port['port']}_{protocol}"
            if place == 0:
                found[f"{name}_PORT"] = url
            found.update({prefix: url, f"{prefix}_PROTO": protocol.lower()})
            found.update({f"{prefix}_PORT": str(port["port"]), f"{prefix}_ADDR": address})
    return found


class Sources:
    """
    ConfigMaps and Secrets of one pod as texts or bytes. Raises ConfigError in the kubelet's words.

    While the API server does not answer, what it said last still counts: a container that crashes then starts again.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._last: dict[tuple[str, str], Object] = {}

    async def config_map(self, name: str, *, optional: bool = False) -> dict[str, bytes] | None:
        obj = await self._get("configmaps", "configmap", name, optional)
        if obj is None:
            return None
        texts = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
        return {**texts, **_decoded(obj.get("binaryData"))}

    async def secret(self, name: str, *, optional: bool = False) -> dict[str, bytes] | None:
        obj = await self._get("secrets", "secret", name, optional)
        return None if obj is None else _decoded(obj.get("data"))

    async def _get(self, kind: str, word: str, name: str, optional: bool) -> Object | None:
        try:
            self._last[kind, name] = await self._api.get(kind, self._namespace, name)
            return self._last[kind, name]
        except (OSError, TimeoutError) as lost:
            if (kind, name) not in self._last:
                raise ConfigError(f'{word} "{name}": {lost or "timed out"}') from lost
            return self._last[kind, name]
        except ApiError as refused:
            self._last.pop((kind, name), None)
            if refused.status != 404:
                raise ConfigError(f'{word} "{name}": {refused.message}') from refused
            if optional:
                return None
            raise ConfigError(f'{word} "{name}" not found') from refused


async def container_environment(
    container: Object, facts: PodFacts, sources: Sources, services: Mapping[str, str]
) -> dict[str, str]:
    """What the pod's spec says about a container's environment, after the service variables. Raises ConfigError."""
    values = dict(services)
    for source in container.get("envFrom") or ():
        values.update(await _from_whole(source, sources))
    for variable in container.get("env") or ():
        name = variable["name"]
        if variable.get("valueFrom"):
            value = await _from_reference(variable["valueFrom"], container, facts, sources)
            if value is not None:
                values[name] = value
        else:
            values[name] = expand(variable.get("value") or "", values)
    return values


async def _from_whole(source: Object, sources: Sources) -> dict[str, str]:
    if reference := source.get("configMapRef"):
        data = await sources.config_map(reference["name"], optional=bool(reference.get("optional")))
    elif reference := source.get("secretRef"):
        data = await sources.secret(reference["name"], optional=bool(reference.get("optional")))
    else:
        raise ConfigError("envFrom names neither a configMapRef nor a secretRef")
    prefix = source.get("prefix") or ""
    return {f"{prefix}{key}": _text(value) for key, value in (data or {}).items()}


async def _from_reference(
    source: Mapping[str, Any], container: Object, facts: PodFacts, sources: Sources
) -> str | None:
    if field := source.get("fieldRef"):
        return field_value(facts, field["fieldPath"])
    if resource := source.get("resourceFieldRef"):
        return resource_value(facts, container, resource)
    namespace = facts.pod["metadata"]["namespace"]
    for kind, word in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if reference := source.get(kind):
            optional = bool(reference.get("optional"))
            read = sources.config_map if word == "ConfigMap" else sources.secret
            data = await read(reference["name"], optional=optional)
            if data is not None and reference["key"] in data:
                return _text(data[reference["key"]])
            if optional:
                return None
            raise ConfigError(f"couldn't find key {reference['key']} in {word} {namespace}/{reference['name']}")
    raise ConfigError(f"unsupported valueFrom: {', '.join(source)}")


def _decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    try:
        return {key: base64.b64decode(value, validate=True) for key, value in (data or {}).items()}
    except (binascii.Error, ValueError) as broken:
        raise ConfigError(f"not base64: {broken}") from broken


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
