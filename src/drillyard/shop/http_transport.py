"""
How requests of our HTTP client reach the wire: httpx's interface and errors over aiohttp's connections.

An order takes about fifteen calls between services. httpx's own transport parses in Python and looks at every
connection of its pool for each request. One run each at 20 shoppers, on a machine that others loaded differently each
time: 31 ms of processor time per order in front-end and 26 in orders with it, 11 and 14 without.
Promise kept here: no retry. A call that fails fails once, as the shop is built to show.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Connects by need, in the loop that first uses it. Raises httpx's transport errors."""

    def __init__(self, *, connections_max: int, idle_s: float) -> None:
        self._connections_max = connections_max
        self._idle_s = idle_s
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections_max,
                keepalive_timeout=self._idle_s,
                use_dns_cache=False,  # A Service that was made anew has another address.
                happy_eyeballs_delay=None,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            )
            # aiohttp would send a GET again whose kept connection broke; a hang-up has to stay one call. It has no
            # public switch for that; tests/system/shop/test_http_transport.py notices when this one is gone.
            self._session._retry_connection = False
        return self._session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request and returns the answer's head; its body is read as it comes."""
        body = await request.aread()
        wait_s: dict[str, Any] = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            connect=wait_s.get("pool"), sock_connect=wait_s.get("connect"), sock_read=wait_s.get("read")
        )
        headers = CIMultiDict(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request.headers.raw
            if name.lower() != b"content-length"
        )
        with _httpx_errors():
            answer = await self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                data=body or None,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            )
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer),
            extensions={"reason_phrase": (answer.reason or "").encode("latin-1", "replace")},
        )

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Body(httpx.AsyncByteStream):
    """An answer's body. Closed before its end, it takes its connection with it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        whole = self._answer.content.is_eof() and self._answer.content.exception() is None
        if whole:
            self._answer.release()
        else:
            self._answer.close()


@contextlib.contextmanager
def _httpx_errors() -> Iterator[None]:
    """aiohttp's errors under the names that httpx gives them."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as problem:
        raise httpx.ConnectTimeout("the connection was not made in time") from problem
    except (TimeoutError, aiohttp.ServerTimeoutError) as problem:
        raise httpx.ReadTimeout("no answer in time") from problem
    except aiohttp.ClientConnectorError as problem:
        raise httpx.ConnectError(str(problem.os_error)) from problem.os_error
    except aiohttp.ServerDisconnectedError as problem:
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.") from problem
    except aiohttp.ClientOSError as problem:
        kind = httpx.WriteError if problem.errno == errno.EPIPE else httpx.ReadError
        raise kind(str(problem)) from problem
    except aiohttp.InvalidURL as problem:
        raise httpx.UnsupportedProtocol(str(problem)) from problem
    except aiohttp.ClientError as problem:
        raise httpx.RemoteProtocolError(str(problem)) from problem
