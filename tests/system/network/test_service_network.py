from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from drillyard.base.ports import bindable

from .conftest import Shop, pod


async def _ask(port: int, line: bytes = b"hello\n") -> bytes:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line)
        answer = await reader.readline()
        writer.close()
        return answer


def _host_port(shop: Shop, key: str) -> int:
    return int(shop.network.addresses()[key].rpartition(":")[2])


async def test_a_service_leads_each_client_over_its_own_port_to_the_pod(shop: Shop) -> None:
    await shop.service("payment", 80, 8080)
    orders = await shop.network.attach(pod("orders", "u1"), [80])
    payment = await shop.network.attach(pod("payment", "u2"), [8080])
    listen = json.loads(Path(payment.table).read_text())["listen"]["8080"]
    await shop.serve(listen, b"payment")
    await shop.endpoints("payment", 8080, payment.ip)
    table = json.loads(Path(orders.table).read_text())
    mine = table["connect"][f"{table['names']['payment']}:80"]
    assert await _ask(mine) == b"payment hello\n"
    host = _host_port(shop, "default/payment:80")
    assert host != mine
    assert await _ask(host) == b"payment hello\n"
    assert table["connect"][f"{payment.ip}:8080"] == listen
    assert table["connect"]["10.96.0.1:443"] == 6443


async def test_a_service_without_ready_endpoints_refuses_and_comes_back_on_the_same_port(shop: Shop) -> None:
    await shop.service("payment", 80, 8080)
    payment = await shop.network.attach(pod("payment", "u2"), [8080])
    await shop.serve(json.loads(Path(payment.table).read_text())["listen"]["8080"], b"payment")
    port = _host_port(shop, "default/payment:80")
    with pytest.raises(ConnectionRefusedError):
        await _ask(port)
    await shop.endpoints("payment", 8080, payment.ip)
    assert await _ask(port) == b"payment hello\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"one\n")
    assert await reader.readline() == b"payment one\n"
    await shop.endpoints("payment", 8080)
    with pytest.raises(ConnectionRefusedError):
        await _ask(port)
    writer.write(b"two\n")  # What was open stays open.
    assert await reader.readline() == b"payment two\n"
    writer.close()


async def test_ready_endpoints_take_turns_and_a_dead_one_is_passed_over(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    pods = [await shop.network.attach(pod(f"web-{n}", f"w{n}"), [80]) for n in range(2)]
    ports = [json.loads(Path(one.table).read_text())["listen"]["80"] for one in pods]
    servers = [await shop.serve(port, f"web-{n}".encode()) for n, port in enumerate(ports)]
    await shop.endpoints("web", 80, *(one.ip for one in pods))
    port = _host_port(shop, "default/web:80")
    assert sorted([await _ask(port) for _ in range(4)]) == [b"web-0 hello\n"] * 2 + [b"web-1 hello\n"] * 2
    servers[0].close()
    assert [await _ask(port) for _ in range(3)] == [b"web-1 hello\n"] * 3


async def test_half_a_close_and_ten_megabytes_pass_unharmed(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    await shop.serve(json.loads(Path(web.table).read_text())["listen"]["80"], b"web")
    await shop.endpoints("web", 80, web.ip)
    reader, writer = await asyncio.open_connection("127.0.0.1", _host_port(shop, "default/web:80"))
    line = b"x" * 10_000_000 + b"\n"
    writer.write(line)
    writer.write_eof()
    async with asyncio.timeout(20):
        assert await reader.read() == b"web " + line + b"bye\n"
    writer.close()


async def test_a_backend_that_refuses_resets_the_client(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    await shop.endpoints("web", 80, web.ip)  # Ready, they say, but nobody listens.
    with pytest.raises(ConnectionResetError):
        await _ask(_host_port(shop, "default/web:80"))


async def test_a_pod_that_leaves_gives_everything_back(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    again = await shop.network.attach(pod("web", "w"), [80])
    assert again == web
    table = json.loads(Path(web.table).read_text())
    await shop.network.detach("w")
    await shop.network.detach("w")
    assert not Path(web.table).parent.exists()
    assert all(bindable(port) for port in table["connect"].values() if port != 6443)


async def test_a_killed_proxy_is_replaced_on_the_same_ports(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    await shop.serve(json.loads(Path(web.table).read_text())["listen"]["80"], b"web")
    await shop.endpoints("web", 80, web.ip)
    port = _host_port(shop, "default/web:80")
    pid = shop.network._proxy.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10):
        while True:
            try:
                assert await _ask(port) == b"web hello\n"
                break
            except OSError:
                await asyncio.sleep(0.01)


async def test_a_port_that_a_stranger_took_meanwhile_is_exchanged(shop: Shop) -> None:
    await shop.service("web", 80, 80)
    web = await shop.network.attach(pod("web", "w"), [80])
    await shop.serve(json.loads(Path(web.table).read_text())["listen"]["80"], b"web")
    port = _host_port(shop, "default/web:80")
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        await shop.endpoints("web", 80, web.ip)
        assert _host_port(shop, "default/web:80") != port
        assert await _ask(_host_port(shop, "default/web:80")) == b"web hello\n"
