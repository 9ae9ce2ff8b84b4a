"""
The last layer before the server: whatever a route did not expect becomes one log line and one answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ErrorBoundary:
    """
    Answers an exception with `answer`, after `log` was told; raises it again in the middle of another answer.

    A Starlette application around the routes needs `answer` as its handler of Exception, too: it answers by itself, and
    then raises the exception all the same. Such a one is logged here, and goes no further.
    """

    def __init__(
        self, app: ASGIApp, *, answer: Callable[[Request, Exception], Awaitable[Response]], log: Callable[[str], None]
    ) -> None:
        self._app = app
        self._answer = answer
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = ended = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # Nobody is left to answer.
        except Exception as problem:
            if scope["type"] != "http" or (begun and not ended):
                raise
            self._log(f"{scope['method']} {scope['path']} failed: {type(problem).__name__}: {problem}")
            if not ended:
                await (await self._answer(Request(scope), problem))(scope, receive, send)
