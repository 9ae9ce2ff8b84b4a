"""
Visitors who only look: lists of socks, a search by tag, a single sock, one after the other, each view timed.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from drillyard.base.clock import Clock

_PATHS = ("/catalogue?size=5", "/catalogue?tags=brown", "/catalogue/size", "/tags")
TIMEOUT_S = 15.0
# Visitors pause: without it, all of them could slip through one gap of a fault that comes and goes.
PAUSE_S = 0.05


@dataclass(frozen=True)
class View:
    """
    One page view. `http_status` is None when no answer came; `error` says why, or which error the answer showed.

    As in the original, the front end passes a failure of the catalogue on as a 200 whose body says what went wrong.
    """

    path: str
    http_status: int | None
    took_s: float
    error: str | None = None


async def browse(
    front_end_url: str,
    count: int,
    seed: int,
    clock: Clock,
    *,
    timeout_s: float = TIMEOUT_S,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[View]:
    """
    Makes `count` views, one after the other with a pause between, in an order drawn by the seed.

    The shop's failures are rows.
    """
    generator = random.Random(f"{seed}/views")
    views: list[View] = []
    async with httpx.AsyncClient(base_url=front_end_url, timeout=None, trust_env=False, transport=transport) as client:
        for number in range(count):
            if number:
                await clock.sleep(PAUSE_S)
            views.append(await _view(client, generator.choice(_PATHS), clock, timeout_s))
    return views


def p95_s(views: Sequence[View]) -> float:
    """The 95th percentile (nearest rank) of what the views took; 0 for none."""
    took = sorted(view.took_s for view in views)
    return took[math.ceil(len(took) * 0.95) - 1] if took else 0.0


async def _view(client: httpx.AsyncClient, path: str, clock: Clock, timeout_s: float) -> View:
    began_s = clock.monotonic_s()
    try:
        async with asyncio.timeout(timeout_s):
            answer = await client.get(path)
    except TimeoutError:
        return View(path, None, clock.monotonic_s() - began_s, f"no answer within {timeout_s:g} s")
    except httpx.HTTPError as lost:
        return View(path, None, clock.monotonic_s() - began_s, str(lost) or type(lost).__name__)
    return View(path, answer.status_code, clock.monotonic_s() - began_s, _error_in(answer))


def _error_in(answer: httpx.Response) -> str | None:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and body.get("error"):
        return str(body["error"])[:200]
    return None if answer.is_success else answer.text.strip()[:200]
