from __future__ import annotations

import asyncio
import contextlib
import json
import time

import psutil
import pytest

from drillyard.cluster.client import ApiError

from .conftest import Cluster, is_ready, main_status


async def _get(address: str) -> dict[str, object]:
    host, port = address.split(":")
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    found: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


WEB = {
    "ports": [{"containerPort": 80, "name": "http"}],
    "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 1},
}


async def test_a_deployment_serves_behind_its_service_and_leaves_without_a_trace(cluster: Cluster) -> None:
    template = {
        "metadata": {"labels": {"name": "web"}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": [{"name": "web", "image": "web:1", **WEB}]},
    }
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"name": "web"}}, "template": template}}
    await cluster.api.create("deployments", "default", body)
    service = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"name": "web"}, "ports": [{"port": 8080, "targetPort": 80}]},
    }
    await cluster.api.create("services", "default", service)
    async with asyncio.timeout(10):
        while True:
            try:
                seen = await _get(cluster.network.addresses()["default/web:8080"])
                break
            except (OSError, KeyError):
                await asyncio.sleep(0.01)
    pids = [int(str(seen["pid"]))]
    await cluster.api.patch("deployments", "default", "web", {"spec": {"replicas": 0}})
    async with asyncio.timeout(10):
        while (await cluster.api.list("pods", "default")).items:
            await asyncio.sleep(0.01)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list((cluster.folder / "node" / "pods").iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        await _get(cluster.network.addresses()["default/web:8080"])


async def test_every_state_of_a_start_is_seen_by_a_watcher(cluster: Cluster) -> None:
    seen: list[str] = []

    async def watch() -> None:
        async for event in cluster.api.watch("pods", "default"):
            status = event.object.get("status", {})
            states = [next(iter(item["state"])) for item in status.get("containerStatuses", ())]
            seen.append(
                f"{status.get('phase')} {states} {is_ready(event.object) if status.get('conditions') else False}"
            )

    watcher = asyncio.create_task(watch())
    await cluster.run_pod("web", "web", **WEB)
    pod = await cluster.pod_when("web", is_ready)
    async with asyncio.timeout(5):
        while not seen or not seen[-1].endswith("True"):
            await asyncio.sleep(0.005)
    watcher.cancel()
    order = ["Pending ['waiting'] False", "Running ['running'] False", "Running ['running'] True"]
    assert [state for state in dict.fromkeys(seen) if state in order] == order
    status = main_status(pod)
    assert status["restartCount"] == 0
    assert status["imageID"].startswith("docker.io/library/web@sha256:")
    assert status["containerID"].startswith("drillyard://")
    assert pod["status"]["podIP"].startswith("10.244.0.")
    assert pod["status"]["qosClass"] == "BestEffort"
    assert [reason for reason, _ in await cluster.events("web")][:4] == ["Scheduled", "Pulled", "Created", "Started"]


async def test_a_start_is_not_quantised_by_the_probes_period(cluster: Cluster) -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 10}
    began = time.monotonic()
    await cluster.run_pod("web", "web", ports=WEB["ports"], readinessProbe=probe)
    await cluster.pod_when("web", is_ready)
    assert time.monotonic() - began < 4


async def test_a_container_gets_its_environment_its_files_and_its_paths(cluster: Cluster) -> None:
    api = cluster.api
    await api.create(
        "configmaps", "default", {"metadata": {"name": "conf"}, "data": {"colour": "red", "file.txt": "hello"}}
    )
    await api.create("secrets", "default", {"metadata": {"name": "keys"}, "data": {"api": "c2VjcmV0"}})
    environment = [
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "colour"}}},
        {"name": "API", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "BOTH", "value": "$(COLOUR)-$(API) $$(COLOUR) $(NONE)"},
        {"name": "FILE", "value": "/etc/conf/file.txt"},
        {"name": "OTHER", "value": "http://x/etc/conf"},
    ]
    script = (
        'echo "$BOTH"; cat $FILE etc/conf/colour; echo "$OTHER"; cat $TOKEN/namespace $TOKEN/token $TOKEN/ca.crt; pwd'
    )
    environment.append({"name": "TOKEN", "value": "/var/run/secrets/kubernetes.io/serviceaccount"})
    await cluster.run_pod(
        "shell",
        "busybox",
        command=["sh", "-c", script],
        env=environment,
        volumeMounts=[{"name": "conf", "mountPath": "/etc/conf"}],
        spec={"restartPolicy": "Never", "volumes": [{"name": "conf", "configMap": {"name": "conf"}}]},
    )
    pod = await cluster.pod_when("shell", lambda pod: pod["status"]["phase"] == "Succeeded")
    lines = (await cluster.logs("shell")).splitlines()
    assert lines[0] == "red-secret $(COLOUR) $(NONE)"
    assert lines[1] == "hellored" + "http://x/etc/conf"
    assert lines[2].startswith("defaulttoken of default/defaultthe CA")
    assert lines[3].endswith("/containers/main/rootfs")
    assert main_status(pod)["state"]["terminated"]["reason"] == "Completed"


