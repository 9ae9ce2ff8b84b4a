"""Events and containers over HTTP."""

from __future__ import annotations

import pytest

NOW_S = 1762372800

SCALED = {
    "title": "Events from the Deployment sock-shop/queue-master",
    "text": "%%% \n1 **ScalingReplicaSet**: Scaled down replica set queue-master-856978bb7b from 1 to 0\n%%%",
    "tags": ["kube_namespace:sock-shop", "kube_deployment:queue-master"],
    "source_type_name": "kubernetes",
    "date_happened": NOW_S - 30,
}


async def test_a_kubernetes_event_is_found_by_both_versions(client):
    created = await client.post("/api/v1/events", json=SCALED)
    assert created.status_code == 202
    event = created.json()["event"]

    query = {"filter": {"query": 'source:kubernetes kube_namespace:sock-shop "Scaled down"'}}
    (found,) = (await client.post("/api/v2/events/search", json=query)).json()["data"]
    assert found["attributes"]["attributes"]["title"] == SCALED["title"]
    assert found["attributes"]["message"] == SCALED["text"]
    assert "source:kubernetes" in found["attributes"]["tags"]

    listed = await client.get(
        "/api/v1/events", params={"start": NOW_S - 60, "end": NOW_S, "tags": "kube_namespace:sock-shop"}
    )
    assert [item["id"] for item in listed.json()["events"]] == [event["id"]]
    assert (await client.get(f"/api/v1/events/{event['id']}")).json()["event"] == event


async def test_negative_times_count_from_now(client):
    await client.post("/api/v1/events", json=SCALED)
    recent = await client.get("/api/v1/events", params={"start": -3600, "end": 0})
    older = await client.get("/api/v1/events", params={"start": -3600, "end": -60})
    assert (len(recent.json()["events"]), len(older.json()["events"])) == (1, 0)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [({"sources": "kubernetes,docker"}, 1), ({"sources": "docker"}, 0), ({"priority": "low"}, 0), ({"tags": "a:b"}, 0)],
)
async def test_listing_filters(client, parameters, count):
    await client.post("/api/v1/events", json=SCALED)
    answer = await client.get("/api/v1/events", params={"start": NOW_S - 60, "end": NOW_S} | parameters)
    assert len(answer.json()["events"]) == count


@pytest.mark.parametrize(
    "change", [{"title": ""}, {"alert_type": "bad"}, {"priority": "high"}, {"date_happened": "soon"}, {"tags": 5}]
)
async def test_an_event_that_makes_no_sense_is_refused(client, change):
    assert (await client.post("/api/v1/events", json=SCALED | change)).status_code == 400


async def test_an_unknown_event_is_not_found(client):
    assert (await client.get("/api/v1/events/123")).status_code == 404
    assert (await client.get(f"/api/v1/events/{10**30}")).status_code == 404
    assert (await client.get("/api/v1/events")).status_code == 400


def container(deployment, number=1):
    tags = ["kube_namespace:sock-shop", f"kube_deployment:{deployment}"]
    return {"container_id": f"{deployment}{number}", "name": deployment, "state": "running", "tags": tags}


async def test_the_containers_of_a_deployment_scaled_to_zero_are_gone(client):
    report = {"host": "node", "containers": [container("orders"), container("queue-master")]}
    await client.post("/api/v1/container", json=report)
    question = {"filter[tags]": "kube_namespace:sock-shop kube_deployment:queue-master"}
    assert len((await client.get("/api/v2/containers", params=question)).json()["data"]) == 1
    await client.post("/api/v1/container", json={"host": "node", "containers": [container("orders")]})
    assert (await client.get("/api/v2/containers", params=question)).json()["data"] == []


async def test_containers_come_in_pages_and_groups(client):
    report = {"host": "node", "containers": [container("orders", number) for number in range(3)]}
    await client.post("/api/v1/container", json=report)
    first = (await client.get("/api/v2/containers", params={"page[size]": 2})).json()
    cursor = first["meta"]["pagination"]["next_cursor"]
    rest = (await client.get("/api/v2/containers", params={"page[size]": 2, "page[cursor]": cursor})).json()
    assert [item["id"] for item in first["data"] + rest["data"]] == ["orders0", "orders1", "orders2"]
    (group,) = (await client.get("/api/v2/containers", params={"group_by": "kube_deployment"})).json()["data"]
    assert group["attributes"] == {"count": 3, "tags": ["kube_deployment:orders"]}


async def test_a_host_that_stopped_reporting_has_no_containers(client, clock):
    await client.post("/api/v1/container", json={"host": "node", "containers": [container("orders")]})
    await clock.advance(61)
    assert (await client.get("/api/v2/containers")).json()["data"] == []


def change(**more):
    inner = {"changed_resource": {"name": "payment", "type": "feature_flag"}}
    attributes = {"title": "Gateway switched", "message": "to the new one", "category": "change", "attributes": inner}
    return {"data": {"type": "event", "attributes": attributes | {"tags": ["service:payment"]} | more}}


async def test_a_change_event_of_the_second_version_is_found_by_its_values(client):
    assert (await client.post("/api/v2/events", json=change())).status_code == 202
    query = {"filter": {"query": "service:payment @changed_resource.name:payment @category:change switched"}}
    (found,) = (await client.post("/api/v2/events/search", json=query)).json()["data"]
    assert found["attributes"]["message"] == "to the new one"


@pytest.mark.parametrize("more", [{"category": "deploy"}, {"title": ""}, {"timestamp": "soon"}, {"category": "alert"}])
async def test_an_event_of_the_second_version_that_makes_no_sense_is_refused(client, more):
    assert (await client.post("/api/v2/events", json=change(**more))).status_code == 400
