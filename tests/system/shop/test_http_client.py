"""
The client with which services call each other: one call is one request, and what goes wrong has a name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from drillyard.shop.http_client import CallFailed, HttpClient, HungUp, NotConnected, TimedOut, reason_of

from .conftest import free_port

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\n\r\nhi"
Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Streams) -> AsyncIterator[str]:
    async def talk_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(talk_and_close, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_calls_share_a_connection_and_keep_headers_and_body_as_given() -> None:
    heads: list[bytes] = []
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(2) if b"POST" in head else b""
            heads.append(head + body)
            writer.write(OK)

    async with server(talk) as url, HttpClient(5) as client:
        first = await client.call(
            "POST", f"{url}/a%2Fb?c=%20d", body=b"{}", headers={"content-type": "application/json"}
        )
        second = await client.call("GET", f"{url}/b", headers={})

    assert (first.status, first.body, second.body, connections) == (200, b"hi", b"hi", 1)
    assert heads[0].startswith(b"POST /a%2Fb?c=%20d HTTP/1.1\r\n")
    assert heads[0].lower().count(b"content-length: 2\r\n") == 1
    assert heads[0].endswith(b"\r\n\r\n{}")
    assert heads[1].lower().count(b"host:") == 1


async def test_a_hang_up_is_one_request_even_on_a_kept_connection() -> None:
    requests = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"\r\n\r\n"):
            requests += 1
            if requests > 1:
                return
            writer.write(OK)

    async with server(talk) as url, HttpClient(5) as client:
        await client.call("GET", url, headers={})
        with pytest.raises(HungUp):
            await client.call("GET", url, headers={})
    assert requests == 2


async def test_silence_before_and_within_an_answer_is_a_read_timeout() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/half" in head:
            writer.write(OK[:-1])
        await reader.read()

    async with server(talk) as url, HttpClient(0.1) as client:
        for path in ("/none", "/half"):
            with pytest.raises(TimedOut):
                await client.call("GET", f"{url}{path}", headers={})


async def test_a_cut_answer_and_no_http_at_all_are_protocol_errors() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1] if b"/cut" in head else b"nonsense\r\n\r\n")

    async with server(talk) as url, HttpClient(5) as client:
        for path in ("/cut", "/nonsense"):
            with pytest.raises(HungUp):
                await client.call("GET", f"{url}{path}", headers={})


async def test_who_is_not_there_is_named_as_the_system_names_it() -> None:
    async with HttpClient(5) as client:
        with pytest.raises(NotConnected) as refused:
            await client.call("GET", f"http://127.0.0.1:{free_port()}/", headers={})
        with pytest.raises(NotConnected) as unknown:
            await client.call("GET", "http://nowhere.invalid/", headers={})

    assert reason_of(refused.value) == "Connection refused"
    assert reason_of(unknown.value) == "Name or service not known"


async def test_what_is_no_url_is_named_and_what_is_in_one_stays_in_the_request_line() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async with server(talk) as url, HttpClient(5) as client:
        await client.call("GET", f"{url}/a b\r\nx-evil: 1", headers={})
        for wrong in ("no url", "http://", "ftp://x/y", "http://[", "http://a:999999/"):
            with pytest.raises(CallFailed):
                await client.call("GET", wrong, headers={})

    assert b"\r\nx-evil" not in heads[0].lower()
