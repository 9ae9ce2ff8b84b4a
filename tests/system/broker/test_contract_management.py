"""
The management contract: the HTTP API and the drill of the full queue, against ours and against a real RabbitMQ.

RabbitMQ gathers figures every five seconds, so figures are waited for with a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import aio_pika
import pytest
from aio_pika import Message

FIGURES_LIMIT_S = 8.0


async def until(ask: Callable[[], Any], fits: Callable[[Any], bool]) -> Any:
    """Asks until the answer fits; fails with the last answer."""
    answer = None
    try:
        async with asyncio.timeout(FIGURES_LIMIT_S):
            while True:
                answer = (await ask()).json()
                if fits(answer):
                    return answer
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"the figures never fitted: {answer}")


async def ignore(message: Any) -> None:
    """A consumer that never answers."""


async def test_a_policy_makes_a_running_queue_refuse_and_its_deletion_makes_it_take_again(api, connect, name):
    channel = await (await connect()).channel()
    await channel.declare_queue(name)
    url = f"/api/policies/%2F/{name}"
    policy = {
        "pattern": f"^{name}$",
        "definition": {"max-length": 3, "overflow": "reject-publish"},
        "apply-to": "queues",
    }
    assert (await api.put(url, json=policy)).status_code == 201
    try:
        shown = await until(lambda: api.get(f"/api/queues/%2F/{name}"), lambda queue: queue.get("policy") == name)
        assert shown["effective_policy_definition"] == policy["definition"]
        outcomes = []
        for _ in range(5):
            try:
                await channel.default_exchange.publish(Message(b"x"), name)
                outcomes.append("taken")
            except aio_pika.exceptions.DeliveryError:
                outcomes.append("refused")
        assert outcomes == ["taken"] * 3 + ["refused"] * 2
        full = await until(lambda: api.get(f"/api/queues/%2F/{name}"), lambda queue: queue.get("messages") == 3)
        assert (full["messages_ready"], full["messages_unacknowledged"], full["consumers"]) == (3, 0, 0)
        listed = (await api.get("/api/policies/%2F")).json()
        assert {"vhost": "/", "name": name, "priority": 0, **policy} in listed
        assert (await api.put(url, json=policy)).status_code == 204
    finally:
        assert (await api.delete(url)).status_code == 204
    await channel.default_exchange.publish(Message(b"again"), name)
    assert (await api.delete(url)).status_code == 404


async def test_a_queue_shows_its_consumer(api, connect, name):
    channel = await (await connect()).channel()
    await channel.set_qos(1)
    queue = await channel.declare_queue(name)
    tag = await queue.consume(ignore)

    shown = await until(
        lambda: api.get(f"/api/queues/%2F/{name}"),
        lambda queue: queue.get("consumers") == 1 and queue.get("consumer_details"),
    )
    listed = (await api.get("/api/consumers/%2F")).json()

    details = shown["consumer_details"][0]
    assert (details["consumer_tag"], details["prefetch_count"], details["ack_required"]) == (tag, 1, True)
    assert tag in [consumer["consumer_tag"] for consumer in listed]


async def test_unknown_objects_are_404_and_a_wrong_login_is_401(api, name):
    missing = await api.get(f"/api/queues/%2F/{name}")
    other_vhost = await api.get("/api/queues/nowhere")
    login = await api.get("/api/overview", auth=("guest", "wrong"))

    assert (missing.status_code, missing.json()) == (404, {"error": "Object Not Found", "reason": "Not Found"})
    assert other_vhost.status_code == 404
    assert login.status_code == 401
    assert login.json()["error"] == "not_authorized"


@pytest.mark.parametrize(
    "body",
    [
        {"definition": {"max-length": 3}},
        {"pattern": "^x$"},
        {"pattern": "^x$", "definition": {"max-length": -1}},
        {"pattern": "^x$", "definition": {"max-length": "three"}},
        {"pattern": "^x$", "definition": {"overflow": "explode"}},
        {"pattern": "^x$", "definition": {"no-such-key": 1}},
        {"pattern": "(", "definition": {"max-length": 3}},
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(api, name, body):
    answer = await api.put(f"/api/policies/%2F/{name}", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert (await api.get(f"/api/policies/%2F/{name}")).status_code == 404


async def test_health_says_that_no_alarm_is_on(api):
    answer = await api.get("/api/health/checks/alarms")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_the_overview_counts_objects(api, connect, name):
    channel = await (await connect()).channel()
    await channel.declare_queue(name)

    totals = (
        await until(lambda: api.get("/api/overview"), lambda overview: overview["object_totals"]["connections"] >= 1)
    )["object_totals"]

    assert totals["queues"] >= 1
    assert totals["exchanges"] >= 7 - 1  # RabbitMQ also has amq.rabbitmq.trace.


async def page(api: Any, **query: Any) -> tuple[list[str], dict[str, Any]]:
    """The names of one page of queues, and what is said about the page."""
    answer = (await api.get("/api/queues/%2F", params=query)).json()
    return [item["name"] for item in answer.pop("items")], answer


async def test_queues_are_listed_by_name_page_by_page(api, connect, name):
    channel = await (await connect()).channel()
    for suffix in ("-3", "-2", ""):
        await channel.declare_queue(name + suffix)

    first, about = await page(api, page=1, page_size=2, name=name)
    second, _ = await page(api, page=2, page_size=2, name=name)
    backwards, _ = await page(api, page=1, name=f"^{name}-[23]$", use_regex="true", sort="name", sort_reverse="true")
    whole = [queue["name"] for queue in (await api.get("/api/queues", params={"name": "no-such"})).json()]

    assert (first, second) == ([name, name + "-2"], [name + "-3"])
    assert (about["filtered_count"], about["item_count"], about["page_count"]) == (3, 2, 2)
    assert about["total_count"] >= 3
    assert backwards == [name + "-3", name + "-2"]
    assert [each for each in whole if each.startswith(name)] == [name, name + "-2", name + "-3"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"page": 9, "page_size": 3}, "page_out_of_range"),
        ({"page": 0}, "invalid_pagination_parameters"),
        ({"page": 1, "page_size": 501}, "invalid_pagination_parameters"),
        ({"page": 1, "name": "(", "use_regex": "true"}, "bad_request"),
    ],
)
async def test_a_page_that_is_none_is_refused(api, name, query, error):
    answer = await api.get("/api/queues", params={"name": name} | query)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    "path",
    [
        "parameters",
        "parameters/federation",
        "parameters/shovel/%2F",
        "operator-policies",
        "operator-policies/%2F",
        "vhost-limits",
        "user-limits",
        "topic-permissions",
        "users/without-permissions",
        "users/guest/topic-permissions",
        "vhosts/%2F/topic-permissions",
    ],
)
async def test_a_list_of_what_there_is_not_is_empty(api, path):
    answer = await api.get(f"/api/{path}")

    assert (answer.status_code, answer.json()) == (200, [])


async def test_connections_and_channels_are_found_by_name_and_by_virtual_host(api, connect, name):
    queue = await (await (await connect()).channel()).declare_queue(name)
    await queue.consume(ignore)
    shown = await until(
        lambda: api.get(f"/api/queues/%2F/{name}"),
        lambda queue: queue.get("consumer_details") and queue["consumer_details"][0]["channel_details"],
    )
    details = shown["consumer_details"][0]["channel_details"]
    connection, channel = (quote(details[key], safe="") for key in ("connection_name", "name"))

    for path in (f"connections/{connection}/channels", "vhosts/%2F/channels"):
        listed = await until(
            lambda path=path: api.get(f"/api/{path}"), lambda answer: isinstance(answer, list) and answer
        )
        assert details["name"] in [each["name"] for each in listed], path
    assert (await api.get(f"/api/channels/{channel}")).json()["number"] == details["number"]
    of_host = (await api.get("/api/vhosts/%2F/connections")).json()
    assert details["connection_name"] in [each["name"] for each in of_host]
    assert (await api.get("/api/channels/nobody")).status_code == 404


async def test_health_checks_look_at_listeners(api, target):
    port = urlsplit(target.amqp_url).port
    for path in (f"port-listener/{port}", "protocol-listener/amqp", "protocol-listener/amqp091"):
        assert (await api.get(f"/api/health/checks/{path}")).json()["status"] == "ok", path
    for path in ("virtual-hosts", "certificate-expiration/1/weeks"):
        assert (await api.get(f"/api/health/checks/{path}")).json() == {"status": "ok"}, path
    for path in ("node-is-mirror-sync-critical", "node-is-quorum-critical"):
        assert (await api.get(f"/api/health/checks/{path}")).json()["reason"] == "single node cluster"
    closed, mqtt = [
        await api.get(f"/api/health/checks/{each}") for each in ("port-listener/1", "protocol-listener/mqtt")
    ]
    assert (closed.status_code, closed.json()["reason"]) == (503, "No active listener")
    assert (mqtt.status_code, mqtt.json()["missing"]) == (503, "mqtt")


async def test_exchanges_and_bindings_are_made_and_named(api, connect, name):
    await (await (await connect()).channel()).declare_queue(name)
    made = await api.put(f"/api/exchanges/%2F/{name}", json={})
    bound = await api.post(f"/api/bindings/%2F/e/{name}/q/{name}", json={"routing_key": "a b"})
    default = (await api.get("/api/exchanges/%2F/amq.default")).json()
    own = (await api.get(f"/api/bindings/%2F/e/amq.default/q/{name}")).json()
    refused = await api.delete("/api/exchanges/%2F/amq.direct")
    reserved = await api.put("/api/queues/%2F/amq.mine", json={})
    differs = await api.put(f"/api/queues/%2F/{name}", json={"durable": True})
    unknown = await api.post(
        "/api/exchanges/%2F/no-such/publish",
        json={"properties": {}, "routing_key": "k", "payload": "x", "payload_encoding": "string"},
    )

    assert made.status_code == 201
    assert (await api.get(f"/api/exchanges/%2F/{name}")).json()["type"] == "direct"
    assert (bound.status_code, bound.headers["location"]) == (201, f"{name}/a%2Bb")
    assert (default["name"], default["type"]) == ("", "direct")
    assert [each["routing_key"] for each in own] == [name]
    assert (refused.status_code, reserved.status_code) == (401, 401)
    assert differs.json()["reason"].startswith("inequivalent arg 'durable' for queue")
    assert (unknown.status_code, unknown.json()["reason"]) == (
        400,
        "404 NOT_FOUND - no exchange 'no-such' in vhost '/'",
    )


async def test_what_is_so_already_may_be_declared(api):
    everything = {"configure": ".*", "write": ".*", "read": ".*"}

    assert (await api.put("/api/vhosts/%2F")).status_code == 204
    assert (await api.put("/api/permissions/%2F/guest", json=everything)).status_code == 204
