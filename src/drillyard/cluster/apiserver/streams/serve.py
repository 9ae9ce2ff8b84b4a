"""
`pods/exec`, `pods/attach` and `pods/portforward`: what was asked, checked against the pod, then the stream.
"""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from drillyard.cluster.apiserver.pod_logs import chosen_container
from drillyard.cluster.apiserver.request import is_true
from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.apiserver.streams import forwarding, sessions, spdy_channels
from drillyard.cluster.apiserver.streams.channels import Channels, WebSocketChannels, accept, must_be_websocket
from drillyard.cluster.apiserver.streams.pipe import SpdyPipe, asks_for_spdy, spdy_protocol
from drillyard.cluster.client import ApiError, NodeAgent, Object, ProcessSession, StreamOptions, TcpConnection

_PORTS_MAX = 100


def stream_options(query: MultiMapping[str]) -> StreamOptions:
    """Raises ApiError 400 when nothing would be connected."""
    options = StreamOptions(
        stdin=is_true(query.get("stdin", "false")),
        stdout=is_true(query.get("stdout", "false")),
        stderr=is_true(query.get("stderr", "false")) and not is_true(query.get("tty", "false")),
        tty=is_true(query.get("tty", "false")),
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    return options


async def serve_stream(
    http: web.BaseRequest, pod: Object, subresource: str, agent: NodeAgent | None
) -> web.StreamResponse:
    """Answers one of the three. Raises ApiError for whatever is wrong before the stream stands."""
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    if agent is None:
        raise ApiError(503, "ServiceUnavailable", "this control plane has no node that could stream")
    if subresource == "portforward":
        return await _serve_forwarding(http, pod, agent)
    options = stream_options(http.query)
    container = chosen_container(pod, http.query.get("container"))
    command = http.query.getall("command", [])
    if subresource == "exec" and not command:
        raise bad_request("you must specify at least one command for the container")
    protocol = _must_upgrade(http, sessions.PROTOCOLS, spdy_channels.PROTOCOLS)
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    session: ProcessSession | ApiError
    try:
        if subresource == "exec":
            session = await agent.exec(namespace, name, container, command, options)
        else:
            session = await agent.attach(namespace, name, container, options)
    except ApiError as refused:
        if refused.status < 500:
            raise
        session = refused  # The runtime's refusal is told on the stream, as a kubelet tells it.
    try:
        channels, response = await _accept(http, protocol, options)
    except BaseException:
        if not isinstance(session, ApiError):
            await session.hang_up()
        raise
    await sessions.serve_session(channels, session)
    return response


def _must_upgrade(http: web.BaseRequest, websocket: tuple[str, ...], spdy: tuple[str, ...]) -> str:
    """The SPDY protocol to speak; "" for a WebSocket. Raises ApiError 400 or 403 for a client that asks for neither."""
    if asks_for_spdy(http):
        return spdy_protocol(http, spdy)
    must_be_websocket(http, websocket)
    return ""


async def _accept(http: web.BaseRequest, protocol: str, options: StreamOptions) -> tuple[Channels, web.StreamResponse]:
    if not protocol:
        socket = await accept(http, sessions.PROTOCOLS)
        return WebSocketChannels(socket), socket
    pipe = SpdyPipe(http, protocol)
    await pipe.accept()
    channels = spdy_channels.SpdyChannels(pipe, protocol, options)
    await channels.open()
    return channels, pipe.response


async def _serve_forwarding(http: web.BaseRequest, pod: Object, agent: NodeAgent) -> web.StreamResponse:
    ports = [text for item in http.query.getall("ports", []) for text in item.split(",")]
    if len(ports) > _PORTS_MAX or not all(text.isdecimal() and 0 < int(text) < 65536 for text in ports):
        raise bad_request(f"ports takes up to {_PORTS_MAX} numbers between 1 and 65535")
    protocol = _must_upgrade(http, forwarding.PROTOCOLS, forwarding.SPDY_PROTOCOLS)
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]

    async def connect(port: int) -> TcpConnection:
        return await agent.port_forward(namespace, name, port)

    if protocol:
        pipe = SpdyPipe(http, protocol)
        await pipe.accept()
        await forwarding.serve_tunnel(pipe, connect)
        return pipe.response
    socket = await accept(http, forwarding.PROTOCOLS)
    await forwarding.serve_forwarding(socket, [int(text) for text in ports], connect)
    return socket
