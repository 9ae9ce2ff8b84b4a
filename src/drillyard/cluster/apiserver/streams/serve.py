"""
`pods/exec`, `pods/attach` and `pods/portforward`: what was asked, checked against the pod, then the stream.
"""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from drillyard.cluster.apiserver.pod_logs import chosen_container
from drillyard.cluster.apiserver.request import is_true
from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.apiserver.streams import forwarding, sessions
from drillyard.cluster.apiserver.streams.channels import Channels, accept, must_be_websocket
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
    must_be_websocket(http, sessions.PROTOCOLS)
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
        socket = await accept(http, sessions.PROTOCOLS)
    except BaseException:
        if not isinstance(session, ApiError):
            await session.hang_up()
        raise
    await sessions.serve_session(Channels(socket), session)
    return socket


async def _serve_forwarding(http: web.BaseRequest, pod: Object, agent: NodeAgent) -> web.StreamResponse:
    ports = [text for item in http.query.getall("ports", []) for text in item.split(",")]
    if len(ports) > _PORTS_MAX or not all(text.isdecimal() and 0 < int(text) < 65536 for text in ports):
        raise bad_request(f"ports takes up to {_PORTS_MAX} numbers between 1 and 65535")
    must_be_websocket(http, forwarding.PROTOCOLS)
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]

    async def connect(port: int) -> TcpConnection:
        return await agent.port_forward(namespace, name, port)

    socket = await accept(http, forwarding.PROTOCOLS)
    await forwarding.serve_forwarding(socket, [int(text) for text in ports], connect)
    return socket
