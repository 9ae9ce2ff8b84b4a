"""
Routes of the catalogue: socks, tags and pictures, passed on as they are.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop.front_end.answers import piped, plain, target
from drillyard.shop.front_end.back_ends import BackEnds


class Catalogue:
    """Asks the catalogue service."""

    def __init__(self, back_ends: BackEnds) -> None:
        self._back_ends = back_ends

    async def pictures(self, request: Request) -> Response:
        """GET /catalogue/images*: the back service's answer, whole."""
        return piped(await self._back_ends.get(self._back_ends.catalogue + target(request), headers={"accept": "*/*"}))

    async def socks(self, request: Request) -> Response:
        """GET /catalogue* and /tags: always 200, also for an unknown sock, whose error JSON is the body."""
        answer = await self._back_ends.get(self._back_ends.catalogue + target(request))
        return plain(answer.body)
