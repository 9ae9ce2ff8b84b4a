"""The Kubernetes API and its controllers: how long a pod takes to start, and what a fuller cluster costs."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from bench.bench_yard import NAME, BenchYard, bench_yard
from bench.figure import Figure, Section
from drillyard.base.processes import pss_bytes
from drillyard.cluster.client import Api
from drillyard.cluster.informer import Informer
from drillyard.yard import kubeconfig_context

TITLE = "Kubernetes"
SIZES = (14, 100, 200)
"""Pods of the whole cluster but the bank and the agent; the first is the shop alone."""
WATCHERS = 50
REQUESTS = 100
NAMESPACE = "default"
PLAIN = "busybox"
TIMEOUT_S = 120


def measure(rounds: int) -> Section:
    """One yard: pods one by one, then more and more pods and the API's answers beside them."""
    with bench_yard() as yard, yard.up():
        return asyncio.run(_measure(yard, rounds))


async def _measure(yard: BenchYard, rounds: int) -> Section:
    folder = Path(yard.home) / "yards" / NAME
    control_plane = psutil.Process(json.loads((folder / "yard.json").read_text())["control_plane"]["pid"])
    figures = []
    async with kubeconfig_context.connect([folder / "kubeconfig"]) as api:
        payment = await api.get("deployments", "sock-shop", "payment")
        forked = payment["spec"]["template"]["spec"]["containers"][0]["image"]
        for image, words in ((forked, "a fork of the zygote"), (PLAIN, "a program of its own (sleep)")):
            took = [await _pod_start_ms(api, image, number) for number in range(rounds)]
            figures.append(Figure(f"pod start, create to Ready, {words} (ms)", took))
        figures.append(await _fan_out(api, rounds))
        for pods in SIZES:
            cpu_s = await _scale_to(api, control_plane, pods - SIZES[0])
            if pods != SIZES[0]:
                figures.append(Figure(f"CPU of the control plane per pod, up to {pods} pods (ms)", [cpu_s * 1000]))
            figures += await _latencies(api, pods)
            figures.append(Figure(f"control plane, PSS, {pods} pods (MB)", [pss_bytes(control_plane.pid) / 1e6]))
        figures.append(Figure("all but the shop's deleted, to the last object gone (s)", [await _empty(api)]))
    return Section(figures)


async def _pod_start_ms(api: Api, image: str, number: int) -> float:
    name = f"one-{number}"
    container: dict[str, Any] = {"name": "c", "image": image}
    if image == PLAIN:
        container["command"] = ["sleep", "1000"]
    pod = {"metadata": {"name": name}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
    ready, gone = asyncio.Event(), asyncio.Event()

    def look(change: str, obj: dict[str, Any]) -> None:
        if change == "DELETED":
            gone.set()
        elif any(
            item["type"] == "Ready" and item["status"] == "True" for item in obj["status"].get("conditions") or ()
        ):
            ready.set()

    informer = Informer(api, "pods", NAMESPACE, fields=f"metadata.name={name}")
    informer.listen(look)
    watching = asyncio.create_task(informer.run())
    await informer.synced.wait()
    began = time.perf_counter()
    await api.create("pods", NAMESPACE, pod)
    await asyncio.wait_for(ready.wait(), TIMEOUT_S)
    took = time.perf_counter() - began
    await api.delete("pods", NAMESPACE, name, grace_s=0)
    await asyncio.wait_for(gone.wait(), TIMEOUT_S)
    watching.cancel()
    return took * 1000


async def _fan_out(api: Api, rounds: int) -> Figure:
    """From one write to the moment when the last of many watchers has been told."""
    arrived: asyncio.Queue[None] = asyncio.Queue()
    informers = [Informer(api, "configmaps", NAMESPACE) for _ in range(WATCHERS)]
    for informer in informers:
        informer.listen(lambda change, obj: arrived.put_nowait(None) if obj["metadata"]["name"] == "told" else None)
    watching = [asyncio.create_task(informer.run()) for informer in informers]
    await asyncio.gather(*(informer.synced.wait() for informer in informers))
    await asyncio.sleep(1)  # From the list to the watch that follows it.
    took = []
    for number in range(rounds):
        body = {"metadata": {"name": "told"}, "data": {"round": str(number)}}
        began = time.perf_counter()
        await (api.update if number else api.create)("configmaps", NAMESPACE, body)
        for _ in range(WATCHERS):
            await asyncio.wait_for(arrived.get(), TIMEOUT_S)
        took.append((time.perf_counter() - began) * 1000)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await api.delete("configmaps", NAMESPACE, "told")
    return Figure(f"one write told to {WATCHERS} watchers (ms)", took)


async def _scale_to(api: Api, control_plane: psutil.Process, replicas: int) -> float:
    """CPU seconds of the control plane for each new pod, from the order to the last one Ready."""
    if not replicas:
        await api.create("deployments", NAMESPACE, _deployment())
        return 0.0
    before = (await api.get("deployments", NAMESPACE, "many"))["spec"]["replicas"]
    began = control_plane.cpu_times()
    await api.patch("deployments", NAMESPACE, "many", {"spec": {"replicas": replicas}}, subresource="scale")
    async with asyncio.timeout(TIMEOUT_S):
        async for event in api.watch("deployments", NAMESPACE, fields="metadata.name=many"):
            if event.object.get("status", {}).get("readyReplicas", 0) == replicas:
                break
    ended = control_plane.cpu_times()
    return (ended.user + ended.system - began.user - began.system) / (replicas - before)


def _deployment() -> dict[str, Any]:
    labels = {"app": "many"}
    pod = {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "c", "image": PLAIN, "command": ["sleep", "1000"]}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "many"}, "spec": spec}


async def _latencies(api: Api, pods: int) -> list[Figure]:
    """Over HTTPS on one warm connection; p50 and p95 of many requests, one after another."""
    name = (await api.list("pods", "sock-shop")).items[0]["metadata"]["name"]
    asked = {
        "get a pod": lambda: api.get("pods", "sock-shop", name),
        "list all pods": lambda: api.list("pods"),
        "patch a deployment": lambda: api.patch(
            "deployments", NAMESPACE, "many", {"metadata": {"annotations": {"at": str(time.perf_counter_ns())}}}
        ),
    }
    figures = []
    for words, ask in asked.items():
        took = []
        for _ in range(REQUESTS):
            began = time.perf_counter()
            await ask()
            took.append((time.perf_counter() - began) * 1000)
        cuts = statistics.quantiles(took, n=20)
        figures.append(Figure(f"{words}, {pods} pods, p50 (ms)", [cuts[9]]))
        figures.append(Figure(f"{words}, {pods} pods, p95 (ms)", [cuts[18]]))
    return figures


async def _empty(api: Api) -> float:
    """With Foreground the Deployment itself goes last."""
    version = (await api.list("deployments", NAMESPACE)).resource_version
    began = time.monotonic()
    await api.delete("deployments", NAMESPACE, "many", propagation="Foreground")
    async with asyncio.timeout(TIMEOUT_S):
        async for event in api.watch("deployments", NAMESPACE, resource_version=version):
            if event.type == "DELETED":
                break
    took = time.monotonic() - began
    left = (await api.list("pods", NAMESPACE)).items
    assert not left, f"{len(left)} pods are left"
    return took
