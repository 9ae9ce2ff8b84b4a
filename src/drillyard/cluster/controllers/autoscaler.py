"""
HorizontalPodAutoscalers: reads what pods use every 15 seconds, and scales what it was told to scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.autoscaling import Decision, History, NoMetric, Wish, decide, wish
from drillyard.cluster.controllers.availability import is_active, is_ready
from drillyard.cluster.controllers.controller import Concerns, itself
from drillyard.cluster.informer import Key
from drillyard.cluster.labels import matches_labels
from drillyard.cluster.quantity import parse_quantity
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.resources import of_kind
from drillyard.cluster.timestamps import time_of

PERIOD_S = 15.0


class AutoscalerController:
    """Keeps HorizontalPodAutoscalers (autoscaling/v2, Resource metrics)."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)
        self._histories: dict[str, History] = {}

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"horizontalpodautoscalers": lambda change, obj: itself(change, obj) if change == "ADDED" else ()}

    async def reconcile(self, key: Key) -> float | None:
        try:
            autoscaler = await self._api.get("horizontalpodautoscalers", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        conditions = {item["type"]: item for item in autoscaler.get("status", {}).get("conditions") or ()}
        status: Object = {"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None}
        try:
            kind, target = await self._target(autoscaler)
        except ApiError as refused:
            self._set(conditions, "AbleToScale", "False", "FailedGetScale", refused.message)
            await self._events.record(autoscaler, "Warning", "FailedGetScale", refused.message)
        else:
            self._set(conditions, "AbleToScale", "True", "SucceededGetScale", _GOT_SCALE)
            status = await self._scale(autoscaler, kind, target, conditions)
        await self._write_status(autoscaler, status, conditions)
        return PERIOD_S

    async def _target(self, autoscaler: Object) -> tuple[str, Object]:
        reference = autoscaler["spec"]["scaleTargetRef"]
        group = reference.get("apiVersion", "apps/v1").rpartition("/")[0]
        row = of_kind(group, reference.get("kind", ""))
        if row is None or row.subresource("scale") is None:
            raise ApiError(404, "NotFound", f"{reference.get('kind')} in {group!r} cannot be scaled in this cluster")
        return row.plural, await self._api.get(row.plural, autoscaler["metadata"]["namespace"], reference["name"])

    async def _scale(self, autoscaler: Object, kind: str, target: Object, conditions: dict[str, Object]) -> Object:
        replicas, history = target["spec"].get("replicas", 1), self._history(autoscaler)
        status: Object = {"currentReplicas": replicas, "desiredReplicas": replicas}
        if last := autoscaler.get("status", {}).get("lastScaleTime"):
            status["lastScaleTime"] = last
        if replicas == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            self._set(conditions, "ScalingActive", "False", "ScalingDisabled", message)
            return {**status, "currentMetrics": None}
        try:
            wishes = await self._wishes(autoscaler, target, replicas)
        except (NoMetric, ApiError) as missing:
            text = missing.message if isinstance(missing, ApiError) else str(missing)
            message = f"the HPA was unable to compute the replica count: failed to get resource metric: {text}"
            self._set(conditions, "ScalingActive", "False", "FailedGetResourceMetric", message)
            await self._events.record(autoscaler, "Warning", "FailedGetResourceMetric", message)
            return {**status, "currentMetrics": None}
        largest = max(wishes, key=lambda item: item.replicas)
        self._set(conditions, "ScalingActive", "True", "ValidMetricFound", _valid(largest))
        decision = decide(autoscaler["spec"], replicas, largest.replicas, history, self._clock.monotonic_s())
        self._say_limits(conditions, decision)
        if decision.replicas != replicas:
            await self._rescale(autoscaler, kind, target, decision.replicas, largest)
            history.changes.append((self._clock.monotonic_s(), decision.replicas - replicas))
            status["lastScaleTime"] = time_of(self._clock.now())
            message = f"the HPA controller was able to update the target scale to {decision.replicas}"
            self._set(conditions, "AbleToScale", "True", "SucceededRescale", message)
        status["desiredReplicas"] = decision.replicas
        return {**status, "currentMetrics": [item.current for item in wishes]}

    def _history(self, autoscaler: Object) -> History:
        return self._histories.setdefault(autoscaler["metadata"]["uid"], History())

    async def _wishes(self, autoscaler: Object, target: Object, replicas: int) -> Sequence[Wish]:
        namespace = autoscaler["metadata"]["namespace"]
        selector = target["spec"].get("selector")
        pods = [
            pod
            for pod in (await self._api.list("pods", namespace)).items
            if matches_labels(selector, pod["metadata"].get("labels") or {}) and is_active(pod) and is_ready(pod)
        ]
        measured = (await self._api.list("pods.metrics.k8s.io", namespace)).items
        usage = {item["metadata"]["name"]: _total(item) for item in measured}
        return [wish(metric, pods, usage, replicas) for metric in autoscaler["spec"]["metrics"]]

    async def _rescale(self, autoscaler: Object, kind: str, target: Object, replicas: int, because: Wish) -> None:
        metadata = target["metadata"]
        change = {"spec": {"replicas": replicas}}
        await self._api.patch(kind, metadata["namespace"], metadata["name"], change, subresource="scale")
        above = replicas > target["spec"].get("replicas", 1)
        reason = "All metrics below target"
        if above:
            reason = f"{because.name} resource utilization (percentage of request) above target"
        message = f"New size: {replicas}; reason: {reason}"
        await self._events.record(autoscaler, "Normal", "SuccessfulRescale", message)

    def _say_limits(self, conditions: dict[str, Object], decision: Decision) -> None:
        if decision.stabilised:
            message = "recent recommendations were higher than current one, applying the highest recent recommendation"
            self._set(conditions, "AbleToScale", "True", "ScaleDownStabilized", message)
        else:
            message = "recommended size matches current size"
            self._set(conditions, "AbleToScale", "True", "ReadyForNewScale", message)
        texts = {
            "": ("DesiredWithinRange", "the desired count is within the acceptable range"),
            "TooManyReplicas": ("", "the desired replica count is more than the maximum replica count"),
            "TooFewReplicas": ("", "the desired replica count is less than the minimum replica count"),
            "ScaleUpLimit": ("", "the desired replica count is increasing faster than the maximum scale rate"),
            "ScaleDownLimit": ("", "the desired replica count is decreasing faster than the maximum scale rate"),
        }
        reason, message = texts[decision.limited]
        self._set(
            conditions, "ScalingLimited", "True" if decision.limited else "False", reason or decision.limited, message
        )

    def _set(self, conditions: dict[str, Object], kind: str, value: str, reason: str, message: str) -> None:
        known = conditions.get(kind)
        same = known is not None and known["status"] == value
        conditions[kind] = {
            "type": kind,
            "status": value,
            "lastTransitionTime": known["lastTransitionTime"] if known and same else time_of(self._clock.now()),
            "reason": reason,
            "message": message,
        }

    async def _write_status(self, autoscaler: Object, status: Object, conditions: dict[str, Object]) -> None:
        status = {**status, "conditions": list(conditions.values())}
        status = {name: value for name, value in status.items() if value is not None}
        if status != autoscaler.get("status"):
            changed = {**autoscaler, "status": status}
            namespace = autoscaler["metadata"]["namespace"]
            await self._api.update("horizontalpodautoscalers", namespace, changed, subresource="status")


_GOT_SCALE = "the HPA controller was able to get the target's current scale"


def _valid(found: Wish) -> str:
    what = "utilization (percentage of request)" if "averageUtilization" in found.current["resource"]["current"] else ""
    return f"the HPA was able to successfully calculate a replica count from {found.name} resource {what}".rstrip()


def _total(metrics: Object) -> dict[str, str]:
    """A pod's use: the sum over its containers, in cores and bytes."""
    return {
        name: str(sum(parse_quantity(item["usage"][name]) for item in metrics["containers"]))
        for name in ("cpu", "memory")
    }
