"""
What RabbitMQ has and this broker has not: lists of it are empty, and whoever wants to make one is told so.

400 with a sentence and not 405 or 501, because `rabbitmqadmin` prints the reason of a 400 and dies of the others.
Declaring what is so already (the virtual host `/`, the login and its rights) is no error: scripts begin with it.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.management.app import Call, not_found, part, read_body, refuse

_EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


async def none(broker: Broker, request: Request) -> Response:
    return JSONResponse([])


async def no_such(broker: Broker, request: Request) -> Response:
    raise not_found()


def _refusing(what: str) -> Call:
    async def refused(broker: Broker, request: Request) -> Response:
        raise not_there(what)

    return refused


def not_there(what: str) -> Exception:
    """400 for whoever wants to make what this broker does not have."""
    return refuse(400, "bad_request", f"{what} are not implemented by this broker (docs/broker-differences.md)")


async def put_vhost(broker: Broker, request: Request) -> Response:
    if part(request, "name") != "/":
        raise not_there("Virtual hosts besides '/'")
    return Response(status_code=204)


async def put_user(broker: Broker, request: Request) -> Response:
    body = await read_body(request)
    if not broker.knows(part(request, "user"), str(body.get("password", ""))):
        raise not_there("Users besides the login of the settings")
    return Response(status_code=204)


async def put_permission(broker: Broker, request: Request) -> Response:
    check_permission(broker, {"user": part(request, "user"), **await read_body(request)})
    return Response(status_code=204)


def check_permission(broker: Broker, wanted: dict[str, Any]) -> None:
    """Raises 400 for anything but the login's right to everything."""
    if wanted.get("user") != broker.settings.user or any(wanted.get(key) != all_ for key, all_ in _EVERYTHING.items()):
        raise not_there("Permissions besides the login's right to everything")


_NAMED = (
    ("/api/parameters/{component}/{vhost}", "Parameters"),
    ("/api/global-parameters", "Global parameters"),
    ("/api/operator-policies/{vhost}", "Operator policies"),
    ("/api/vhost-limits/{vhost}", "Limits of virtual hosts"),
    ("/api/user-limits/{user}", "Limits of users"),
    ("/api/topic-permissions/{vhost}", "Topic permissions"),
)
_LISTS = (
    "/api/extensions",
    "/api/feature-flags",
    "/api/global-parameters",
    "/api/operator-policies",
    "/api/operator-policies/{vhost}",
    "/api/parameters",
    "/api/parameters/{component}",
    "/api/parameters/{component}/{vhost}",
    "/api/topic-permissions",
    "/api/user-limits",
    "/api/users/without-permissions",
    "/api/users/{user}/topic-permissions",
    "/api/vhost-limits",
    "/api/vhost-limits/{vhost}",
    "/api/vhosts/{vhost}/topic-permissions",
)
ROUTES: list[tuple[str, str, Call]] = [
    *(("GET", path, none) for path in _LISTS),
    *(("GET", f"{path}/{{name}}", no_such) for path, _ in _NAMED),
    *(("PUT", f"{path}/{{name}}", _refusing(what)) for path, what in _NAMED),
    *(("DELETE", f"{path}/{{name}}", no_such) for path, _ in _NAMED),
    ("PUT", "/api/cluster-name", _refusing("Clusters with other names")),
    ("PUT", "/api/vhosts/{name}", put_vhost),
    ("DELETE", "/api/vhosts/{name}", _refusing("Other virtual hosts, and so deleting one,")),
    ("PUT", "/api/users/{user}", put_user),
    ("DELETE", "/api/users/{user}", _refusing("Other users, and so deleting one,")),
    ("PUT", "/api/permissions/{vhost}/{user}", put_permission),
    ("DELETE", "/api/permissions/{vhost}/{user}", _refusing("Other permissions, and so deleting one,")),
]
