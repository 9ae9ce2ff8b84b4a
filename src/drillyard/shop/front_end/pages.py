"""
The pages: plain files of this package, held in memory, served before session and log as Express's static middleware
does.

Every page forbids the browser to load anything from elsewhere.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class Page:
    """One file, ready to be sent."""

    body: bytes
    content_type: str
    etag: str


def load(order_pages: str = "v2") -> dict[str, Page]:
    """Every file of `public` by its path, `/` being the home page; `v1` lays the files of `public-v1` over them."""
    package = files("drillyard.shop.front_end")
    pages = dict(_read(package.joinpath("public"), "/"))
    if order_pages == "v1":
        pages.update(_read(package.joinpath("public-v1"), "/"))
    pages["/"] = pages["/index.html"]
    return pages


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, Page]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
            continue
        body = entry.read_bytes()
        suffix = "." + entry.name.rpartition(".")[2]
        content_type = _TYPES.get(suffix) or mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
        yield prefix + entry.name, Page(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:24]}"')


class StaticPages:
    """Answers GET and HEAD of a page; everything else goes on to the application."""

    def __init__(self, app: ASGIApp, pages: dict[str, Page]) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            page = self._pages.get(scope["path"])
        if page is None:
            await self._app(scope, receive, send)
            return
        await _answer(page, Headers(scope=scope))(scope, receive, send)


def _answer(page: Page, headers: Headers) -> Response:
    sent = {
        "etag": page.etag,
        "cache-control": "public, max-age=0",
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "content-type": page.content_type,
    }
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if page.etag in known or "*" in known:
        return Response(status_code=304, headers=sent)
    return Response(page.body, headers=sent)
