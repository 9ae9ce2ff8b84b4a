"""
The head of a request is bounded in time and in size, in virtual time and without a socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from drillyard.base.bounded_http import HEAD_BYTES_MAX, HEAD_S, BoundedHttp

HEAD = b"GET /x HTTP/1.1\r\nhost: a\r\n"


@dataclass
class Timer:
    delay_s: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Loop:
    """The two things that the protocol asks of a loop."""

    timers: list[Timer] = field(default_factory=list)
    requests: int = 0

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay_s, call))
        return self.timers[-1]

    def create_task(self, coroutine: Any, **_: Any) -> Any:
        coroutine.close()
        self.requests += 1
        return asyncio.Future(loop=_REAL)

    def pass_s(self, seconds: float) -> None:
        for timer in [one for one in self.timers if not one.cancelled and one.delay_s <= seconds]:
            timer.cancelled = True
            timer.call()


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


_REAL = asyncio.new_event_loop()
_REAL.close()


def connected() -> tuple[BoundedHttp, Loop, Transport]:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    loop, transport = Loop(), Transport()
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    protocol = BoundedHttp(config=config, server_state=ServerState(), app_state={}, _loop=loop)
    protocol.connection_made(transport)
    return protocol, loop, transport


def test_a_client_that_says_nothing_is_left() -> None:
    _, loop, transport = connected()

    loop.pass_s(HEAD_S)

    assert (transport.closed, transport.sent) == (True, b"")


def test_a_client_that_dribbles_its_head_is_left_all_the_same() -> None:
    protocol, loop, transport = connected()
    for byte in HEAD:
        protocol.data_received(bytes([byte]))

    loop.pass_s(HEAD_S)

    assert transport.closed
    assert loop.requests == 0


def test_a_request_whose_head_is_whole_may_take_its_time() -> None:
    protocol, loop, transport = connected()
    protocol.data_received(HEAD + b"content-length: 9\r\n\r\n")

    loop.pass_s(HEAD_S)

    assert (transport.closed, loop.requests) == (False, 1)


def test_a_head_without_an_end_is_a_431() -> None:
    protocol, loop, transport = connected()
    protocol.data_received(HEAD + b"x: ")
    for _ in range(HEAD_BYTES_MAX // 1024 + 1):
        protocol.data_received(b"a" * 1024)

    assert transport.sent.startswith(b"HTTP/1.1 431 ")
    assert transport.closed
    assert loop.requests == 0


def test_a_large_body_beside_its_head_is_no_large_head() -> None:
    protocol, loop, transport = connected()
    body = b"a" * (HEAD_BYTES_MAX * 2)

    protocol.data_received(HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body)

    assert (transport.closed, loop.requests) == (False, 1)


def test_a_connection_that_ends_leaves_no_timer() -> None:
    protocol, loop, _ = connected()

    protocol.connection_lost(None)

    assert all(timer.cancelled for timer in loop.timers)
