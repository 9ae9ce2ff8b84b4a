"""Downtimes: made over both API versions, they silence what they are about and nothing else."""

from __future__ import annotations

import pytest

from .test_monitors import REPLICAS, create, gauge, transitions

PATH = "/api/v2/downtime"


async def make(client, scope, **attributes):
    body = {"data": {"type": "downtime", "attributes": {"scope": scope} | attributes}}
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def alert(client, telemetry, clock):
    evaluator = telemetry.evaluator()
    for value in (1, 0):
        await clock.advance(90)
        await gauge(client, clock, "payment", value)
        await gauge(client, clock, "orders", value)
        await evaluator.look()


@pytest.mark.parametrize(
    ("scope", "identifier", "heard"),
    [
        ("kube_deployment:payment", {"monitor_tags": ["*"]}, ["orders"]),
        ("kube_namespace:sock-shop AND kube_deployment:(payment OR orders)", {"monitor_tags": ["team:a"]}, []),
        ("*", {"monitor_tags": ["team:b"]}, ["orders", "payment"]),
        ("*", {"monitor_id": 10_000_001}, []),
        ("*", {"monitor_id": 1}, ["orders", "payment"]),
        ("env:prod", {"monitor_tags": ["*"]}, ["orders", "payment"]),
    ],
)
async def test_what_a_downtime_is_about_changes_in_silence(client, telemetry, clock, scope, identifier, heard):
    identity = await create(client, "metric alert", REPLICAS)
    await make(client, scope, monitor_identifier=identifier)
    await alert(client, telemetry, clock)
    assert sorted(groups[0].removeprefix("kube_deployment:") for groups, _ in await transitions(client)) == heard
    found = (await client.get(f"/api/v1/monitor/{identity}")).json()
    assert found["overall_state"] == "Alert"  # Silent, not blind.


async def test_a_downtime_is_scheduled_active_ended_and_the_monitor_shows_it(client, clock):
    identity = await create(client, "metric alert", REPLICAS)
    schedule = {"start": "2025-11-05T20:10:00Z", "end": "2025-11-05T20:20:00Z"}
    made = await make(client, "*", monitor_identifier={"monitor_id": identity}, schedule=schedule, message="deploy")
    states, matches = [], []
    for _ in range(3):
        states.append((await client.get(f"{PATH}/{made['id']}")).json()["data"]["attributes"]["status"])
        found = (await client.get(f"/api/v2/monitor/{identity}/downtime_matches")).json()["data"]
        shown = (await client.get(f"/api/v1/monitor/{identity}", params={"with_downtimes": "true"})).json()
        assert len(shown["matching_downtimes"]) == len(found)
        matches.append(len(found))
        await clock.advance(600)
    assert states == ["scheduled", "active", "ended"]
    assert matches == [0, 1, 0]


async def test_the_first_version_sees_and_cancels_the_same_downtimes(client):
    old = (await client.post("/api/v1/downtime", json={"scope": ["env:x", "a:b"], "message": "m"})).json()
    (new,) = (await client.get(PATH)).json()["data"]
    assert new["attributes"]["scope"] == "env:x AND a:b"
    assert old["active"] is True
    changed = (await client.put(f"/api/v1/downtime/{old['id']}", json={"message": "n"})).json()
    assert (changed["message"], changed["scope"]) == ("n", ["env:x", "a:b"])
    body = {"data": {"type": "downtime", "id": new["id"], "attributes": {"message": "o"}}}
    assert (await client.patch(f"{PATH}/{new['id']}", json=body)).json()["data"]["attributes"]["message"] == "o"
    assert (await client.delete(f"/api/v1/downtime/{old['id']}")).status_code == 204
    (found,) = (await client.get("/api/v1/downtime")).json()
    assert (found["active"], found["disabled"]) == (False, True)
    assert (await client.get(PATH, params={"current_only": "true"})).json()["data"] == []


async def test_a_muted_host_is_a_downtime(client, clock):
    point = {"timestamp": int(clock.now().timestamp()), "value": 1.0}
    series = [{"metric": "system.load.1", "type": 3, "points": [point], "resources": [{"type": "host", "name": "n"}]}]
    await client.post("/api/v2/series", json={"series": series})
    assert (await client.post("/api/v1/host/n/mute", json={"message": "x"})).json()["action"] == "Muted"
    assert (await client.post("/api/v1/host/n/mute", json={})).status_code == 400
    (host,) = (await client.get("/api/v1/hosts")).json()["host_list"]
    assert host["is_muted"] is True
    assert (await client.post("/api/v1/host/n/unmute")).status_code == 200
    assert (await client.post("/api/v1/host/n/unmute")).status_code == 400


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({}, "scope"),
        ({"scope": "a:("}, "scope"),
        ({"scope": "*", "schedule": {"recurrences": [{"rrule": "FREQ=DAILY"}]}}, "Recurring"),
        ({"scope": "*", "schedule": {"start": "2025-01-02T00:00:00Z", "end": "2025-01-01T00:00:00Z"}}, "ends before"),
        ({"scope": "*", "schedule": {"start": "soon"}}, "start"),
        ({"scope": "*", "monitor_identifier": {"monitor_id": "x"}}, "monitor_id"),
    ],
)
async def test_a_bad_downtime_is_refused_with_a_sentence(client, attributes, word):
    answer = await client.post(PATH, json={"data": {"type": "downtime", "attributes": attributes}})
    assert answer.status_code == 400
    assert word in answer.json()["errors"][0]


async def test_downtimes_survive_a_restart(client, telemetry, tmp_path):
    from drillyard.telemetry.monitors.downtimes import DowntimeBook

    made = await make(client, "*")
    kept = DowntimeBook(tmp_path / "telemetry" / "downtimes.json")
    assert [one["id"] for one in kept.all()] == [made["id"]]
    assert kept.get(str(kept.all()[0]["number"])) == kept.all()[0]


async def test_downtimes_are_cancelled_by_their_scope(client):
    body = {"scope": ["env:x", "service:a"], "message": "m"}
    number = (await client.post("/api/v1/downtime", json=body)).json()["id"]
    await client.post("/api/v1/downtime", json={"scope": ["env:x"]})
    asked = {"scope": "service:a,env:x"}
    answer = await client.post("/api/v1/downtime/cancel/by_scope", json=asked)
    assert (answer.status_code, answer.json()) == (200, {"cancelled_ids": [number]})
    assert (await client.post("/api/v1/downtime/cancel/by_scope", json=asked)).status_code == 404


async def test_all_monitors_are_muted_and_unmuted_at_once(client):
    muted = (await client.post("/api/v1/monitor/mute_all")).json()
    assert (muted["scope"], muted["active"]) == (["*"], True)
    assert (await client.post("/api/v1/monitor/unmute_all")).status_code == 204
    assert (await client.get("/api/v1/downtime", params={"current_only": "true"})).json() == []
