"""
What `kubectl get` shows of a pod, and the words for ages and amounts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from drillyard.cluster.apiserver.pod_rows import pod_cells
from drillyard.cluster.apiserver.rows import CELLS
from drillyard.cluster.apiserver.tables import columns_of
from drillyard.cluster.client import Object
from drillyard.cluster.quantity import parse_quantity
from drillyard.cluster.resources import RESOURCES
from drillyard.cluster.timestamps import human_duration, parse_time

NOW = datetime(2025, 11, 5, 20, 10, tzinfo=UTC)


def pod(*states: Object, phase: str = "Running", restarts: int = 0, **metadata: object) -> Object:
    statuses = [
        {
            "name": f"c{i}",
            "ready": "running" in state,
            "restartCount": restarts,
            "state": state,
            "lastState": {"terminated": {"finishedAt": "2025-11-05T20:09:48Z"}} if restarts else {},
        }
        for i, state in enumerate(states)
    ]
    return {
        "metadata": {"name": "p", "creationTimestamp": "2025-11-05T20:00:00Z", **metadata},
        "spec": {"containers": [{"name": f"c{i}"} for i in range(len(states))]},
        "status": {"phase": phase, "containerStatuses": statuses},
    }


RUNNING: Object = {"running": {}}


@pytest.mark.parametrize(
    ("found", "ready", "status", "restarts"),
    [
        (pod(RUNNING, RUNNING), "2/2", "Running", "0"),
        (pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending"), "0/1", "ContainerCreating", "0"),
        (pod({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3), "0/1", "CrashLoopBackOff", "3 (12s ago)"),
        (pod({"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "0/1", "OOMKilled", "0"),
        (pod({"terminated": {"exitCode": 3}}), "0/1", "ExitCode:3", "0"),
        (pod({"terminated": {"exitCode": 0, "reason": "Completed"}}, phase="Succeeded"), "0/1", "Completed", "0"),
        (pod(RUNNING, deletionTimestamp="2025-11-05T20:10:00Z"), "1/1", "Terminating", "0"),
        (pod(phase="Pending"), "0/0", "Pending", "0"),
    ],
)
def test_the_one_word_for_a_pods_state(found: Object, ready: str, status: str, restarts: str) -> None:
    assert pod_cells(found, NOW)[1:5] == [ready, status, restarts, "10m"]


def test_init_containers_are_counted_while_they_run() -> None:
    found = pod({"waiting": {"reason": "PodInitializing"}}, phase="Pending")
    found["spec"]["initContainers"] = [{"name": "a"}, {"name": "b"}]
    done: Object = {"state": {"terminated": {"exitCode": 0}}}
    found["status"]["initContainerStatuses"] = [done, {"state": {"running": {}}}]
    assert pod_cells(found, NOW)[2] == "Init:1/2"
    found["status"]["initContainerStatuses"] = [done, {"state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]
    assert pod_cells(found, NOW)[2] == "Init:Error"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (312, "5m12s"),
        (3599, "59m"),
        (3 * 3600 + 60, "3h1m"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (-5, "<invalid>"),
    ],
)
def test_ages_read_as_kubectl_writes_them(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250m", "0.25"),
        ("64Mi", str(64 * 2**20)),
        ("1e3", "1000"),
        ("2", "2"),
        ("1.5k", "1500"),
        ("12n", "0.000000012"),
    ],
)
def test_amounts(text: str, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "much", "1 Mi", "--1", "1ki"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)


def test_times_have_a_zone() -> None:
    assert parse_time("2025-11-05T20:00:00.123456789Z") == NOW - timedelta(minutes=10) + timedelta(microseconds=123456)
    with pytest.raises(ValueError, match="no time zone"):
        parse_time("2025-11-05T20:00:00")


@pytest.mark.parametrize(
    "row", [row for row in RESOURCES if row.stored and row.key != "pods"], ids=lambda row: row.qualified
)
def test_every_kind_has_as_many_cells_as_columns(row: object) -> None:
    minimal: Object = {
        "metadata": {"name": "x", "creationTimestamp": "2025-11-05T20:00:00Z"},
        "spec": {"template": {"spec": {}}, "scaleTargetRef": {"kind": "Deployment", "name": "w"}, "maxReplicas": 1},
        "roleRef": {"kind": "Role", "name": "r"},
    }
    cells = CELLS.get(row.key, CELLS["*"])(minimal, NOW)  # type: ignore[attr-defined]
    assert len(cells) == len(columns_of(row))  # type: ignore[arg-type]
