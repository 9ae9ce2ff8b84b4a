"""
A circuit breaker as the original's catalogue has one for each endpoint.

After six errors in a row it refuses every call for 30 s, then lets one call through: its success closes it, its
failure opens it again (https://github.com/sony/gobreaker with its default settings).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from drillyard.base.clock import Clock

ERRORS_MAX = 5
OPEN_S = 30.0

Result = TypeVar("Result")


class BreakerOpen(Exception):
    """The call was not made. The text is gobreaker's."""


class Breaker:
    """Wraps the calls of one endpoint."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._errors = 0
        self._opened_at_s: float | None = None
        self._probing = False

    async def call(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """The attempt's result. Raises BreakerOpen instead of making it, and whatever the attempt raises."""
        probe = self._admit()
        try:
            result = await attempt()
        except Exception:
            self._errors += 1
            if probe or (self._opened_at_s is None and self._errors > ERRORS_MAX):
                self._opened_at_s = self._clock.monotonic_s()
            raise
        else:
            self._errors = 0
            if probe:
                self._opened_at_s = None
            return result
        finally:
            if probe:
                self._probing = False

    def _admit(self) -> bool:
        """Whether the call to come is the one probe of a half-open breaker. Raises BreakerOpen."""
        if self._opened_at_s is None:
            return False
        if self._clock.monotonic_s() - self._opened_at_s < OPEN_S:
            raise BreakerOpen(f"circuit breaker '{self._name}' is open")
        if self._probing:
            raise BreakerOpen("too many requests")
        self._probing = True
        return True
