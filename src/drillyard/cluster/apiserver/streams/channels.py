"""
exec and attach over WebSocket: every message begins with the number of its channel (v4 and v5.channel.k8s.io).

0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal size; with v5 also 255, which closes another channel. The
session ends with the Status and a normal close; a client that goes away hangs up on the process.
"""

from __future__ import annotations

import asyncio
import contextlib

import orjson
from aiohttp import WSMsgType, web

from drillyard.cluster.apiserver.status import bad_request, status_of
from drillyard.cluster.client import ApiError, Object, ProcessSession

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _ERROR, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_MESSAGE_MAX = 4 * 1024 * 1024
_HEARTBEAT_S = 30.0


def offered(http: web.BaseRequest) -> list[str]:
    """The subprotocols that a client offers."""
    return [item.strip() for item in http.headers.get("Sec-WebSocket-Protocol", "").split(",") if item.strip()]


def must_be_websocket(http: web.BaseRequest, protocols: tuple[str, ...]) -> None:
    """Raises ApiError 400 for a client that cannot speak what we speak."""
    if http.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required: this server streams over WebSocket only (kubectl 1.31 or newer)")
    if not set(protocols) & set(offered(http)):
        raise bad_request(f"no common WebSocket protocol: this server speaks {', '.join(protocols)}")


async def accept(http: web.BaseRequest, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """Completes the handshake."""
    socket = web.WebSocketResponse(
        protocols=protocols, compress=False, max_msg_size=_MESSAGE_MAX, heartbeat=_HEARTBEAT_S, timeout=1.0
    )
    await socket.prepare(http)
    return socket


async def serve_session(socket: web.WebSocketResponse, session: ProcessSession | ApiError) -> None:
    """Carries one session to its end. An ApiError stands for a process that could not be started."""
    if isinstance(session, ApiError):
        await _finish(socket, status_of(session))
        return
    await socket.send_bytes(bytes([_STDOUT]))  # Says that the streams stand, as a kubelet does.
    listener = asyncio.ensure_future(_listen(socket, session))
    speaker = asyncio.ensure_future(_speak(socket, session))
    try:
        await asyncio.wait({listener, speaker}, return_when=asyncio.FIRST_COMPLETED)
        if speaker.done():
            await _finish(socket, _result_of(speaker))
    finally:
        for task in (listener, speaker):
            task.cancel()
        await asyncio.gather(listener, speaker, return_exceptions=True)
        await session.hang_up()


def _result_of(speaker: asyncio.Future[Object]) -> Object:
    """The session's end; a failure of the node becomes one too, since the stream already stands."""
    try:
        return speaker.result()
    except (ApiError, OSError) as failed:
        text = failed.message if isinstance(failed, ApiError) else str(failed)
        return status_of(ApiError(500, "InternalError", text))


async def _speak(socket: web.WebSocketResponse, session: ProcessSession) -> Object:
    async for stream, data in session.output():
        channel = _STDOUT if stream == "stdout" else _STDERR
        await socket.send_bytes(bytes([channel]) + data)
    return _end_of(await session.exit_code())


async def _listen(socket: web.WebSocketResponse, session: ProcessSession) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == _STDIN and data:
            await session.write_stdin(data)
        elif channel == _RESIZE:
            _resize(session, data)
        elif channel == _CLOSE and data == bytes([_STDIN]):
            await session.close_stdin()


def _resize(session: ProcessSession, data: bytes) -> None:
    with contextlib.suppress(ValueError, TypeError, KeyError):  # A client's nonsense is not worth the session.
        size = orjson.loads(data)
        session.resize(int(size["Width"]), int(size["Height"]))


def _end_of(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(bytes([_ERROR]) + orjson.dumps(status))
        await socket.close()
