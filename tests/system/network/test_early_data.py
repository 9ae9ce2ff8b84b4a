"""A client that sends before its backend is connected loses nothing, on any Python (3.11.0 to 3.11.3 read in spite of a pause)."""

from __future__ import annotations

import asyncio

from drillyard.base.ports import free_port
from drillyard.cluster.network.edge import Edge, Inbound


async def test_what_comes_before_the_backend_is_connected_is_kept(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    backend = await asyncio.start_server(echo, "127.0.0.1", 0)
    edge = Edge("early", free_port())
    await edge.set_backends([("127.0.0.1", backend.sockets[0].getsockname()[1])])
    made = Inbound.connection_made

    def early(self: Inbound, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        self.data_received(b"GET /")
        self.eof_received()

    monkeypatch.setattr(Inbound, "connection_made", early)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        assert await asyncio.wait_for(reader.read(), 5) == b"GET /"
        writer.close()
        await writer.wait_closed()
    finally:
        await edge.remove()
        backend.close()
        await backend.wait_closed()
