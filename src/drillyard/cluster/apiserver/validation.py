"""
What an object must be before it is stored: every problem is found at once and named by its field.

Types and unknown fields are the schema's business and were checked before; here are the rules between fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from drillyard.cluster.apiserver.pod_validation import LABEL, LABEL_TEXT, QUANTITY, pod_change, pod_spec, port_number
from drillyard.cluster.apiserver.status import (
    Cause,
    duplicate,
    forbidden_field,
    invalid_value,
    required,
    unsupported,
)
from drillyard.cluster.client import Object
from drillyard.cluster.labels import matches_labels
from drillyard.cluster.quantity import parse_quantity

_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(
    r"((?=[^/]{1,253}/)[a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_NAME_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_NOT_NEGATIVE = "must be greater than or equal to 0"
_RBAC_KEYS = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")

Causes = Iterator[Cause]


def check(key: str, obj: Object) -> list[Cause]:
    """Everything that is wrong with a completed object stored under `key`."""
    causes = list(_metadata(key, obj["metadata"]))
    rule = _RULES.get(key)
    return causes + (list(rule(obj)) if rule else [])


def check_change(key: str, new: Object, old: Object) -> list[Cause]:
    """What may not change in an existing object."""
    return [
        invalid_value(".".join(path), _at(new, path), "field is immutable")
        for path in _IMMUTABLE.get(key, ())
        if _at(new, path) != _at(old, path)
    ] + list(_CHANGES[key](new, old) if key in _CHANGES else ())


_IMMUTABLE: dict[str, tuple[tuple[str, ...], ...]] = {
    "deployments": (("spec", "selector"),),
    "replicasets": (("spec", "selector"),),
    "daemonsets": (("spec", "selector"),),
    "jobs": (("spec", "selector"), ("spec", "template"), ("spec", "completionMode")),
    "services": (("spec", "clusterIP"),),
    "secrets": (("type",),),
}


def _pod_change(new: Object, old: Object) -> Causes:
    yield from pod_change(new["spec"], old["spec"])


def _binding_change(new: Object, old: Object) -> Causes:
    if new["roleRef"] != old["roleRef"]:
        shown = {name: new["roleRef"].get(name[0].lower() + name[1:], "") for name in ("Kind", "Name")}
        shown = {"APIGroup": new["roleRef"].get("apiGroup", ""), **shown}
        yield invalid_value("roleRef", shown, "cannot change roleRef")


def _data_change(new: Object, old: Object) -> Causes:
    """A ConfigMap or Secret that said so once never changes again."""
    if not old.get("immutable"):
        return
    text = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield forbidden_field("immutable", text)
    for field in ("data", "binaryData"):
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield forbidden_field(field, text)


_CHANGES: dict[str, Callable[[Object, Object], Causes]] = {
    "pods": _pod_change,
    "rolebindings": _binding_change,
    "clusterrolebindings": _binding_change,
    "configmaps": _data_change,
    "secrets": _data_change,
}


def _at(obj: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj


def _metadata(key: str, metadata: Object) -> Causes:
    name = metadata["name"]
    pattern, text = _SUBDOMAIN, _SUBDOMAIN_TEXT
    if key in ("services", "namespaces"):
        pattern, text = LABEL, LABEL_TEXT
    if key in _RBAC_KEYS:
        if name in (".", "..") or "/" in name or "%" in name:
            yield invalid_value("metadata.name", name, "may not contain '/' or '%', nor be '.' or '..'")
    elif not pattern.fullmatch(name):
        yield invalid_value("metadata.name", name, text)
    yield from _labels(metadata.get("labels") or {}, "metadata.labels")
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                yield required(f"metadata.ownerReferences[{index}].{field}")
    for item in metadata.get("annotations") or {}:
        if not _QUALIFIED.fullmatch(item.lower()):
            yield invalid_value("metadata.annotations", item, "a qualified name is [prefix/]name")


def _labels(labels: Object, field: str) -> Causes:
    for key, value in labels.items():
        if not _QUALIFIED.fullmatch(key):
            yield invalid_value(field, key, _NAME_TEXT)
        if not _LABEL_VALUE.fullmatch(value):
            yield invalid_value(field, value, _VALUE_TEXT)


def _workload(obj: Object) -> Causes:
    spec = obj["spec"]
    if spec.get("replicas", 0) < 0:
        yield invalid_value("spec.replicas", spec["replicas"], _NOT_NEGATIVE)
    yield from _selector_and_template(spec)
    if obj["spec"]["template"]["spec"]["restartPolicy"] != "Always":
        policy = obj["spec"]["template"]["spec"]["restartPolicy"]
        yield unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    strategy = spec.get("strategy") or spec.get("updateStrategy") or {}
    kinds = ("Recreate", "RollingUpdate") if "strategy" in spec else ("OnDelete", "RollingUpdate")
    if strategy and strategy["type"] not in kinds:
        yield unsupported("spec.strategy.type", strategy["type"], kinds)
    for name in ("maxSurge", "maxUnavailable"):
        amount = (strategy.get("rollingUpdate") or {}).get(name, 0)
        if not re.fullmatch(r"\d{1,9}|\d{1,3}%", str(amount)):
            detail = "must be an integer or a percentage (e.g '5%')"
            yield invalid_value(f"spec.strategy.rollingUpdate.{name}", amount, detail)
    rolling = strategy.get("rollingUpdate") or {}
    if [str(rolling.get(name)).rstrip("%") for name in ("maxSurge", "maxUnavailable")] == ["0", "0"]:
        field, detail = "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when `maxSurge` is 0"
        yield invalid_value(field, rolling["maxUnavailable"], detail)
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        yield forbidden_field("spec.strategy.rollingUpdate", detail)


def _selector_and_template(spec: Object) -> Causes:
    selector = spec.get("selector")
    if not selector:
        yield required("spec.selector")
    for index, item in enumerate((selector or {}).get("matchExpressions") or ()):
        if item["operator"] not in ("In", "NotIn", "Exists", "DoesNotExist"):
            supported = ("DoesNotExist", "Exists", "In", "NotIn")
            yield unsupported(f"spec.selector.matchExpressions[{index}].operator", item["operator"], supported)
    template = spec["template"]
    labels = template["metadata"].get("labels")
    if not selector or not matches_labels(selector, labels or {}):
        detail = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels, detail)
    yield from _labels(labels or {}, "spec.template.metadata.labels")
    yield from pod_spec(template["spec"], "spec.template.spec")


def _job(obj: Object) -> Causes:
    spec = obj["spec"]
    for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if spec.get(name, 0) < 0:
            yield invalid_value(f"spec.{name}", spec[name], _NOT_NEGATIVE)
    if spec["completionMode"] != "NonIndexed":
        yield unsupported("spec.completionMode", spec["completionMode"], ("NonIndexed",))
    yield from pod_spec(spec["template"]["spec"], "spec.template.spec")
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy not in ("OnFailure", "Never"):
        yield Cause(
            "spec.template.spec.restartPolicy",
            'Required value: valid values: "OnFailure", "Never"' if policy == "Always" else "Required value",
        )


def _pod(obj: Object) -> Causes:
    yield from pod_spec(obj["spec"], "spec")


def _service(obj: Object) -> Causes:
    spec = obj["spec"]
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if spec["type"] not in kinds:
        yield unsupported("spec.type", spec["type"], kinds)
    ports = spec.get("ports", [])
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield required("spec.externalName")
    elif not ports and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        yield from port_number(port.get("port"), f"spec.ports[{index}].port")
        if isinstance(port.get("targetPort"), int):
            yield from port_number(port["targetPort"], f"spec.ports[{index}].targetPort")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")
        elif port.get("name") in [other.get("name") for other in ports[:index]] and port.get("name"):
            yield duplicate(f"spec.ports[{index}].name", port["name"])
        place = (port.get("protocol"), port.get("port"))
        if place in [(other.get("protocol"), other.get("port")) for other in ports[:index]]:
            # Of what is compared, under the names and with the zeros of the server's own type.
            shown = {"Name": "", "Protocol": place[0], "AppProtocol": None, "Port": place[1]}
            yield duplicate(f"spec.ports[{index}]", {**shown, "TargetPort": 0, "NodePort": 0})


def _data_keys(obj: Object) -> Causes:
    for field in ("data", "binaryData", "stringData"):
        for key in obj.get(field) or {}:
            if not _KEY.fullmatch(key):
                yield invalid_value(f"{field}[{key}]", key, _KEY_TEXT)


def _autoscaler(obj: Object) -> Causes:
    spec = obj["spec"]
    if not spec.get("scaleTargetRef", {}).get("name"):
        yield required("spec.scaleTargetRef.name")
    if spec.get("maxReplicas", 0) < 1:
        yield invalid_value("spec.maxReplicas", spec.get("maxReplicas", 0), "must be greater than 0")
    if spec["minReplicas"] < 1:
        yield invalid_value("spec.minReplicas", spec["minReplicas"], "must be greater than or equal to 1")
    if spec.get("maxReplicas", 0) < spec["minReplicas"]:
        yield invalid_value(
            "spec.maxReplicas", spec.get("maxReplicas", 0), "must be greater than or equal to `minReplicas`"
        )
    for index, metric in enumerate(spec["metrics"]):
        if metric.get("type") != "Resource" or metric.get("resource", {}).get("name") not in ("cpu", "memory"):
            detail = "this cluster measures Resource metrics only: cpu and memory"
            yield forbidden_field(f"spec.metrics[{index}]", detail)
            continue
        target = metric["resource"].get("target") or {}
        utilization, value = target.get("averageUtilization"), str(target.get("averageValue", ""))
        if target.get("type") == "Utilization" and (utilization or 0) < 1:
            yield required(f"spec.metrics[{index}].resource.target.averageUtilization", "must be greater than 0")
        elif target.get("type") == "AverageValue" and not (QUANTITY.fullmatch(value) and parse_quantity(value) > 0):
            yield required(f"spec.metrics[{index}].resource.target.averageValue", "must be positive")
        elif target.get("type") not in ("Utilization", "AverageValue"):
            supported = ("AverageValue", "Utilization")
            yield unsupported(f"spec.metrics[{index}].resource.target.type", target.get("type", ""), supported)


def _binding(obj: Object) -> Causes:
    if obj["roleRef"].get("kind") not in ("Role", "ClusterRole"):
        yield unsupported("roleRef.kind", obj["roleRef"].get("kind", ""), ("ClusterRole", "Role"))
    if not obj["roleRef"].get("name"):
        yield required("roleRef.name")
    for index, subject in enumerate(obj.get("subjects") or ()):
        if subject.get("kind") not in ("User", "Group", "ServiceAccount"):
            supported = ("ServiceAccount", "User", "Group")
            yield unsupported(f"subjects[{index}].kind", subject.get("kind", ""), supported)
        if not subject.get("name"):
            yield required(f"subjects[{index}].name")


def _role(obj: Object) -> Causes:
    for index, rule in enumerate(obj.get("rules") or ()):
        if not rule.get("verbs"):
            yield required(f"rules[{index}].verbs", "verbs must contain at least one value")


def _event(obj: Object) -> Causes:
    involved = obj.get("involvedObject", {}).get("namespace", "")
    if (involved or "default") != obj["metadata"]["namespace"]:
        yield invalid_value("involvedObject.namespace", involved, "does not match event.namespace")


_RULES: dict[str, Callable[[Object], Causes]] = {
    "pods": _pod,
    "deployments": _workload,
    "replicasets": _workload,
    "daemonsets": _workload,
    "jobs": _job,
    "services": _service,
    "configmaps": _data_keys,
    "secrets": _data_keys,
    "horizontalpodautoscalers": _autoscaler,
    "roles": _role,
    "clusterroles": _role,
    "rolebindings": _binding,
    "clusterrolebindings": _binding,
    "events": _event,
}
