"""The same questions to every fault of the registry: is it proven, does it heal, also from the stored data, also twice?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.faults import registry
from drillyard.faults.fault import Fault, refuse_fights, to_json

from .test_active import EXAMPLES
from .world import World

NAMES = sorted(registry.FAULTS.keys() - {"lose_packets"})  # Which is always refused, as a test below asks.
WITH_EFFECT = [name for name in NAMES if name != "nothing"]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "faults.md"


def example(name: str) -> Fault:
    return registry.build(name, EXAMPLES.get(name, {}))


async def on(name: str, world: Any) -> Fault:
    prepared = await example(name).prepare(world)
    await prepared.put_in(world)
    return prepared


@pytest.mark.parametrize("name", WITH_EFFECT)
async def test_it_is_proven_on_only_after_it_was_put_in(name: str) -> None:
    world: Any = World()
    before = world.state()
    prepared = await example(name).prepare(world)
    assert world.state() == before, "prepare changes nothing"
    assert not (await prepared.is_on(world)).holds

    await prepared.put_in(world)
    proofs = [await prepared.is_on(world) for _ in range(3)]

    assert proofs[-1].holds, proofs[-1].seen
    assert proofs[-1].seen


@pytest.mark.parametrize("name", WITH_EFFECT)
async def test_without_an_effect_it_is_never_proven(name: str) -> None:
    world: Any = World(deaf=True)
    prepared = await on(name, world)

    assert not any([(await prepared.is_on(world)).holds for _ in range(5)])


@pytest.mark.parametrize("name", NAMES)
async def test_it_heals_twice_in_a_row_and_leaves_nothing(name: str) -> None:
    world: Any = World()
    before = world.state()
    prepared = await on(name, world)

    for _ in range(2):
        await prepared.heal(world)
        proof = await prepared.is_healed(world)
        assert proof.holds, proof.seen
        assert world.state() == before


@pytest.mark.parametrize("name", WITH_EFFECT)
async def test_it_heals_from_what_was_stored_after_its_runner_is_gone(name: str) -> None:
    world: Any = World()
    before = world.state()
    stored = json.loads(json.dumps(to_json(await on(name, world))))

    again = registry.build(name, stored)
    await again.heal(world)

    assert (await again.is_healed(world)).holds
    assert world.state() == before


@pytest.mark.parametrize("name", [name for name in WITH_EFFECT if name not in ("restart_pod",)])
async def test_it_is_not_healed_while_it_is_on(name: str) -> None:
    world: Any = World()
    prepared = await on(name, world)
    if name == "poison_message":
        world.deployments["queue-master"]["replicas"] = 0

    assert not (await prepared.is_healed(world)).holds


@pytest.mark.parametrize("name", WITH_EFFECT)
def test_it_fights_with_itself_and_says_over_what(name: str) -> None:
    fault = example(name)
    assert fault.touches()

    with pytest.raises(DrillyardError, match="Two faults fight over"):
        refuse_fights(fault, dict.fromkeys(fault.touches(), fault.describe()))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_in_the_documentation(name: str) -> None:
    assert f"\n## {name}\n" in DOCS.read_text()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("queue_policy", {"queue": "q", "max_length": "many"}, "max_length: 'many'"),
        ("queue_policy", {"queue": "q", "max_length": 1, "overflow": "explode"}, "overflow: 'explode'"),
        ("set_env", {"name": "shipping", "values": "PUBLISHER_CONFIRMS"}, "values: 'PUBLISHER_CONFIRMS'"),
        ("scale_deployment", {"deployment": None}, "deployment: None"),
        ("bank_behaviour", {"mode": "explode"}, "mode is 'explode'; it must be one of none, slow_before_capture"),
        ("bank_behaviour", {"mode": "rate_limit", "share": 2}, "share is '2.0'"),
    ],
)
def test_a_key_of_the_wrong_kind_is_one_sentence(name: str, data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DrillyardError) as refusal:
        registry.build(name, data)

    assert sentence in refusal.value.message


def test_a_person_is_not_offered_what_a_fault_remembers_for_its_cure() -> None:
    assert registry.keys_of("scale_deployment") == ["deployment", "namespace", "replicas", "queue"]


async def test_a_poison_message_behind_others_waits_for_its_turn() -> None:
    world: Any = World()
    prepared = await on("poison_message", world)
    world.messages.insert(0, {"payload": "{}", "properties": {"message_id": "an order's"}})
    slept = world.clock.sleep

    async def consumer_works(seconds: float) -> None:
        if world.deployments["queue-master"]["replicas"] and len(world.messages) > 1:
            world.messages.pop(0)
        await slept(seconds)

    world.clock.sleep = consumer_works
    await prepared.heal(world)

    assert world.messages == []
    assert world.deployments["queue-master"]["replicas"] == 1


async def test_a_store_of_a_real_cluster_cannot_be_slowed_and_says_so() -> None:
    from drillyard.yard.control.client import ControlClient

    world: Any = World()
    world.control = ControlClient("", "")

    with pytest.raises(DrillyardError, match="offers no control"):
        await example("slow_link").prepare(world)


async def test_packets_cannot_be_lost_truly_and_it_says_so() -> None:
    world: Any = World()

    with pytest.raises(DrillyardError, match="Packet loss cannot be put in truly"):
        await example("lose_packets").prepare(world)
    assert world.state() == World().state()


async def test_a_link_that_is_broken_already_proves_nothing() -> None:
    world: Any = World()
    await on("cut_link", world)

    with pytest.raises(DrillyardError, match="a fault could not be proven there"):
        await example("http_answer").prepare(world)


async def test_a_limit_too_wide_to_be_seen_is_refused() -> None:
    world: Any = World()

    with pytest.raises(DrillyardError, match="could not be proven"):
        await registry.build("limit_link", {**EXAMPLES["limit_link"], "bandwidth_kbps": 100_000}).prepare(world)


async def test_a_part_of_the_requests_is_proven_by_some_of_many() -> None:
    world: Any = World()
    prepared = await registry.build("http_answer", {**EXAMPLES["http_answer"], "share": 0.5}).prepare(world)
    await prepared.put_in(world)

    proof = await prepared.is_on(world)
    assert (proof.holds, "20 of 20 requests hit" in proof.seen) == (True, True)
    assert prepared.describe().endswith(", 50% of them")
