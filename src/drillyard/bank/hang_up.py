"""
Closing a connection instead of answering, which ASGI has no word for.

The server's protocol puts a callable for it into the scope of each request; `HangUp` is the response that calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from drillyard.base.bounded_http import BoundedHttp

EXTENSION = "drillyard.hang_up"


class HangUpProtocol(BoundedHttp):
    """uvicorn's HTTP/1.1 protocol whose requests can be hung up on."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions = cast("dict[str, object]", self.scope.setdefault("extensions", {}))
        extensions[EXTENSION] = self.transport.abort


class HangUp(Response):
    """No answer: the connection is reset. Raises ConnectionAbortedError under a server without this extension."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        abort = cast("Callable[[], None] | None", scope.get("extensions", {}).get(EXTENSION))
        if abort is None:
            raise ConnectionAbortedError("the bank hung up")
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass  # Returning earlier, before the server knows, would make it answer 500.
