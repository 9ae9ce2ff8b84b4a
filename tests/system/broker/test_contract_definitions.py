"""The contract of what there is: users, permissions, virtual hosts and definitions, read over HTTP."""

from __future__ import annotations

import aio_pika
import pytest


async def declare(connect, name: str) -> None:
    """A queue, an exchange, a binding between them, and a queue that is exclusive."""
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(name, durable=True, arguments={"x-max-length": 3})
    exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
    await queue.bind(exchange, "orders.#")
    own = await channel.declare_queue("own-" + name, exclusive=True)
    await own.bind(exchange, "own")


def of(items: list[dict], name: str) -> list[dict]:
    """What was declared under this name, by whatever other tests may run beside this one."""
    return [item for item in items if name in (item.get("name"), item.get("source"))]


async def test_definitions_list_what_was_declared_and_may_outlive_its_client(api, connect, name):
    await declare(connect, name)
    policy = {"pattern": f"^{name}$", "definition": {"max-length": 2}, "apply-to": "queues", "priority": 1}
    await api.put(f"/api/policies/%2F/{name}", json=policy)
    found = (await api.get("/api/definitions")).json()
    inside = (await api.get("/api/definitions/%2F")).json()
    await api.delete(f"/api/policies/%2F/{name}")

    queue = {"name": name, "durable": True, "auto_delete": False, "arguments": {"x-max-length": 3}}
    exchange = {"type": "topic", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
    binding = {"destination": name, "destination_type": "queue", "routing_key": "orders.#", "arguments": {}}
    here = {"vhost": "/"}
    assert found["vhosts"] == [{"name": "/"}]
    assert of(found["queues"], name) == [queue | here]
    assert of(found["exchanges"], name) == [{"name": name} | exchange | here]
    assert of(found["bindings"], name) == [{"source": name} | binding | here]
    assert of(found["policies"], name) == [{"name": name} | policy | here]
    assert of(inside["queues"], name) == [queue]
    assert of(inside["exchanges"], name) == [{"name": name} | exchange]
    assert of(inside["bindings"], name) == [{"source": name} | binding]
    assert of(inside["policies"], name) == [{"name": name} | policy | here]
    assert of(found["queues"], "own-" + name) == []
    assert of(found["exchanges"], "") == of(found["exchanges"], "amq.topic") == []


async def test_the_one_user_may_do_everything(api):
    everything = {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    user = (await api.get("/api/users/guest")).json()

    assert (user["name"], user["tags"], user["limits"]) == ("guest", ["administrator"], {})
    assert [each["name"] for each in (await api.get("/api/users")).json()] == ["guest"]
    for path in ("/api/permissions", "/api/users/guest/permissions", "/api/vhosts/%2F/permissions"):
        assert (await api.get(path)).json() == [everything], path
    assert (await api.get("/api/permissions/%2F/guest")).json() == everything
    assert (await api.get("/api/users/nobody")).status_code == 404


async def test_the_virtual_host_says_what_waits_in_it(api):
    found = (await api.get("/api/vhosts/%2F")).json()

    assert (found["name"], found["tracing"], list(found["cluster_state"].values())) == ("/", False, ["running"])
    assert (await api.get("/api/vhosts/other")).status_code == 404


async def test_a_node_tells_what_it_has_and_what_of_it_is_used(api):
    """The fields by which tools judge a cluster (HolmesGPT, Nagios checks)."""
    (node,) = (await api.get("/api/nodes")).json()

    assert (node["type"], node["running"], node["partitions"]) == ("disc", True, [])
    assert (node["mem_alarm"], node["disk_free_alarm"]) == (False, False)
    for used, limit in (("mem_used", "mem_limit"), ("disk_free_limit", "disk_free"), ("fd_used", "fd_total")):
        assert 0 < node[used] < node[limit]


async def test_an_import_declares_what_is_not_there_and_leaves_what_is(api, connect, name):
    here = {"vhost": "/"}
    queue = {"name": name, "durable": True, "auto_delete": False, "arguments": {"x-max-length": 3}}
    exchange = {"name": name, "type": "topic", "durable": True, "auto_delete": False, "internal": False}
    binding = {"source": name, "destination": name, "destination_type": "queue", "routing_key": "a.#", "arguments": {}}
    nowhere = binding | {"source": name + "-2"}
    policy = {"name": name, "pattern": f"^{name}$", "definition": {"max-length": 2}, "apply-to": "queues"}
    everything = {
        "queues": [queue | here],
        "exchanges": [exchange | {"arguments": {}} | here],
        "bindings": [binding | here, nowhere | here],
        "policies": [policy | here | {"priority": 0}],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
        "global_parameters": [],
    }

    first = await api.post("/api/definitions", json=everything)
    other = await api.post("/api/definitions", json={"queues": [queue | {"durable": False} | here]})
    inside = await api.post("/api/definitions/%2F", json={"queues": [queue | {"name": name + "-2"}]})
    found = (await api.get("/api/definitions")).json()
    await api.delete(f"/api/policies/%2F/{name}")

    assert (first.status_code, other.status_code, inside.status_code) == (204, 204, 204)
    assert of(found["queues"], name) == [queue | here]
    assert of(found["queues"], name + "-2") == [queue | {"name": name + "-2"} | here]
    assert of(found["exchanges"], name) == [exchange | {"arguments": {}} | here]
    assert of(found["bindings"], name) == [binding | here]
    assert of(found["policies"], name) == [policy | here | {"priority": 0}]


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b'{"queues": [{"name": "q", "vhost": "nowhere"}]}'])
async def test_definitions_that_cannot_be_read_are_refused(api, body):
    answer = await api.post("/api/definitions", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
