"""
One browser's exchanges with the shop: a request, its whole answer, and the cookies between them.

Over sockets they are aiohttp's (measured: a checkout cost the load generator 8.4 ms of processor time through httpx,
and costs 1.0 ms so). Over a transport of httpx they reach a shop in memory, as tests have it. Neither tries again: a
shopper's row has to say what became of that one request. The limit of time is the caller's.
"""

from __future__ import annotations

import json as json_text
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import httpx
from yarl import URL

ANSWER_BYTES_MAX = 4_000_000


class NoAnswer(Exception):
    """Refused, reset, or cut off; the text says which."""


class AnswerTooLarge(Exception):
    """An answer of more than ANSWER_BYTES_MAX bytes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"an answer of over {ANSWER_BYTES_MAX} bytes")
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An answer that was read to its end."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        return json_text.loads(self.body)


class Exchange(Protocol):
    """Asks one front end. Close it when done."""

    async def ask(self, method: str, path: str, json: Any, headers: Mapping[str, str] | None) -> Answer:
        """`json` None: no body. Raises NoAnswer, AnswerTooLarge."""

    async def close(self) -> None:
        """Ends every connection."""


class OverSockets:
    """To a front end by its URL. Proxies and credentials of the machine are not for a shop on loopback."""

    def __init__(self, front_end_url: str) -> None:
        self._url = front_end_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, path: str, json: Any, headers: Mapping[str, str] | None) -> Answer:
        try:
            async with self._opened().request(
                method, URL(self._url + path), json=json, headers=headers, allow_redirects=False
            ) as answer:
                return Answer(answer.status, await _within(answer.content.iter_any(), answer.status))
        except aiohttp.ClientConnectorError as problem:
            raise NoAnswer(problem.os_error.strerror or str(problem.os_error)) from problem
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            raise NoAnswer(str(problem) or type(problem).__name__) from problem

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),  # Also from a host that is an address.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                trust_env=False,
            )
            self._session._retry_connection = False  # Why, and its test: shop/http_client.py.
        return self._session


class OverTransport:
    """To an application in memory, or whatever else a transport of httpx reaches."""

    def __init__(self, front_end_url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._http = httpx.AsyncClient(base_url=front_end_url, timeout=None, trust_env=False, transport=transport)

    async def ask(self, method: str, path: str, json: Any, headers: Mapping[str, str] | None) -> Answer:
        try:
            async with self._http.stream(method, path, json=json, headers=headers) as answer:
                return Answer(answer.status_code, await _within(answer.aiter_bytes(), answer.status_code))
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise NoAnswer(str(problem) or type(problem).__name__) from problem

    async def close(self) -> None:
        await self._http.aclose()


async def _within(parts: AsyncIterator[bytes], status: int) -> bytes:
    """The whole body, but not one without end."""
    content = bytearray()
    async for part in parts:
        content += part
        if len(content) > ANSWER_BYTES_MAX:
            raise AnswerTooLarge(status)
    return bytes(content)
