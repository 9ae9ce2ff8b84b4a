"""
The user service: settings, entry point, and the layers around its routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import ASGIApp, Scope

from drillyard.shop import go_web, service, settings
from drillyard.shop.database import Database
from drillyard.shop.go_log import log, log_to_stderr
from drillyard.shop.go_web import GoError
from drillyard.shop.metrics import new_registry
from drillyard.shop.user.routes import UserRoutes
from drillyard.shop.user.store import UserStore

_LABELS = ("login", "register", "customers", "cards", "addresses", "health", "metrics")


@dataclass(frozen=True, kw_only=True)
class UserSettings:
    """`hateaos` is the host (and port) that links name, `user` in the cluster; left out, it is the request's own."""

    host: str = settings.text("127.0.0.1")
    port: int = settings.whole(8084, least=0, most=65535)
    database_url: str = settings.url("postgresql+asyncpg://postgres@user-db:5432/users", "postgresql+asyncpg")
    db_pool_size: int = settings.whole(5, least=1, most=500)
    db_timeout_s: float = settings.number(30, least=0.1, most=600)
    hateaos: str | None = settings.text(None, fits="a host, or host:port", pattern=r"[A-Za-z0-9._\-\[\]:]+")


def main(argv: Sequence[str] = ()) -> int:
    """Runs the service until SIGTERM; returns its exit code."""
    return service.run(UserSettings, serve_user, argv)


def serve_user(settings: UserSettings) -> int:
    """Serves with these settings."""
    log_to_stderr()

    def announce(port: int) -> None:
        log("main.go:170", transport="HTTP", port=port)

    return service.serve(application(settings), host=settings.host, port=settings.port, announce=announce)


def application(settings: UserSettings) -> ASGIApp:
    """The service as an ASGI application, which opens its connections by need."""
    registry = new_registry()
    database = Database(
        settings.database_url,
        service="user",
        pool_size=settings.db_pool_size,
        timeout_s=settings.db_timeout_s,
        registry=registry,
    )
    routes = UserRoutes(UserStore(database), database, link_domain=settings.hateaos, registry=registry)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await database.close()

    return go_web.application(
        routes.table(),
        lifespan=lifespan,
        registry=registry,
        path_label=_path_label,
        store_error=lambda problem: GoError(500, str(problem)),
    )


def _path_label(scope: Scope) -> str:
    """The first part of the path; a DELETE, whatever its path, is `root`, as in the original."""
    if scope["method"] == "DELETE":
        return "root"
    first = scope["path"].strip("/").partition("/")[0].lower()
    return next((label for label in _LABELS if first.startswith(label)), "other" if first else "root")
