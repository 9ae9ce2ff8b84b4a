"""Limits, lifetimes, dead letters and policies of a virtual host, in virtual time."""

from __future__ import annotations

import pytest

from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.policies import PolicyError, read_policy
from drillyard.broker.queues.declaration import Declaration


def test_a_message_expires_at_its_moment_and_not_before(host):
    queue = host.queue(message_ttl=1000)
    host.publish("q")

    host.pass_ms(999)
    assert len(queue.ready) == 1
    host.pass_ms(1)

    assert len(queue.ready) == 0
    assert queue.counts.dropped["expired"] == 1


def test_the_shorter_of_two_lifetimes_counts(host, bodies):
    queue = host.queue(message_ttl=1000)
    host.publish("q", "short", expiration="10")
    host.publish("q", "long", expiration="5000")

    host.pass_ms(10)
    assert bodies(queue) == ["long"]
    host.pass_ms(990)

    assert bodies(queue) == []


def test_a_held_message_does_not_expire_until_it_comes_back(host, taker):
    queue = host.queue(message_ttl=100)
    consumer = taker(prefetch=1)
    queue.add_consumer(consumer)
    host.publish("q")
    host.pass_ms(500)
    assert queue.unacknowledged == 1

    entry = consumer.held.pop()
    queue.consumers.remove(consumer)
    queue.requeue([entry])

    assert (len(queue.ready), queue.counts.dropped["expired"]) == (0, 1)


def test_many_messages_need_one_timer(host):
    host.queue(message_ttl=1000)
    for _ in range(500):
        host.publish("q")

    assert len(host.vhost.timers._due) == 1


def test_an_unused_queue_expires_and_use_renews_its_lease(host):
    queue = host.queue(expires=1000)
    host.pass_ms(900)
    queue.get(no_ack=True)
    host.pass_ms(900)
    assert "q" in host.vhost.queues
    host.queue(expires=1000)
    host.pass_ms(900)
    assert "q" in host.vhost.queues

    host.pass_ms(100)

    assert "q" not in host.vhost.queues


def test_a_consumed_queue_does_not_expire(host, taker):
    queue = host.queue(expires=1000)
    consumer = taker()
    queue.add_consumer(consumer)
    host.pass_ms(5000)
    assert "q" in host.vhost.queues

    queue.remove_consumer(consumer)
    host.pass_ms(1000)

    assert "q" not in host.vhost.queues


def test_a_retry_loop_by_lifetimes_counts_its_turns(host):
    host.queue("retry", message_ttl=100, dead_letter_exchange="", dead_letter_routing_key="work")
    work = host.queue("work", dead_letter_exchange="", dead_letter_routing_key="retry")
    host.publish("work")
    for _ in range(3):
        entry = work.get(no_ack=False)
        assert entry is not None
        work.reject(entry)
        host.pass_ms(100)

    last = work.get(no_ack=True)
    assert last is not None
    deaths = [(death["queue"], death["reason"], death["count"]) for death in last.message.headers["x-death"]]
    assert deaths == [("retry", "expired", 3), ("work", "rejected", 3)]


def test_a_circle_without_a_consumer_ends(host):
    first = host.queue("a", message_ttl=10, dead_letter_exchange="", dead_letter_routing_key="b")
    second = host.queue("b", message_ttl=10, dead_letter_exchange="", dead_letter_routing_key="a")
    host.publish("a")
    for _ in range(10):
        host.pass_ms(10)

    assert (len(first.ready), len(second.ready)) == (0, 0)
    assert first.counts.accepted + second.counts.accepted == 2


@pytest.mark.parametrize(("length", "arrived"), [(100, 1), (101, 0), (2000, 0)])
def test_a_chain_of_full_queues_ends_after_a_hundred_deaths(host, length, arrived):
    for number in range(length):
        host.queue(f"q{number}", max_length=0, dead_letter_exchange="", dead_letter_routing_key=f"q{number + 1}")
    end = host.queue(f"q{length}")

    host.publish("q0", "x")

    assert len(end.ready) == arrived


