"""
Server-side tables: what `kubectl get` prints. The server decides the columns; kubectl only aligns them.

Which cells a kind has is in `rows` and `pod_rows`; here they become a Table (meta/v1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.pod_rows import pod_cells
from drillyard.cluster.apiserver.rows import CELLS
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource

Cells = Callable[[Object, datetime], list[Any]]

_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


@dataclass(frozen=True)
class Column:
    """`description` is text, or "/path/to/field" of the kind's own schema. Wide columns have priority 1."""

    name: str
    description: str = ""
    priority: int = 0
    type: str = "string"


def _wide(name: str, description: str = "") -> Column:
    return Column(name, description, 1)


_CONTAINERS = (
    _wide("Containers", "Names of each container in the template."),
    _wide("Images", "Images referenced by each container in the template."),
)
_POD = (
    Column("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    Column("Status", "The aggregate status of the containers in this pod."),
    Column(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last container in this pod "
        "has restarted.",
    ),
    Column("Age"),
    _wide("IP", "/status/podIP"),
    _wide("Node", "/spec/nodeName"),
    _wide("Nominated Node", "/status/nominatedNodeName"),
    _wide("Readiness Gates", "/spec/readinessGates"),
)
_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "pods": _POD,
    "deployments": (
        Column("Ready", "Number of the pod with ready state"),
        Column("Up-to-date", "/status/updatedReplicas"),
        Column("Available", "/status/availableReplicas"),
        Column("Age"),
        *_CONTAINERS,
        _wide("Selector", "/spec/selector"),
    ),
    "replicasets": (
        Column("Desired", "/spec/replicas", type="integer"),
        Column("Current", "/status/replicas", type="integer"),
        Column("Ready", "/status/readyReplicas", type="integer"),
        Column("Age"),
        *_CONTAINERS,
        _wide("Selector", "/spec/selector"),
    ),
    "daemonsets": (
        Column("Desired", "/status/desiredNumberScheduled", type="integer"),
        Column("Current", "/status/currentNumberScheduled", type="integer"),
        Column("Ready", "/status/numberReady", type="integer"),
        Column("Up-to-date", "/status/updatedNumberScheduled", type="integer"),
        Column("Available", "/status/numberAvailable", type="integer"),
        Column("Node Selector", "/spec/template"),
        Column("Age"),
        *_CONTAINERS,
        _wide("Selector", "/spec/selector"),
    ),
    "services": (
        Column("Type", "/spec/type"),
        Column("Cluster-IP", "/spec/clusterIP"),
        Column("External-IP", "/spec/externalIPs"),
        Column("Port(s)", "/spec/ports"),
        Column("Age"),
        _wide("Selector", "/spec/selector"),
    ),
    "endpoints": (Column("Endpoints", "/subsets"), Column("Age")),
    "endpointslices": (
        Column("AddressType", "/addressType"),
        Column("Ports", "/ports"),
        Column("Endpoints", "/endpoints"),
        Column("Age"),
    ),
    "nodes": (
        Column("Status", "The status of the node"),
        Column("Roles", "The roles of the node"),
        Column("Age"),
        Column("Version", "Kubelet Version reported by the node."),
        _wide("Internal-IP", "/status/addresses"),
        _wide("External-IP", "/status/addresses"),
        _wide("OS-Image", "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy))."),
        _wide("Kernel-Version", "Kernel Version reported by the node from 'uname -r'."),
        _wide("Container-Runtime", "ContainerRuntime Version reported by the node through runtime remote API."),
    ),
    "namespaces": (Column("Status", "The status of the namespace"), Column("Age")),
    "configmaps": (Column("Data", "/data"), Column("Age")),
    "secrets": (Column("Type", "/type"), Column("Data", "/data"), Column("Age")),
    "serviceaccounts": (Column("Age"),),
    "jobs": (
        Column("Status", "Status of the job."),
        Column("Completions", "/status/succeeded"),
        Column("Duration", "Time required to complete the job."),
        Column("Age"),
        *_CONTAINERS,
        _wide("Selector", "/spec/selector"),
    ),
    "horizontalpodautoscalers": (
        Column("Reference", "/spec/scaleTargetRef"),
        Column("Targets", "/spec/metrics"),
        Column("MinPods", "/spec/minReplicas"),
        Column("MaxPods", "/spec/maxReplicas"),
        Column("Replicas", "/status/currentReplicas"),
        Column("Age"),
    ),
    "scales": (
        Column("Desired", "/spec/replicas", type="integer"),
        Column("Available", "/status/replicas", type="integer"),
        Column("Age"),
    ),
    "leases": (Column("Holder", "/spec/holderIdentity"), Column("Age")),
    "roles": (Column("Created At"),),
    "clusterroles": (Column("Created At"),),
    "rolebindings": (
        Column("Role", "/roleRef"),
        Column("Age"),
        _wide("Users", "Users in the roleBinding"),
        _wide("Groups", "Groups in the roleBinding"),
        _wide("ServiceAccounts", "ServiceAccounts in the roleBinding"),
    ),
    "clusterrolebindings": (
        Column("Role", "/roleRef"),
        Column("Age"),
        _wide("Users", "Users in the clusterRoleBinding"),
        _wide("Groups", "Groups in the clusterRoleBinding"),
        _wide("ServiceAccounts", "ServiceAccounts in the clusterRoleBinding"),
    ),
    "events": (
        Column("Last Seen", "/lastTimestamp"),
        Column("Type", "/type"),
        Column("Reason", "/reason"),
        Column("Object", "/involvedObject"),
        _wide("Subobject", "/involvedObject/fieldPath"),
        _wide("Source", "/source"),
        Column("Message", "/message"),
        _wide("First Seen", "/firstTimestamp"),
        _wide("Count", "/count"),
        _wide("Name"),
    ),
}


def columns_of(resource: Resource) -> list[Object]:
    """The columnDefinitions of a kind."""
    named_first = () if resource.key == "events" else (Column("Name"),)
    preferred = resource.version if resource.plural != "events" else "v1"
    group = "" if resource.plural == "events" else resource.group
    shown = []
    for column in (*named_first, *_COLUMNS.get(resource.key, (Column("Age"),))):
        text = column.description
        if text.startswith("/"):
            text = schema.description(group, preferred, resource.kind, *text[1:].split("/"))
        if column.name in ("Name", "Age", "Created At"):
            field = "name" if column.name == "Name" else "creationTimestamp"
            text = schema.definitions()[_METADATA]["properties"][field]["description"]
        shown.append(
            {
                "name": column.name,
                "type": column.type,
                "format": "name" if column.name == "Name" else "",
                "description": text,
                "priority": column.priority,
            }
        )
    return shown


def row_of(resource: Resource, stored: Object, presented: Object, include: str, now: datetime) -> Object:
    """One row: cells from the object as stored, and of the object as presented as much as `includeObject` asks for."""
    obj: Object | None = presented
    if include == "None":
        obj = None
    elif include != "Object":
        obj = partial(presented)
    return {"cells": _cells_of(resource)(stored, now), "object": obj}


def _cells_of(resource: Resource) -> Cells:
    if resource.key == "pods":
        return pod_cells
    return CELLS.get(resource.key, CELLS["*"])


def partial(obj: Object) -> Object:
    """PartialObjectMetadata: an object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(resource: Resource, rows: Iterable[Object], metadata: Object, *, columns: bool = True) -> Object:
    """A Table with a list's metadata; later events of a watch leave the columns out."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns_of(resource) if columns else None,
        "rows": list(rows),
    }
