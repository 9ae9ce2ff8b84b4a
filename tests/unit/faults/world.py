"""A yard in memory, as far as faults see one: what they change has its effect here, unless `deaf` says that it has none."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

from drillyard.base.clock import VirtualClock
from drillyard.cluster.client import ApiError, ObjectList
from drillyard.yard.broker import QueueView
from drillyard.yard.control.client import LinkAnswer
from drillyard.yard.datadog import Found
from drillyard.yard.yard import Answer

READY = [{"type": "Ready", "status": "True"}]


class World:
    """`state()` is all that a fault can change; two equal states mean that nothing is left of it."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.clock = VirtualClock()
        self.clock.sleep = self._sleep  # type: ignore[method-assign]
        self.state_of_yard = SimpleNamespace(control_plane=None)
        self.deployments: dict[str, dict[str, Any]] = {
            name: {
                "replicas": 1,
                "env": [{"name": "PUBLISHER_CONFIRMS", "value": "true"}],
                "more": {},
                "strategy": {"type": "RollingUpdate"},
            }
            for name in ("queue-master", "shipping", "rabbitmq", "payment", "catalogue")
        }
        self.autoscalers: dict[str, dict[str, Any]] = {}
        self.generation: dict[str, int] = {}
        self.policies_set: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        self.redelivered = 0
        self.on: dict[str, Any] = {"mode": "none", "share": 1.0, "delay_s": 0.0, "seed": 0}
        self.log_pipelines: list[dict[str, Any]] = []
        self.holds: dict[str, dict[str, Any]] = {}
        self.link_faults: dict[str, dict[str, Any]] = {}
        self.frozen: set[str] = set()
        self.api = self.broker = self.bank = self.datadog = self.control = self  # type: ignore[assignment]

    def state(self) -> Any:
        left = (self.autoscalers, self.deployments, self.policies_set, self.messages, self.on, self.log_pipelines)
        return copy.deepcopy((*left, self.holds, self.link_faults, self.frozen))

    async def _sleep(self, seconds: float) -> None:
        self.clock.elapsed_s += seconds

    # Kubernetes
    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        known = self.autoscalers if kind == "horizontalpodautoscalers" else self.deployments
        if name not in known:
            raise ApiError(404, "NotFound", f"{name} not found")
        if known is self.autoscalers:
            looked = {"conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"}]}
            return {"spec": copy.deepcopy(known[name]), "status": looked}
        own = self.deployments[name]
        container = {"env": copy.deepcopy(own["env"]), **copy.deepcopy(own["more"])}
        spec = {
            "replicas": own["replicas"],
            "selector": {"matchLabels": {"name": name}},
            "template": {"spec": {"containers": [container]}},
            "strategy": copy.deepcopy(own["strategy"]),
        }
        return {"spec": spec, "status": {}}

    async def list(self, kind: str, namespace: str, *, labels: str) -> ObjectList:
        name = labels.partition("=")[2]
        own = self.deployments[name]
        pod = {
            "metadata": {"name": f"{name}-{self.generation.get(name, 0)}"},
            "spec": {"containers": [{"env": copy.deepcopy(own["env"])}]},
            "status": {"conditions": READY, "containerStatuses": [_status_of(name, own["more"])]},
        }
        return ObjectList([copy.deepcopy(pod) for _ in range(own["replicas"])], "1")

    async def patch(self, kind: str, namespace: str, name: str, patch: Any, **_: Any) -> dict[str, Any]:
        if self.deaf:
            return {}
        if isinstance(patch, list) and patch[0]["path"].endswith("/env"):
            self.deployments[name]["env"] = copy.deepcopy(patch[0]["value"])
        elif isinstance(patch, list):
            container = copy.deepcopy(patch[0]["value"])
            self.deployments[name] |= {"env": container.pop("env"), "more": container, "strategy": patch[1]["value"]}
        else:
            self.deployments[name]["replicas"] = patch["spec"]["replicas"]
        return {}

    async def create(self, kind: str, namespace: str, obj: dict[str, Any]) -> dict[str, Any]:
        if not self.deaf:
            self.autoscalers[obj["metadata"]["name"]] = copy.deepcopy(obj["spec"])
        return obj

    async def delete(self, kind: str, namespace: str, name: str, **_: Any) -> None:
        if kind == "horizontalpodautoscalers":
            self.autoscalers.pop(name, None)
        elif not self.deaf:
            workload = name.rpartition("-")[0]
            self.generation[workload] = self.generation.get(workload, 0) + 1

    async def ready_addresses(self, service: str, namespace: str = "sock-shop") -> int:
        own = self.deployments[service]
        return 0 if _status_of(service, own["more"])["restartCount"] else int(own["replicas"])

    # Broker
    async def queue(self, name: str, *, statistics: bool = False) -> QueueView:
        consumers = int(self.deployments["queue-master"]["replicas"])
        if self.messages and consumers:
            self.redelivered += 1
        policy = next(iter(self.policies_set), None)
        return QueueView(len(self.messages), len(self.messages), 0, consumers, policy, self.redelivered)

    async def policies(self) -> dict[str, Any]:
        return self.policies_set

    async def put_policy(self, name: str, pattern: str, definition: dict[str, Any]) -> None:
        if not self.deaf:
            self.policies_set[name] = definition

    async def delete_policy(self, name: str) -> None:
        self.policies_set.pop(name, None)

    async def publish(self, queue: str, payload: str, properties: dict[str, Any]) -> None:
        if not self.deaf:
            self.messages.append({"payload": payload, "properties": properties})

    async def peek(self, queue: str, count: int) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        return self.messages[:count]

    async def drop_head(self, queue: str) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        return [self.messages.pop(0)]

    # Bank
    async def behaviour(self) -> dict[str, Any]:
        return {**self.on, "seen": 0, "struck": 0}

    async def behave(self, behaviour: dict[str, Any]) -> None:
        if not self.deaf:
            self.on = dict(behaviour)

    async def behave_well(self) -> None:
        self.on = {"mode": "none", "share": 1.0, "delay_s": 0.0, "seed": 0}

    # Telemetry
    async def pipelines(self) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        return self.log_pipelines

    async def create_pipeline(self, definition: dict[str, Any]) -> None:
        if not self.deaf:
            self.log_pipelines.append({**definition, "id": f"p{len(self.log_pipelines)}"})

    async def delete_pipeline(self, identity: str) -> None:
        self.log_pipelines = [one for one in self.log_pipelines if one["id"] != identity]

    async def logs(self, query: str, start: Any, end: Any, **_: Any) -> Found:
        status = "info" if self.log_pipelines else "error"
        return Found(1, [{"attributes": {"status": status}}])

    # Control
    async def hold(self, name: str, wish: dict[str, Any]) -> None:
        if not self.deaf:
            self.holds[name] = wish

    async def held(self, name: str) -> dict[str, Any]:
        return {"on": True, "cycles": 1, "taken": 21} if name in self.holds else {"on": False}

    async def let_go(self, name: str) -> None:
        self.holds.pop(name, None)

    async def set_link(self, name: str, fault: dict[str, Any]) -> None:
        if not self.deaf:
            self.link_faults[name] = fault

    async def clear_link(self, name: str) -> None:
        self.link_faults.pop(name, None)

    async def links(self) -> dict[str, dict[str, Any]]:
        return self.link_faults

    async def probe(self, client: str, service: str, path: str, *, port: int | None = None) -> LinkAnswer:
        for fault in self.link_faults.values():
            for key, error in (("refuse", "refused"), ("reset", "reset"), ("stall", "silence")):
                if fault.get(key):
                    return LinkAnswer(None, error, 0, 0.01)
            if fault.get("http"):
                return LinkAnswer(fault["http"]["answer"], None, 0, 0.01)
            if fault.get("bandwidth_kbps"):
                return LinkAnswer(200, None, 8000, 64 / fault["bandwidth_kbps"])
        return LinkAnswer(200, None, 8000, 0.005)

    async def freeze(self, namespace: str, pod: str) -> None:
        if not self.deaf:
            self.frozen.add(pod)

    async def thaw(self, namespace: str, pod: str) -> None:
        self.frozen.discard(pod)

    # The shop
    async def look(self, service: str, path: str, *, timeout_s: float = 15) -> Answer:
        from drillyard.base.errors import DrillyardError

        if any(pod.startswith(service) for pod in self.frozen):
            raise DrillyardError(f"{service} did not answer.")
        took_s = 0.005 + sum(fault.get("latency_ms", 0) / 1000 for fault in self.link_faults.values())
        took_s += sum(hold.get("hold_ms", 0) / 1000 for hold in self.holds.values())
        took_s += 0.2 if "cpu" in str(self.deployments.get(service, {}).get("more")) else 0.0
        full = any(hold["kind"] == "connection_slots" for hold in self.holds.values())
        return Answer(200, '"status":"err"' if full else '"status":"OK"', took_s)


def _status_of(name: str, container: dict[str, Any]) -> dict[str, Any]:
    """What the kubelet says of a container with this command and these limits."""
    if "exit" in str(container.get("command")):
        ended = {"terminated": {"exitCode": 1}}
        return {
            "name": name,
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": ended,
        }
    if "memory" in str(container.get("resources")):
        ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
        return {"name": name, "restartCount": 1, "state": {"running": {}}, "lastState": ended}
    return {"name": name, "restartCount": 0, "state": {"running": {}}, "lastState": {}}
