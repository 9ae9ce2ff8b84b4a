"""
What a new cluster holds before anybody asks: the four namespaces and the roles that everybody knows.
"""

from __future__ import annotations

from drillyard.cluster.apiserver.auth import AUTHENTICATED, MASTERS
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.client import Object
from drillyard.cluster.resources import RESOURCES, named

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]


def fill(objects: Objects) -> None:
    """Creates them in an empty store."""
    for name in NAMESPACES:
        _create(objects, "namespaces", "", {"metadata": {"name": name}})
    for name, rules in _roles().items():
        _create(objects, "clusterroles", "", {"metadata": {"name": name}, "rules": rules})
    for name, group in (("cluster-admin", MASTERS), ("system:basic-user", AUTHENTICATED)):
        binding: Object = {
            "metadata": {"name": name},
            "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "Group", "name": group}],
        }
        _create(objects, "clusterrolebindings", "", binding)
    service: Object = {
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    }
    _create(objects, "services", "default", service)


def _create(objects: Objects, kind: str, namespace: str, obj: Object) -> None:
    objects.create(named(kind), namespace, obj, WriteOptions(manager="kube-apiserver"))


def _roles() -> dict[str, list[Object]]:
    """cluster-admin, and admin, edit and view of a namespace, over the kinds that this cluster has."""
    shared = [row for row in RESOURCES if row.namespaced and row.stored and row.group != "rbac.authorization.k8s.io"]
    groups = sorted({row.group for row in shared})

    def rules(verbs: list[str], *, without: tuple[str, ...] = ()) -> list[Object]:
        return [
            {
                "apiGroups": [group],
                "resources": sorted(
                    name
                    for row in shared
                    if row.group == group and row.plural not in without
                    for name in (row.plural, *(f"{row.plural}/{sub.name}" for sub in row.subresources))
                    if name.partition("/")[2] not in ("binding", *without)
                ),
                "verbs": verbs,
            }
            for group in groups
        ]

    metrics = [{"apiGroups": ["metrics.k8s.io"], "resources": ["pods", "nodes"], "verbs": _READ}]
    view = rules(_READ, without=("secrets", "exec", "attach", "portforward", "proxy", "eviction")) + metrics
    edit = rules(_READ + _WRITE) + metrics
    own = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": _READ + _WRITE}
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    urls = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    basic = [
        {
            "apiGroups": [row.group],
            "resources": [row.plural],
            "verbs": ["create"],
        }
        for row in RESOURCES
        if row.plural.startswith("selfsubject")
    ]
    return {
        "cluster-admin": [everything, urls],
        "admin": [*edit, own],
        "edit": edit,
        "view": view,
        "system:basic-user": basic,
    }
