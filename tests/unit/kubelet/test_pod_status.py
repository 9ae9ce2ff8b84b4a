from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drillyard.cluster.kubelet.container_state import ContainerRecord, Running, State, Terminated, Waiting
from drillyard.cluster.kubelet.images import InvalidImageNameError, parse_reference
from drillyard.cluster.kubelet.pod_status import compose, phase_of, quality_of_service

NOW = datetime(2025, 11, 5, 20, 0, tzinfo=UTC)
RUNNING = Running(NOW)
DONE = Terminated(0, "Completed", NOW, NOW)
FAILED = Terminated(1, "Error", NOW, NOW)
WAITING = Waiting()


def _records(*states: State, last: Terminated | None = None) -> list[ContainerRecord]:
    return [ContainerRecord(f"c{n}", "i", state, last) for n, state in enumerate(states)]


@pytest.mark.parametrize(
    ("policy", "states", "phase"),
    [
        ("Always", [WAITING], "Pending"),
        ("Always", [RUNNING, WAITING], "Pending"),
        ("Always", [RUNNING, RUNNING], "Running"),
        ("Always", [FAILED], "Running"),
        ("Always", [DONE], "Running"),
        ("Never", [DONE, DONE], "Succeeded"),
        ("Never", [DONE, FAILED], "Failed"),
        ("Never", [DONE, RUNNING], "Running"),
        ("OnFailure", [FAILED], "Running"),
        ("OnFailure", [DONE], "Succeeded"),
    ],
)
def test_the_phase_follows_the_containers_and_the_policy(policy: str, states: list[State], phase: str) -> None:
    assert phase_of({"restartPolicy": policy}, [], _records(*states)) == phase


def test_a_container_that_waits_after_a_crash_leaves_the_pod_running() -> None:
    assert phase_of({}, [], _records(Waiting("CrashLoopBackOff"), last=FAILED)) == "Running"


@pytest.mark.parametrize(
    ("policy", "state", "phase"),
    [
        ("Always", RUNNING, "Pending"),
        ("Always", FAILED, "Pending"),
        ("Never", FAILED, "Failed"),
        ("Never", DONE, "Running"),
    ],
)
def test_an_init_container_holds_the_phase(policy: str, state: State, phase: str) -> None:
    spec = {"restartPolicy": policy, "initContainers": [{"name": "c0"}]}
    assert phase_of(spec, _records(state), _records(RUNNING)) == phase


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    pod: dict[str, Any] = {"spec": {"containers": [{"name": "c0"}]}, "status": {}}
    pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "x"}]
    records = _records(RUNNING)
    kwargs: dict[str, Any] = {"ip": "10.244.0.2", "node_ip": "10.244.0.1", "started_at": NOW}
    first = compose(pod, [], records, now=NOW, **kwargs)
    records[0].ready = True
    second = compose({**pod, "status": first}, [], records, now=NOW + timedelta(seconds=5), **kwargs)
    times = {item["type"]: item["lastTransitionTime"] for item in second["conditions"]}
    assert times["Ready"] == "2025-11-05T20:00:05Z"
    assert times["Initialized"] == "2025-11-05T20:00:00Z"
    assert times["PodScheduled"] == "x"
    ready = next(item for item in first["conditions"] if item["type"] == "Ready")
    assert ready["message"] == "containers with unready status: [c0]"


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources: dict[str, Any], quality: str) -> None:
    assert quality_of_service({"containers": [{"name": "c0", "resources": resources}]}) == quality


@pytest.mark.parametrize(
    ("text", "name", "canonical"),
    [
        ("postgres", "postgres", "docker.io/library/postgres:latest"),
        ("docker.io/library/postgres:16", "postgres", "docker.io/library/postgres:16"),
        ("drillyard/orders:v1", "drillyard/orders", "docker.io/drillyard/orders:v1"),
        ("localhost:5000/x/y:2", "localhost:5000/x/y", "localhost:5000/x/y:2"),
        ("ghcr.io/a/b", "ghcr.io/a/b", "ghcr.io/a/b:latest"),
    ],
)
def test_image_names_are_read_as_a_runtime_reads_them(text: str, name: str, canonical: str) -> None:
    reference = parse_reference(text)
    assert (reference.name, reference.canonical) == (name, canonical)
    assert reference.image_id.startswith(f"{canonical.rpartition(':')[0]}@sha256:")


@pytest.mark.parametrize("text", ["", "UPPER", "a b", "x:", "/x", "x@sha256:12"])
def test_what_is_no_image_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidImageNameError):
        parse_reference(text)
