"""
The real kubectl against our API server and controllers, command by command as the incident documents type them.
"""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from .conftest import Cluster

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: sock-shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: payment, namespace: sock-shop, labels: {name: payment}}
spec:
  replicas: 1
  selector: {matchLabels: {name: payment}}
  template:
    metadata: {labels: {name: payment}}
    spec:
      containers:
      - {name: payment, image: "weaveworksdemos/payment:0.4.3", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: payment, namespace: sock-shop}
spec: {selector: {name: payment}, ports: [{port: 80, targetPort: 80}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: sock-shop}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: agent, image: "agent:7"}]}}
"""
ALPHABET = "[bcdfghjklmnpqrstvwxz2456789]"


@pytest.fixture
async def shop(cluster: Cluster) -> Cluster:
    applied = await cluster.kubectl("apply", "-f", "-", given=SHOP)
    assert applied.code == 0, applied.err
    await cluster.settled()
    return cluster


async def kubectl(cluster: Cluster, command: str) -> str:
    answer = await cluster.kubectl(*command.split())
    assert answer.code == 0, answer.err
    return answer.out


async def test_apply_makes_pods_and_applying_again_changes_nothing(shop: Cluster) -> None:
    pods = await kubectl(shop, "-n sock-shop get pods")
    assert re.search(rf"^payment-{ALPHABET}{{8,10}}-{ALPHABET}{{5}} +1/1 +Running +0 ", pods, re.M)
    again = await shop.kubectl("apply", "-f", "-", given=SHOP)
    assert again.out.splitlines() == [
        "namespace/sock-shop unchanged",
        "deployment.apps/payment unchanged",
        "service/payment unchanged",
        "daemonset.apps/agent unchanged",
    ]
    assert again.err == ""


async def test_scale_to_zero_and_back_in_both_forms(shop: Cluster) -> None:
    assert (
        await kubectl(shop, "-n sock-shop scale deployment payment --replicas=0") == "deployment.apps/payment scaled\n"
    )
    await shop.settled()
    gone = await shop.kubectl("-n", "sock-shop", "get", "pods", "-l", "name=payment")
    assert gone.err == "No resources found in sock-shop namespace.\n"
    await kubectl(shop, "-n sock-shop scale deployment/payment --replicas=1")
    await shop.settled()
    assert " 1/1 " in await kubectl(shop, "-n sock-shop get pods -l name=payment")
    events = await kubectl(shop, "-n sock-shop get events --sort-by=.lastTimestamp")
    assert re.search(r"ScalingReplicaSet +deployment/payment +Scaled down replica set payment-\w+ from 1 to 0", events)
    assert re.search(r"SuccessfulDelete +replicaset/payment-\w+ +Deleted pod: payment-", events)


async def test_a_deleted_pod_comes_back_under_another_name(shop: Cluster) -> None:
    before = await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")
    await kubectl(shop, f"-n sock-shop delete {before.strip()}")
    await shop.settled()
    after = await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")
    assert after.startswith("pod/payment-") and after != before


async def test_long_lists_come_in_chunks(shop: Cluster) -> None:
    whole = await kubectl(shop, "get events -A -o name")
    assert await kubectl(shop, "get events -A -o name --chunk-size=2") == whole
    assert len(whole.splitlines()) > 4
    table = await kubectl(shop, "-n sock-shop get pods --chunk-size=1")
    assert [line.split("-")[0].split()[0] for line in table.splitlines()] == ["NAME", "agent", "payment"]
    asked = await kubectl(shop, "get --raw /api/v1/namespaces?limit=2")
    assert json.loads(asked)["metadata"]["remainingItemCount"] == 3


async def test_every_output_form(shop: Cluster) -> None:
    listed = json.loads(await kubectl(shop, "-n sock-shop get pods -l name=payment -o json"))
    assert listed["items"][0]["kind"] == "Pod"
    assert "nodeName: paper" in await kubectl(shop, "-n sock-shop get pods -o yaml")
    path = "-o jsonpath={.items[0].status.containerStatuses[0].imageID}"
    image = await kubectl(shop, f"-n sock-shop get pod -l name=payment {path}")
    assert image.startswith("weaveworksdemos/payment:0.4.3@sha256:")
    assert "NOMINATED NODE" in await kubectl(shop, "-n sock-shop get pods -o wide")
    assert "sock-shop" in await kubectl(shop, "get pods -A")
    running = await kubectl(shop, "-n sock-shop get pods --field-selector=status.phase=Running -o name")
    assert len(running.splitlines()) == 2
    for kind in [
        "deploy",
        "rs",
        "ds",
        "svc",
        "ep",
        "endpointslices",
        "events",
        "nodes",
        "ns",
        "cm",
        "secrets",
        "sa",
        "jobs",
        "hpa",
        "leases",
    ]:
        answer = await shop.kubectl("-n", "sock-shop", "get", kind)
        assert answer.code == 0, answer.err


async def test_watch_shows_a_pod_come_and_go(shop: Cluster) -> None:
    watch = await shop.start_kubectl("-n", "sock-shop", "get", "pods", "-l", "name=payment", "-w")
    assert watch.stdout is not None
    seen = [await asyncio.wait_for(watch.stdout.readline(), 10), await asyncio.wait_for(watch.stdout.readline(), 10)]
    await kubectl(shop, "-n sock-shop delete pod -l name=payment --wait=false")
    while not (seen[-1].split()[1] == b"1/1" and seen[-1].split()[0] != seen[1].split()[0]):
        seen.append(await asyncio.wait_for(watch.stdout.readline(), 10))
    states = [line.split()[2].decode() for line in seen]
    assert states[:3] == ["STATUS", "Running", "Terminating"]
    assert "Pending" in states[3:] and states[-1] == "Running"


async def test_logs_of_a_deployment(shop: Cluster) -> None:
    assert await kubectl(shop, "-n sock-shop logs deployment/payment --tail=1") == "payment says 2\n"
    assert "goes on 3" in await kubectl(shop, "-n sock-shop logs -f deployment/payment")
    previous = await shop.kubectl("-n", "sock-shop", "logs", "deployment/payment", "-p")
    assert previous.code == 1
    assert re.search(r'BadRequest.*previous terminated container "payment" in pod "payment-.*" not found', previous.err)
    wrong = await shop.kubectl("-n", "sock-shop", "logs", "deployment/payment", "-c", "sidecar")
    assert "container sidecar is not valid for pod payment-" in wrong.err


async def test_describe_tells_the_story(shop: Cluster) -> None:
    pod = await kubectl(shop, "-n sock-shop describe pod -l name=payment")
    assert re.search(r"Scheduled +\w+ +default-scheduler +Successfully assigned sock-shop/payment-\S+ to paper", pod)
    deployment = await kubectl(shop, "-n sock-shop describe deployment payment")
    assert "1 desired | 1 updated | 1 total | 1 available | 0 unavailable" in deployment
    service = await kubectl(shop, "-n sock-shop describe service payment")
    assert re.search(r"Endpoints: +10\.244\.0\.\d+:80", service)


async def test_a_rollout_can_be_undone(shop: Cluster) -> None:
    await kubectl(shop, "-n sock-shop set image deployment/payment payment=weaveworksdemos/payment:broken")
    assert "successfully rolled out" in await kubectl(
        shop, "-n sock-shop rollout status deployment/payment --timeout=10s"
    )
    assert (
        len((await kubectl(shop, "-n sock-shop rollout history deployment/payment")).split("\n\n")[0].splitlines()) == 4
    )
    await kubectl(shop, "-n sock-shop rollout undo deployment/payment")
    await kubectl(shop, "-n sock-shop rollout status deployment/payment --timeout=10s")
    image = "-o jsonpath={.spec.template.spec.containers[0].image}"
    assert await kubectl(shop, f"-n sock-shop get deployment payment {image}") == "weaveworksdemos/payment:0.4.3"


async def test_a_namespace_goes_with_all_it_holds(shop: Cluster) -> None:
    await kubectl(shop, "delete namespace sock-shop")
    for kind in ("pods", "deployments", "replicasets", "services", "endpoints", "endpointslices", "events"):
        left = json.loads(await kubectl(shop, f"get {kind} -A -o json"))["items"]
        assert [item for item in left if item["metadata"]["namespace"] == "sock-shop"] == []


async def test_mistakes_get_one_clear_sentence(shop: Cluster) -> None:
    unknown = await shop.kubectl("-n", "sock-shop", "get", "pods", "nope")
    assert unknown.err == 'Error from server (NotFound): pods "nope" not found\n'
    stateful = await shop.kubectl("get", "statefulsets")
    assert 'the server doesn\'t have a resource type "statefulsets"' in stateful.err
    field = await shop.kubectl("get", "pods", "--field-selector=spec.colour=red")
    assert "field label not supported: spec.colour" in field.err
    typo = SHOP.replace("replicas: 1", "replicaz: 1")
    strict = await shop.kubectl("apply", "-f", "-", given=typo)
    assert 'unknown field "spec.replicaz"' in strict.err
