"""
A copy of one kind of objects, kept true by list and watch, as every Kubernetes client keeps it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson

from drillyard.base.clock import Clock

WATCH_S = 300
LIST_TIMEOUT_S = 10.0
OBJECT_MAX = 4 * 1024 * 1024
RETRY_FIRST_S = 0.2
RETRY_MOST_S = 5.0

Object = dict[str, Any]


class Sink(Protocol):
    """Who wants to know."""

    def listed(self, objects: list[Object]) -> None:
        """These, and no others, exist."""

    def changed(self, kind: str, found: Object) -> None:
        """ADDED, MODIFIED or DELETED."""


class _Expired(Exception):
    """The version is too old: list again."""


class KubernetesApi:
    """The API server as a pod sees it: its CA and token are files that may change."""

    def __init__(self, session: aiohttp.ClientSession, url: str, service_account: Path, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._folder = service_account
        self._clock = clock
        self._tls: ssl.SSLContext | None = None

    async def follow(self, path: str, sink: Sink) -> None:
        """Tells the sink of everything under a path such as `/api/v1/pods`, for ever; troubles are waited out."""
        retry_s = RETRY_FIRST_S
        while True:
            try:
                version = await self._list(path, sink)
                retry_s = RETRY_FIRST_S
                while True:
                    version = await self._watch(path, version, sink)
            except _Expired:
                continue
            except (TimeoutError, aiohttp.ClientError, OSError, ValueError, KeyError, TypeError):
                await self._clock.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MOST_S)

    async def items(self, path: str) -> list[Object] | None:
        """One listing; None when it is not to be had, as on a cluster without the Metrics API."""
        timeout = aiohttp.ClientTimeout(total=LIST_TIMEOUT_S)
        try:
            async with self._session.get(
                self._url + path, headers=self._headers(), ssl=self._ssl(), timeout=timeout
            ) as answer:
                found = orjson.loads(await answer.read()) if answer.status == 200 else {}
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return None
        items = found.get("items")
        return items if isinstance(items, list) else None

    async def _list(self, path: str, sink: Sink) -> str:
        timeout = aiohttp.ClientTimeout(total=LIST_TIMEOUT_S)
        async with self._session.get(
            self._url + path, headers=self._headers(), ssl=self._ssl(), timeout=timeout
        ) as answer:
            answer.raise_for_status()
            found = orjson.loads(await answer.read())
        sink.listed(found.get("items") or [])
        return str(found["metadata"]["resourceVersion"])

    async def _watch(self, path: str, version: str, sink: Sink) -> str:
        asked = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_S),
            "allowWatchBookmarks": "true",
        }
        timeout = aiohttp.ClientTimeout(total=WATCH_S + 30, sock_connect=LIST_TIMEOUT_S)
        async with self._session.get(
            self._url + path, params=asked, headers=self._headers(), ssl=self._ssl(), timeout=timeout
        ) as answer:
            if answer.status == 410:
                raise _Expired
            answer.raise_for_status()
            async for line in _lines(answer.content):
                event = orjson.loads(line)
                found = event["object"]
                if event["type"] == "ERROR":
                    raise _Expired
                version = str(found["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    sink.changed(event["type"], found)
        return version

    def _headers(self) -> Mapping[str, str]:
        token = self._folder / "token"
        return {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}

    def _ssl(self) -> ssl.SSLContext | bool:
        if not self._url.startswith("https://"):
            return True
        if self._tls is None:
            self._tls = ssl.create_default_context(cafile=str(self._folder / "ca.crt"))
        return self._tls


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length up to OBJECT_MAX; aiohttp's own reader gives up at 128 KB."""
    kept = b""
    async for chunk in stream.iter_any():
        *whole, kept = (kept + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(kept) > OBJECT_MAX:
            raise ValueError(f"a watch event of more than {OBJECT_MAX} bytes")
