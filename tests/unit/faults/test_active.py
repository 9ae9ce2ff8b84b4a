"""What was broken can be healed by whoever comes later, also after its owner was killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.base.processes import ProcessId
from drillyard.faults import active as module
from drillyard.faults import registry
from drillyard.faults.active import ActiveFaults
from drillyard.faults.fault import Proof
from drillyard.faults.scale_deployment import ScaleDeployment
from drillyard.yard.broker import QueueView


class Cluster:
    """A deployment with replicas, and a broker that counts them as consumers."""

    def __init__(self) -> None:
        self.replicas = 2
        self.api = self
        self.broker = SimpleNamespace(queue=self._queue)

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return {"spec": {"replicas": self.replicas}}

    async def patch(self, kind: str, namespace: str, name: str, patch: dict[str, Any], **_: Any) -> None:
        self.replicas = patch["spec"]["replicas"]

    async def ready_addresses(self, service: str, namespace: str = "sock-shop") -> int:
        return self.replicas

    async def _queue(self, name: str) -> QueueView:
        return QueueView(0, 0, 0, self.replicas)


LINK = {"client": "sock-shop/front-end", "service": "sock-shop/catalogue"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "autoscaler_metric": {"deployment": "payment"},
    "bank_behaviour": {"mode": "rate_limit"},
    "connection_slots": {"store": "catalogue-db", "database": "socksdb", "victim": "catalogue", "probe_says": "err"},
    "crash_loop": {"deployment": "payment"},
    "cut_link": {**LINK, "how": "reset"},
    "http_answer": {**LINK, "answer": 429, "when": "after"},
    "limit_cpu": {"deployment": "payment", "cpu": "10m"},
    "limit_link": {**LINK, "bandwidth_kbps": 64},
    "limit_memory": {"deployment": "payment", "memory": "8Mi"},
    "lose_packets": LINK,
    "freeze_pod": {"deployment": "payment"},
    "queue_policy": {"queue": "shipping-task", "max_length": 3},
    "restart_pod": {"deployment": "rabbitmq"},
    "scale_deployment": {"deployment": "payment"},
    "set_env": {"name": "shipping", "values": {"PUBLISHER_CONFIRMS": "false"}},
    "slow_consumer": {"work_ms": 5000},
    "slow_link": {
        "client": "sock-shop/catalogue",
        "service": "sock-shop/catalogue-db",
        "latency_ms": 100,
        "probe_service": "catalogue",
    },
    "table_lock": {
        "store": "catalogue-db",
        "database": "socksdb",
        "table": "sock",
        "hold_ms": 1000,
        "probe_service": "catalogue",
        "probe_path": "/catalogue",
    },
}
FAULT = ScaleDeployment(deployment="queue-master", replicas=0, queue="shipping-task")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def faults(tmp_path: Path, clock: VirtualClock) -> ActiveFaults:
    return ActiveFaults(tmp_path / "faults.json", clock)


async def test_a_fault_is_proven_on_and_healed_twice_in_a_row(faults: ActiveFaults, clock: VirtualClock) -> None:
    yard: Any = Cluster()

    prepared = await faults.put_in(FAULT, yard, clock.now() + timedelta(minutes=5))

    assert (await prepared.is_on(yard)).holds
    assert yard.replicas == 0
    for _ in range(2):
        [(healed, proof)] = await faults.heal([prepared], yard)
        assert (healed, proof.holds) == (prepared, True)
        assert yard.replicas == 2
    assert faults.all() == []


@dataclass(frozen=True)
class Slow:
    """A fault that is gone so many seconds after its cure, or whose cure is refused."""

    name: str
    gone_after_s: float
    refused: bool = False
    cured: dict[str, float] = field(default_factory=dict, compare=False)

    async def heal(self, yard: Any) -> None:
        if self.refused:
            raise DrillyardError("The broker does not answer.")
        self.cured[self.name] = yard.clock.monotonic_s()

    async def is_healed(self, yard: Any) -> Proof:
        return Proof(yard.clock.monotonic_s() >= self.cured[self.name] + self.gone_after_s, "looked")


async def test_several_are_repaired_at_once_the_last_first_and_waited_for_side_by_side(
    faults: ActiveFaults, clock: VirtualClock
) -> None:
    cured: dict[str, float] = {}
    chosen: Any = [Slow("first", 8, cured=cured), Slow("second", 8, cured=cured)]
    task = asyncio.ensure_future(faults.heal(chosen, SimpleNamespace(clock=clock)))  # type: ignore[arg-type]
    while not task.done():
        await clock.advance(0.1)

    assert [fault.name for fault, proof in await task if proof.holds] == ["second", "first"]  # type: ignore[attr-defined]
    assert list(cured) == ["second", "first"]
    assert clock.monotonic_s() < 9


async def test_one_that_cannot_be_repaired_does_not_keep_the_others_from_it(faults: ActiveFaults) -> None:
    yard: Any = SimpleNamespace(clock=VirtualClock())
    chosen: Any = [Slow("first", 0), Slow("second", 0, refused=True)]

    healed = await faults.heal(chosen, yard)

    assert [(fault.name, proof.holds, proof.seen) for fault, proof in healed] == [  # type: ignore[attr-defined]
        ("second", False, "the repair failed: The broker does not answer."),
        ("first", True, "looked"),
    ]


async def test_it_is_healed_from_what_was_stored(tmp_path: Path, faults: ActiveFaults, clock: VirtualClock) -> None:
    yard: Any = Cluster()
    await faults.put_in(FAULT, yard, clock.now() + timedelta(minutes=5))

    later = ActiveFaults(tmp_path / "faults.json", clock)
    (one,) = later.all()
    await later.heal([one.fault], yard)

    assert yard.replicas == 2


async def test_it_counts_as_abandoned_when_its_owner_is_gone_or_its_time_is_over(
    faults: ActiveFaults, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard: Any = Cluster()
    await faults.put_in(FAULT, yard, clock.now() + timedelta(seconds=10))
    assert faults.abandoned() == []

    clock.elapsed_s += 11
    assert len(faults.abandoned()) == 1

    clock.elapsed_s = 0.0
    monkeypatch.setattr(module, "ProcessId", ProcessId)
    monkeypatch.setattr(ProcessId, "alive", lambda self: False)
    assert len(faults.abandoned()) == 1


async def test_a_broker_that_still_has_a_consumer_disproves_it(faults: ActiveFaults) -> None:
    yard: Any = Cluster()
    prepared = await FAULT.prepare(yard)
    await prepared.put_in(yard)

    async def still_one(name: str) -> QueueView:
        return QueueView(0, 0, 0, 1)

    yard.broker.queue = still_one

    assert not (await prepared.is_on(yard)).holds


async def test_scaling_to_what_it_already_was_is_no_fault() -> None:
    yard: Any = Cluster()
    yard.replicas = 0

    prepared = await FAULT.prepare(yard)
    await prepared.put_in(yard)

    assert not (await prepared.is_on(yard)).holds


def test_a_damaged_list_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text("[{")

    with pytest.raises(DrillyardError, match="cannot be read"):
        ActiveFaults(tmp_path / "faults.json").all()


@pytest.mark.parametrize("name", sorted(registry.FAULTS))
def test_every_fault_says_what_it_does_and_can_be_stored(name: str) -> None:
    kind = registry.FAULTS[name]
    fault = registry.build(name, EXAMPLES.get(name, {}))

    assert kind.__doc__
    assert registry.name_of(fault) == name
    assert registry.build(name, module.to_json(fault)) == fault
