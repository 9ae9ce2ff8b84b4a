"""
The autoscaler: its arithmetic, its brakes, and one whole turn in virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.client import ContainerUsage, Object, PodUsage
from drillyard.cluster.controllers.autoscaling import History, NoMetric, decide, wish

from .conftest import NAMESPACE, Cluster, deployment


def pod(name: str, cpu: str | None = "100m") -> Object:
    requests = {"cpu": cpu} if cpu else {}
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}}


def metric(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@pytest.mark.parametrize(("used_m", "wanted"), [(100, 4), (50, 2), (54, 2), (46, 2), (25, 1), (60, 3), (1, 1)])
def test_the_wish_is_the_ratio_rounded_up_unless_it_is_close(used_m: int, wanted: int) -> None:
    usage = {name: {"cpu": f"{used_m}m"} for name in ("a", "b")}
    assert wish(metric(50), [pod("a"), pod("b")], usage, 2).replicas == wanted


def test_a_pod_without_a_request_cannot_be_scaled_by_utilisation() -> None:
    with pytest.raises(NoMetric, match="missing request for cpu in container c of Pod a"):
        wish(metric(50), [pod("a", None)], {"a": {"cpu": "1m"}}, 1)
    with pytest.raises(NoMetric, match="no metrics returned"):
        wish(metric(50), [pod("a")], {}, 1)


@given(st.integers(1, 20), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_the_size_stays_within_its_bounds_and_its_rates(start: int, wishes: list[int]) -> None:
    history, replicas, spec = History(), start, {"minReplicas": 1, "maxReplicas": 20}
    for turn, wanted in enumerate(wishes):
        found = decide(spec, replicas, wanted, history, turn * 15.0)
        assert 1 <= found.replicas <= 20
        assert found.replicas <= max(replicas * 2, replicas + 4)
        if found.replicas < replicas:
            assert found.replicas >= max(min(item, 20) for item in wishes[max(0, turn - 19) : turn + 1])
        history.changes.append((turn * 15.0, found.replicas - replicas))
        replicas = found.replicas


def test_scaling_down_waits_five_minutes() -> None:
    history, spec = History(), {"minReplicas": 1, "maxReplicas": 10}
    assert decide(spec, 4, 4, history, 0).replicas == 4
    waiting = decide(spec, 4, 1, history, 290)
    assert (waiting.replicas, waiting.stabilised) == (4, True)
    assert decide(spec, 4, 1, history, 310).replicas == 1


def test_a_window_that_the_author_sets_is_kept() -> None:
    spec = {"minReplicas": 1, "maxReplicas": 10, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
    history = History()
    decide(spec, 4, 4, history, 0)
    assert decide(spec, 4, 1, history, 15).replicas == 1


async def test_a_busy_deployment_grows(cluster: Cluster) -> None:
    class Agent:
        async def usage(self) -> Sequence[PodUsage]:
            names = [item["metadata"]["name"] for item in await cluster.items("pods")]
            used = (ContainerUsage("c", 150_000_000, 1024),)
            return [PodUsage(NAMESPACE, name, cluster.clock.now(), 15.0, used) for name in names]

    cluster.metrics.agent = Agent()  # type: ignore[assignment]
    busy = deployment()
    busy["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    await cluster.api.create("deployments", NAMESPACE, busy)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    autoscaler: Object = {
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 5, "metrics": [metric(50)]},
    }
    await cluster.api.create("horizontalpodautoscalers", NAMESPACE, autoscaler)
    await cluster.settle()
    await cluster.make_ready()
    await cluster.advance(16)
    assert (await cluster.api.get("deployments", NAMESPACE, "web"))["spec"]["replicas"] == 3
    told = "New size: 3; reason: cpu resource utilization (percentage of request) above target"
    assert await cluster.events("SuccessfulRescale") == [told]
    found = await cluster.api.get("horizontalpodautoscalers", NAMESPACE, "web")
    current = found["status"]["currentMetrics"][0]["resource"]["current"]
    assert current == {"averageUtilization": 150, "averageValue": "150m"}
    assert {item["type"]: item["status"] for item in found["status"]["conditions"]}["ScalingActive"] == "True"
