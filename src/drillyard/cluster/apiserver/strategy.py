"""
What the server itself puts into an object: identity, version counters, addresses, labels. One place per kind.

The author's fields are never touched here beyond what a real API server does on create and update.
"""

from __future__ import annotations

import base64
import random
import uuid
import zlib
from typing import Any

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver.defaults import admit_pod
from drillyard.cluster.apiserver.status import Cause, bad_request, invalid, invalid_value
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource
from drillyard.cluster.timestamps import time_of

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Without vowels, so that no name is a word (apimachinery, rand.String).
_CLUSTER_IPS = 0xFFFF - 256
_NODE_PORTS = range(30_000, 32_768)
_WITH_GENERATION = frozenset(("pods", "deployments", "replicasets", "daemonsets", "jobs", "endpointslices"))
_SET_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)
_FIRST_STATUS: dict[str, Object] = {
    "deployments": {},
    "replicasets": {"replicas": 0},
    "daemonsets": {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
    "jobs": {},
    "services": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
    "horizontalpodautoscalers": {"desiredReplicas": 0, "currentMetrics": None},
}


class Strategy:
    """Prepares objects for the store. `random` draws uids and names, so a seed repeats them."""

    def __init__(self, store: Store, clock: Clock, source: random.Random) -> None:
        self._store, self._clock, self._random = store, clock, source

    def name(self, prefix: str) -> str:
        """`prefix` with five random characters, as `metadata.generateName` asks."""
        return prefix[:58] + "".join(self._random.choices(NAME_ALPHABET, k=5))

    def identify(self, resource: Resource, obj: Object) -> None:
        """Gives a new object its identity and its first status; whatever the author said of these is dropped."""
        metadata, key = obj["metadata"], resource.key
        for name in (*_SET_BY_SERVER, "resourceVersion", "managedFields"):
            metadata.pop(name, None)
        metadata["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = time_of(self._clock.now())
        if key in _WITH_GENERATION:
            metadata["generation"] = 1
        if key in _FIRST_STATUS:
            obj["status"] = {name: value for name, value in _FIRST_STATUS[key].items() if value is not None}
        match key:
            case "pods":
                admit_pod(obj["spec"])
                obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
            case "jobs":
                _label_job(obj)
            case "namespaces":
                obj["spec"] = {"finalizers": ["kubernetes"]}
            case "services":
                self._give_addresses(obj)
            case "secrets":
                encode_strings(obj)

    def keep(self, resource: Resource, new: Object, old: Object, subresource: str) -> None:
        """Carries over what an update may not change, and counts the generation up when the spec changed."""
        for name in _SET_BY_SERVER:
            new["metadata"].pop(name, None)
            if name in old["metadata"]:
                new["metadata"][name] = old["metadata"][name]
        key = resource.key
        if key == "secrets":
            encode_strings(new)
        if key == "services" and new["spec"].get("type") != "ExternalName":
            for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if not new["spec"].get(name) and name in old["spec"]:
                    new["spec"][name] = old["spec"][name]
            self._give_node_ports(new, old)
        if key in _WITH_GENERATION and _without_status(new) != _without_status(old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def _give_addresses(self, service: Object) -> None:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._free_address(service["metadata"])
        elif spec["clusterIP"] in self._used_addresses():
            problem = invalid_value("spec.clusterIP", spec["clusterIP"], "provided IP is already allocated")
            raise invalid("", "Service", service["metadata"]["name"], [problem])
        spec["clusterIPs"] = [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        self._give_node_ports(service, None)

    def _used_addresses(self) -> set[str]:
        return {stored.obj["spec"].get("clusterIP", "") for stored in self._store.list("services")} - {"None", ""}

    def _free_address(self, metadata: Object) -> str:
        """The same name gets the same address in every yard, unless it is taken."""
        used = self._used_addresses()
        start = zlib.crc32(f"{metadata['namespace']}/{metadata['name']}".encode())
        for step in range(_CLUSTER_IPS):
            high, low = divmod(256 + (start + step) % _CLUSTER_IPS, 256)
            if low not in (0, 255) and (address := f"10.96.{high}.{low}") not in used:
                return address
        raise invalid("", "Service", metadata["name"], [Cause("spec.clusterIP", "Invalid value: range is full")])

    def _give_node_ports(self, service: Object, old: Object | None) -> None:
        spec = service["spec"]
        if spec.get("type") not in ("NodePort", "LoadBalancer"):
            for port in spec.get("ports", ()):
                port.pop("nodePort", None)
            return
        uid = service["metadata"].get("uid")
        used = {
            port.get("nodePort")
            for stored in self._store.list("services")
            if stored.obj["metadata"]["uid"] != uid
            for port in stored.obj["spec"].get("ports", ())
        } - {None}
        known = {port["port"]: port.get("nodePort") for port in (old or {}).get("spec", {}).get("ports", ())}
        for index, port in enumerate(spec.get("ports", ())):
            chosen = port.get("nodePort") or known.get(port["port"])
            if chosen in used:
                problem = invalid_value(f"spec.ports[{index}].nodePort", chosen, "provided port is already allocated")
                raise invalid("", "Service", service["metadata"]["name"], [problem])
            port["nodePort"] = chosen or next(number for number in _NODE_PORTS if number not in used)
            used.add(port["nodePort"])


def _without_status(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name not in ("status", "metadata", "kind", "apiVersion")}


def _label_job(job: Object) -> None:
    """A Job's own four labels, on itself and on its pods, and the selector that goes with them."""
    if job["spec"].get("manualSelector"):
        return
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    own = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = job["spec"]["template"].setdefault("metadata", {})
    template["labels"] = {**template.get("labels", {}), **own}
    job["metadata"]["labels"] = {**template["labels"], **job["metadata"].get("labels", {}), **own}
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}


def encode_strings(secret: Object) -> None:
    """`stringData` is write-only: it ends up, encoded, in `data`. Raises ApiError 400 for data that is not encoded."""
    for text in (secret.get("data") or {}).values():
        try:
            base64.b64decode(text, validate=True)
        except ValueError:
            wrong = next(
                (at for at, one in enumerate(text) if not (one.isascii() and (one.isalnum() or one in "+/"))), 0
            )
            problem = f"illegal base64 data at input byte {wrong}"
            raise bad_request(f'Secret in version "v1" cannot be handled as a Secret: {problem}') from None
    for name, text in (secret.pop("stringData", None) or {}).items():
        secret.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, by the cpu and memory of its containers."""
    resources: list[Any] = [
        container.get("resources", {}) for container in (*spec.get("initContainers", ()), *spec.get("containers", ()))
    ]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    for item in resources:
        limits = item.get("limits", {})
        requests = {**limits, **item.get("requests", {})}
        if any(name not in limits or limits[name] != requests.get(name) for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"
