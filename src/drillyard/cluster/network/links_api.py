"""
Link faults for other processes of this machine's user: HTTP on a Unix socket in the network's folder.

`PUT /faults/NAME` with the fault as JSON, `DELETE /faults/NAME`, `DELETE /faults`, `GET /faults`. Whoever may open the
socket (mode 0600) may use it. Refusals are `{"error": …}` with status 400.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path

from aiohttp import web

from drillyard.base.errors import DrillyardError
from drillyard.cluster.network.link_fault import LinkFault
from drillyard.cluster.network.links import Links

_log = logging.getLogger(__name__)
_BODY_MAX_BYTES = 64 * 1024
_PATH_MAX = 100  # sun_path holds 108 bytes (unix(7)).


class LinksApi:
    """Serves `links` at a path while it runs."""

    def __init__(self, links: Links, path: Path) -> None:
        self._links, self._path = links, path
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """A path that is too long for a socket is logged: faults can then only be set in this process."""
        if len(os.fsencode(self._path)) > _PATH_MAX:
            _log.warning("no control of links from outside: the path %s is too long for a socket", self._path)
            return
        app = web.Application(client_max_size=_BODY_MAX_BYTES)
        app.router.add_get("/faults", self._list)
        app.router.add_delete("/faults", self._clear_all)
        app.router.add_put("/faults/{name}", self._set)
        app.router.add_delete("/faults/{name}", self._clear)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        self._path.unlink(missing_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(self._path))
        self._path.chmod(0o600)  # Before it listens: until then nobody can connect.
        await web.SockSite(self._runner, sock).start()

    async def stop(self) -> None:
        """Harmless twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._path.unlink(missing_ok=True)

    async def _list(self, request: web.Request) -> web.Response:
        return self._all()

    async def _set(self, request: web.Request) -> web.Response:
        try:
            content = await request.json()
            if not isinstance(content, dict):
                raise DrillyardError("The body is no JSON object.")
            await self._links.set(LinkFault.from_json({**content, "name": request.match_info["name"]}))
        except (DrillyardError, json.JSONDecodeError, UnicodeDecodeError) as refused:
            return web.json_response({"error": str(refused)}, status=400)
        return self._all()

    async def _clear(self, request: web.Request) -> web.Response:
        await self._links.clear(request.match_info["name"])
        return self._all()

    async def _clear_all(self, request: web.Request) -> web.Response:
        await self._links.clear_all()
        return self._all()

    def _all(self) -> web.Response:
        return web.json_response({"faults": [fault.to_json() for fault in self._links.faults()]})
