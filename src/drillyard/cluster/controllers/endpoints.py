"""
Endpoints and EndpointSlices: which pods stand behind a Service right now, and on which ports.

A pod that is not ready, or is being deleted, is listed as such; what sends traffic there must not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, EventType, Object
from drillyard.cluster.controllers.availability import is_going, is_ready
from drillyard.cluster.controllers.controller import Concerns, itself, owner_reference
from drillyard.cluster.informer import Key, key_of
from drillyard.cluster.labels import selector_text

MANAGED_BY = "endpointslice-controller.k8s.io"
_SERVICE_LABEL = "kubernetes.io/service-name"


def behind(service: Object, pods: Iterable[Object]) -> list[Object]:
    """The pods of a Service: selected, with an address, not finished; in the order of their names."""
    selector = service["spec"].get("selector") or {}
    found = [
        pod
        for pod in pods
        if selector.items() <= (pod["metadata"].get("labels") or {}).items()
        and pod.get("status", {}).get("podIP")
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def target_port(port: Object, pod: Object) -> int | None:
    """The pod's own port for a Service port; None when it names one that the pod lacks."""
    wanted = port.get("targetPort", port["port"])
    if isinstance(wanted, int):
        return wanted
    for container in pod["spec"].get("containers", ()):
        for own in container.get("ports", ()):
            if own.get("name") == wanted and own.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(own["containerPort"])
    return None


def _ports(service: Object, pod: Object) -> list[Object]:
    return [
        {
            **({"name": port["name"]} if port.get("name") else {}),
            "port": number,
            "protocol": port.get("protocol", "TCP"),
        }
        for port in service["spec"].get("ports", ())
        if (number := target_port(port, pod)) is not None
    ]


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _grouped(service: Object, pods: Sequence[Object]) -> list[tuple[list[Object], list[Object]]]:
    """Pods by what the Service's ports mean in them: usually one group."""
    groups: list[tuple[list[Object], list[Object]]] = []
    for pod in pods:
        ports = _ports(service, pod)
        group = next((found for found in groups if found[0] == ports), None)
        if group is None:
            groups.append((ports, [pod]))
        else:
            group[1].append(pod)
    return groups


def subsets(service: Object, pods: Sequence[Object]) -> list[Object]:
    """`subsets` of the Endpoints (core/v1)."""
    publish_all = service["spec"].get("publishNotReadyAddresses", False)
    found = []
    for ports, members in _grouped(service, pods):
        sides: dict[str, list[Any]] = {"addresses": [], "notReadyAddresses": []}
        for pod in members:
            ready = publish_all or (is_ready(pod) and not is_going(pod))
            address = {"ip": pod["status"]["podIP"], "targetRef": _reference(pod)}
            if pod["spec"].get("nodeName"):
                address["nodeName"] = pod["spec"]["nodeName"]
            if ready or not is_going(pod):
                sides["addresses" if ready else "notReadyAddresses"].append(address)
        if any(sides.values()):
            found.append({**{name: side for name, side in sides.items() if side}, "ports": ports})
    return found


def slice_content(service: Object, ports: list[Object], pods: Sequence[Object]) -> Object:
    """`endpoints` and `ports` of an EndpointSlice (discovery.k8s.io/v1)."""
    publish_all = service["spec"].get("publishNotReadyAddresses", False)
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {
                "ready": publish_all or (is_ready(pod) and not is_going(pod)),
                "serving": is_ready(pod),
                "terminating": is_going(pod),
            },
            "targetRef": _reference(pod),
            **({"nodeName": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}),
        }
        for pod in pods
    ]
    return {"endpoints": endpoints, "ports": [{"name": "", **port} for port in ports]}


