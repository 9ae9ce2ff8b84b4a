"""
Jobs: completion, failure, deadlines, suspension, clean-up; in virtual time.
"""

from __future__ import annotations

import pytest

from drillyard.cluster.client import Object

from .conftest import NAMESPACE, Cluster


def job(**spec: object) -> Object:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "once:1"}]}}
    return {"metadata": {"name": "once"}, "spec": {"template": pod, **spec}}


async def started(cluster: Cluster, **spec: object) -> Object:
    await cluster.api.create("jobs", NAMESPACE, job(**spec))
    await cluster.settle()
    return await cluster.api.get("jobs", NAMESPACE, "once")


async def conditions(cluster: Cluster) -> dict[str, str]:
    found = await cluster.api.get("jobs", NAMESPACE, "once")
    return {item["type"]: item["reason"] for item in found["status"].get("conditions", ()) if item["status"] == "True"}


async def test_a_job_is_complete_when_its_pod_succeeded(cluster: Cluster) -> None:
    await started(cluster)
    (pod,) = await cluster.items("pods")
    assert pod["metadata"]["labels"]["job-name"] == "once"
    await cluster.finish(pod, "Succeeded")
    assert await conditions(cluster) == {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}
    found = await cluster.api.get("jobs", NAMESPACE, "once")
    assert found["status"]["succeeded"] == 1 and "completionTime" in found["status"]
    assert len(await cluster.items("pods")) == 1  # Its log stays to be read.
    assert await cluster.events("Completed") == ["Job completed"]


async def test_a_job_without_retries_fails_on_the_first_failure(cluster: Cluster) -> None:
    await started(cluster, backoffLimit=0)
    (pod,) = await cluster.items("pods")
    await cluster.finish(pod, "Failed")
    assert await conditions(cluster) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
    assert len(await cluster.items("pods")) == 1


async def test_a_failed_pod_is_tried_again_after_a_growing_pause(cluster: Cluster) -> None:
    await started(cluster)
    for failures, pause_s in ((1, 10), (2, 20), (3, 40)):
        pod = next(pod for pod in await cluster.items("pods") if pod["status"]["phase"] == "Pending")
        await cluster.finish(pod, "Failed")
        await cluster.advance(pause_s - 1)
        assert len(await cluster.items("pods")) == failures
        await cluster.advance(2)
        assert len(await cluster.items("pods")) == failures + 1


async def test_parallelism_bounds_the_pods_that_run_at_once(cluster: Cluster) -> None:
    await started(cluster, parallelism=2, completions=3)
    pods = await cluster.items("pods")
    assert len(pods) == 2
    await cluster.finish(pods[0], "Succeeded")
    assert len(await cluster.items("pods")) == 3
    for pod in await cluster.items("pods"):
        if pod["status"]["phase"] == "Pending":
            await cluster.finish(pod, "Succeeded")
    assert "Complete" in await conditions(cluster)


async def test_a_job_past_its_deadline_fails_and_its_pods_go(cluster: Cluster) -> None:
    await started(cluster, activeDeadlineSeconds=30)
    await cluster.advance(29)
    assert await conditions(cluster) == {}
    await cluster.advance(2)
    assert await conditions(cluster) == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}
    assert await cluster.items("pods") == []


async def test_a_suspended_job_has_no_pods_until_it_is_resumed(cluster: Cluster) -> None:
    await started(cluster, suspend=True)
    assert await cluster.items("pods") == []
    assert await conditions(cluster) == {"Suspended": "JobSuspended"}
    await cluster.api.patch("jobs", NAMESPACE, "once", {"spec": {"suspend": False}})
    await cluster.settle()
    assert len(await cluster.items("pods")) == 1
    assert await cluster.events("Resumed") == ["Job resumed"]


async def test_a_finished_job_goes_when_its_time_to_live_is_over(cluster: Cluster) -> None:
    await started(cluster, ttlSecondsAfterFinished=60)
    await cluster.finish((await cluster.items("pods"))[0], "Succeeded")
    await cluster.advance(58)
    assert len(await cluster.items("jobs")) == 1
    await cluster.advance(4)
    await cluster.advance(4)
    assert await cluster.items("jobs") == [] and await cluster.items("pods") == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_deleted_pod_stays_counted(cluster: Cluster, phase: str) -> None:
    await started(cluster, completions=2, parallelism=1)
    (pod,) = await cluster.items("pods")
    await cluster.finish(pod, phase)
    await cluster.api.delete("pods", NAMESPACE, pod["metadata"]["name"])
    await cluster.settle()
    found = await cluster.api.get("jobs", NAMESPACE, "once")
    assert found["status"]["succeeded" if phase == "Succeeded" else "failed"] == 1
