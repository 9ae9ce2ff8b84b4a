"""
exec and attach over channels: stdin, stdout, stderr, how it ended, the terminal's size.

The session ends with a Status and a normal close; a client that goes away hangs up on the process.
"""

from __future__ import annotations

import asyncio
import contextlib

import orjson

from drillyard.cluster.apiserver.status import status_of
from drillyard.cluster.apiserver.streams.channels import CLOSE, ERROR, RESIZE, STDERR, STDIN, STDOUT, Channels
from drillyard.cluster.client import ApiError, Object, ProcessSession

PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)


async def serve_session(channels: Channels, session: ProcessSession | ApiError) -> None:
    """Carries one session to its end. An ApiError stands for a process that could not be started."""
    if isinstance(session, ApiError):
        await _finish(channels, status_of(session))
        return
    await channels.send(STDOUT, b"")  # Says that the streams stand, as a kubelet does.
    listener = asyncio.ensure_future(_listen(channels, session))
    speaker = asyncio.ensure_future(_speak(channels, session))
    try:
        await asyncio.wait({listener, speaker}, return_when=asyncio.FIRST_COMPLETED)
        if speaker.done():
            await _finish(channels, _result_of(speaker))
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


async def _speak(channels: Channels, session: ProcessSession) -> Object:
    async for stream, data in session.output():
        await channels.send(STDOUT if stream == "stdout" else STDERR, data)
    return _end_of(await session.exit_code())


async def _listen(channels: Channels, session: ProcessSession) -> None:
    async for channel, data in channels.received():
        if channel == STDIN and data:
            await session.write_stdin(data)
        elif channel == RESIZE:
            _resize(session, data)
        elif channel == CLOSE and data == bytes([STDIN]):
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


async def _finish(channels: Channels, status: Object) -> None:
    """Before v4 a failure was told in words, and success by the close alone."""
    with contextlib.suppress(ConnectionError):
        if channels.protocol.startswith("v"):
            await channels.send(ERROR, orjson.dumps(status))
        elif status["status"] != "Success":
            await channels.send(ERROR, str(status["message"]).encode())
        await channels.close()
