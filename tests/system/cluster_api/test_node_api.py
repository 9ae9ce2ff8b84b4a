"""
What a kube-apiserver asks of a node, in its words (seen on 1.36.2): renamed paths and parameters, a client certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
import trustme

from drillyard.base.clock import SystemClock
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.node_api import NodeApi

from .paper_node import PaperNode

AUTHORITY = trustme.CA()


def _context(purpose: int, name: str = "") -> ssl.SSLContext:
    context = ssl.SSLContext(purpose)
    AUTHORITY.configure_trust(context)
    if name:
        AUTHORITY.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
async def node() -> AsyncIterator[str]:
    """The address of a paper node's API."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    served = NodeApi(PaperNode(ApiServer(tokens={}).api("node"), SystemClock()), context)
    port = await served.start("127.0.0.1", 0)
    yield f"https://127.0.0.1:{port}"
    await served.stop()


@pytest.fixture
async def api_server() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that shows the certificate of an API server."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, "kube-apiserver")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield session


async def test_exec_answers_to_the_kubelets_own_parameters(node: str, api_server: aiohttp.ClientSession) -> None:
    url = f"{node}/exec/shop/orders/main?command=fail&command=3&error=1&output=1"
    received: dict[int, bytes] = {}
    async with api_server.ws_connect(url, protocols=("v5.channel.k8s.io",)) as stream:
        async for message in stream:
            received[message.data[0]] = received.get(message.data[0], b"") + message.data[1:]
    assert (received[1], received[2]) == (b"out\n", b"err\n")
    assert orjson.loads(received[3])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def test_a_forwarded_port_echoes(node: str, api_server: aiohttp.ClientSession) -> None:
    url = f"{node}/portForward/shop/orders?port=80"
    async with api_server.ws_connect(url, protocols=("v4.channel.k8s.io",)) as stream:
        await stream.send_bytes(b"\0hello")
        said = [await stream.receive_bytes(timeout=5) for _ in range(3)]
    assert said == [b"\0\x50\0", b"\1\x50\0", b"\0hello"]


async def test_logs_are_plain_text(node: str, api_server: aiohttp.ClientSession) -> None:
    async with api_server.get(f"{node}/containerLogs/shop/orders/main?tailLines=1") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.text()


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/containerLogs/shop/orders/main?tailLines=x", 400, 'invalid value "x" for tailLines'),
        ("/exec/shop/orders/main?output=1", 400, "you must specify at least one command"),
        ("/exec/shop/orders/main?command=echo", 400, "you must specify at least 1 of stdin, stdout, stderr"),
        ("/exec/shop/orders/main?command=echo&output=1", 400, "Upgrade request required"),
        ("/exec/shop/orders?command=echo&output=1", 404, "could not find the requested resource"),
        ("/portForward/shop/orders?port=0", 400, "numbers between 1 and 65535"),
        ("/runningpods/", 404, "could not find the requested resource"),
    ],
)
async def test_a_refusal_is_one_sentence(
    node: str, api_server: aiohttp.ClientSession, path: str, status: int, text: str
) -> None:
    async with api_server.get(node + path) as answer:
        assert (answer.status, text in await answer.text()) == (status, True)


async def test_a_caller_without_a_certificate_is_not_served(node: str) -> None:
    connector = aiohttp.TCPConnector(ssl=_context(ssl.PROTOCOL_TLS_CLIENT))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{node}/healthz")
