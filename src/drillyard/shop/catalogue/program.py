"""
The catalogue service: routes, settings, entry point.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Scope

from drillyard.base.clock import Clock, SystemClock
from drillyard.shop import go_web, service, settings
from drillyard.shop.breaker import Breaker, BreakerOpen
from drillyard.shop.catalogue.store import CatalogueStore, Sock, UnknownSock
from drillyard.shop.database import Database
from drillyard.shop.go_log import Took, log, log_to_stderr
from drillyard.shop.go_web import GoError
from drillyard.shop.metrics import BoundedPaths, new_registry, route_path
from drillyard.shop.money import go_number
from drillyard.shop.store_errors import DatabaseUnavailable, UnfitValue

_IMAGES = Path(__file__).parent / "images"
_PAGE, _SIZE = 1, 10
_DATABASE_ERROR = "database connection error"

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class CatalogueSettings:
    """The pool is what limits how many queries run side by side."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(80, least=0, most=65535)
    database_url: str = settings.url("postgresql+asyncpg://postgres@catalogue-db:5432/socksdb", "postgresql+asyncpg")
    db_pool_size: int = settings.whole(5, least=1, most=500)
    db_timeout_s: float = settings.number(30, least=0.1, most=600)


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(CatalogueSettings, serve_catalogue, argv)


def serve_catalogue(settings: CatalogueSettings) -> int:
    """Serves with these settings."""
    log_to_stderr()

    def announce(port: int) -> None:
        log("main.go:151", transport="HTTP", port=port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: CatalogueSettings, clock: Clock | None = None) -> ASGIApp:
    """The service as an ASGI application, which opens its connections by need."""
    registry = new_registry()
    database = Database(
        settings.database_url,
        service="catalogue",
        pool_size=settings.db_pool_size,
        timeout_s=settings.db_timeout_s,
        registry=registry,
    )
    routes = CatalogueRoutes(CatalogueStore(database), database, clock or SystemClock())
    bounded = BoundedPaths()

    def path_label(scope: Scope) -> str:
        path = route_path(scope)
        return munged(path.replace(":path", "") if path else bounded(scope["path"]))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await database.close()

    return go_web.application(
        [
            go_web.get("/catalogue", routes.listing),
            go_web.get("/catalogue/size", routes.size),
            go_web.get("/catalogue/images/{file}", routes.image),
            go_web.get("/catalogue/{id}", routes.one),
            go_web.get("/tags", routes.tags),
            go_web.get("/health{rest:path}", routes.health),
        ],
        lifespan=lifespan,
        registry=registry,
        path_label=path_label,
        store_error=lambda problem: GoError(500, f"Do: {_DATABASE_ERROR}"),
    )


def munged(path: str) -> str:
    """A path as a label: lower case, what is no letter or digit as `_`. Images and health lose their last part."""
    path = path.replace("/images/{file}", "/images").replace("{rest}", "")
    return re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_") or "root"


