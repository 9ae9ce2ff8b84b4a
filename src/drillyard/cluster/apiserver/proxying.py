"""
`pods/proxy` and `services/proxy`: an HTTP request that the API server hands on into a pod, and the answer back.

`…/services/[http:]NAME[:PORT]/proxy/PATH`; without a port the only one of a Service, or a pod's first
(https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/). What is not done: https to the
pod, upgrades, and the rewriting of links in pages; a redirect's `Location` is rewritten.
"""

from __future__ import annotations

import asyncio
import re

import httptools
from aiohttp import web
from multidict import CIMultiDict

from drillyard.cluster.apiserver.bodies import read_raw
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.request import ApiRequest
from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.client import ApiError, NodeAgent, Object, TcpConnection
from drillyard.cluster.resources import named

_SILENCE_S = 300.0
_HEAD_MAX_BYTES = 64 * 1024
_PATH = re.compile(r"(?P<place>/api/v1/namespaces/[^/]+/(?:pods|services)/[^/]+/proxy)(?P<below>.*)", re.S)
# Of one connection only (RFC 9110, 7.6.1), or meant for the API server.
_NOT_HANDED_ON = (
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)


async def serve_proxy(
    http: web.BaseRequest, request: ApiRequest, objects: Objects, agent: NodeAgent | None
) -> web.StreamResponse:
    """Raises ApiError: 400 for a place that cannot be asked, 404, 413, 503 when nothing answers there."""
    if agent is None:
        raise ApiError(503, "ServiceUnavailable", "this control plane has no node that could be asked")
    namespace = request.namespace or ""
    scheme, name, port = _parts(request.name)
    if scheme not in ("", "http") or "Upgrade" in http.headers:
        raise bad_request("this server hands on plain HTTP only, without upgrades")
    if request.resource.key == "services":
        pod, number = _behind(objects, namespace, name, port)
    else:
        pod, number = name, _port_of(objects.get(request.resource, namespace, name), port)
    found = _PATH.fullmatch(http.rel_url.raw_path)
    place, below = (found["place"], found["below"]) if found else ("", "")
    target = (below or "/") + (f"?{http.rel_url.raw_query_string}" if http.rel_url.raw_query_string else "")
    body = await read_raw(http)
    try:
        connection = await agent.port_forward(namespace, pod, number)
    except OSError as refused:
        raise _unreachable(refused) from refused
    try:
        await connection.write(_head(http, target, f"{name}:{number}", len(body)) + body)
        return await _answer(http, connection, place)
    except (OSError, httptools.HttpParserError) as broken:
        raise _unreachable(broken) from broken
    finally:
        await connection.close()


def _parts(text: str) -> tuple[str, str, str]:
    """Scheme, name and port of `[scheme:]name[:port]`."""
    parts = text.split(":")
    match parts:
        case [name]:
            return "", name, ""
        case [name, port]:
            return "", name, port
        case [scheme, name, port]:
            return scheme, name, port
    raise bad_request(f'invalid service or pod request "{text}"')


def _port_of(pod: Object, port: str) -> int:
    declared = [item["containerPort"] for one in pod["spec"]["containers"] for item in one.get("ports") or ()]
    if port.isdecimal() and 0 < int(port) < 65536:
        return int(port)
    if port or not declared:
        raise bad_request(f'pod {pod["metadata"]["name"]} is asked by the number of a port, not by "{port}"')
    return int(declared[0])


def _behind(objects: Objects, namespace: str, name: str, port: str) -> tuple[str, int]:
    """A ready pod behind the Service and its own port."""
    ports = objects.get(named("services"), namespace, name)["spec"].get("ports") or []
    chosen = [item for item in ports if port in (item.get("name", ""), str(item["port"]))] if port else ports
    if not chosen or (not port and len(ports) > 1):
        raise ApiError(503, "ServiceUnavailable", f'no service port "{port}" found for service "{name}"')
    for stored in objects.store.list("endpointslices", namespace):
        if (stored.obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != name:
            continue
        numbers = [
            item["port"]
            for item in stored.obj.get("ports") or ()
            if (item.get("name") or "") == (chosen[0].get("name") or "")
        ]
        for endpoint in stored.obj.get("endpoints") or ():
            pod = endpoint.get("targetRef") or {}
            if numbers and pod.get("kind") == "Pod" and (endpoint.get("conditions") or {}).get("ready") is not False:
                return str(pod["name"]), int(numbers[0])
    raise ApiError(503, "ServiceUnavailable", f'no endpoints available for service "{name}"')


def _head(http: web.BaseRequest, target: str, host: str, length: int) -> bytes:
    """The request's head as it goes on."""
    lines = [f"{http.method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in http.headers.items() if name.lower() not in _NOT_HANDED_ON]
    if length or http.method not in ("GET", "HEAD", "DELETE"):
        lines.append(f"Content-Length: {length}")
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")


async def _answer(http: web.BaseRequest, connection: TcpConnection, place: str) -> web.StreamResponse:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    response: web.StreamResponse | None = None
    size = 0
    while not answer.complete:
        async with asyncio.timeout(_SILENCE_S):  # TimeoutError is an OSError.
            data = await connection.read()
        if not data:
            break
        parser.feed_data(data)
        size += len(data)
        if response is None and answer.begun:
            response = web.StreamResponse(status=parser.get_status_code(), headers=answer.handed_on(place))
            await response.prepare(http)
            if http.method == "HEAD":
                break
        elif response is None and size > _HEAD_MAX_BYTES:
            raise ConnectionError("its answer's head is too long")
        if response is not None:
            for chunk in answer.taken():
                await response.write(chunk)
    if response is None:
        raise ConnectionError("EOF")
    await response.write_eof()
    return response


class _Answer:
    """What the parser tells."""

    def __init__(self) -> None:
        self.begun = self.complete = False
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._chunks: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True

    def taken(self) -> list[bytes]:
        chunks, self._chunks = self._chunks, []
        return chunks

    def handed_on(self, place: str) -> CIMultiDict[str]:
        """The headers for the client; a redirect within the service stays below the proxy's own path."""
        kept = CIMultiDict(
            (name, value)
            for name, value in self._headers.items()
            if name.lower() not in _NOT_HANDED_ON or name.lower() == "content-length"
        )
        if (location := kept.get("Location", "")).startswith("/"):
            kept["Location"] = place + location
        return kept


def _unreachable(problem: Exception) -> ApiError:
    return ApiError(503, "ServiceUnavailable", f"error trying to reach service: {problem or type(problem).__name__}")
