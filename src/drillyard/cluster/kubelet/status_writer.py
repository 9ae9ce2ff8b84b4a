"""
Writes one pod's status, each state in order and as its own write, so that a watcher misses none of them.

A pod must run on while the API server is away; so states wait here, and when it was away for long only the latest few
are told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object

_log = logging.getLogger(__name__)
_WAITING_MAX = 32
_RETRY_S = 0.5
_FLUSH_S = 5.0


class StatusWriter:
    """Give it to a task (`run`), then `push` states."""

    def __init__(self, api: Api, pod: Object, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._namespace, self._name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self._uid = pod["metadata"]["uid"]
        self._waiting: deque[Object] = deque(maxlen=_WAITING_MAX)
        self._last: Object | None = None
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.gone = False  # The pod is no longer in the API.

    def push(self, status: Object) -> None:
        """The pod's status is now this; the same as before is not written again."""
        if status == self._last or self.gone:
            return
        self._last = status
        self._waiting.append(status)
        self._idle.clear()
        self._more.set()

    async def flush(self) -> None:
        """Waits until everything pushed is written, at most 5 s."""
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("the last status of pod %s/%s is not written", self._namespace, self._name)

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting and not self.gone:
                await self._write(self._waiting.popleft())
            self._idle.set()

    async def _write(self, status: Object) -> None:
        while True:
            try:
                await self._api.patch(
                    "pods",
                    self._namespace,
                    self._name,
                    {"metadata": {"uid": self._uid}, "status": status},
                    subresource="status",
                )
                return
            except ApiError as refused:
                if refused.status == 404 or (refused.status == 409 and "UID" in refused.message):
                    self.gone = True
                    return
                if refused.status not in (409, 429) and refused.status < 500:
                    _log.error("the status of pod %s/%s was refused: %s", self._namespace, self._name, refused.message)
                    return
            except (OSError, TimeoutError) as lost:
                _log.warning("the status of pod %s/%s is not written yet: %s", self._namespace, self._name, lost)
            await self._clock.sleep(_RETRY_S)
