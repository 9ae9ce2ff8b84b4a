"""
Ids, passwords, metrics labels: the small parts that many services share.
"""

from __future__ import annotations

import re
import socket
import time

import pytest
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Scope

from drillyard.shop import passwords
from drillyard.shop.catalogue.program import munged
from drillyard.shop.http_client import HungUp, NotConnected, reason_of
from drillyard.shop.metrics import BoundedPaths, MetricsMiddleware, new_registry, route_path
from drillyard.shop.object_id import ObjectIds, is_object_id


def test_ids_ascend_and_begin_with_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    new_id = ObjectIds()
    monkeypatch.setattr(time, "time", lambda: 0x6900953A)
    first = [new_id() for _ in range(50)]
    monkeypatch.setattr(time, "time", lambda: 0x69000000)
    after_the_clock_was_set_back = new_id()

    ids = [*first, after_the_clock_was_set_back]
    assert ids == sorted(ids) and len(set(ids)) == 51
    assert all(re.fullmatch("6900953a[0-9a-f]{16}", made) for made in ids)
    assert {first[0][8:18] for _ in range(3)} != {ObjectIds()()[8:18]}


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        ("57a98d98e4b00679b4a830b2", True),
        ("57A98D98E4B00679B4A830B2", True),
        ("57a98d98", False),
        ("x" * 24, False),
        ("", False),
    ],
)
def test_an_id_has_24_hex_digits(text: str, is_id: bool) -> None:
    assert is_object_id(text) is is_id


def test_a_password_matches_its_hash_alone_and_no_two_hashes_are_alike() -> None:
    stored = passwords.hash_password("päss")

    assert passwords.matches("päss", stored)
    assert not passwords.matches("pass", stored)
    assert stored != passwords.hash_password("päss")
    for broken in (
        "",
        "scrypt$1",
        "md5$1$1$1$00$00",
        "scrypt$16384$8$1$zz$00",
        "fec51acb3365747fc61247da5e249674cf8463c2",
    ):
        assert not passwords.matches("päss", broken)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/catalogue/{id}", "catalogue_id"),
        ("/catalogue/images/{file}", "catalogue_images"),
        ("/", "root"),
        ("/A-b/", "a_b"),
    ],
)
def test_a_path_becomes_a_label(path: str, label: str) -> None:
    assert munged(path) == label


def test_a_stranger_cannot_make_ever_new_series() -> None:
    bounded = BoundedPaths(2)

    assert [bounded(path) for path in ("/a", "/b", "/c", "/a", "/d")] == ["/a", "/b", "other", "/a", "other"]


async def test_a_request_that_ends_in_an_exception_is_measured_too() -> None:
    async def fail(request: Request) -> Response:
        raise OSError("broken")

    registry = new_registry()
    app = MetricsMiddleware(
        Starlette(routes=[Route("/x/{id}", fail)]),
        registry=registry,
        label_names=("path", "status"),
        labels=lambda scope, status: {"path": route_path(scope) or "", "status": str(status)},
    )
    scope: Scope = {"type": "http", "method": "GET", "path": "/x/1", "query_string": b"", "headers": []}

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        return None

    with pytest.raises(OSError, match="broken"):
        await app(scope, receive, send)

    assert 'http_request_duration_seconds_count{path="/x/{id}",status="500"} 1.0' in generate_latest(registry).decode()


def test_a_failed_call_is_explained_in_the_systems_words() -> None:
    refused = NotConnected("All connection attempts failed")
    refused.__cause__ = ExceptionGroup("both", [ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)")])
    unknown = NotConnected("[Errno -2]")
    unknown.__context__ = socket.gaierror(-2, "Name or service not known")

    assert reason_of(refused) == "Connection refused"
    assert reason_of(unknown) == "Name or service not known"
    assert reason_of(HungUp("")) == "HungUp"
    assert reason_of(HungUp("bad answer")) == "bad answer"
