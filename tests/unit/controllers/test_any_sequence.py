"""
Whatever people do to Deployments, in whatever order: the cluster comes to rest in the state that was asked for, what is
owned has an owner, and a watcher has seen every change once and in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillyard.cluster.client import ApiError, Object, Propagation
from drillyard.cluster.controllers.run import run_controllers

from .conftest import NAMESPACE, Cluster, deployment

NAMES = ("web", "db")
KINDS = ("deployments", "replicasets", "pods", "events", "endpointslices")
WAYS: tuple[Propagation, ...] = ("Background", "Foreground", "Orphan")


class Witness:
    """One watcher of one kind from the beginning: what it was told, checked as it comes."""

    def __init__(self, cluster: Cluster, kind: str) -> None:
        self._cluster, self._kind = cluster, kind
        self.known: dict[str, Object] = {}
        self._last = 0

    async def run(self) -> None:
        async for event in self._cluster.api.watch(self._kind, NAMESPACE, resource_version="1"):
            metadata = event.object["metadata"]
            version, uid = int(metadata["resourceVersion"]), metadata["uid"]
            assert version > self._last, "versions rise"
            self._last = version
            if event.type == "ADDED":
                assert uid not in self.known, "an object is added once"
            else:
                assert uid in self.known, "nothing changes or goes that never came"
            if event.type == "DELETED":
                del self.known[uid]
            else:
                self.known[uid] = event.object


class People:
    """Somebody with kubectl and no plan. Refusals (there is no such pod any more) are part of life."""

    def __init__(self, cluster: Cluster, source: random.Random) -> None:
        self._api, self._cluster, self._source = cluster.api, cluster, source

    async def do_something(self) -> None:
        deeds: list[Callable[[str], Awaitable[object]]] = [
            self._create,
            self._scale,
            self._change_image,
            self._pause,
            self._delete_deployment,
            self._delete_one,
            self._take_a_label_off,
            self._lie_about_an_owner,
            self._write_with_an_old_version,
            self._let_time_pass,
            self._run_pods,
        ]
        with contextlib.suppress(ApiError):
            await self._source.choice(deeds)(self._source.choice(NAMES))
        if self._source.random() < 0.6:
            await self._cluster.settle()

    async def _create(self, name: str) -> None:
        await self._api.create("deployments", NAMESPACE, deployment(name, replicas=self._source.randrange(4)))

    async def _scale(self, name: str) -> None:
        spec = {"spec": {"replicas": self._source.randrange(5)}}
        await self._api.patch("deployments", NAMESPACE, name, spec, subresource="scale")

    async def _change_image(self, name: str) -> None:
        image = [{"name": "c", "image": f"{name}:{self._source.randrange(3)}"}]
        change = {"spec": {"template": {"spec": {"containers": image}}}}
        await self._api.patch("deployments", NAMESPACE, name, change, type="strategic")

    async def _pause(self, name: str) -> None:
        await self._api.patch("deployments", NAMESPACE, name, {"spec": {"paused": self._source.random() < 0.5}})

    async def _delete_deployment(self, name: str) -> None:
        await self._api.delete("deployments", NAMESPACE, name, propagation=self._source.choice(WAYS))

    async def _delete_one(self, name: str) -> None:
        kind = self._source.choice(("pods", "pods", "replicasets"))
        if found := await self._cluster.items(kind, f"app={name}"):
            chosen = self._source.choice(found)["metadata"]["name"]
            way = self._source.choice(WAYS[:2])
            await self._api.delete(kind, NAMESPACE, chosen, propagation=way, grace_s=self._source.choice((0, 1, None)))

    async def _take_a_label_off(self, name: str) -> None:
        if found := await self._cluster.items("pods", f"app={name}"):
            chosen = self._source.choice(found)["metadata"]["name"]
            await self._api.patch("pods", NAMESPACE, chosen, {"metadata": {"labels": {"app": None}}})

    async def _lie_about_an_owner(self, name: str) -> None:
        """A pod whose owner never was goes, as if that owner had gone."""
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "none", "uid": f"{name}-none"}
        metadata = {"name": f"stray-{name}", "labels": {"stray": name}, "ownerReferences": [owner]}
        await self._api.create(
            "pods", NAMESPACE, {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "x"}]}}
        )

    async def _write_with_an_old_version(self, name: str) -> None:
        old = await self._api.get("deployments", NAMESPACE, name)
        await self._api.patch("deployments", NAMESPACE, name, {"metadata": {"annotations": {"by": str(old)[-9:]}}})
        current = await self._api.get("deployments", NAMESPACE, name)
        if current["metadata"]["resourceVersion"] == old["metadata"]["resourceVersion"]:
            return
        old["spec"]["replicas"] = 50
        try:
            await self._api.update("deployments", NAMESPACE, old)
        except ApiError as refused:
            assert (refused.status, refused.reason) == (409, "Conflict")
        else:
            raise AssertionError("an old version was written over a new one")

    async def _let_time_pass(self, _: str) -> None:
        await self._cluster.advance(self._source.choice((0.01, 1.0, 40.0)))

    async def _run_pods(self, _: str) -> None:
        await self._cluster.make_ready()


async def rest(cluster: Cluster) -> None:
    """What a kubelet and time do to a cluster that people leave alone."""
    for name in NAMES:
        with contextlib.suppress(ApiError):
            await cluster.api.patch("deployments", NAMESPACE, name, {"spec": {"paused": False}})
    for _ in range(40):
        await cluster.settle()
        before = cluster.store.version
        await cluster.make_ready()
        await cluster.advance(61.0)
        if cluster.store.version == before:
            return
    raise AssertionError("the cluster does not come to rest")


async def check(cluster: Cluster) -> None:
    objects = {kind: await cluster.items(kind) for kind in KINDS}
    everything = {obj["metadata"]["uid"]: obj for found in objects.values() for obj in found}
    for obj in everything.values():
        assert "deletionTimestamp" not in obj["metadata"], "nothing is on its way out for ever"
        for owner in obj["metadata"].get("ownerReferences") or ():
            if owner["kind"] in ("Deployment", "ReplicaSet"):
                assert owner["uid"] in everything, "what is owned has an owner"
    for wanted in objects["deployments"]:
        replicas, status = wanted["spec"]["replicas"], wanted["status"]
        assert status["observedGeneration"] == wanted["metadata"]["generation"]
        assert status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == replicas
        sets = {obj["metadata"]["uid"]: obj for obj in objects["replicasets"] if owned_by(obj, wanted)}
        pods = [pod for pod in objects["pods"] if owner_uid(pod) in sets]
        images = {pod["spec"]["containers"][0]["image"] for pod in pods}
        assert len(pods) == replicas
        assert images <= {wanted["spec"]["template"]["spec"]["containers"][0]["image"]}


def owner_uid(obj: Object) -> str:
    return next((owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ()), "")


def owned_by(obj: Object, owner: Object) -> bool:
    return owner_uid(obj) == owner["metadata"]["uid"]


@contextlib.asynccontextmanager
async def running_cluster() -> AsyncIterator[tuple[Cluster, list[Witness]]]:
    cluster = Cluster()
    witnesses = [Witness(cluster, kind) for kind in KINDS]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(witness.run()) for witness in witnesses]
        await cluster.api.create("namespaces", None, {"metadata": {"name": NAMESPACE}})
        tasks.append(group.create_task(run_controllers(cluster.api, cluster.clock)))
        await cluster.add_node()
        yield cluster, witnesses
        for task in tasks:
            task.cancel()


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32), deeds=st.integers(1, 25))
def test_any_sequence_of_calls_ends_where_it_was_asked_to(seed: int, deeds: int) -> None:
    async def play() -> None:
        async with running_cluster() as (cluster, witnesses):
            people = People(cluster, random.Random(seed))
            for _ in range(deeds):
                await people.do_something()
            await rest(cluster)
            await check(cluster)
            for kind, witness in zip(KINDS, witnesses, strict=True):
                assert sorted(map(repr, witness.known.values())) == sorted(map(repr, await cluster.items(kind)))

    asyncio.run(play())