async def test_a_crashing_container_backs_off_and_keeps_its_last_words(cluster: Cluster) -> None:
    await cluster.run_pod("crash", "crash")
    pod = await cluster.pod_when(
        "crash",
        lambda pod: (
            main_status(pod)["restartCount"] >= 1
            and main_status(pod)["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
        ),
    )
    status = main_status(pod)
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert status["state"]["waiting"]["message"].startswith(
        "back-off 500ms restarting failed container=main pod=crash_default("
    )
    assert pod["status"]["phase"] == "Running"
    assert await cluster.logs("crash", previous=True) == "about to fail []\n"
    assert any(reason == "BackOff" for reason, _ in await cluster.events("crash"))
    await cluster.api.delete("pods", "default", "crash")
    await cluster.gone("crash")


async def test_an_unknown_image_is_never_pulled_and_its_pod_can_be_deleted(cluster: Cluster) -> None:
    await cluster.run_pod("lost", "no/such-image:7")
    pod = await cluster.pod_when(
        "lost", lambda pod: main_status(pod)["state"].get("waiting", {}).get("reason") == "ImagePullBackOff"
    )
    assert pod["status"]["phase"] == "Pending"
    with pytest.raises(ApiError, match='container "main" in pod "lost" is waiting to start: '):
        await cluster.logs("lost")
    assert ("Failed", "Error: ErrImagePull") in await cluster.events("lost")
    await cluster.api.delete("pods", "default", "lost")
    await cluster.gone("lost")


async def test_a_failing_liveness_probe_restarts_the_container(cluster: Cluster) -> None:
    probe = {"httpGet": {"path": "/health", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    await cluster.run_pod("web", "web", ports=WEB["ports"], livenessProbe=probe, readinessProbe=WEB["readinessProbe"])
    pod = await cluster.pod_when("web", is_ready)
    rootfs = cluster.folder / "node" / "pods" / pod["metadata"]["uid"] / "containers" / "main" / "rootfs"
    (rootfs / "sick").touch()
    pod = await cluster.pod_when("web", lambda pod: main_status(pod)["restartCount"] == 1)
    (rootfs / "sick").unlink(missing_ok=True)
    assert main_status(pod)["lastState"]["terminated"]["exitCode"] == 0
    events = await cluster.events("web")
    assert ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500") in events
    assert ("Killing", "Container main failed liveness probe, will be restarted") in events
    await cluster.pod_when("web", is_ready)


async def test_a_pod_that_ignores_term_is_killed_after_its_grace(cluster: Cluster) -> None:
    await cluster.run_pod("rock", "stubborn", spec={"terminationGracePeriodSeconds": 1})
    await cluster.says("rock", "ready")
    began = time.monotonic()
    await cluster.api.delete("pods", "default", "rock")
    await cluster.gone("rock")
    assert 0.9 < time.monotonic() - began < 3
    assert ("Killing", "Stopping container main") in await cluster.events("rock")


async def test_a_killed_container_shows_137_and_comes_back_at_once(cluster: Cluster) -> None:
    await cluster.run_pod("web", "web", **WEB)
    await cluster.pod_when("web", is_ready)
    process = await _process("default/web main")
    process.kill()
    pod = await cluster.pod_when("web", lambda pod: main_status(pod)["restartCount"] == 1 and is_ready(pod))
    assert main_status(pod)["lastState"]["terminated"]["exitCode"] == 137


async def test_init_containers_run_one_after_another_before_the_rest(cluster: Cluster) -> None:
    mount = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    init = [
        {"name": f"init-{n}", "image": "busybox", "command": ["sh", "-c", f"echo {n} >> /shared/order"], **mount}
        for n in range(2)
    ]
    await cluster.run_pod(
        "ordered",
        "busybox",
        command=["sh", "-c", "cat /shared/order"],
        spec={"restartPolicy": "Never", "initContainers": init, "volumes": [{"name": "shared", "emptyDir": {}}]},
        **mount,
    )
    pod = await cluster.pod_when("ordered", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert await cluster.logs("ordered") == "0\n1\n"
    assert [item["ready"] for item in pod["status"]["initContainerStatuses"]] == [True, True]


async def test_an_init_container_that_fails_for_good_fails_the_pod(cluster: Cluster) -> None:
    init = [{"name": "init", "image": "busybox", "command": ["sh", "-c", "exit 2"]}]
    await cluster.run_pod("failed", "web", spec={"restartPolicy": "Never", "initContainers": init})
    pod = await cluster.pod_when("failed", lambda pod: pod["status"]["phase"] == "Failed")
    assert main_status(pod)["state"]["waiting"]["reason"] == "PodInitializing"


async def test_a_missing_config_map_holds_the_container_until_it_is_there(cluster: Cluster) -> None:
    await cluster.run_pod("needy", "web", envFrom=[{"configMapRef": {"name": "late"}}])
    pod = await cluster.pod_when(
        "needy", lambda pod: main_status(pod)["state"].get("waiting", {}).get("reason") == "CreateContainerConfigError"
    )
    assert main_status(pod)["state"]["waiting"]["message"] == 'configmap "late" not found'
    await cluster.api.create("configmaps", "default", {"metadata": {"name": "late"}, "data": {}})
    await cluster.pod_when("needy", is_ready)


async def test_a_sidecar_runs_beside_the_others_and_ends_after_them(cluster: Cluster) -> None:
    sidecar = {
        "name": "side",
        "image": "web",
        "restartPolicy": "Always",
        "ports": WEB["ports"],
        "startupProbe": {"httpGet": {"port": 80}, "periodSeconds": 1},
    }
    spec = {"restartPolicy": "Never", "initContainers": [sidecar]}
    await cluster.run_pod("pair", "busybox", command=["sleep", "0.2"], spec=spec)
    pod = await cluster.pod_when("pair", lambda pod: main_status(pod)["state"].get("running"))
    assert pod["status"]["initContainerStatuses"][0]["started"] is True
    pod = await cluster.pod_when("pair", lambda pod: pod["status"]["phase"] == "Succeeded")
    await cluster.pod_when("pair", lambda pod: pod["status"]["initContainerStatuses"][0]["state"].get("terminated"))


async def test_hooks_run_after_the_start_and_before_the_end(cluster: Cluster) -> None:
    lifecycle = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo begun > /shared/begun"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo ending > /shared/ending"]}},
    }
    await cluster.run_pod(
        "hooked",
        "web",
        lifecycle=lifecycle,
        ports=WEB["ports"],
        readinessProbe=WEB["readinessProbe"],
        volumeMounts=[{"name": "shared", "mountPath": "/shared"}],
        spec={"volumes": [{"name": "shared", "hostPath": {"path": "/shared"}}]},
    )
    await cluster.pod_when("hooked", is_ready)
    shared = cluster.folder / "node" / "shared"
    async with asyncio.timeout(5):
        while not (shared / "begun").exists():
            await asyncio.sleep(0.01)
    assert not (shared / "ending").exists()
    await cluster.api.delete("pods", "default", "hooked")
    await cluster.gone("hooked")
    assert (shared / "ending").read_text() == "ending\n"


