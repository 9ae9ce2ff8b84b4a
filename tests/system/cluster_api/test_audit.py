"""
The audit log: who did what over HTTP, without bodies and without tokens.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import ApiError
from drillyard.cluster.http_api import HttpApi


async def test_every_request_leaves_a_line_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    users = {"root-token": User("root", ("system:masters",)), "joe-token": User("joe")}
    server = ApiServer(tokens=users, audit_log=path)
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
