"""A front end on a real socket: the unit tests' small shop behind HTTP, and ways for a server to behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

_PATH = Path(__file__).parents[2] / "unit" / "load" / "fake_shop.py"
_SPEC = importlib.util.spec_from_file_location("fake_shop_behind_a_socket", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)

Misbehaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


class FrontEnd:
    """Serves `shop`; a request to a path in `misbehaviours` gets that instead of an answer."""

    def __init__(self) -> None:
        self.shop = _MODULE.FakeShop()
        self.misbehaviours: dict[str, Misbehaviour] = {}
        self.url = ""
        self.connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections.add(writer)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await self._one_request(reader, writer)
        finally:
            self.connections.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines if line)
        length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        misbehaviour = self.misbehaviours.get(f"{method} {path.partition('?')[0]}")
        if misbehaviour is not None:
            await misbehaviour(writer)
            return
        answer = self.shop.answer(httpx.Request(method, self.url + path, headers=headers, content=body))
        sent = [f"HTTP/1.1 {answer.status_code} X", f"content-length: {len(answer.content)}"]
        sent += [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "content-length"]
        writer.write("\r\n".join([*sent, "", ""]).encode() + answer.content)
        await writer.drain()


@pytest.fixture
async def front_end() -> AsyncIterator[FrontEnd]:
    serving = FrontEnd()
    server = await asyncio.start_server(serving.serve, "127.0.0.1", 0)
    serving.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield serving
    finally:
        server.close()
        await serving.end()
        await server.wait_closed()
