"""
Fields that an author may leave out, filled in as a real API server fills them in (core/v1, apps/v1, batch/v1 defaults).

Answers recorded from Kubernetes 1.36 are the reference: tests/unit/cluster_api/data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drillyard.cluster.client import Object

_NO_EXECUTE_S = 300
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def fill_in(key: str, obj: Object) -> None:
    """Completes an object stored under `key`, in place. Assumes that its types are right."""
    filler = _FILLERS.get(key)
    if filler is not None:
        filler(obj)


def _put(obj: Object, **values: Any) -> None:
    for name, value in values.items():
        obj.setdefault(name, value)


def pod_spec(spec: Object) -> None:
    """Defaults of a PodSpec, in a pod and in a template."""
    _put(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if name := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)


def _container(container: Object) -> None:
    _put(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    if "imagePullPolicy" not in container:
        name = container.get("image", "").rsplit("/", 1)[-1]
        fixed = "@" in name or (":" in name and not name.endswith(":latest"))
        container["imagePullPolicy"] = "IfNotPresent" if fixed else "Always"
    for port in container.get("ports", ()):
        _put(port, protocol="TCP")
    for variable in container.get("env", ()):
        if field := variable.get("valueFrom", {}).get("fieldRef"):
            _put(field, apiVersion="v1")
        elif "valueFrom" not in variable and variable.get("value") == "":
            del variable["value"]  # As Go's omitempty has it.
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind in container:
            _probe(container[kind])
    resources = container["resources"]
    for name, limit in resources.get("limits", {}).items():
        resources.setdefault("requests", {}).setdefault(name, limit)


def _probe(probe: Object) -> None:
    _put(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if http := probe.get("httpGet"):
        _put(http, path="/", scheme="HTTP")
    if "grpc" in probe:
        _put(probe["grpc"], service="")


def _volume(volume: Object) -> None:
    if all(name == "name" for name in volume):
        volume["emptyDir"] = {}
    for kind in ("configMap", "secret", "downwardAPI", "projected"):
        if kind in volume:
            _put(volume[kind], defaultMode=0o644)
    if "hostPath" in volume:
        _put(volume["hostPath"], type="")
    for source in volume.get("projected", {}).get("sources", ()):
        if token := source.get("serviceAccountToken"):
            _put(token, expirationSeconds=3600)


def _pod(pod: Object) -> None:
    pod_spec(pod["spec"])
    _put(pod["spec"], enableServiceLinks=True)


def admit_pod(spec: Object) -> None:
    """What admission adds to a new pod's spec, after its defaults."""
    _put(spec, priority=0, preemptionPolicy="PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for condition in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{condition}"
        if not any(item.get("key") in (None, key) and item.get("effect") != "NoSchedule" for item in tolerations):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _NO_EXECUTE_S}
            )


def _template(obj: Object) -> None:
    template = obj["spec"].setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    _template(obj)
    _put(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    _put(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _put(spec["strategy"].setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")


def _replica_set(obj: Object) -> None:
    _template(obj)
    _put(obj["spec"], replicas=1)


def _daemon_set(obj: Object) -> None:
    spec = obj["spec"]
    _template(obj)
    _put(spec, updateStrategy={}, revisionHistoryLimit=10)
    _put(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _put(spec["updateStrategy"].setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)


def _job(obj: Object) -> None:
    spec = obj["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    _put(
        spec,
        parallelism=1,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        manualSelector=False,
        podReplacementPolicy="TerminatingOrFailed",
    )
    _template(obj)


def _service(obj: Object) -> None:
    spec = obj["spec"]
    _put(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports", ()):
        _put(port, protocol="TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port")
    if spec["type"] != "ExternalName":
        _put(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _put(spec, externalTrafficPolicy="Cluster")


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]


def _secret(obj: Object) -> None:
    _put(obj, type="Opaque")


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    _put(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports", ()):
        _put(port, name="", protocol="TCP")


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            _put(port, protocol="TCP")


def _node(obj: Object) -> None:
    obj.setdefault("spec", {})


def _binding(obj: Object) -> None:
    obj["roleRef"]["apiGroup"] = obj["roleRef"].get("apiGroup") or "rbac.authorization.k8s.io"
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            _put(subject, apiGroup="rbac.authorization.k8s.io")


_FILLERS: dict[str, Callable[[Object], None]] = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "daemonsets": _daemon_set,
    "jobs": _job,
    "services": _service,
    "namespaces": _namespace,
    "secrets": _secret,
    "horizontalpodautoscalers": _autoscaler,
    "endpointslices": _endpoint_slice,
    "endpoints": _endpoints,
    "nodes": _node,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
}
