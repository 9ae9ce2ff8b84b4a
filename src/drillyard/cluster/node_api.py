"""
A node's own API, as an API server elsewhere asks it: logs, exec, attach, port-forward (a kubelet's port 10250).

What kubelet and API server call them differs in paths and parameters only, so each request is renamed and served as
our own API server serves it. Names: pkg/kubelet/server/server.go, and the parameters in k8s.io/api/core/v1
(`ExecStdinParam` and its sisters). kube-apiserver 1.36 passes a client's WebSocket through to a node that declares
the feature `ExtendWebSocketsToKubelet`; an older one turns what newer kubectls speak into SPDY.
"""

from __future__ import annotations

import logging
import ssl

from aiohttp import web

from drillyard.cluster.apiserver.pod_logs import serve_logs
from drillyard.cluster.apiserver.status import no_such_path
from drillyard.cluster.apiserver.streams.serve import serve_stream
from drillyard.cluster.client import ApiError, NodeAgent, Object

_log = logging.getLogger(__name__)
_SHUTDOWN_S = 0.5
_SUBRESOURCES = {"exec": "exec", "attach": "attach", "portForward": "portforward", "containerLogs": "log"}
_PARAMETERS = {"input": "stdin", "output": "stdout", "error": "stderr", "port": "ports"}


class NodeApi:
    """
    Serves one agent. The context says whose certificate a caller has to show: without one, anybody who reaches the
    port may run commands in every pod.
    """

    def __init__(self, agent: NodeAgent, ssl_context: ssl.SSLContext) -> None:
        self._agent, self._ssl = agent, ssl_context
        self._runner: web.ServerRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and returns the port. Raises OSError when the address is taken."""
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=self._ssl).start()
        chosen: int = self._runner.addresses[0][1]
        _log.info("the node's API listens on %s:%d", host, chosen)
        return chosen

    async def stop(self) -> None:
        """Closes every connection, releases the port. Harmless twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Refusals are plain text, as a kubelet's: the API server makes a Status of them."""
        try:
            return await self._serve(http)
        except ApiError as refused:
            return web.Response(status=refused.status, text=refused.message)

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        if http.path == "/healthz":
            return web.Response(text="ok")
        subresource, pod = _asked(http.path)
        renamed = [(_PARAMETERS.get(name, name), value) for name, value in http.query.items()]
        request = http.clone(rel_url=http.rel_url.with_query(renamed))
        if subresource == "log":
            return await serve_logs(request, pod, self._agent, request.query)
        return await serve_stream(request, pod, subresource, self._agent)


def _asked(path: str) -> tuple[str, Object]:
    """The subresource and what the path says of the pod, as a Pod. Raises ApiError 404 for another path."""
    first, *rest = path.strip("/").split("/")
    subresource = _SUBRESOURCES.get(first)
    if subresource is None or len(rest) != (2 if subresource == "portforward" else 3):
        raise no_such_path()
    namespace, name, *containers = rest
    spec = {"nodeName": "this", "containers": [{"name": container} for container in containers]}
    return subresource, {"metadata": {"namespace": namespace, "name": name}, "spec": spec}
