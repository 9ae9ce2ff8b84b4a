"""
The last layer before the server: whatever a route did not expect becomes one log line and one answer.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ErrorBoundary:
    """Answers an exception with `answer`, after `log` was told; raises it again where an answer has begun already."""

    def __init__(
        self, app: ASGIApp, *, answer: Callable[[Request, Exception], Response], log: Callable[[str], None]
    ) -> None:
        self._app = app
        self._answer = answer
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            return  # Nobody is left to answer.
        except Exception as problem:
            if scope["type"] != "http" or begun:
                raise
            self._log(f"{scope['method']} {scope['path']} failed: {type(problem).__name__}: {problem}")
            await self._answer(Request(scope), problem)(scope, receive, send)
