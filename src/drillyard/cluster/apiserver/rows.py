"""
The cells of every kind but pods, in the order of its columns, as a real server's printers write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from drillyard.cluster.apiserver.pod_rows import NONE
from drillyard.cluster.client import Object
from drillyard.cluster.labels import selector_text
from drillyard.cluster.timestamps import human_duration, parse_time

_SHOWN_MAX = 3


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object, now: datetime) -> str:
    return _since(obj["metadata"].get("creationTimestamp"), now)


def _since(text: str | None, now: datetime) -> str:
    return human_duration((now - parse_time(text)).total_seconds()) if text else "<unknown>"


def _template(obj: Object) -> list[str]:
    containers = obj["spec"]["template"]["spec"].get("containers", ())
    names = ",".join(item["name"] for item in containers)
    return [names, ",".join(item.get("image", "") for item in containers), selector_text(obj["spec"].get("selector"))]


def _deployment(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec'].get('replicas', 1)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj, now), *_template(obj)]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    counts = [obj["spec"].get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj, now), *_template(obj)]


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    nodes = obj["spec"]["template"]["spec"].get("nodeSelector") or {}
    chosen = ",".join(f"{key}={value}" for key, value in sorted(nodes.items())) or NONE
    return [_name(obj), *(status.get(name, 0) for name in names), chosen, _age(obj, now), *_template(obj)]


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj["spec"]
    kind = spec.get("type", "ClusterIP")
    external = {"LoadBalancer": "<pending>", "ExternalName": spec.get("externalName", NONE)}.get(kind, NONE)
    ports = ",".join(
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports", ())
    )
    chosen = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    address = spec.get("clusterIP") or NONE
    if spec.get("externalIPs"):
        external = ",".join(spec["externalIPs"])
    return [_name(obj), kind, address, external, ports or NONE, _age(obj, now), chosen or NONE]


def _shortened(items: list[str]) -> str:
    if not items:
        return NONE
    more = len(items) - _SHOWN_MAX
    return ",".join(items[:_SHOWN_MAX]) + (f" + {more} more..." if more > 0 else "")


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets", ())
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses", ())
    ]
    return [_name(obj), _shortened(found), _age(obj, now)]


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports", ())]
    addresses = [address for item in obj.get("endpoints", ()) for address in item.get("addresses", ())]
    shown_ports = _shortened(ports) if ports else "<unset>"
    shown = _shortened(addresses) if addresses else "<unset>"
    return [_name(obj), obj.get("addressType", "IPv4"), shown_ports, shown, _age(obj, now)]


def _node(obj: Object, now: datetime) -> list[Any]:
    status, labels = obj.get("status", {}), obj["metadata"].get("labels") or {}
    ready = next((item["status"] for item in status.get("conditions", ()) if item["type"] == "Ready"), "Unknown")
    words = ["Ready" if ready == "True" else "NotReady" if ready == "False" else "Unknown"]
    if obj["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    roles = ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))) or NONE
    addresses = {item["type"]: item["address"] for item in status.get("addresses", ())}
    info = status.get("nodeInfo", {})
    return [
        _name(obj),
        ",".join(words),
        roles,
        _age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _job(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    if spec.get("completions") is not None:
        done = f"{status.get('succeeded', 0)}/{spec['completions']}"
    elif spec.get("parallelism", 1) > 1:
        done = f"{status.get('succeeded', 0)}/1 of {spec['parallelism']}"
    else:
        done = f"{status.get('succeeded', 0)}/1"
    took = ""
    if started := status.get("startTime"):
        end = status.get("completionTime")
        took = human_duration(((parse_time(end) if end else now) - parse_time(started)).total_seconds())
    return [_name(obj), _job_state(obj), done, took, _age(obj, now), *_template(obj)]


def _job_state(obj: Object) -> str:
    holding = {item["type"] for item in obj.get("status", {}).get("conditions", ()) if item["status"] == "True"}
    for condition in ("Complete", "Failed"):
        if condition in holding:
            return condition
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    for condition in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if condition in holding:
            return condition
    return "Running"


def _autoscaler(obj: Object, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status", {})
    target = spec["scaleTargetRef"]
    current = {
        item["resource"]["name"]: item["resource"].get("current") or {}
        for item in status.get("currentMetrics") or ()
        if "resource" in item
    }
    shown = []
    for metric in spec.get("metrics", ()):
        name, wanted = metric["resource"]["name"], metric["resource"].get("target") or {}
        now_used = current.get(name, {})
        if "averageUtilization" in wanted:
            used = now_used.get("averageUtilization")
            shown.append(f"{name}: {f'{used}%' if used is not None else '<unknown>'}/{wanted['averageUtilization']}%")
        else:
            shown.append(f"{now_used.get('averageValue', '<unknown>')}/{wanted.get('averageValue', '<auto>')}")
    minimum, maximum = str(spec.get("minReplicas", "<unset>")), str(spec["maxReplicas"])
    replicas = str(status.get("currentReplicas", 0))
    reference = f"{target['kind']}/{target['name']}"
    return [_name(obj), reference, ", ".join(shown) or NONE, minimum, maximum, replicas, _age(obj, now)]


def _event(obj: Object, now: datetime) -> list[Any]:
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = (obj.get("series") or {}).get("lastObservedTime") or obj.get("lastTimestamp") or first
    involved, source = obj.get("involvedObject", {}), obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent", "")
    where = f"{component}, {source['host']}" if source.get("host") else component
    return [
        _since(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{involved.get('kind', '').lower()}/{involved.get('name', '')}",
        involved.get("fieldPath", ""),
        where,
        obj.get("message", "").strip(),
        _since(first, now),
        obj.get("count") or (obj.get("series") or {}).get("count") or 1,
        _name(obj),
    ]


def _binding(obj: Object, now: datetime) -> list[Any]:
    subjects = obj.get("subjects") or ()
    found = {
        kind: ", ".join(
            f"{item['namespace']}/{item['name']}" if kind == "ServiceAccount" else item["name"]
            for item in subjects
            if item["kind"] == kind
        )
        for kind in ("User", "Group", "ServiceAccount")
    }
    role = f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"
    return [_name(obj), role, _age(obj, now), *found.values()]


def _with_data(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("type", "Opaque"), len(obj.get("data") or {}), _age(obj, now)]


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("status", {}).get("phase", "Active"), _age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj.get("spec", {}).get("holderIdentity", ""), _age(obj, now)]


def _scale(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj["spec"].get("replicas", 0), obj["status"]["replicas"], _age(obj, now)]


def _created_at(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), obj["metadata"].get("creationTimestamp", "")]


def _any(obj: Object, now: datetime) -> list[Any]:
    return [_name(obj), _age(obj, now)]


CELLS: Mapping[str, Callable[[Object, datetime], list[Any]]] = {
    "deployments": _deployment,
    "replicasets": _replica_set,
    "daemonsets": _daemon_set,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "nodes": _node,
    "jobs": _job,
    "horizontalpodautoscalers": _autoscaler,
    "events": _event,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
    "roles": _created_at,
    "clusterroles": _created_at,
    "configmaps": _with_data,
    "secrets": _secret,
    "namespaces": _namespace,
    "leases": _lease,
    "scales": _scale,
    "*": _any,
}
