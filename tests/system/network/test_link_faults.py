from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from drillyard.cluster.network.link_fault import LinkFault

from .conftest import Shop, pod


async def _web(shop: Shop) -> int:
    """A service that answers lines; returns where this machine reaches it."""
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    await shop.serve(json.loads(Path(web.table).read_text())["listen"]["80"], b"web")
    await shop.endpoints("web", 80, web.ip)
    return int(shop.network.addresses()["default/web:80"].rpartition(":")[2])


async def _break(shop: Shop, **fault: Any) -> None:
    await shop.network.links.set(
        LinkFault.from_json({"name": "f", "service": "default/web", "client": "host", **fault})
    )


class Connection:
    """One kept connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @staticmethod
    async def to(port: int) -> Connection:
        return Connection(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, timeout_s: float = 5) -> float:
        """Seconds until the answer."""
        began = time.monotonic()
        self.writer.write(b"hello\n")
        async with asyncio.timeout(timeout_s):
            line = await self.reader.readline()
        if not line:
            raise ConnectionResetError
        assert line == b"web hello\n"
        return time.monotonic() - began

    def close(self) -> None:
        self.writer.close()


async def test_latency_holds_for_open_connections_and_ends_when_cleared(shop: Shop) -> None:
    connection = await Connection.to(await _web(shop))
    assert await connection.ask() < 0.18
    await _break(shop, latency_ms=200)
    assert 0.19 < await connection.ask() < 1
    await shop.network.links.clear("f")
    assert await connection.ask() < 0.18
    connection.close()


async def test_another_clients_link_stays_as_it_is(shop: Shop) -> None:
    port = await _web(shop)
    orders = await shop.network.attach(pod("orders", "o"), [])
    table = json.loads(Path(orders.table).read_text())
    await _break(shop, client="default/orders", latency_ms=200)
    mine = await Connection.to(table["connect"][f"{table['names']['web']}:80"])
    other = await Connection.to(port)
    assert await mine.ask() > 0.19
    assert await other.ask() < 0.18
    mine.close()
    other.close()


async def test_a_stalled_link_moves_nothing_until_it_is_cleared(shop: Shop) -> None:
    connection = await Connection.to(await _web(shop))
    await _break(shop, stall=True)
    with pytest.raises(TimeoutError):
        await connection.ask(timeout_s=0.2)
    await shop.network.links.clear("f")
    async with asyncio.timeout(2):
        assert await connection.reader.readline() == b"web hello\n"
    connection.close()


async def test_reset_and_refuse_end_open_connections_and_hit_new_ones(shop: Shop) -> None:
    port = await _web(shop)
    for kind, error in (("reset", ConnectionResetError), ("refuse", ConnectionRefusedError)):
        connection = await Connection.to(port)
        await connection.ask()
        await _break(shop, **{kind: True})
        with pytest.raises(OSError):
            await connection.ask()
        connection.close()
        with pytest.raises(error):
            await (await Connection.to(port)).ask()
        await shop.network.links.clear("f")
        again = await Connection.to(port)
        await again.ask()
        again.close()


async def test_a_narrow_link_takes_its_time(shop: Shop) -> None:
    connection = await Connection.to(await _web(shop))
    await _break(shop, bandwidth_kbps=800)  # 100 kB a second
    began = time.monotonic()
    connection.writer.write(b"x" * 20_000 + b"\n")
    async with asyncio.timeout(5):
        assert len(await connection.reader.readline()) == 20_005
    assert 0.15 < time.monotonic() - began < 1.5
    connection.close()


async def test_faults_are_set_and_cleared_over_the_socket(shop: Shop, tmp_path: Path) -> None:
    port = await _web(shop)
    control = tmp_path / "net" / "links.sock"
    assert control.stat().st_mode & 0o777 == 0o600
    transport = httpx.AsyncHTTPTransport(uds=str(control))
    async with httpx.AsyncClient(transport=transport, base_url="http://links") as client:
        body = {"service": "default/web", "http": {"when": "before", "answer": 503}}
        answer = await client.put("/faults/down", json=body)
        assert (answer.status_code, answer.json()["faults"][0]["name"]) == (200, "down")
        async with httpx.AsyncClient() as shopper:
            assert (await shopper.get(f"http://127.0.0.1:{port}/")).status_code == 503
        refused = await client.put("/faults/x", json={"service": "default/web", "loss": 3})
        assert (refused.status_code, "loss" in refused.json()["error"]) == (400, True)
        assert (await client.put("/faults/x", content=b"\xff{")).status_code == 400
        assert (await client.delete("/faults/down")).json() == {"faults": []}
        assert (await client.delete("/faults/down")).json() == {"faults": []}
    connection = await Connection.to(port)
    assert await connection.ask() < 1
    connection.close()


async def test_closed_connections_leave_no_descriptor_behind(shop: Shop) -> None:
    port = await _web(shop)
    pid = shop.network._proxy.pid
    assert pid is not None
    proxy = psutil.Process(pid)
    before = proxy.num_fds()
    for _ in range(50):
        connection = await Connection.to(port)
        await connection.ask()
        connection.close()
        await connection.writer.wait_closed()
    async with asyncio.timeout(5):
        while proxy.num_fds() > before:
            await asyncio.sleep(0.01)