class EndpointsController:
    """Keeps Endpoints and EndpointSlices of Services that have a selector."""

    name = "endpoints-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._selectors: dict[Key, dict[str, str]] = {}
        self._labels: dict[Key, dict[str, str]] = {}

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"services": self._service_changed, "pods": self._pod_changed}

    def _service_changed(self, change: EventType, service: Object) -> Iterable[Key]:
        key = key_of(service)
        self._selectors[key] = service["spec"].get("selector") or {}
        if change == "DELETED":
            del self._selectors[key]
        return itself(change, service)

    def _pod_changed(self, change: EventType, pod: Object) -> Iterable[Key]:
        """Services that select the pod now, or did before its labels changed."""
        key, labels = key_of(pod), pod["metadata"].get("labels") or {}
        before = self._labels.pop(key, labels)
        if change != "DELETED":
            self._labels[key] = labels
        for service, selector in self._selectors.items():
            if service[0] == key[0] and selector and any(selector.items() <= at.items() for at in (labels, before)):
                yield service

    async def reconcile(self, key: Key) -> float | None:
        try:
            service = await self._api.get("services", *key)
        except ApiError as refused:
            if refused.status != 404:
                raise
            await self._remove(key)
            return None
        if not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName":
            return None  # Its endpoints are written by hand, or it has none.
        selected = selector_text({"matchLabels": service["spec"]["selector"]})
        pods = behind(service, (await self._api.list("pods", key[0], labels=selected)).items)
        # Slices first: whatever routes traffic should close a link before anybody reads that it is closed.
        await self._write_slices(service, pods)
        await self._write_endpoints(service, pods)
        return None

    async def _remove(self, key: Key) -> None:
        """Slices go with their Service by the garbage collector; Endpoints have no owner."""
        try:
            endpoints = await self._api.get("endpoints", *key)
        except ApiError as refused:
            if refused.status == 404:
                return
            raise
        if (endpoints["metadata"].get("labels") or {}).get("endpoints.kubernetes.io/managed-by"):
            await self._api.delete("endpoints", *key, uid=endpoints["metadata"]["uid"])

    async def _write_endpoints(self, service: Object, pods: Sequence[Object]) -> None:
        namespace, name = key_of(service)
        labels = {
            **(service["metadata"].get("labels") or {}),
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        wanted = subsets(service, pods)
        try:
            known = await self._api.get("endpoints", namespace, name)
        except ApiError as refused:
            if refused.status != 404:
                raise
            metadata: Object = {"name": name, "namespace": namespace, "labels": labels}
            new: Object = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": wanted}
            await self._api.create("endpoints", namespace, new)
            return
        if known.get("subsets", []) != wanted or known["metadata"].get("labels") != labels:
            known["metadata"]["labels"] = labels
            await self._api.update("endpoints", namespace, {**known, "subsets": wanted})

    async def _write_slices(self, service: Object, pods: Sequence[Object]) -> None:
        namespace, name = key_of(service)
        listed = await self._api.list("endpointslices", namespace, labels=f"{_SERVICE_LABEL}={name}")
        known = [
            item
            for item in listed.items
            if item["metadata"]["labels"].get("endpointslice.kubernetes.io/managed-by") == MANAGED_BY
        ]
        groups = _grouped(service, pods) or [([], [])]
        for index, (ports, members) in enumerate(groups):
            content = slice_content(service, ports, members)
            if index >= len(known):
                await self._create_slice(service, content)
            elif any(known[index].get(field, []) != content[field] for field in content):
                await self._api.update("endpointslices", namespace, {**known[index], **content})
        for surplus in known[len(groups) :]:
            await self._api.delete("endpointslices", namespace, surplus["metadata"]["name"])

    async def _create_slice(self, service: Object, content: Object) -> None:
        namespace, name = key_of(service)
        labels = {
            **(service["metadata"].get("labels") or {}),
            _SERVICE_LABEL: name,
            "endpointslice.kubernetes.io/managed-by": MANAGED_BY,
        }
        new: Object = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": f"{name}-",
                "labels": labels,
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            **content,
        }
        await self._api.create("endpointslices", namespace, new)