def test_other_headers_keep_their_bytes_when_a_message_dies(host):
    host.queue("dead")
    queue = host.queue("q", max_length=0, dead_letter_exchange="", dead_letter_routing_key="dead")
    assert queue.rules.max_length == 0
    entry = b"\x01k" + b"s\x00\x07"  # A 16-bit integer, which a decoder would widen.
    host.vhost.publish(Message("", "q", b"\x20\x00" + len(entry).to_bytes(4, "big") + entry, b"body"))

    dead = host.vhost.queues["dead"].get(no_ack=True)
    assert dead is not None
    assert (b"k", b"s\x00\x07") in dead.message.parsed.header_entries()


def test_a_policy_changes_running_queues_and_leaves_when_deleted(host, bodies):
    queue = host.queue("shipping-task")
    for number in range(5):
        host.publish("shipping-task", str(number))

    host.vhost.put_policy(read_policy("p", {"pattern": "^shipping", "definition": {"max-length": 3}}))
    assert bodies(queue) == ["2", "3", "4"]
    host.publish("shipping-task", "5")
    assert bodies(queue) == ["3", "4", "5"]
    host.vhost.delete_policy("p")
    host.publish("shipping-task", "6")

    assert bodies(queue) == ["3", "4", "5", "6"]


def test_the_policy_with_the_highest_priority_wins_and_the_smaller_number_of_two_sources(host):
    queue = host.queue("q", max_length=5)
    for name, priority, length in (("low", 1, 2), ("high", 2, 9)):
        body = {"pattern": ".*", "definition": {"max-length": length}, "priority": priority}
        host.vhost.put_policy(read_policy(name, body))

    assert (queue.policy, queue.rules.max_length) == ("high", 5)


def test_a_policy_gives_an_exchange_an_alternate(host):
    host.queue("other")
    body = {"pattern": "^amq.direct$", "definition": {"alternate-exchange": ""}, "apply-to": "exchanges"}
    host.vhost.put_policy(read_policy("p", body))

    assert host.vhost.routing.exchanges["amq.direct"].alternate == ""
    assert host.vhost.routing.exchanges["amq.fanout"].alternate is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"definition": {"max-length": 1}}, "pattern"),
        ({"pattern": "(", "definition": {"max-length": 1}}, "not a regular expression"),
        ({"pattern": "x", "definition": {"max-length": True}}, "whole number"),
        ({"pattern": "x", "definition": {"expires": 0}}, "from 1"),
        ({"pattern": "x", "definition": {}}, "at least one key"),
        ({"pattern": "x", "definition": {"max-length": 1}, "apply-to": "everything"}, "apply-to"),
        ({"pattern": "x", "definition": {"max-length": 1}, "priority": "high"}, "priority"),
        ({"pattern": "x", "definition": {"ha-mode": "all"}}, "ha-mode is not a policy setting of this broker"),
    ],
)
def test_a_policy_that_makes_no_sense_says_what_is_wrong(body, words):
    with pytest.raises(PolicyError, match=words):
        read_policy("p", body)


def test_a_durable_exclusive_queue_is_not_stored(host):
    host.vhost.declare_queue(Declaration("mine", durable=True, owner=object()), None)
    host.publish("mine", delivery_mode=2)

    assert host.journal.filling.empty


def test_a_published_and_settled_message_never_reaches_the_disk(host):
    queue = host.queue("q", durable=True)
    host.journal.commit()
    host.publish("q", delivery_mode=2)
    entry = queue.get(no_ack=False)
    assert entry is not None
    queue.settle(entry)

    assert host.journal.filling.empty


def test_a_deleted_queue_takes_its_uncommitted_messages_along(host):
    queue = host.queue("q", durable=True)
    host.publish("q", delivery_mode=2)
    host.vhost.delete_queue(queue)

    assert host.journal.filling.inserted == {}


def test_what_a_deleted_queue_had_handed_out_is_forgotten(host, taker):
    queue = host.queue("q")
    consumer = taker()
    queue.add_consumer(consumer)
    host.publish("q")
    host.vhost.delete_queue(queue)

    queue.settle(consumer.held[0])
    queue.requeue(consumer.held)

    assert consumer.cancelled
    assert (queue.unacknowledged, len(queue.ready)) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"), [("x-max-priority", 3), ("x-queue-mode", "lazy"), ("x-consumer-timeout", 3)]
)
def test_features_that_are_missing_are_refused_by_name(host, name, value):
    with pytest.raises(AmqpError, match=name) as refused:
        host.vhost.declare_queue(Declaration("q", arguments={name: value}), None)

    assert refused.value.code == 540
