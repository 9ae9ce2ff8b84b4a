"""What RabbitMQ has and this broker has not is refused in words, never pretended (docs/broker-differences.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pamqp import commands

Basic, Queue = commands.Basic, commands.Queue
DOCUMENT = Path(__file__).parents[3] / "docs" / "broker-differences.md"

REFUSED: dict[str, Any] = {
    "x-max-priority": Queue.Declare(queue="q", arguments={"x-max-priority": 10}),
    "quorum": Queue.Declare(queue="q", durable=True, arguments={"x-queue-type": "quorum"}),
    "stream": Queue.Declare(queue="q", durable=True, arguments={"x-queue-type": "stream"}),
    "x-queue-mode": Queue.Declare(queue="q", arguments={"x-queue-mode": "lazy"}),
}


@pytest.mark.parametrize(("word", "method"), REFUSED.items(), ids=REFUSED.keys())
def test_what_is_missing_answers_540_and_stands_in_the_document(our_broker, raw_client, word, method):
    client = raw_client(our_broker.amqp_url)
    client.open()
    client.say(method)

    closed = client.expect(commands.Connection.Close)

    assert closed.reply_code == 540
    assert closed.reply_text.startswith("NOT_IMPLEMENTED - ")
    assert f"`{word}`" in DOCUMENT.read_text()
    client.close()


def test_it_names_itself_honestly(our_broker, our_api, raw_client):
    client = raw_client(our_broker.amqp_url)
    client.send(b"AMQP\x00\x00\x09\x01")

    start = client.expect(commands.Connection.Start)
    overview = our_api.get("/api/overview").json()

    assert start.server_properties["product"] == overview["product_name"] == "drillyard-broker"
    client.close()


@pytest.mark.parametrize("key", ["ha-mode", "queue-mode", "delivery-limit", "federation-upstream-set"])
def test_a_policy_key_it_does_not_know_is_refused_by_name(our_api, key):
    body = {"pattern": ".*", "definition": {key: "all"}}

    answer = our_api.put("/api/policies/%2F/p", json=body)

    assert answer.status_code == 400
    assert f"{key} is not a policy setting of this broker" in answer.json()["reason"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/users/somebody", {"password": "x", "tags": "management"}),
        ("/api/users/guest", {"password": "another", "tags": "administrator"}),
        ("/api/permissions/%2F/somebody", {"configure": ".*", "write": ".*", "read": ".*"}),
        ("/api/permissions/%2F/guest", {"configure": "", "write": ".*", "read": ".*"}),
        ("/api/vhosts/other", {}),
        ("/api/operator-policies/%2F/p", {"pattern": ".*", "definition": {"max-length": 1}}),
        ("/api/parameters/federation-upstream/%2F/u", {"value": {}}),
        ("/api/global-parameters/g", {"value": 1}),
        ("/api/vhost-limits/%2F/max-queues", {"value": 1}),
        ("/api/topic-permissions/%2F/guest", {}),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence_that_rabbitmqadmin_prints(our_api, path, body):
    answer = our_api.put(path, json=body)

    assert answer.status_code == 400
    assert "not implemented by this broker" in answer.json()["reason"]


@pytest.mark.parametrize(
    "section",
    [
        {"users": [{"name": "somebody", "password_hash": "x", "tags": []}]},
        {"vhosts": [{"name": "other"}]},
        {"permissions": [{"user": "guest", "vhost": "/", "configure": "", "write": ".*", "read": ".*"}]},
        {"parameters": [{"vhost": "/", "component": "shovel", "name": "s", "value": {}}]},
        {"global_parameters": [{"name": "mine", "value": 1}]},
    ],
    ids=lambda section: next(iter(section)),
)
def test_definitions_with_what_it_cannot_have_are_refused_before_anything_is_declared(our_api, section):
    queue = {"name": "imported-with-users", "vhost": "/", "durable": False, "auto_delete": False, "arguments": {}}

    answer = our_api.post("/api/definitions", json={"queues": [queue], **section})

    assert answer.status_code == 400
    assert "not implemented by this broker" in answer.json()["reason"]
    assert our_api.get("/api/queues/%2F/imported-with-users").status_code == 404
