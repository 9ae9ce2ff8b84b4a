"""
HttpApi against a served API: the same as the local one, and errors that are ApiErrors.
"""

from __future__ import annotations

import asyncio

import pytest

from drillyard.base.clock import SystemClock
from drillyard.cluster.client import ApiError, EventType, Object
from drillyard.cluster.http_api import HttpApi
from drillyard.cluster.informer import Informer

from .conftest import ADMIN_TOKEN, WITHOUT_KUBECTL, Cluster


def config(name: str, colour: str = "red") -> Object:
    return {"metadata": {"name": name}, "data": {"colour": colour}}


@WITHOUT_KUBECTL
async def test_the_verbs_work_over_the_wire(cluster: Cluster) -> None:
    async with HttpApi(cluster.url, token=ADMIN_TOKEN, ssl_context=cluster.ssl_context) as api:
        created = await api.create("configmaps", "default", config("one"))
        assert (created["kind"], created["data"]) == ("ConfigMap", {"colour": "red"})
        await api.patch("configmaps", "default", "one", {"data": {"colour": "blue"}})
        changed = await api.get("configmaps", "default", "one")
        changed["data"]["size"] = "small"
        await api.update("configmaps", "default", changed)
        listed = await api.list("configmaps", "default", fields="metadata.name=one")
        assert listed.items[0]["data"] == {"colour": "blue", "size": "small"}
        await api.delete("configmaps", "default", "one", uid=created["metadata"]["uid"])
        with pytest.raises(ApiError) as refused:
            await api.get("configmaps", "default", "one")
        assert (refused.value.status, refused.value.reason) == (404, "NotFound")
        assert refused.value.message == 'configmaps "one" not found'


@WITHOUT_KUBECTL
async def test_an_informer_over_the_wire_sees_every_change(cluster: Cluster) -> None:
    async with HttpApi(cluster.url, token=ADMIN_TOKEN, ssl_context=cluster.ssl_context) as api:
        seen: asyncio.Queue[tuple[EventType, str]] = asyncio.Queue()
        informer = Informer(api, "configmaps", "default", clock=SystemClock())
        informer.listen(lambda change, obj: seen.put_nowait((change, obj["metadata"]["name"])))
        running = asyncio.create_task(informer.run())
        await asyncio.wait_for(informer.synced.wait(), 5)
        await api.create("configmaps", "default", config("two"))
        await api.patch("configmaps", "default", "two", {"data": {"colour": "blue"}})
        await api.delete("configmaps", "default", "two")
        changes = [await asyncio.wait_for(seen.get(), 5) for _ in range(3)]
        assert changes == [("ADDED", "two"), ("MODIFIED", "two"), ("DELETED", "two")]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@WITHOUT_KUBECTL
async def test_a_wrong_token_and_a_closed_port_are_plain_errors(cluster: Cluster) -> None:
    async with HttpApi(cluster.url, token="wrong", ssl_context=cluster.ssl_context) as api:
        with pytest.raises(ApiError) as refused:
            await api.list("pods")
        assert (refused.value.status, refused.value.message) == (401, "Unauthorized")
    async with HttpApi("http://127.0.0.1:9", token="x") as api:
        with pytest.raises(ConnectionError):
            await api.list("pods")


async def test_a_watch_that_is_cut_off_in_a_line_is_a_lost_connection() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"type":"ADDED",\r\n0\r\n\r\n')
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, HttpApi(f"http://127.0.0.1:{port}") as api:
        with pytest.raises(ConnectionError):
            await anext(api.watch("pods"))
