"""Over real sockets: sessions hold, each way to go silent is given up within its limit, and no connection is left behind."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from drillyard.base.clock import SystemClock
from drillyard.load import AttemptOutcome, Habits, canary_order, place_orders

SHORT = Habits(timeout_s=0.3, order_timeout_s=0.3)


async def test_shoppers_keep_their_own_sessions_side_by_side(front_end: Any) -> None:
    ledger = await place_orders(front_end.url, 12, 42, SystemClock(), concurrency=4)

    assert ledger.counts["ok"] == 12
    assert len({order["customer"] for order in front_end.shop.orders.values()}) == 4
    assert sorted(ledger.order_ids) == sorted(front_end.shop.orders)
    assert all(row.total_cents == row.expected_cents for row in ledger)


async def test_no_connection_is_left_open(front_end: Any) -> None:
    await place_orders(front_end.url, 3, 42, SystemClock(), concurrency=3)

    async with asyncio.timeout(2):
        while front_end.connections:
            await asyncio.sleep(0.01)


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 1000000\r\n\r\n{")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\n")
    while True:
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def cut_off(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{"id": "a"')
    await writer.drain()
    writer.close()
    raise ConnectionError


async def reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
    raise ConnectionError


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await writer.drain()
    writer.close()
    raise ConnectionError


@pytest.mark.parametrize("route", ["POST /orders", "POST /cart"])
@pytest.mark.parametrize("misbehaviour", [silence, drip, endless_head, cut_off, reset, nonsense])
async def test_each_way_to_give_no_answer_is_a_transport_error_in_time(
    front_end: Any, misbehaviour: Any, route: str
) -> None:
    front_end.misbehaviours[route] = misbehaviour

    async with asyncio.timeout(3):
        ledger = await place_orders(front_end.url, 1, 42, SystemClock(), habits=SHORT)

    assert ledger.rows[0].outcome is AttemptOutcome.TRANSPORT_ERROR
    assert ledger.rows[0].took_s < 2


async def test_a_port_where_nobody_listens_is_a_transport_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: the kernel refuses.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        ledger = await place_orders(url, 2, 42, SystemClock())
        canary = await canary_order(url, seed=1, clock=SystemClock(), deadline_s=1)

    assert ledger.counts["transport_error"] == 2
    assert not canary.shipped
    assert canary.reason.startswith("The canary order was not accepted (transport_error at catalogue)")


async def test_the_machine_s_proxy_is_not_asked(front_end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert (await place_orders(front_end.url, 1, 42, SystemClock())).counts["ok"] == 1


async def test_the_canary_is_watched_to_shipped(front_end: Any) -> None:
    async def ship_soon() -> None:
        while not front_end.shop.orders:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        for order in front_end.shop.orders.values():
            order["status"] = "SHIPPED"

    shipping = asyncio.create_task(ship_soon())
    result = await canary_order(front_end.url, seed=1, clock=SystemClock(), deadline_s=5)
    await shipping

    assert result.shipped
    assert [seen.status for seen in result.statuses] == ["PAID", "SHIPPED"]
