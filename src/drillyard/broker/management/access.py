"""
Who may do what: the one login of the settings, which may do everything. Nothing here can be changed over HTTP.

Neither the password nor a hash of it is ever shown; RabbitMQ shows the hash.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.management.app import Call, listing, not_found, one, part

_TAGS = ["administrator"]


def _user(broker: Broker) -> dict[str, Any]:
    return {"name": broker.settings.user, "tags": _TAGS, "limits": {}}


def _permission(broker: Broker) -> dict[str, Any]:
    return {"user": broker.settings.user, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}


def _check_user(broker: Broker, request: Request) -> None:
    if part(request, "user") != broker.settings.user:
        raise not_found()


async def whoami(broker: Broker, request: Request) -> Response:
    return JSONResponse({"name": broker.settings.user, "tags": _TAGS})


async def users(broker: Broker, request: Request) -> Response:
    return listing(request, [_user(broker)])


async def user(broker: Broker, request: Request) -> Response:
    _check_user(broker, request)
    return one(request, _user(broker))


async def user_permissions(broker: Broker, request: Request) -> Response:
    _check_user(broker, request)
    return listing(request, [_permission(broker)])


async def permissions(broker: Broker, request: Request) -> Response:
    return listing(request, [_permission(broker)])


async def permission(broker: Broker, request: Request) -> Response:
    _check_user(broker, request)
    return one(request, _permission(broker))


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/whoami", whoami),
    ("GET", "/api/users", users),
    ("GET", "/api/users/{user}", user),
    ("GET", "/api/users/{user}/permissions", user_permissions),
    ("GET", "/api/permissions", permissions),
    ("GET", "/api/permissions/{vhost}/{user}", permission),
    ("GET", "/api/vhosts/{vhost}/permissions", permissions),
]
