"""Incidents and hosts over HTTP."""

from __future__ import annotations

import pytest

PATH = "/api/v2/incidents"
NOW_S = 1_762_372_800


def body(kind="incidents", **attributes):
    return {"data": {"type": kind, "attributes": attributes}}


async def declare(client, title="Orders fail", **more):
    fields = {"severity": {"type": "dropdown", "value": "SEV-1"}}
    answer = await client.post(PATH, json=body(title=title, customer_impacted=True, fields=fields) | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


async def test_an_incident_runs_from_active_to_resolved_with_its_timeline(client, clock):
    cells = [{"cell_type": "markdown", "content": {"content": "seen in the logs"}}]
    created = await client.post(PATH, json=body(title="Orders fail", customer_impacted=True, initial_cells=cells))
    incident = created.json()["data"]
    assert (incident["attributes"]["state"], incident["attributes"]["severity"]) == ("active", "UNKNOWN")
    await clock.advance(600)
    fields = {"state": {"type": "dropdown", "value": "resolved"}, "severity": {"type": "dropdown", "value": "SEV-2"}}
    changed = await client.patch(f"{PATH}/{incident['id']}", json=body(fields=fields))
    attributes = changed.json()["data"]["attributes"]
    assert (attributes["state"], attributes["resolved"]) == ("resolved", "2025-11-05T20:10:00.000Z")
    assert attributes["time_to_repair"] == 600
    await client.post(
        f"{PATH}/{incident['id']}/timeline", json=body("incident_timeline_cells", content={"content": "done"})
    )
    found = (await client.get(f"{PATH}/1/timeline")).json()["data"]
    kinds = [cell["attributes"]["cell_type"] for cell in found]
    assert kinds == ["markdown", "incident_status_change", "markdown"]
    assert found[1]["attributes"]["content"]["after"] == {
        "title": "Orders fail",
        "severity": "SEV-2",
        "state": "resolved",
    }


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("state:active", ["Queue stands still", "Orders fail"]),
        ("severity:SEV-1 customer_impacted:true orders", ["Orders fail"]),
        ("state:(resolved OR stable)", []),
    ],
)
async def test_incidents_are_searched(client, query, titles):
    await declare(client)
    await declare(client, "Queue stands still")
    answer = (await client.get(f"{PATH}/search", params={"query": query})).json()
    found = answer["data"]["attributes"]
    assert [item["data"]["attributes"]["title"] for item in found["incidents"]] == titles
    assert found["total"] == len(titles)


async def test_incidents_come_in_pages_are_kept_and_can_be_deleted(client, tmp_path):
    from drillyard.telemetry.incidents.book import IncidentBook

    first, second = await declare(client), await declare(client, "second")
    page = (await client.get(PATH, params={"page[size]": 1})).json()
    assert [item["id"] for item in page["data"]] == [first]
    following = page["meta"]["pagination"]["next_offset"]
    rest = (await client.get(PATH, params={"page[offset]": following})).json()
    assert [item["id"] for item in rest["data"]] == [second]
    assert IncidentBook(tmp_path / "telemetry" / "incidents.json").get(second)
    assert (await client.delete(f"{PATH}/{first}")).status_code == 204
    assert (await client.get(f"{PATH}/{first}")).json() == {"errors": ["incident not found"]}


@pytest.mark.parametrize(
    "given",
    [
        {}, body(), body(title="x"), body(title=5, customer_impacted=True), body("incident", title="x", customer_impacted=True),
        body(title="x", customer_impacted=True, fields={"state": {"value": "gone"}}),
        body(title="x", customer_impacted=True, fields={"severity": {"value": "P1"}}),
        body(title="x", customer_impacted=True, fields=[]), body(title="x", customer_impacted=True, initial_cells=[{}]),
        body(title="x", customer_impacted=True, detected="yesterday"),
    ],
)  # fmt: skip
async def test_an_incident_that_makes_no_sense_is_refused_and_not_kept(client, given):
    assert (await client.post(PATH, json=given)).status_code == 400
    assert (await client.get(PATH)).json()["data"] == []


async def test_a_host_is_listed_while_it_reports(client, clock):
    point = {"timestamp": NOW_S, "value": 0.5}
    series = {"metric": "system.load.1", "type": 3, "points": [point], "resources": [{"type": "host", "name": "node"}]}
    await client.post("/api/v2/series", json={"series": [series]})
    (host,) = (await client.get("/api/v1/hosts", params={"filter": "no"})).json()["host_list"]
    assert (host["name"], host["up"], host["metrics"]["load"]) == ("node", True, 0.5)
    assert (await client.get("/api/v1/hosts/totals")).json() == {"total_active": 1, "total_up": 1}
    await clock.advance(3_700)
    assert (await client.get("/api/v1/hosts/totals")).json() == {"total_active": 0, "total_up": 1}
    await clock.advance(3 * 3_600)
    assert (await client.get("/api/v1/hosts")).json()["total_matching"] == 0


async def test_impacts_say_from_when_to_when_customers_were_hurt(client):
    identity = await declare(client)
    impact = {"description": "Orders fail", "start_at": "2025-11-05T19:50:00Z", "end_at": "2025-11-05T19:55:00Z"}
    first = await client.post(f"{PATH}/{identity}/impacts", json=body("incident_impacts", **impact))
    assert first.status_code == 201
    more = impact | {"start_at": "2025-11-05T19:40:00Z"}
    await client.post(f"{PATH}/{identity}/impacts", json=body("incident_impacts", **more))
    found = (await client.get(f"{PATH}/{identity}/impacts")).json()["data"]
    assert [one["attributes"]["start_at"][11:16] for one in found] == ["19:50", "19:40"]
    attributes = (await client.get(f"{PATH}/{identity}")).json()["data"]["attributes"]
    assert attributes["customer_impact_start"] == "2025-11-05T19:40:00.000Z"
    assert attributes["customer_impact_duration"] == 900
    one = f"{PATH}/{identity}/impacts/{found[0]['id']}"
    patched = await client.patch(one, json=body("incident_impacts", description="All orders fail"))
    assert patched.json()["data"]["attributes"]["description"] == "All orders fail"
    assert (await client.patch(one, json=body("incident_impacts", end_at="2025-11-05T19:00:00Z"))).status_code == 400
    assert (await client.delete(f"{PATH}/{identity}/impacts/{found[1]['id']}")).status_code == 204
    attributes = (await client.get(f"{PATH}/{identity}")).json()["data"]["attributes"]
    assert attributes["customer_impact_duration"] == 300
    for wrong in ({"description": "x"}, impact | {"end_at": "2025-11-05T19:00:00Z"}, impact | {"start_at": "soon"}):
        answer = await client.post(f"{PATH}/{identity}/impacts", json=body("incident_impacts", **wrong))
        assert answer.status_code == 400


async def test_todos_are_made_done_and_taken_away(client):
    path = f"{PATH}/{await declare(client)}/relationships/todos"
    made = await client.post(path, json=body("incident_todos", content="scale payment", assignees=["@a"]))
    assert made.status_code == 201
    one = f"{path}/{made.json()['data']['id']}"
    await client.patch(one, json=body("incident_todos", completed="2025-11-05T20:00:00Z"))
    attributes = (await client.get(one)).json()["data"]["attributes"]
    assert (attributes["content"], attributes["completed"]) == ("scale payment", "2025-11-05T20:00:00.000Z")
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).status_code == 404
    assert (await client.post(path, json=body("incident_todos", content="x"))).status_code == 400
