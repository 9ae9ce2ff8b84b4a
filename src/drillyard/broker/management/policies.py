"""Policies over HTTP: the way in which an operator changes queues that are already there."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from drillyard.broker.broker import Broker
from drillyard.broker.management.app import Call, listing, new_name, not_found, one, part, read_body, refuse
from drillyard.broker.policies import PolicyError, read_policy

_COMMIT_LIMIT_S = 10.0


async def committed(broker: Broker) -> None:
    """Waits until what was changed is on disk. Raises 503 when it does not get there."""
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    broker.vhost.journal.after_commit(lambda kept: None if done.done() else done.set_result(kept))
    try:
        async with asyncio.timeout(_COMMIT_LIMIT_S):
            kept = await done
    except TimeoutError:
        kept = False
    if not kept:
        raise refuse(503, "not_stored", "The change could not be written to disk")


async def policies(broker: Broker, request: Request) -> Response:
    return listing(request, [policy.as_json() for policy in broker.vhost.policies.values()])


async def policy(broker: Broker, request: Request) -> Response:
    found = broker.vhost.policies.get(part(request, "name"))
    if found is None:
        raise not_found()
    return one(request, found.as_json())


async def put_policy(broker: Broker, request: Request) -> Response:
    """201 for a new one, 204 for a replaced one."""
    name = new_name(request)
    known = name in broker.vhost.policies
    try:
        wanted = read_policy(name, await read_body(request))
    except PolicyError as error:
        raise refuse(400, "bad_request", f"Validation failed: {error.message}") from error
    broker.vhost.put_policy(wanted)
    await committed(broker)
    return Response(status_code=204 if known else 201)


async def delete_policy(broker: Broker, request: Request) -> Response:
    if not broker.vhost.delete_policy(part(request, "name")):
        raise not_found()
    await committed(broker)
    return Response(status_code=204)


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/policies", policies),
    ("GET", "/api/policies/{vhost}", policies),
    ("GET", "/api/policies/{vhost}/{name}", policy),
    ("PUT", "/api/policies/{vhost}/{name}", put_policy),
    ("DELETE", "/api/policies/{vhost}/{name}", delete_policy),
]
