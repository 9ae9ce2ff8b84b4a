"""Hostile HTTP: whatever a management client sends gets a status and a sentence, and the broker lives."""

from __future__ import annotations

import json

import httpx
import pytest

HUGE = "9" * 5000
CASES = {
    "half a character": ("PUT", "/api/policies/%2F/p", b'{"pattern": "\\ud800", "definition": {"max-length": 1}}'),
    "a huge priority": (
        "PUT",
        "/api/policies/%2F/p",
        b'{"pattern": "x", "definition": {"max-length": 1}, "priority": 1180591620717411303424}',
    ),
    "a huge priority as text": (
        "PUT",
        "/api/policies/%2F/p",
        json.dumps({"pattern": "x", "definition": {"max-length": 1}, "priority": HUGE}).encode(),
    ),
    "a pattern that takes for ever": (
        "PUT",
        "/api/policies/%2F/p",
        b'{"pattern": "^(a+)+$", "definition": {"max-length": 1}}',
    ),
    "a dead-letter key too long": (
        "PUT",
        "/api/policies/%2F/p",
        json.dumps(
            {"pattern": "x", "definition": {"dead-letter-exchange": "", "dead-letter-routing-key": "k" * 256}}
        ).encode(),
    ),
    "no JSON": ("PUT", "/api/queues/%2F/q", b"{"),
    "a list": ("PUT", "/api/queues/%2F/q", b"[]"),
    "deep nesting": ("PUT", "/api/queues/%2F/q", b"[" * 100_000),
    "a number too large": ("PUT", "/api/queues/%2F/q", b'{"arguments": {"k": 9223372036854775808}}'),
    "a word for a boolean": ("PUT", "/api/queues/%2F/q", b'{"durable": "perhaps"}'),
    "a name too long": ("PUT", "/api/queues/%2F/" + "q" * 256, b"{}"),
    "a feature that is missing": ("PUT", "/api/queues/%2F/q", b'{"arguments": {"x-queue-type": "quorum"}}'),
    "an exchange of no type": ("PUT", "/api/exchanges/%2F/x", b'{"type": "odd"}'),
    "a publish without a key": ("POST", "/api/exchanges/%2F/amq.default/publish", b'{"payload": "x"}'),
    "a payload that is not base64": (
        "POST",
        "/api/exchanges/%2F/amq.default/publish",
        b'{"routing_key": "k", "payload": "*", "payload_encoding": "base64"}',
    ),
    "a property too large": (
        "POST",
        "/api/exchanges/%2F/amq.default/publish",
        b'{"routing_key":"k","payload":"x","payload_encoding":"string","properties":{"priority":1e3}}',
    ),
    "an expiration that is none": (
        "POST",
        "/api/exchanges/%2F/amq.default/publish",
        b'{"routing_key":"k","payload":"x","payload_encoding":"string","properties":{"expiration":"soon"}}',
    ),
    "a count that is none": ("POST", "/api/queues/%2F/here/get", b'{"count": 0, "ackmode": "ack_requeue_true"}'),
    "an ackmode that is none": ("POST", "/api/queues/%2F/here/get", b'{"count": 1, "ackmode": "maybe"}'),
    "a page that is none": ("GET", "/api/queues?page=" + HUGE, b""),
    "definitions that are no lists": ("POST", "/api/definitions", b'{"queues": 5}'),
    "definitions of numbers": ("POST", "/api/definitions", b'{"bindings": [7]}'),
    "a definition without a name": ("POST", "/api/definitions", b'{"queues": [{"vhost": "/"}]}'),
    "a binding to nothing known": (
        "POST",
        "/api/definitions",
        b'{"bindings": [{"vhost": "/", "source": "a", "destination": "b", "destination_type": "c"}]}',
    ),
    "a port that is no number": ("GET", "/api/health/checks/port-listener/" + HUGE, b""),
    "a page too large": ("GET", "/api/queues?page=1&page_size=501", b""),
    "a filter that is no pattern": ("GET", "/api/queues?page=1&use_regex=true&name=(", b""),
    "a filter that takes for ever": ("GET", "/api/queues?page=1&use_regex=true&name=(a|aa)%2B$", b""),
}


@pytest.mark.parametrize(("method", "path", "body"), CASES.values(), ids=CASES.keys())
def test_a_bad_request_is_a_400_with_a_reason(our_api, method, path, body):
    our_api.put("/api/queues/%2F/here", json={"durable": False})
    answer = our_api.request(method, path, content=body)

    assert answer.status_code == 400
    assert answer.json()["error"] in ("bad_request", "invalid_pagination_parameters")
    assert answer.json()["reason"]
    assert our_api.get("/api/health/checks/alarms").status_code == 200
    our_api.delete("/api/queues/%2F/here")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/no-such-thing", 404),
        ("GET", "/api/queues/other-vhost/q", 404),
        ("DELETE", "/api/overview", 405),
        ("GET", "/api/connections/nobody", 404),
        ("GET", "/api/exchanges/%2F/no-such-exchange", 404),
        ("POST", "/api/bindings/%2F/e/amq.topic/q/no-such-queue", 404),
        ("GET", "/api/queues/%2F/%00%FF", 404),
        ("GET", "/api/channels/nobody", 404),
        ("GET", "/api/operator-policies/%2F/nothing", 404),
        ("GET", "/", 404),
    ],
)
def test_what_is_not_there_is_a_404_or_405(our_api, method, path, status):
    answer = our_api.request(method, path)

    assert (answer.status_code, "reason" in answer.json()) == (status, True)


def test_a_body_too_large_is_a_413(our_api):
    answer = our_api.put("/api/queues/%2F/q", content=b" " * (9 * 1024 * 1024))

    assert answer.status_code == 413


@pytest.mark.parametrize("header", ["Basic !!!", "Basic Z3Vlc3Q=", "Bearer token", "Basic /w==", ""])
def test_a_login_that_cannot_be_read_is_a_401(our_broker, header):
    url = our_broker.management_url.replace("guest:guest@", "")

    answer = httpx.get(url + "/api/overview", headers={"Authorization": header} if header else {}, verify=False)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
