"""
The HTTP client with which one service calls another: aiohttp's connections, one request a call, five named failures.

An order takes about fifteen calls between services. Measured with 20 shoppers: httpx's layer over the same connections
took a third of front-end's processor time.
Promise kept here: no retry. A call that fails fails once, as the shop is built to show.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from drillyard.shop import tracing

ANSWER_BYTES_MAX = 16 << 20
"""More than any list of a drill's orders; a callee gone mad must not fill this process."""

_CONNECTIONS_MAX = 200
_IDLE_S = 5  # Shorter than our servers keep an idle connection (service.KEEP_ALIVE_S).


class CallFailed(Exception):
    """A call that got no whole answer."""


class BadUrl(CallFailed):
    """The URL is none."""


class NotConnected(CallFailed):
    """The callee refused, or is unknown. The cause is the system's OSError."""


class TimedOut(CallFailed, TimeoutError):
    """No answer, or no more of one, within the limit."""


class ConnectTimedOut(TimedOut):
    """The connection was not made within the limit."""


class HungUp(CallFailed):
    """The callee ended the connection before its answer was whole, or what it sent is not HTTP."""


@dataclass(frozen=True)
class Answer:
    """What a callee said, whole."""

    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """A status of 2xx."""
        return 200 <= self.status < 300


class HttpClient:
    """
    Calls whose every wait (connect, write, read) ends after `timeout_s`. Use as an async context manager, or close it.

    Connects by need, in the loop that first uses it. It takes no proxy or credentials from the environment, keeps no
    cookies and follows no redirect: its callees are named by settings.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(connect=timeout_s, sock_connect=timeout_s, sock_read=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request with its answer, of whatever status. Raises CallFailed (one of its kinds)."""
        with tracing.calling(method, url, headers) as step, _named_failures():
            async with self._open().request(
                method, URL(url), data=body, headers=headers, allow_redirects=False
            ) as answer:
                if step is not None:
                    step.answered(answer.status, failed_from=400)
                return Answer(answer.status, answer.reason or "", answer.headers, await _body_of(answer))

    async def close(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS_MAX,
                keepalive_timeout=_IDLE_S,
                use_dns_cache=False,  # A Service that was made anew has another address.
                happy_eyeballs_delay=None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            )
            # aiohttp would send a GET again whose kept connection broke; a hang-up has to stay one call. It has no
            # public switch for that; tests/system/shop/test_http_client.py notices when this one is gone.
            self._session._retry_connection = False
        return self._session


async def _body_of(answer: aiohttp.ClientResponse) -> bytes:
    if answer.content_length is not None and answer.content_length <= ANSWER_BYTES_MAX:
        return await answer.read()
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise HungUp("the answer is too large")
        parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as problem:
        raise ConnectTimedOut("the connection was not made in time") from problem
    except TimeoutError as problem:
        raise TimedOut("no answer in time") from problem
    except aiohttp.ClientConnectorError as problem:
        raise NotConnected(str(problem.os_error)) from problem.os_error
    except aiohttp.ServerDisconnectedError as problem:
        raise HungUp("Server disconnected without sending a response.") from problem
    except (aiohttp.InvalidURL, ValueError) as problem:
        raise BadUrl(str(problem)) from problem
    except (aiohttp.ClientError, OSError) as problem:
        raise HungUp(str(problem)) from problem


def reason_of(problem: BaseException) -> str:
    """The reason for a failed call in the operating system's words where it has some: `Connection refused`."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return "Name or service not known"
        if isinstance(seen, OSError) and seen.errno:
            return os.strerror(seen.errno)
        seen = seen.exceptions[0] if isinstance(seen, ExceptionGroup) else seen.__cause__ or seen.__context__
    return str(problem) or type(problem).__name__
