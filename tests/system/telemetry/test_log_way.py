"""A log line's way, over real files and sockets: container log, agent, intake, search."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time

import httpx

from tests.system.telemetry.conftest import KEYS, Program, Server, pod, until, write


async def test_a_line_becomes_searchable_with_the_tags_of_its_pod(server, kubernetes, agent):
    image = "quay.io/powercloud/sock-shop-orders:0.4.7"
    kubernetes.put("pods", pod("orders-856978bb7b-x2km9", "u1", image, "orders"))
    path = agent.log_file("orders-856978bb7b-x2km9", "u1")
    write(path, "Order created with ID: 1")
    await until(lambda: server.logs("created"))

    write(path, "Payment failed for order 1", stream="stderr")
    started_s = time.monotonic()
    (log,) = await until(lambda: server.logs('kube_namespace:sock-shop service:sock-shop-orders "Payment failed"'))
    assert time.monotonic() - started_s < 1.5
    assert (log["status"], log["host"]) == ("error", "node")
    assert set(log["tags"]) >= {
        "kube_namespace:sock-shop",
        "kube_deployment:orders",
        "pod_name:orders-856978bb7b-x2km9",
        "kube_container_name:main",
        "container_id:u1c",
        "image_name:quay.io/powercloud/sock-shop-orders",
        "image_tag:0.4.7",
        "short_image:sock-shop-orders",
        "kube_node:node",
        "kube_cluster_name:sockshop-kind",
        "source:sock-shop-orders",
    }
    assert [found["status"] for found in await server.logs("created")] == ["info"]


async def test_nothing_is_lost_while_the_intake_is_away_and_a_pod_goes(server, kubernetes, agent):
    kubernetes.put("pods", pod("a", "u1", "shop/a"))
    path = agent.log_file("a", "u1")
    write(path, *[f"before {number}" for number in range(50)])
    await until(lambda: server.logs("before 49"))
    await server.stop(signal.SIGKILL)

    write(path, *[f"away {number}" for number in range(2000)])
    buffer = agent.run_folder / "buffer"

    async def buffered():
        return any(buffer.glob("*.payload"))

    await until(buffered)
    shutil.rmtree(path.parent.parent)
    await agent.stop()
    await agent.start_unready()
    await server.start()

    async def all_there():
        count = {"filter": {"query": "away", "from": "now-1d"}}
        answer = await server.ask("POST", "/api/v2/logs/analytics/aggregate", json=count)
        return sum(bucket["computes"]["c0"] for bucket in answer["data"]["buckets"]) == 2000

    await until(all_there)
    assert len(await server.logs("before")) == 50


async def test_rotation_and_restart_lose_and_repeat_nothing(server, kubernetes, agent):
    kubernetes.put("pods", pod("a", "u1", "shop/a"))
    path = agent.log_file("a", "u1")
    write(path, "one")
    await until(lambda: server.logs("one"))
    write(path, "two")
    os.rename(path, path.with_name("0.log.20251105-200000"))
    write(path, "three")
    await until(lambda: server.logs("three"))

    await agent.stop()
    write(path, "four")
    os.rename(path, path.with_name("0.log.20251105-200100"))
    write(path, "five")
    await agent.start()
    await until(lambda: server.logs("five"))
    assert [log["message"] for log in await server.logs("service:a")] == ["one", "two", "three", "four", "five"]


async def test_a_kubernetes_event_and_a_vanished_container_are_seen(server, kubernetes, agent):
    gone = pod("queue-master-856978bb7b-s2fzh", "u1", "shop/queue-master:1", "queue-master")
    kubernetes.put("pods", gone)
    filtered = "/api/v2/containers?filter[tags]=kube_namespace:sock-shop,kube_deployment:queue-master"

    async def containers():
        return (await server.ask("GET", filtered))["data"]

    (container,) = await until(containers)
    assert container["attributes"]["image_name"] == "shop/queue-master"

    kubernetes.put("pods", gone, "DELETED")
    event = {
        "metadata": {"uid": "e1", "name": "e1"},
        "involvedObject": {"kind": "Deployment", "name": "queue-master", "namespace": "sock-shop", "uid": "d1"},
        "reason": "ScalingReplicaSet",
        "message": "Scaled down replica set queue-master-856978bb7b from 1 to 0",
        "type": "Normal",
        "source": {"component": "deployment-controller"},
        "lastTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    kubernetes.put("events", event)

    async def events():
        query = {"filter": {"query": 'source:kubernetes kube_namespace:sock-shop "Scaled down"'}}
        return (await server.ask("POST", "/api/v2/events/search", json=query))["data"]

    (found,) = await until(events)
    assert found["attributes"]["attributes"]["title"] == "Events from the Deployment sock-shop/queue-master"
    assert "kube_deployment:queue-master" in found["attributes"]["tags"]

    async def none_left():
        return not await containers()

    await until(none_left)


async def test_what_the_intake_has_acknowledged_survives_kill_9(server):
    async with httpx.AsyncClient(headers=KEYS) as client:
        for number in range(30):
            answer = await client.post(f"{server.url}/api/v2/logs", json=[{"message": f"kept {number}"}])
            assert answer.status_code == 202
    await server.stop(signal.SIGKILL)
    await server.start()
    assert len(await server.logs("kept")) == 30


async def test_both_programs_end_in_time_and_in_order(server, agent):
    for program in (agent, server):
        started_s = time.monotonic()
        assert await program.stop() == 0
        assert time.monotonic() - started_s < 2


async def test_a_deployment_scaled_to_zero_measures_zero(server, kubernetes, agent):
    metadata = {"uid": "d1", "name": "queue-master", "namespace": "sock-shop"}
    kubernetes.put("deployments", {"metadata": metadata, "spec": {"replicas": 0}, "status": {}})
    now_s = int(time.time())
    scope = "kube_namespace:sock-shop,kube_deployment:queue-master"
    question = {
        "from": now_s - 60,
        "to": now_s + 60,
        "query": f"avg:kubernetes_state.deployment.replicas_available{{{scope}}}",
    }

    async def series():
        return (await server.ask("GET", "/api/v1/query", params=question))["series"]

    (found,) = await until(series)
    assert [value for _, value in found["pointlist"]] == [0.0]


async def test_agent_status_prints_true_figures(server, kubernetes, agent):
    kubernetes.put("pods", pod("a", "u1", "shop/a"))
    write(agent.log_file("a", "u1"), *[f"line {number}" for number in range(25)])

    async def status():
        found = await agent.status()
        return found if "LogsSent: 25\n" in found else ""

    found = await until(status)
    assert "    LogsProcessed: 25\n" in found
    assert f"Reliable: Sending compressed logs in HTTP to 127.0.0.1 on port {server.port}" in found


async def test_a_damaged_file_stops_the_start_with_one_sentence(tmp_path):
    folder = tmp_path / "telemetry"
    folder.mkdir()
    for name, content in (("monitors.json", b"{"), ("logs.db", b"not a database" * 100)):
        (folder / name).write_bytes(content)
        program = Server(folder)
        await Program.start(program)
        async with asyncio.timeout(10):
            _, errors = await program.process.communicate()
        assert program.process.returncode == 1
        assert b"Traceback" not in errors
        assert errors.count(b"\n") <= 2
        (folder / name).unlink()
