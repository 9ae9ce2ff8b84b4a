"""
Fields that are kept, as a manifest from elsewhere may have them, but that nothing here acts on: the client is told.

kubectl prints each as a Warning. What would change the meaning of an object is refused by validation instead.
"""

from __future__ import annotations

from drillyard.cluster.client import Object

_SERVICE_TYPES = {
    "NodePort": "nothing listens on node ports in this cluster; use the cluster IP or kubectl port-forward",
    "LoadBalancer": "this cluster has no load balancer; use the cluster IP or kubectl port-forward",
    "ExternalName": "names outside the cluster are not resolved through it",
}
_POD_FIELDS = (
    "dnsConfig",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "priorityClassName",
    "runtimeClassName",
    "shareProcessNamespace",
    "topologySpreadConstraints",
)


def notices(key: str, obj: Object) -> list[str]:
    """The sentences for an object stored under `key`."""
    spec = obj.get("spec", {})
    if key == "services":
        text = _SERVICE_TYPES.get(spec.get("type", ""))
        return [f"spec.type {spec['type']}: {text}"] if text else []
    if key == "pods":
        return _of_pod(spec, "spec")
    if key in ("deployments", "replicasets", "daemonsets", "jobs"):
        return _of_pod(spec.get("template", {}).get("spec", {}), "spec.template.spec")
    return []


def _of_pod(spec: Object, at: str) -> list[str]:
    found = [f"{at}.{name}: has no effect in this cluster" for name in _POD_FIELDS if spec.get(name)]
    for name in ("podAffinity", "podAntiAffinity"):
        if spec.get("affinity", {}).get(name):
            found.append(f"{at}.affinity.{name}: has no effect in this cluster")
    return found
