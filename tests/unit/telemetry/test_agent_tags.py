"""What the agent puts on a line, by the pod that wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.clock import VirtualClock
from drillyard.telemetry.agent.cri import CriLine, parse_line
from drillyard.telemetry.agent.events import datadog_event
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.report import running_containers
from drillyard.telemetry.agent.tags import Image, origin, parse_image
from drillyard.telemetry.agent.tail import Source

POD = {
    "metadata": {
        "name": "queue-master-856978bb7b-s2fzh",
        "namespace": "sock-shop",
        "uid": "u1",
        "labels": {"pod-template-hash": "856978bb7b"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "queue-master-856978bb7b"}],
    },
    "spec": {"nodeName": "node", "containers": [{"name": "queue-master", "image": "shop/queue-master:0.3.1"}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {"name": "queue-master", "containerID": "containerd://abc", "state": {"running": {"startedAt": "t"}}}
        ],
    },
}
SOURCE = Source("sock-shop", "queue-master-856978bb7b-s2fzh", "u1", "queue-master")


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        (
            "quay.io/powercloud/sock-shop-orders:0.4.7",
            Image("quay.io/powercloud/sock-shop-orders", "sock-shop-orders", "0.4.7"),
        ),
        ("redis", Image("redis", "redis", "latest")),
        ("localhost:5000/a/b", Image("localhost:5000/a/b", "b", "latest")),
        ("a/b:1@sha256:00ff", Image("a/b", "b", "1")),
    ],
)
def test_an_image_reference_falls_into_its_parts(reference, image):
    assert parse_image(reference) == image


def test_a_line_carries_namespace_deployment_pod_container_and_image():
    found = origin(POD, "queue-master", "sockshop-kind")
    assert (found.service, found.source) == ("queue-master", "queue-master")
    assert set(found.tags) >= {
        "kube_namespace:sock-shop",
        "kube_deployment:queue-master",
        "kube_replica_set:queue-master-856978bb7b",
        "pod_name:queue-master-856978bb7b-s2fzh",
        "kube_container_name:queue-master",
        "container_name:queue-master",
        "container_id:abc",
        "image_name:shop/queue-master",
        "image_tag:0.3.1",
        "short_image:queue-master",
        "kube_node:node",
        "kube_cluster_name:sockshop-kind",
    }


def test_an_annotation_names_service_and_source():
    annotated = POD | {
        "metadata": POD["metadata"]
        | {
            "annotations": {
                "ad.datadoghq.com/queue-master.logs": '[{"source": "java", "service": "shipping", "tags": ["team:a"]}]'
            }
        }
    }
    found = origin(annotated, "queue-master", "")
    assert (found.service, found.source, found.tags[-1]) == ("shipping", "java", "team:a")
    broken = POD | {"metadata": POD["metadata"] | {"annotations": {"ad.datadoghq.com/queue-master.logs": "{"}}}
    assert origin(broken, "queue-master", "").service == "queue-master"


async def test_a_pod_not_heard_of_gets_two_seconds_and_then_its_paths_tags():
    clock = VirtualClock()
    pods = Pods(clock, "c")
    assert pods.origin(SOURCE) is None
    await clock.advance(2.5)
    assert "kube_namespace:sock-shop" in pods.origin(SOURCE).tags
    pods.listed([POD])
    assert "kube_deployment:queue-master" in pods.origin(SOURCE).tags


async def test_a_pod_that_is_gone_still_tags_its_last_lines_and_runs_no_container():
    clock = VirtualClock()
    pods = Pods(clock, "c")
    pods.listed([POD])
    assert [found["name"] for found in running_containers(pods, "c")] == ["queue-master"]
    pods.changed("DELETED", POD)
    assert running_containers(pods, "c") == []
    assert "kube_deployment:queue-master" in pods.origin(SOURCE).tags


def test_an_event_reads_as_the_real_agent_writes_it():
    event = {
        "metadata": {"uid": "e1"},
        "involvedObject": {"kind": "Deployment", "name": "queue-master", "namespace": "sock-shop", "uid": "d1"},
        "reason": "ScalingReplicaSet",
        "message": "Scaled down replica set queue-master-856978bb7b from 1 to 0",
        "type": "Normal",
        "count": 1,
        "source": {"component": "deployment-controller"},
        "firstTimestamp": "2025-11-05T20:00:00Z",
        "lastTimestamp": "2025-11-05T20:00:00Z",
    }
    found = datadog_event(event, "node", Pods(VirtualClock(), ""))
    assert found["title"] == "Events from the Deployment sock-shop/queue-master"
    assert found["text"].startswith(
        "%%% \n1 **ScalingReplicaSet**: Scaled down replica set queue-master-856978bb7b from 1 to 0\n"
    )
    assert (found["date_happened"], found["alert_type"]) == (1762372800, "info")
    assert found["aggregation_key"] == "kubernetes_apiserver:d1"
    assert set(found["tags"]) >= {
        "kube_namespace:sock-shop",
        "kube_deployment:queue-master",
        "event_reason:ScalingReplicaSet",
    }


def test_a_cri_line_is_time_stream_flag_and_text():
    line = b"2025-11-05T20:00:00.123456789Z stderr P  a  b"
    assert parse_line(line) == CriLine(1762372800123456, "stderr", True, " a  b")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_or_none(raw):
    found = parse_line(raw)
    assert found is None or found.stream in ("stdout", "stderr")
