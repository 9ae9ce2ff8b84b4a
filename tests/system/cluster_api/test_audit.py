"""
The audit log: who did what over HTTP, without bodies and without tokens, in files that do not grow for ever.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from drillyard.cluster.apiserver import audit
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import ApiError
from drillyard.cluster.http_api import HttpApi

USERS = {"root-token": User("root", ("system:masters",)), "joe-token": User("joe")}


async def test_every_request_leaves_a_line_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    server = ApiServer(tokens=USERS, audit_log=path)
    port = await server.start()
    url = f"http://127.0.0.1:{port}"
    async with HttpApi(url, token="root-token") as root, HttpApi(url, token="joe-token") as joe:
        secret = {"metadata": {"name": "s"}, "stringData": {"password": "geheim"}}
        await root.create("secrets", "default", secret)
        with pytest.raises(ApiError):
            await joe.get("secrets", "default", "s")
    async with HttpApi(url, token="nobodys-token") as nobody:
        with pytest.raises(ApiError):
            await nobody.list("pods")
    await server.stop()
    text = path.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    told = [(line["user"].get("username"), line["verb"], line["responseStatus"]["code"]) for line in lines]
    assert told == [("root", "create", 201), ("joe", "get", 403), (None, "get", 401)]
    assert lines[1]["objectRef"] == {"resource": "secrets", "namespace": "default", "name": "s"}
    assert not any(word in text for word in ("geheim", "Z2VoZWlt", "token"))
    assert [event["auditID"] for event in audit.read(path, user="joe")] == [lines[1]["auditID"]]


async def test_what_lasts_is_told_when_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    server = ApiServer(tokens=USERS, audit_log=path)
    port = await server.start()
    async with HttpApi(f"http://127.0.0.1:{port}", token="root-token") as root:
        watching = root.watch("namespaces")
        await asyncio.wait_for(anext(watching), 5)
        (begun,) = audit.read(path)
        assert (begun["stage"], begun["verb"], "responseStatus" in begun) == ("RequestReceived", "watch", False)
        await watching.aclose()  # type: ignore[attr-defined]
    await server.stop()
    assert [event["stage"] for event in audit.read(path)] == ["RequestReceived", "ResponseComplete"]
    assert {event["auditID"] for event in audit.read(path)} == {begun["auditID"]}


async def test_the_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "FILE_BYTES_MAX", 5_000)
    path = tmp_path / "audit.log"
    server = ApiServer(tokens=USERS, audit_log=path)
    port = await server.start()
    async with HttpApi(f"http://127.0.0.1:{port}", token="root-token") as root:
        for _ in range(40):
            await root.list("pods")
        await root.list("nodes")
    await server.stop()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["audit.log", "audit.log.1"]
    assert all(found.stat().st_size < 6_000 for found in tmp_path.iterdir())
    events = list(audit.read(path))
    assert events[-1]["objectRef"]["resource"] == "nodes"
    assert 5 < len(events) < 40
    with path.open("ab") as torn:
        torn.write(b'{"kind": "Ev')
    assert list(audit.read(path)) == events