async def test_a_pod_that_overruns_its_deadline_fails(cluster: Cluster) -> None:
    await cluster.run_pod("slow", "stubborn", spec={"activeDeadlineSeconds": 1, "terminationGracePeriodSeconds": 0})
    pod = await cluster.pod_when("slow", lambda pod: pod["status"]["phase"] == "Failed")
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert main_status(pod)["state"]["terminated"]["exitCode"] == 137


async def test_a_missing_program_is_a_start_error(cluster: Cluster) -> None:
    await cluster.run_pod("typo", "busybox", command=["no-such-program"], spec={"restartPolicy": "Never"})
    pod = await cluster.pod_when("typo", lambda pod: pod["status"]["phase"] == "Failed")
    ended = main_status(pod)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert ended["message"].endswith('exec: "no-such-program": executable file not found in $PATH')


async def test_following_a_log_ends_with_the_container(cluster: Cluster) -> None:
    await cluster.run_pod("talk", "talk", args=["3", "0.5"], spec={"restartPolicy": "Never"})
    await cluster.pod_when("talk", lambda pod: pod["status"]["phase"] == "Running")
    async with asyncio.timeout(5):
        assert await cluster.logs("talk", follow=True) == "line 0\nline 1\nline 2\nlast\n"
    assert await cluster.logs("talk", tail_lines=1) == "last\n"
    stamped = (await cluster.logs("talk", timestamps=True, limit_bytes=31)).split()
    assert len(stamped[0]) == len("2025-11-05T20:03:55.123456789Z")
    files = list((cluster.folder / "node" / "var" / "log" / "pods").rglob("*.log"))
    assert [path.name for path in files] == ["0.log"]
    assert files[0].read_text().splitlines()[-1].split(" ", 3)[1:] == ["stderr", "F", "last"]


async def test_an_idle_node_hardly_works(cluster: Cluster) -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 3}
    for number in range(6):
        await cluster.run_pod(f"web-{number}", "web", ports=WEB["ports"], readinessProbe=probe)
    for number in range(6):
        await cluster.pod_when(f"web-{number}", is_ready)
    await asyncio.sleep(0.5)
    before, began = time.process_time(), time.monotonic()
    await asyncio.sleep(2)
    assert (time.process_time() - before) / (time.monotonic() - began) < 0.03


async def test_stopping_the_node_leaves_no_process(cluster: Cluster) -> None:
    for number in range(3):
        await cluster.run_pod(f"rock-{number}", "stubborn")
    for number in range(3):
        await cluster.says(f"rock-{number}", "ready")
    began = time.monotonic()
    await cluster.node.stop(grace_s=0.3)
    assert time.monotonic() - began < 4
    assert _processes("default/rock") == []


async def _process(title: str) -> psutil.Process:
    async with asyncio.timeout(5):
        while not (found := _processes(title)):
            await asyncio.sleep(0.01)
    return found[0]


def _processes(title: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(title):
                found.append(process)
    return found
