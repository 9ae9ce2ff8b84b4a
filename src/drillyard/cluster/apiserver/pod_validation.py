"""
What a pod must be: its containers, ports, probes, resources, mounts; and what of it may change later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from drillyard.cluster.apiserver.status import Cause, duplicate, forbidden_field, invalid_value, required, unsupported
from drillyard.cluster.client import Object
from drillyard.cluster.quantity import parse_quantity

Causes = Iterator[Cause]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_VARIABLE = re.compile(r"[ -<>-~]+")
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")


def pod_spec(spec: Object, at: str) -> Causes:
    if not spec.get("containers"):
        yield required(f"{at}.containers")
    if spec["restartPolicy"] not in ("Always", "OnFailure", "Never"):
        yield unsupported(f"{at}.restartPolicy", spec["restartPolicy"], ("Always", "OnFailure", "Never"))
    volumes = [volume.get("name") for volume in spec.get("volumes", ())]
    for index, name in enumerate(volumes):
        if not name:
            yield required(f"{at}.volumes[{index}].name")
        elif name in volumes[:index]:
            yield duplicate(f"{at}.volumes[{index}].name", name)
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind, ())):
            yield from _container(container, f"{at}.{kind}[{index}]", volumes, seen)


def _container(container: Object, at: str, volumes: list[Any], seen: set[str]) -> Causes:
    name = container.get("name")
    if not name:
        yield required(f"{at}.name")
    elif not LABEL.fullmatch(name):
        yield invalid_value(f"{at}.name", name, LABEL_TEXT)
    elif name in seen:
        yield duplicate(f"{at}.name", name)
    seen.add(name or "")
    if not container.get("image"):
        yield required(f"{at}.image")
    if container["imagePullPolicy"] not in ("Always", "IfNotPresent", "Never"):
        yield unsupported(f"{at}.imagePullPolicy", container["imagePullPolicy"], ("Always", "IfNotPresent", "Never"))
    for index, port in enumerate(container.get("ports", ())):
        yield from port_number(port.get("containerPort"), f"{at}.ports[{index}].containerPort")
    for index, variable in enumerate(container.get("env", ())):
        if not variable.get("name"):
            yield required(f"{at}.env[{index}].name")
        elif not _VARIABLE.fullmatch(variable["name"]):
            yield invalid_value(
                f"{at}.env[{index}].name",
                variable["name"],
                "a valid environment variable name must consist only of printable ASCII characters other than '='",
            )
    for index, mount in enumerate(container.get("volumeMounts", ())):
        if mount.get("name") not in volumes:
            yield Cause(f"{at}.volumeMounts[{index}].name", f'Not found: "{mount.get("name", "")}"')
        if not mount.get("mountPath"):
            yield required(f"{at}.volumeMounts[{index}].mountPath")
    yield from _resources(container["resources"], f"{at}.resources")
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind in container and sum(handler in container[kind] for handler in _HANDLERS) != 1:
            yield required(f"{at}.{kind}", "must specify a handler type")


def _resources(resources: Object, at: str) -> Causes:
    for kind in ("limits", "requests"):
        for name, amount in resources.get(kind, {}).items():
            if not QUANTITY.fullmatch(str(amount)):
                detail = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                yield invalid_value(f"{at}.{kind}[{name}]", amount, detail)
                return
    for name, limit in resources.get("limits", {}).items():
        asked = resources.get("requests", {}).get(name)
        if asked is not None and parse_quantity(str(asked)) > parse_quantity(str(limit)):
            yield invalid_value(f"{at}.requests", str(asked), f"must be less than or equal to {name} limit of {limit}")


def port_number(port: Any, at: str) -> Causes:
    if not port:  # To a real server, too, 0 is none.
        yield required(at)
    elif not 0 < port < 65536:
        yield invalid_value(at, port, "must be between 1 and 65535, inclusive")


def pod_change(new: Object, old: Object) -> Causes:
    """Only images, deadline and added tolerations of a pod may change."""

    def rest(spec: Object) -> Object:
        kept = {k: v for k, v in spec.items() if k not in ("activeDeadlineSeconds", "tolerations")}
        for name in ("containers", "initContainers"):
            kept[name] = [{k: v for k, v in item.items() if k != "image"} for item in spec.get(name, ())]
        return kept

    if rest(new) != rest(old):
        yield forbidden_field(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
            "negative)",
        )
