"""
The edge proxy's process: every connection between pods, and from this machine into the yard, flows through it.

It is a process of its own so that a busy shop cannot starve the API server. It keeps no state that it was not told: the
service network sends edges over the inherited Unix socket on stdin, one JSON object a line, and gets one answer each:
`{"id": 1, "op": "apply", "edges": {"<edge>": {"port": 24101, "backends": [["127.0.0.1", 23007]], "fault": null}},
"removed": ["<edge>"]}` → `{"id": 1, "failed": {"<edge>": "[Errno 98] Address already in use"}}`. End of file ends the
process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvloop

from drillyard.cluster.network.edge import Edge
from drillyard.cluster.network.link_fault import Impairment

_log = logging.getLogger(__name__)
_FILES_WANTED = 65_536
_LINE_MAX = 32 * 1024 * 1024


class Proxy:
    """Every edge, by its name."""

    def __init__(self) -> None:
        self._edges: dict[str, Edge] = {}

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one request of the control connection."""
        match request.get("op"):
            case "apply":
                return {"failed": await self._apply(request.get("edges", {}), request.get("removed", ()))}
            case unknown:
                return {"error": f"unknown request {unknown!r}"}

    async def _apply(self, edges: dict[str, Any], removed: Sequence[str]) -> dict[str, str]:
        for name in removed:
            if name in self._edges:
                await self._edges.pop(name).remove()
        failed: dict[str, str] = {}
        for name, wanted in edges.items():
            edge = self._edges.get(name)
            if edge is not None and edge.port != wanted["port"]:
                await edge.remove()
                edge = None
            if edge is None:
                edge = self._edges[name] = Edge(name, wanted["port"])
            try:
                fault = wanted.get("fault")
                await edge.impair(Impairment.from_json(fault) if fault is not None else None)
                await edge.set_backends([(host, port) for host, port in wanted["backends"]])
            except OSError as refused:
                failed[name] = str(refused)
        return failed

    async def close(self) -> None:
        for edge in self._edges.values():
            await edge.remove()
        self._edges.clear()


async def serve(control: socket.socket) -> None:
    """Answers requests until the other side hangs up, or SIGTERM."""
    reader, writer = await asyncio.open_connection(sock=control, limit=_LINE_MAX)
    proxy = Proxy()
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        while line := await reader.readline():
            request = json.loads(line)
            answer = await proxy.answer(request)
            writer.write(json.dumps({"id": request.get("id"), **answer}).encode() + b"\n")
            await writer.drain()
    except (asyncio.CancelledError, ConnectionError):
        pass  # Told to end, or nobody is left to work for.
    finally:
        await proxy.close()
        writer.close()


def _allow_many_listeners() -> None:
    """A listener for each pod and Service: 200 pods have 4,600, and the usual soft limit of open files is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(argv: Sequence[str] = ()) -> int:
    """Serves the control socket that is its stdin."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="edge proxy: %(message)s")
    _allow_many_listeners()
    uvloop.run(serve(socket.socket(fileno=0)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
