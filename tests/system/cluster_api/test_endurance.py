"""
Many watchers, slow readers, stops and starts: what must not hurt an API server.
"""

from __future__ import annotations

import asyncio
import io
import json
import time

import aiohttp
import pytest

from drillyard.cluster.apiserver import server as module
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import ApiError
from drillyard.cluster.http_api import HttpApi

from .conftest import ADMIN_TOKEN, WITHOUT_KUBECTL, Cluster

WATCHERS = 200


def session(cluster: Cluster) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, ssl=cluster.ssl_context)
    return aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, connector=connector)


async def test_two_hundred_watchers_see_the_same_changes_in_the_same_order() -> None:
    server = ApiServer(tokens={ADMIN_TOKEN: User("admin", ("system:masters",))})
    api, port = server.api("test"), await server.start()
    begin = (await api.list("configmaps", "default")).resource_version
    url = f"http://127.0.0.1:{port}/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={begin}"

    async def watch(client: aiohttp.ClientSession) -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        async with client.get(url) as response:
            async for line in response.content:
                event = json.loads(line)
                seen.append((event["type"], event["object"]["metadata"]["name"]))
                if len(seen) == 20:
                    break
        return seen

    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as client:
        watchers = [asyncio.create_task(watch(client)) for _ in range(WATCHERS)]
        for number in range(10):
            await api.create("configmaps", "default", {"metadata": {"name": f"c{number}"}})
            await asyncio.sleep(0)  # Some watchers are there by now, others will be told of what they missed.
        for number in range(10):
            await api.delete("configmaps", "default", f"c{number}")
        found = await asyncio.wait_for(asyncio.gather(*watchers), 60)
    wanted = [("ADDED", f"c{number}") for number in range(10)] + [("DELETED", f"c{number}") for number in range(10)]
    assert all(seen == wanted for seen in found)
    async with asyncio.timeout(30):
        while server.store.watchers:
            await asyncio.sleep(0.02)
    await server.stop()


@WITHOUT_KUBECTL
async def test_a_version_of_the_future_and_of_the_past_are_told_in_the_stream(cluster: Cluster) -> None:
    async with session(cluster) as client:
        for version, code, reason in (("1", 410, "Expired"), ("99999999999999", 504, "Timeout")):
            path = f"/api/v1/pods?watch=true&resourceVersion={version}"
            async with client.get(cluster.url + path) as response:
                assert response.status == 200
                event = json.loads(await response.content.readline())
                assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", code, reason)


@WITHOUT_KUBECTL
async def test_a_watch_list_says_when_the_beginning_is_over(cluster: Cluster) -> None:
    async with session(cluster) as client:
        query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        async with client.get(f"{cluster.url}/api/v1/namespaces?{query}") as response:
            events = [json.loads(await response.content.readline()) for _ in range(5)]
        assert [event["type"] for event in events] == ["ADDED"] * 4 + ["BOOKMARK"]
        assert events[4]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        async with client.get(f"{cluster.url}/api/v1/namespaces?watch=true&sendInitialEvents=true") as response:
            assert response.status == 422


@WITHOUT_KUBECTL
async def test_a_watch_ends_when_its_time_is_over(cluster: Cluster) -> None:
    async with (
        session(cluster) as client,
        client.get(f"{cluster.url}/api/v1/pods?watch=true&timeoutSeconds=1") as found,
    ):
        begin = time.monotonic()
        await asyncio.wait_for(found.read(), 5)
        assert 0.5 < time.monotonic() - begin < 3


async def test_a_request_that_is_never_finished_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.2)
    server = ApiServer(tokens={ADMIN_TOKEN: User("admin", ("system:masters",))})
    port = await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nX-")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await server.stop()


@WITHOUT_KUBECTL
async def test_stopping_is_quick_and_ends_every_watch(cluster: Cluster) -> None:
    async with session(cluster) as client, client.get(f"{cluster.url}/api/v1/pods?watch=true") as response:
        begin = time.monotonic()
        await cluster.server.stop()
        assert time.monotonic() - begin < 2
        assert await asyncio.wait_for(response.read(), 2) == b""


async def test_after_a_restart_old_versions_are_told_to_list_again() -> None:
    users = {ADMIN_TOKEN: User("admin", ("system:masters",))}
    first = ApiServer(tokens=users)
    port = await first.start()
    async with HttpApi(f"http://127.0.0.1:{port}", token=ADMIN_TOKEN) as api:
        before = (await api.list("pods")).resource_version
        await first.stop()
        with pytest.raises(ConnectionError):
            await api.list("pods")
        await asyncio.sleep(0.1)  # Versions begin at the clock's millisecond.
        second = ApiServer(tokens=users)
        assert await second.start(port=port) == port
        with pytest.raises(ApiError) as refused:
            await asyncio.wait_for(anext(api.watch("pods", resource_version=before)), 5)
        assert refused.value.status == 410
        assert int((await api.list("pods")).resource_version) > int(before)
        await second.stop()


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/api/v1/pods?labelSelector=a===", None, 400),
        ("GET", "/api/v1/pods?resourceVersion=old", None, 400),
        ("GET", "/api/v1/pods?watch=true&timeoutSeconds=-1", None, 400),
        ("POST", "/api/v1/namespaces", b"{", 400),
        ("POST", "/api/v1/namespaces", b"[1]", 400),
        ("POST", "/api/v1/namespaces", b'"x"', 400),
        ("POST", "/api/v1/namespaces", b'{"metadata":{"name":"x"},"spec":{"finalizers":3}}', 400),
        ("POST", "/api/v1/namespaces", b'{"a":' * 2000, 400),
        ("POST", "/api/v1/namespaces", b'{"metadata":{"name":"' + b"x" * 4_000_000 + b'"}}', 413),
        ("POST", "/api/v1/namespaces?dryRun=perhaps", b"{}", 422),
        ("DELETE", "/api/v1/namespaces/default", b'{"gracePeriodSeconds":"soon"}', 400),
        ("PATCH", "/api/v1/namespaces/default", b"[]", 415),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", b'{"spec":"x"}', 400),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", b'{"spec":7}', 400),
        ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", b'{"spec":{"nonResourceAttributes":1}}', 400),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", b'{"spec":"x"}', 400),
        ("POST", "/api/v1/namespaces/default/pods/x/binding", b'{"target":[]}', 400),
        ("POST", "/api/v1/namespaces/default/pods/x/eviction", b'{"deleteOptions":1}', 400),
        ("GET", "/apis/nothing.here/v1/things", None, 404),
        ("PUT", "/api/v1", None, 405),
    ],
)
@WITHOUT_KUBECTL
async def test_nonsense_gets_a_status_and_no_traceback(
    cluster: Cluster, method: str, path: str, body: bytes | None, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with session(cluster) as client:
        headers = {"Content-Type": "application/json"}
        data = io.BytesIO(body) if body is not None else None
        async with client.request(method, cluster.url + path, data=data, headers=headers) as response:
            assert response.status == code, await response.text()
    assert "Traceback" not in caplog.text
