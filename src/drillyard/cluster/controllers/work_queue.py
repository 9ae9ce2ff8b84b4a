"""
Keys to look at, each once however often it is named, one at a time, again later when the look failed.

Level-triggered: a key says that something about an object may have changed, never what. A failure is tried again with a
growing pause per key, from 5 ms to a minute, so one broken object cannot keep a controller busy. A look that takes long
(a ReplicaSet of 200 pods is looked at whole, and each of them changes several times) is followed by a rest of a few
times its length, in which changes gather: so the cost of a busy key does not grow with the square of its size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from drillyard.base.clock import Clock
from drillyard.cluster.client import ApiError
from drillyard.cluster.informer import Key

_log = logging.getLogger(__name__)
_PAUSE_MIN_S = 0.005
_PAUSE_MAX_S = 60.0
_LONG_S = 0.005
_RESTS = 3.0
_REST_MAX_S = 0.5

Reconcile = Callable[[Key], Awaitable[float | None]]


class WorkQueue:
    """The keys of one controller."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._keys: dict[Key, None] = {}  # An ordered set.
        self._news = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._rests: dict[Key, float] = {}  # Until when a key rests.
        self._later: dict[Key, tuple[float, asyncio.Task[None]]] = {}

    def add(self, key: Key) -> None:
        """Looks at the key as soon as its turn comes."""
        self._keys[key] = None
        self._news.set()

    def add_later(self, key: Key, delay_s: float) -> None:
        """Looks at the key after a while, unless an earlier look is planned."""
        due = self._clock.monotonic_s() + delay_s
        if (planned := self._later.get(key)) is not None:
            if planned[0] <= due:
                return
            planned[1].cancel()
        self._later[key] = (due, asyncio.ensure_future(self._wake(key, delay_s)))

    async def _wake(self, key: Key, delay_s: float) -> None:
        await self._clock.sleep(delay_s)
        self._later.pop(key, None)
        self.add(key)

    async def run(self, reconcile: Reconcile) -> None:
        """Works until cancelled. `reconcile` returns seconds after which to look again, or None."""
        try:
            while True:
                while not self._keys:
                    self._news.clear()
                    await self._news.wait()
                key = next(iter(self._keys))
                del self._keys[key]
                began_s = self._clock.monotonic_s()
                if (rest_s := self._rests.get(key, 0.0) - began_s) > 0:
                    self.add_later(key, rest_s)
                    continue
                self._rests.pop(key, None)
                await self._look(key, reconcile)
                ended_s = self._clock.monotonic_s()
                if (took_s := ended_s - began_s) > _LONG_S:
                    self._rests[key] = ended_s + min(took_s * _RESTS, _REST_MAX_S)
        finally:
            waking = [task for _, task in self._later.values()]
            self._later.clear()
            for task in waking:
                task.cancel()
            await asyncio.gather(*waking, return_exceptions=True)

    async def _look(self, key: Key, reconcile: Reconcile) -> None:
        try:
            again_s = await reconcile(key)
        except ApiError as refused:
            # A conflict only says that somebody else was faster.
            level = logging.DEBUG if refused.reason in ("Conflict", "NotFound", "AlreadyExists") else logging.WARNING
            _log.log(level, "%s: %s/%s: %s", self._name, *key, refused.message)
            self._try_again(key)
        except (OSError, TimeoutError) as lost:
            _log.warning("%s: %s/%s: %s", self._name, *key, lost)
            self._try_again(key)
        except Exception:
            _log.exception("%s: %s/%s", self._name, *key)
            self._try_again(key)
        else:
            self._failures.pop(key, None)
            if again_s is not None:
                self.add_later(key, again_s)

    def _try_again(self, key: Key) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_later(key, min(_PAUSE_MIN_S * 2.0 ** min(failures, 20), _PAUSE_MAX_S))
