"""
What the network should look like, worked out from objects: names, backends, and each pod's table. Pure functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drillyard.cluster.client import Object

HOST = "host"
CLUSTER_DOMAIN = "cluster.local"
Backend = tuple[str, int]


@dataclass(frozen=True)
class Client:
    """Who opens connections: a pod, or (uid HOST) this machine. `listen` maps its container ports to loopback ports."""

    uid: str
    namespace: str
    name: str
    workload: str = ""
    ip: str = ""
    listen: Mapping[int, int] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def names(self) -> set[str]:
        """By which it can be named: `host`, or `namespace/workload` and `namespace/pod`."""
        return {HOST} if self.uid == HOST else {f"{self.namespace}/{self.workload}", f"{self.namespace}/{self.name}"}


@dataclass(frozen=True)
class EdgeKey:
    """The name of an edge: whose it is, and where it leads."""

    client: str
    service: str
    port: int

    def __str__(self) -> str:
        return f"{self.client}→{self.service}:{self.port}"


def service_key(service: Object) -> str:
    """`namespace/name`."""
    metadata = service["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


def is_headless(service: Object) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def has_cluster_ip(service: Object) -> bool:
    return bool(service["spec"].get("clusterIP")) and not is_headless(service)


def tcp_ports(service: Object) -> list[Object]:
    return [port for port in service["spec"].get("ports") or () if port.get("protocol", "TCP") == "TCP"]


def names_of(service: Object, namespace: str) -> Iterator[str]:
    """Every name under which pods of the namespace know the Service, shortest first."""
    metadata = service["metadata"]
    name, home = metadata["name"], metadata["namespace"]
    if home == namespace:
        yield name
    yield f"{name}.{home}"
    yield f"{name}.{home}.svc"
    yield f"{name}.{home}.svc.{CLUSTER_DOMAIN}"


def ready_addresses(slices: Iterable[Object]) -> list[str]:
    """The addresses of ready endpoints, each once, in order. An unknown readiness counts as ready (discovery/v1)."""
    found: dict[str, None] = {}
    for part in slices:
        for endpoint in part.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found.update(dict.fromkeys(endpoint.get("addresses") or ()))
    return list(found)


def backends_of(
    service_port: Object, slices: Iterable[Object], loopback: Mapping[Backend, int], in_cluster: Mapping[str, object]
) -> list[Backend]:
    """
    Where a Service's port leads: (host, port) of this machine for a pod, the endpoint itself for a foreign address.

    `loopback` maps (pod address, container port) to a loopback port; `in_cluster` holds every pod address.
    """
    found: dict[Backend, None] = {}
    for part in slices:
        numbers = [
            port["port"]
            for port in part.get("ports") or ()
            if (port.get("name") or "") == (service_port.get("name") or "") and port.get("port")
        ]
        for address in ready_addresses([part]):
            for number in numbers:
                mapped = loopback.get((address, number))
                if mapped is not None:
                    found[("127.0.0.1", mapped)] = None
                elif address not in in_cluster and not address.startswith("10.244."):
                    found[(address, number)] = None
    return list(found)


def sticky(backends: list[Backend], client: str) -> list[Backend]:
    """The one backend that a client keeps (`sessionAffinity: ClientIP`), by rendezvous hashing."""
    return [max(backends, key=lambda one: hashlib.sha256(f"{client}{one}".encode()).digest())] if backends else []


def selected_target_ports(pod: Object, services: Iterable[Object]) -> set[int]:
    """Numbers of ports at which Services expect this pod, whether or not its containers declare them."""
    labels = pod["metadata"].get("labels") or {}
    ports: set[int] = set()
    for service in services:
        selector = service["spec"].get("selector") or {}
        home = service["metadata"].get("namespace")
        if not selector or home != pod["metadata"].get("namespace"):
            continue
        if all(labels.get(key) == value for key, value in selector.items()):
            targets = (port.get("targetPort", port["port"]) for port in tcp_ports(service))
            ports.update(target for target in targets if isinstance(target, int))
    return ports


def workload_of(pod: Object) -> str:
    """The name by which people know a pod's controller: its Deployment's, DaemonSet's or Job's; else the pod's own."""
    metadata = pod["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            name: str = owner["name"]
            template = (metadata.get("labels") or {}).get("pod-template-hash")
            return name.removesuffix(f"-{template}") if owner["kind"] == "ReplicaSet" and template else name
    return str(metadata["name"])


def table_of(
    client: Client,
    services: Iterable[Object],
    clients: Iterable[Client],
    edge_ports: Mapping[EdgeKey, int],
    headless: Mapping[str, str],
    extra_names: Mapping[str, str],
    extra_connect: Mapping[str, int],
) -> dict[str, Any]:
    """The pod network's table for one pod (`base.podnet`). `headless` maps a service key to its first ready address."""
    names: dict[str, str] = dict(extra_names)
    connect: dict[str, int] = {
        f"{other.ip}:{port}": mapped for other in clients if other.ip for port, mapped in other.listen.items()
    }
    for service in services:
        key = service_key(service)
        address = headless.get(key) if is_headless(service) else service["spec"].get("clusterIP")
        if not address:
            continue
        names.update(dict.fromkeys(names_of(service, client.namespace), address))
        for port in tcp_ports(service):
            mapped = edge_ports.get(EdgeKey(client.uid, key, port["port"]))
            if mapped is not None:
                connect[f"{address}:{port['port']}"] = mapped
    connect.update(extra_connect)
    names[client.name.lower()] = client.ip
    return {"names": names, "connect": connect, "listen": {str(port): mapped for port, mapped in client.listen.items()}}


def curl_settings(table: Mapping[str, Any]) -> str:
    """The same for curl(1): a `.curlrc` for the folder that `CURL_HOME` names."""
    by_address: dict[str, list[tuple[int, int]]] = {}
    for place, mapped in table["connect"].items():
        address, _, port = place.rpartition(":")
        by_address.setdefault(address, []).append((int(port), mapped))
    hosts = {**table["names"], **{address: address for address in by_address}}
    return "".join(
        f'connect-to = "{name}:{port}:127.0.0.1:{mapped}"\n'
        for name, address in hosts.items()
        for port, mapped in by_address.get(address, ())
    )
