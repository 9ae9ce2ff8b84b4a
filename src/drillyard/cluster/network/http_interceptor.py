"""
HTTP/1.1 answers that are not the service's own, on a connection that already flows.

Requests are held until they are whole, then answered here ("before"), passed on with their answer swallowed ("after"),
or passed on untouched. Bytes that are no HTTP/1.1 are passed on as they are: this link then carries something else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from random import Random
from typing import Any

import httptools

from drillyard.cluster.network.link_fault import Answer, HttpFault


class HttpInterceptor:
    """
    Stands between the two directions of one connection.

    `to_service`, `to_client`: where bytes go on. `reset`: ends the connection. `fault` returns what holds now, or None.
    """

    def __init__(
        self,
        fault: Callable[[], tuple[HttpFault, float] | None],
        to_service: Callable[[bytes], None],
        to_client: Callable[[bytes], None],
        reset: Callable[[], None],
        random: Random,
    ) -> None:
        self._fault, self._random = fault, random
        self._to_service, self._to_client, self._reset = to_service, to_client, reset
        self._request: bytearray = bytearray()
        self._requests = _Messages(httptools.HttpRequestParser)
        self._answers = _Messages(httptools.HttpResponseParser)
        self._swallow: deque[Answer | None] = deque()  # For each answer to come, what replaces it (None: nothing).
        self._foreign = False

    def from_client(self, data: bytes) -> None:
        if self._foreign or (not self._request and not self._swallow and self._fault() is None):
            self._to_service(data)
            return
        self._request += data
        completed = self._requests.feed(data)
        if completed is None:
            self._foreign = True
            self._pass_on()
        elif completed:
            self._decide(completed)

    def from_service(self, data: bytes) -> None:
        if self._foreign or not self._swallow:
            self._to_client(data)
            return
        if self._swallow[0] is None:
            self._to_client(data)
        completed = self._answers.feed(data)
        if completed is None:
            self._foreign = True
            return
        for _ in range(min(completed, len(self._swallow))):
            replacement = self._swallow.popleft()
            if replacement is not None:
                self._give(replacement)

    def service_ended(self) -> bool:
        """The service closed its side; True when that must be kept from the client (an answer is being replaced)."""
        replacement = self._swallow.popleft() if self._swallow else None
        if replacement is None:
            return False
        self._give(replacement)
        return replacement == "silence"

    def _decide(self, requests: int) -> None:
        holding = self._fault()
        hit = holding is not None and (holding[1] >= 1 or self._random.random() < holding[1])
        if self._requests.method == b"HEAD":  # Its answer says a length and has no body, which no parser can see.
            self._foreign = True
            self._pass_on()
        elif holding is None or not hit:
            self._swallow.extend([None] * requests)
            self._pass_on()
        elif holding[0].when == "before":
            self._request.clear()
            for _ in range(requests):
                self._give(holding[0].answer)
        else:
            self._swallow.extend([holding[0].answer] * requests)
            self._pass_on()

    def _pass_on(self) -> None:
        data = bytes(self._request)
        self._request.clear()
        self._to_service(data)

    def _give(self, answer: Answer) -> None:
        if answer == "reset":
            self._reset()
        elif answer != "silence":
            self._to_client(_response(answer))


class _Messages:
    """Counts whole HTTP messages in a stream."""

    def __init__(self, parser: Any) -> None:
        self._make = parser
        self._parser = parser(self)
        self._completed = 0

    def on_message_complete(self) -> None:
        """Called by httptools."""
        self._completed += 1

    @property
    def method(self) -> bytes:
        """Of the latest request."""
        return bytes(self._parser.get_method())

    def feed(self, data: bytes) -> int | None:
        """How many messages these bytes completed; None when they are no HTTP."""
        self._completed = 0
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            return None
        return self._completed


def _response(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    body = b"" if status in (204, 304) else f"{status} {phrase}\n".encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
