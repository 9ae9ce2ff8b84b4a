"""
A callee in this process: the client of the services, whose answers a test decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from drillyard.shop.http_client import Answer, HttpClient


@dataclass(frozen=True)
class Call:
    """What was asked for."""

    method: str
    url: URL
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def answer(status: int, body: bytes = b"") -> Answer:
    """An answer with a status and a body."""
    return Answer(status, HTTPStatus(status).phrase, CIMultiDictProxy(CIMultiDict()), body)


class FakeCallee(HttpClient):
    """Gives each call to a function that answers it or raises."""

    def __init__(self, answers: Callable[[Call], Answer]) -> None:
        super().__init__(1)
        self._answers = answers

    async def call(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        return self._answers(Call(method, URL(url), headers, body or b""))
