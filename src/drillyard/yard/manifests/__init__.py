"""
The shop, the bank and the agent as Kubernetes manifests: the same that `kubectl apply` takes to a real cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from drillyard.cluster.client import Object

_FOLDER = Path(__file__).parent
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


SERVICE_LABEL = "tags.datadoghq.com/service"


def load(
    *, without: Collection[str] = (), settings: Mapping[str, Mapping[str, str]], labelled: bool = False
) -> Iterator[Object]:
    """
    Every object, namespaces first. `settings` override environment variables: deployment → variable → value.

    `without` names stores whose Deployment and Service are left out, because the shop is told of other ones. Pods that
    are `labelled` bear Datadog's label for the service: logs are `service:orders`, not `service:sock-shop-orders`.
    """
    paths = [_FOLDER / "namespaces.yaml", _FOLDER / "bank.yaml", *sorted((_FOLDER / "sock-shop").glob("*.yaml"))]
    for path in (*paths, _FOLDER / "datadog.yaml", _FOLDER / "investigators.yaml"):
        if path.stem in without:
            continue
        for obj in yaml.load_all(path.read_text(encoding="utf-8"), Loader=_LOADER):
            _override(obj, settings.get(obj["metadata"]["name"], {}))
            if labelled and obj["kind"] == "Deployment":
                obj["spec"]["template"]["metadata"]["labels"][SERVICE_LABEL] = obj["metadata"]["name"]
            yield obj


def _override(obj: Object, values: Mapping[str, str]) -> None:
    if obj["kind"] != "Deployment" or not values:
        return
    container: dict[str, Any] = obj["spec"]["template"]["spec"]["containers"][0]
    kept = [entry for entry in container.get("env", []) if entry["name"] not in values]
    container["env"] = [*kept, *({"name": key, "value": value} for key, value in values.items())]
