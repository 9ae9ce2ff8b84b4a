"""Real clients and a real server inside a pod's network: little servers outside say what arrived."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

import drillyard.base
from drillyard.base.ports import free_port
from drillyard.base.spawner import Spawner

from .conftest import output_of, start

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _listening(answer: Handler) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    await writer.drain()


async def _redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        words = [await _bulk(reader) for _ in range(int(line[1:]))]
        writer.write(b"+PONG\r\n" if words[0].upper() == b"PING" else b"+OK\r\n")
        await writer.drain()


async def _bulk(reader: asyncio.StreamReader) -> bytes:
    length = int((await reader.readline())[1:])
    return (await reader.readexactly(length + 2))[:-2]


async def _postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses every startup with an ErrorResponse: enough to show that the startup arrived."""
    await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
    body = b"SFATAL\0VFATAL\0C57P03\0Mthe little postgres heard you\0\0"
    writer.write(b"E" + (len(body) + 4).to_bytes(4) + body)
    await writer.drain()


async def _amqp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the protocol header with another one, as a broker that refuses the version does."""
    assert await reader.readexactly(8) == b"AMQP\x00\x00\x09\x01"
    writer.write(b"AMQP\x01\x01\x00\x09")
    await writer.drain()


async def test_the_four_clients_of_the_shop_reach_cluster_names(spawner: Spawner, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        web, cache, db, broker = [
            await stack.enter_async_context(_listening(answer)) for answer in (_http, _redis, _postgres, _amqp)
        ]
        table = tmp_path / "podnet.json"
        names = {"web": 1, "cache": 2, "db.shop.svc.cluster.local": 3, "broker.shop": 4}
        ports = {"10.96.0.1:80": web, "10.96.0.2:6379": cache, "10.96.0.3:5432": db, "10.96.0.4:5672": broker}
        table.write_text(
            json.dumps(
                {
                    "names": {name: f"10.96.0.{number}" for name, number in names.items()},
                    "connect": {**ports, "10.96.0.1:81": free_port()},
                }
            )
        )
        code, out, err = await output_of(spawner, entry="pod_entries:call_four_clients", env={"PODNET": str(table)})
    assert (code, err) == (0, "")
    got = json.loads(out)
    assert got["httpx"] == "hi"
    assert got["redis"] == "True"
    assert got["asyncpg"] == "CannotConnectNowError: the little postgres heard you"
    assert "AMQP" in got["aio-pika"]
    assert got["unknown"] == "gaierror: [Errno -2] Name or service not known"
    assert got["closed"].startswith("ConnectionRefusedError: [Errno 111] Connect call failed ('10.96.0.1', 81)")


async def test_uvicorn_on_a_wildcard_container_port_listens_at_its_loopback_port(
    spawner: Spawner, tmp_path: Path
) -> None:
    port = free_port()
    table = tmp_path / "podnet.json"
    table.write_text(json.dumps({"listen": {"80": port}}))
    process, read = await start(spawner, entry="pod_entries:serve_http", env={"PODNET": str(table)})
    try:
        assert await _fetched(port) == b"pod"
    finally:
        process.signal(15)
        await asyncio.wait_for(process.wait(), 5)
        os.close(read)


@pytest.mark.parametrize("python", [sys.executable, "/usr/bin/python3"])
async def test_an_executed_python_finds_the_network_too(tmp_path: Path, python: str) -> None:
    if not shutil.which(python):
        pytest.skip(f"no {python}")
    async with _listening(_http) as web:
        table = tmp_path / "podnet.json"
        table.write_text(json.dumps({"names": {"web": "10.96.0.1"}, "connect": {"10.96.0.1:80": web}}))
        site = Path(drillyard.base.__file__).parent / "podnet_site"
        done = await asyncio.to_thread(
            subprocess.run,
            [python, "-c", "import urllib.request as u; print(u.urlopen('http://web/', timeout=5).read().decode())"],
            env={"PODNET": str(table), "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "hi\n"), done.stderr


async def _fetched(port: int, timeout_s: float = 5) -> bytes:
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
                continue
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer.rpartition(b"\r\n\r\n")[2]
