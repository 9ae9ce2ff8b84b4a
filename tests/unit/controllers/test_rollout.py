"""
The arithmetic of rolling updates: properties over random states, and the shape of names.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.client import Object
from drillyard.cluster.controllers.rollout import bounds, new_replicas, old_replicas, share, template_hash

amounts = st.one_of(st.integers(0, 5), st.integers(0, 100).map(lambda number: f"{number}%"))


def wanted(replicas: int, surge: object, unavailable: object) -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


def replica_set(name: str, replicas: int, available: int) -> Object:
    metadata = {"name": name, "creationTimestamp": f"2025-11-05T20:00:0{name[-1]}Z"}
    return {
        "metadata": metadata,
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "availableReplicas": available},
    }


sets = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda pair: (max(pair), min(pair)))


@given(st.integers(0, 10), amounts, amounts, sets, st.lists(sets, max_size=3))
def test_no_step_exceeds_the_surge_or_takes_too_many_available_pods(
    replicas: int, surge: object, unavailable: object, newest: tuple[int, int], older: list[tuple[int, int]]
) -> None:
    deployment = wanted(replicas, surge, unavailable)
    new = replica_set("new-0", *newest)
    old = [replica_set(f"old-{index + 1}", *sizes) for index, sizes in enumerate(older)]
    extra, missing = bounds(deployment)
    total = sum(sizes[0] for sizes in older)
    size = new_replicas(deployment, new, old)
    assert size <= max(replicas, 0)
    if size > newest[0]:
        assert size + total <= replicas + extra
    new["spec"]["replicas"] = size
    left = old_replicas(deployment, new, old)
    available_before = newest[1] + sum(sizes[1] for sizes in older)
    after = newest[1] + sum(
        min(available, left.get(f"old-{index + 1}", size)) for index, (size, available) in enumerate(older)
    )
    assert after >= min(available_before, replicas - missing)
    assert all(0 <= left_size < older[int(name[-1]) - 1][0] for name, left_size in left.items())


@given(st.integers(1, 10), amounts, amounts)
def test_a_rollout_of_pods_that_work_always_ends(replicas: int, surge: object, unavailable: object) -> None:
    deployment = wanted(replicas, surge, unavailable)
    new, old = replica_set("new-0", 0, 0), replica_set("old-1", replicas, replicas)
    for _ in range(60):
        new["spec"]["replicas"] = new_replicas(deployment, new, [old])
        sizes = old_replicas(deployment, new, [old])
        old["spec"]["replicas"] = sizes.get("old-1", old["spec"]["replicas"])
        for item in (new, old):  # Whatever was asked for now runs.
            item["status"] = {"replicas": item["spec"]["replicas"], "availableReplicas": item["spec"]["replicas"]}
        if (new["spec"]["replicas"], old["spec"]["replicas"]) == (replicas, 0):
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize(
    ("value", "of", "up", "down"), [("25%", 4, 1, 1), ("25%", 1, 1, 0), ("30%", 5, 2, 1), (2, 7, 2, 2), ("0%", 9, 0, 0)]
)
def test_shares_round_up_for_surge_and_down_for_unavailable(value: object, of: int, up: int, down: int) -> None:
    assert (share(value, of, up=True), share(value, of, up=False)) == (up, down)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.integers(0, 3))
def test_a_template_hash_is_a_name_and_depends_on_every_field(labels: dict[str, str], collisions: int) -> None:
    found = template_hash({"labels": labels}, collisions)
    assert re.fullmatch(r"[bcdfghjklmnpqrstvwxz2456789]{8,10}", found)
    assert found == template_hash({"labels": dict(reversed(labels.items()))}, collisions)
    assert found != template_hash({"labels": {**labels, "more": "x"}}, collisions)
