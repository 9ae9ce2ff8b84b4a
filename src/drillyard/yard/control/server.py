"""
The control API: what can be done to a yard from below, on loopback, with a token that only its owner's state file has.

`PUT|GET|DELETE /holds/NAME` (`{"kind": "table_lock" | "connection_slots", …}`), `PUT|DELETE /links/NAME` (a fault of
`drillyard.cluster.network.link_fault`), `GET /links`, `POST /probe` (`link_probe`), `POST
/pods/NAMESPACE/NAME/freeze|thaw`. A refusal is `{"error": …}` with 400, 401 or 404.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.network.link_fault import LinkFault
from drillyard.cluster.network.service_network import ServiceNetwork
from drillyard.yard.control.connection_slots import ConnectionSlots
from drillyard.yard.control.hold import Hold, HoldRefused
from drillyard.yard.control.link_probe import probe
from drillyard.yard.control.stores import Stores
from drillyard.yard.control.table_lock import TableLock

_log = logging.getLogger(__name__)
_BODY_MAX_BYTES = 64 * 1024
_KINDS: Mapping[str, Callable[[Stores, Mapping[str, Any]], Hold]] = {
    "table_lock": TableLock,
    "connection_slots": ConnectionSlots,
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    """Serves one yard's capabilities; everything held is let go by `stop`."""

    def __init__(self, network: ServiceNetwork, kubelet: Kubelet, token: str) -> None:
        self._network, self._kubelet, self._token = network, kubelet, token
        self._stores = Stores(network.addresses)
        self._holds: dict[str, tuple[Hold, asyncio.Task[None]]] = {}
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listens on a free port of loopback; `url` says which."""
        app = web.Application(client_max_size=_BODY_MAX_BYTES, middlewares=[self._guard])
        app.router.add_put("/holds/{name}", self._hold)
        app.router.add_get("/holds/{name}", self._report)
        app.router.add_delete("/holds/{name}", self._let_go)
        app.router.add_put("/links/{name}", self._set_link)
        app.router.add_delete("/links/{name}", self._clear_link)
        app.router.add_get("/links", self._links)
        app.router.add_post("/probe", self._probe)
        app.router.add_post("/pods/{namespace}/{name}/{what:freeze|thaw}", self._pod)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Harmless twice."""
        for name in list(self._holds):
            await self._end(name)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode()):
            return _refused(401, "This needs the yard's control token.")
        try:
            return await handler(request)
        except (DrillyardError, HoldRefused, json.JSONDecodeError, UnicodeDecodeError) as refused:
            return _refused(400, getattr(refused, "message", None) or str(refused))
        except ApiError as refused:
            return _refused(refused.status, refused.message)

    async def _hold(self, request: web.Request) -> web.Response:
        name, data = request.match_info["name"], await _object(request)
        make = _KINDS.get(data.get("kind", ""))
        if make is None:
            raise HoldRefused(f"kind is {data.get('kind')!r}; it must be one of {', '.join(_KINDS)}.")
        hold = make(self._stores, data)
        await self._end(name)
        task = asyncio.create_task(hold.run(), name=f"hold {name}")
        task.add_done_callback(_say_why_it_ended)
        self._holds[name] = (hold, task)
        return web.json_response(hold.report())

    async def _report(self, request: web.Request) -> web.Response:
        found = self._holds.get(request.match_info["name"])
        if found is None or found[1].done():
            return web.json_response({"on": False})
        return web.json_response(found[0].report())

    async def _let_go(self, request: web.Request) -> web.Response:
        await self._end(request.match_info["name"])
        return web.json_response({"on": False})

    async def _end(self, name: str) -> None:
        found = self._holds.pop(name, None)
        if found is not None:
            found[1].cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await found[1]

    async def _set_link(self, request: web.Request) -> web.Response:
        content = {**await _object(request), "name": request.match_info["name"]}
        await self._network.links.set(LinkFault.from_json(content))
        return await self._links(request)

    async def _clear_link(self, request: web.Request) -> web.Response:
        await self._network.links.clear(request.match_info["name"])
        return await self._links(request)

    async def _links(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": [fault.to_json() for fault in self._network.links.faults()]})

    async def _probe(self, request: web.Request) -> web.Response:
        return web.json_response(await probe(self._network, await _object(request)))

    async def _pod(self, request: web.Request) -> web.Response:
        act = self._kubelet.freeze if request.match_info["what"] == "freeze" else self._kubelet.thaw
        act(request.match_info["namespace"], request.match_info["name"])
        return web.json_response({})


async def _object(request: web.Request) -> dict[str, Any]:
    content = await request.json()
    if not isinstance(content, dict):
        raise HoldRefused("The body is no JSON object.")
    return content


def _refused(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _say_why_it_ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (problem := task.exception()) is not None:
        _log.error("%s ended: %r", task.get_name(), problem)