class CatalogueRoutes:
    """The routes over a store, each behind its own breaker."""

    def __init__(self, store: CatalogueStore, database: Database, clock: Clock) -> None:
        self._store = store
        self._database = database
        self._go_clock = go_web.GoTime()
        self._images = frozenset(path.name for path in _IMAGES.glob("*.jp*g"))
        self._breakers = {name: Breaker(name, clock) for name in ("List", "Count", "Get", "Tags")}

    async def listing(self, request: Request) -> Response:
        """GET /catalogue: one page of socks, ordered by id whatever `sort` says."""
        tags = _tags(request)
        page, size = _number(request, "page", _PAGE), _number(request, "size", _SIZE)
        if page < 0:
            raise GoError(500, "runtime error: slice bounds out of range")  # The original panics and says nothing.
        order = request.query_params.get("sort") or "id"
        noted: dict[str, object] = {"tags": ", ".join(tags), "order": order, "pageNum": page, "pageSize": size}
        socks = await self._guarded("List", "logging.go:27", noted, lambda: self._store.socks(tags), len)
        first = (page - 1) * size
        if page < 1 or size < 1 or (first >= len(socks) and not (tags and page == 1)):
            return go_web.json_answer([])
        if not socks:
            return go_web.json_answer(None)  # Go's nil slice: a tag that no sock has.
        return go_web.json_answer([_shown(sock) for sock in socks[first : first + size]])

    async def size(self, request: Request) -> Response:
        """GET /catalogue/size: how many socks there are for the tags."""
        tags = _tags(request)
        noted: dict[str, object] = {"tags": ", ".join(tags)}
        count = await self._guarded("Count", "logging.go:39", noted, lambda: self._store.count(tags), int)
        return go_web.json_answer({"size": count, "err": None})

    async def one(self, request: Request) -> Response:
        """GET /catalogue/{id}: a sock; 500 for an id that is unknown, as in the original."""
        sock_id = request.path_params["id"]
        sock = await self._guarded(
            "Get", "logging.go:56", {"id": sock_id}, lambda: self._store.find(sock_id), lambda found: found.name
        )
        return go_web.json_answer(_shown(sock))

    async def tags(self, request: Request) -> Response:
        """GET /tags: all tags."""
        tags = await self._guarded("Tags", "logging.go:68", {}, self._store.tags, len)
        return go_web.json_answer({"tags": tags, "err": None})

    async def image(self, request: Request) -> Response:
        """GET /catalogue/images/{file}: a picture, with Last-Modified (and 304 for who has it) and ranges."""
        name = request.path_params["file"]
        if name not in self._images:
            return go_web.not_found()
        changed_s = int((_IMAGES / name).stat().st_mtime)
        if _has_it(request.headers.get("if-modified-since"), changed_s):
            return Response(status_code=304, headers={"last-modified": formatdate(changed_s, usegmt=True)})
        return FileResponse(_IMAGES / name)

    async def health(self, request: Request) -> Response:
        """GET /health…: catalogue, then catalogue-db."""
        took = Took()
        parts = [("catalogue", True), ("catalogue-db", await self._database.answers())]
        log("logging.go:81", method="Health", result=len(parts), took=took)
        return go_web.health(self._go_clock, parts)

    async def _guarded(
        self,
        name: str,
        caller: str,
        noted: dict[str, object],
        attempt: Callable[[], Awaitable[Result]],
        result: Callable[[Result], object],
    ) -> Result:
        """The attempt behind its breaker, with one log line. Raises GoError."""
        took = Took()
        try:
            found = await self._breakers[name].call(attempt)
        except (BreakerOpen, UnknownSock, DatabaseUnavailable, UnfitValue) as problem:
            text = _error_text(problem)
            if isinstance(problem, DatabaseUnavailable):
                log("service.go:94", level="error", msg="database error", err=str(problem))
            log(caller, method=name, **noted, err=text, took=took)
            raise GoError(500, f"Do: {text}") from problem
        log(caller, method=name, **noted, result=result(found), err=None, took=took)
        return found


def _error_text(problem: Exception) -> str:
    match problem:
        case BreakerOpen():
            return str(problem)
        case DatabaseUnavailable():
            return _DATABASE_ERROR
        case _:
            return "not found"


def _tags(request: Request) -> list[str]:
    return [tag for tag in request.query_params.get("tags", "").split(",") if tag]


def _has_it(since: str | None, changed_s: int) -> bool:
    """Whether the client's picture, which is of that date, is not older than ours. A date that is none is no date."""
    try:
        return since is not None and parsedate_to_datetime(since).timestamp() >= changed_s
    except ValueError:
        return False


def _number(request: Request, key: str, default: int) -> int:
    """A paging parameter; what is no number counts as 0, as Go's Atoi gives it."""
    raw = request.query_params.get(key, "")
    if not raw:
        return default
    return int(raw) if re.fullmatch(r"[+-]?[0-9]{1,9}", raw) else 0


def _shown(sock: Sock) -> dict[str, object]:
    return {
        "id": sock.id,
        "name": sock.name,
        "description": sock.description,
        "imageUrl": list(sock.image_urls),
        "price": go_number(sock.price),
        "count": sock.count,
        "tag": list(sock.tags),
    }
