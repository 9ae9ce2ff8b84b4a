"""
exec, attach and port-forward with the real kubectl, over WebSockets and over SPDY; the other end is a paper node.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re

import aiohttp
import pytest

from drillyard.cluster.apiserver.streams import serve

from .conftest import ADMIN_TOKEN, Cluster
from .test_kubectl import kubectl, shop

__all__ = ["shop"]


@pytest.fixture(params=["WebSocket", "SPDY"])
def streams(shop: Cluster, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A shop, and kubectl as it is today and as it was before 1.31."""
    if request.param == "SPDY":
        monkeypatch.delattr(serve, "accept")  # So that a WebSocket would fail.
        shop.environment = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
    return shop


async def test_exec_carries_output_and_exit_code(streams: Cluster) -> None:
    assert await kubectl(streams, "-n sock-shop exec deployment/payment -- echo hello there") == "hello there\n"
    failed = await streams.kubectl("-n", "sock-shop", "exec", "deployment/payment", "--", "fail", "3")
    assert (failed.code, failed.out) == (3, "out\n")
    assert failed.err == "err\ncommand terminated with exit code 3\n"


async def test_exec_sends_standard_input_and_its_end(streams: Cluster) -> None:
    sent = "line\n" * 50_000
    answer = await streams.kubectl("-n", "sock-shop", "exec", "-i", "deployment/payment", "--", "cat", given=sent)
    assert (answer.code, answer.out == sent) == (0, True)


async def test_exec_of_a_missing_program_tells_the_runtimes_words(streams: Cluster) -> None:
    answer = await streams.kubectl("-n", "sock-shop", "exec", "deployment/payment", "--", "curl", "x")
    assert answer.code == 1
    assert 'exec: "curl": executable file not found' in answer.err


async def test_a_client_that_goes_away_hangs_up_on_its_process(streams: Cluster) -> None:
    client = await streams.start_kubectl("-n", "sock-shop", "exec", "-i", "deployment/payment", "--", "cat", stdin=True)
    assert client.stdin is not None and client.stdout is not None
    client.stdin.write(b"x\n")
    assert await asyncio.wait_for(client.stdout.readline(), 10) == b"x\n"
    client.kill()
    await client.communicate()
    for _ in range(200):
        if streams.node.processes[-1].hung_up:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the process was left behind")


async def test_attach_joins_the_container(streams: Cluster) -> None:
    name = (await kubectl(streams, "-n sock-shop get pods -l name=payment -o name")).strip()
    answer = await streams.kubectl("-n", "sock-shop", "attach", "-i", name, given="typed\n")
    assert (answer.code, answer.out) == (0, "typed\n")


async def test_port_forward_carries_many_connections_at_once(streams: Cluster) -> None:
    forward = await streams.start_kubectl("-n", "sock-shop", "port-forward", "svc/payment", ":80")
    assert forward.stdout is not None
    first = (await asyncio.wait_for(forward.stdout.readline(), 10)).decode()
    port = int(re.search(r"127\.0\.0\.1:(\d+) -> 80", first).group(1))  # type: ignore[union-attr]

    async def echo(number: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = bytes([number]) * 300_000
        writer.write(sent)
        writer.write_eof()
        got = await asyncio.wait_for(reader.read(-1), 15)
        writer.close()
        await writer.wait_closed()
        return got == sent

    assert all(await asyncio.gather(*(echo(number) for number in range(20))))
    assert all(connection.closed for connection in streams.node.connections[:-1])


async def test_port_forward_to_a_closed_port_says_so(streams: Cluster) -> None:
    forward = await streams.start_kubectl("-n", "sock-shop", "port-forward", "deployment/payment", ":81")
    assert forward.stdout is not None and forward.stderr is not None
    first = (await asyncio.wait_for(forward.stdout.readline(), 10)).decode()
    port = int(re.search(r"127\.0\.0\.1:(\d+) -> 81", first).group(1))  # type: ignore[union-attr]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x")
    with contextlib.suppress(ConnectionResetError):  # kubectl closes with our byte unread, or read.
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    told = await asyncio.wait_for(forward.stderr.readline(), 10)
    assert b"Connection refused" in told


async def test_the_plain_channel_form_of_port_forward(shop: Cluster) -> None:
    name = (await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")).strip().removeprefix("pod/")
    url = f"{shop.url}/api/v1/namespaces/sock-shop/pods/{name}/portforward?ports=80,81"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as session,
        session.ws_connect(url, protocols=["v4.channel.k8s.io"], ssl=shop.ssl_context) as socket,
    ):
        named = [(await socket.receive_bytes(timeout=5)) for _ in range(4)]
        assert named == [b"\x00\x50\x00", b"\x01\x50\x00", b"\x02\x51\x00", b"\x03\x51\x00"]
        assert b"Connection refused" in await socket.receive_bytes(timeout=5)


async def test_what_asks_for_no_stream_is_refused_with_a_sentence(shop: Cluster) -> None:
    name = (await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")).strip().removeprefix("pod/")
    url = f"{shop.url}/api/v1/namespaces/sock-shop/pods/{name}/exec?command=ls&stdout=true"
    upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as session:
        for headers, code, told in (
            ({}, 400, "Upgrade request required"),
            (upgrade, 400, "X-Stream-Protocol-Version header is required"),
            ({**upgrade, "X-Stream-Protocol-Version": "v2.channel.k8s.io"}, 403, "unable to negotiate protocol"),
        ):
            async with session.post(url, ssl=shop.ssl_context, headers=headers) as response:
                assert response.status == code
                assert told in (await response.json())["message"]


@pytest.mark.parametrize("protocol", ["base64.channel.k8s.io", "v4.base64.channel.k8s.io"])
async def test_a_terminal_in_a_browser_speaks_base64(shop: Cluster, protocol: str) -> None:
    name = (await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")).strip().removeprefix("pod/")
    url = f"{shop.url}/api/v1/namespaces/sock-shop/pods/{name}/exec?command=fail&command=3&stdout=true&stderr=true"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as session,
        session.ws_connect(url, protocols=[protocol], ssl=shop.ssl_context) as socket,
    ):
        texts = [await socket.receive_str(timeout=5) for _ in range(4)]
        channels, data = [text[0] for text in texts], [base64.b64decode(text[1:]) for text in texts]
        assert (channels, data[:3]) == (["1", "1", "2", "3"], [b"", b"out\n", b"err\n"])
        assert data[3].startswith(b"{" if protocol.startswith("v4") else b"command terminated with non-zero exit code")


async def test_a_client_may_send_standard_input_as_text(shop: Cluster) -> None:
    """As the official Python client does; a real server asks for the bytes alone."""
    name = (await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")).strip().removeprefix("pod/")
    url = f"{shop.url}/api/v1/namespaces/sock-shop/pods/{name}/exec?command=cat&stdin=true&stdout=true"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as session,
        session.ws_connect(url, protocols=["v4.channel.k8s.io"], ssl=shop.ssl_context) as socket,
    ):
        await socket.send_str("\x00grüß\n")
        answers = [await socket.receive_bytes(timeout=5) for _ in range(2)]
        assert answers == [b"\x01", b"\x01" + "grüß\n".encode()]
