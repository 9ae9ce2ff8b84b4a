"""
The management contract: the HTTP API and the drill of the full queue, against ours and against a real RabbitMQ.

RabbitMQ gathers figures every five seconds, so figures are waited for with a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

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
