"""
Changes settings of a workload, as a rollout with a mistake in it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard


@dataclass(frozen=True, kw_only=True)
class SetEnv:
    """
    Sets environment variables of a workload's first container; the workload rolls out. Its cure rolls back.

    Proven when every pod of the workload is Ready and runs with the new values, and none is left with the old ones.
    """

    name: str
    values: Mapping[str, str]
    kind: Literal["deployments", "daemonsets"] = "deployments"
    namespace: str = SHOP_NAMESPACE
    env_before: list[dict[str, Any]] | None = None

    async def prepare(self, yard: Yard) -> Self:
        try:
            workload = await yard.api.get(self.kind, self.namespace, self.name)
        except ApiError as refused:
            if refused.status != 404:
                raise
            raise DrillyardError(f"There is no {self.kind}/{self.name} in namespace {self.namespace}.") from refused
        before = list(workload["spec"]["template"]["spec"]["containers"][0].get("env") or ())
        if all(_value(before, key) == value for key, value in self.values.items()):
            raise DrillyardError(f"{self.kind}/{self.name} already runs with these values.")
        return replace(self, env_before=before)

    async def put_in(self, yard: Yard) -> None:
        assert self.env_before is not None, "prepare comes first"
        kept = [entry for entry in self.env_before if entry["name"] not in self.values]
        await self._write(yard, [*kept, *({"name": key, "value": value} for key, value in self.values.items())])

    async def is_on(self, yard: Yard) -> Proof:
        return await self._look(yard, self.values)

    async def heal(self, yard: Yard) -> None:
        if self.env_before is not None:
            await self._write(yard, self.env_before)

    async def is_healed(self, yard: Yard) -> Proof:
        return await self._look(yard, {key: _value(self.env_before or [], key) for key in self.values})

    def touches(self) -> frozenset[str]:
        return frozenset(f"{key} of {self.namespace}/{self.name}" for key in self.values)

    def describe(self) -> str:
        values = ", ".join(f"{key}={value}" for key, value in self.values.items())
        return f"{self.kind}/{self.name} rolled out with {values}"

    async def _write(self, yard: Yard, env: list[dict[str, Any]]) -> None:
        change = [{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": env}]
        await yard.api.patch(self.kind, self.namespace, self.name, change, type="json")

    async def _look(self, yard: Yard, wanted: Mapping[str, str | None]) -> Proof:
        workload = await yard.api.get(self.kind, self.namespace, self.name)
        labels = workload["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        pods = (await yard.api.list("pods", self.namespace, labels=selector)).items
        status = workload.get("status", {})
        count = int(workload["spec"].get("replicas", status.get("desiredNumberScheduled", 1)))
        whole = [pod for pod in pods if _ready(pod) and _runs_with(pod, wanted)]
        seen = f"{len(whole)} of {len(pods)} pod(s) of {self.name} Ready with {_text(wanted)}"
        return Proof(len(whole) == len(pods) == count, seen)


def _ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _runs_with(pod: dict[str, Any], wanted: Mapping[str, str | None]) -> bool:
    env = pod["spec"]["containers"][0].get("env") or []
    return all(_value(env, key) == value for key, value in wanted.items())


def _value(env: list[dict[str, Any]], key: str) -> str | None:
    """The value, None when it is not set; a value that comes from elsewhere (valueFrom) as its source's text."""
    for entry in env:
        if entry["name"] == key:
            return str(entry["value"]) if "value" in entry else str(entry.get("valueFrom"))
    return None


def _text(values: Mapping[str, str | None]) -> str:
    return ", ".join(f"{key} unset" if value is None else f"{key}={value}" for key, value in values.items())
