"""Queues over HTTP: list, declare, delete, purge, and read messages without a client."""

from __future__ import annotations

import base64
import contextlib
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from drillyard.broker.broker import Broker
from drillyard.broker.management import describe
from drillyard.broker.management.app import Call, listing, new_name, one, part, read_arguments, read_body, refuse, truth
from drillyard.broker.management.policies import committed
from drillyard.broker.protocol.consumer import Consumer
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue

GET_MAX = 10_000
_ACK_MODES = ("ack_requeue_true", "ack_requeue_false", "reject_requeue_true", "reject_requeue_false")


def _queue(broker: Broker, request: Request) -> Queue:
    return broker.vhost.queue(part(request, "name"))


async def queues(broker: Broker, request: Request) -> Response:
    return listing(request, [describe.queue(queue) for queue in broker.vhost.queues.values()])


async def queue(broker: Broker, request: Request) -> Response:
    found = _queue(broker, request)
    details = [describe.consumer(taker) for taker in found.consumers if isinstance(taker, Consumer)]
    return one(request, {**describe.queue(found), "consumer_details": details})


async def put_queue(broker: Broker, request: Request) -> Response:
    """201 for a new queue, 204 for one that was there and is the same."""
    body = await read_body(request, optional=True)
    name = new_name(request)
    known = name in broker.vhost.queues
    wanted = Declaration(
        name,
        durable=truth(body.get("durable", True), "durable"),
        auto_delete=truth(body.get("auto_delete", False), "auto_delete"),
        arguments=read_arguments(body),
    )
    broker.vhost.declare_queue(wanted, None)
    await committed(broker)
    return Response(status_code=204 if known else 201)


async def delete_queue(broker: Broker, request: Request) -> Response:
    query = request.query_params
    broker.vhost.delete_queue(
        _queue(broker, request), if_unused=query.get("if-unused") == "true", if_empty=query.get("if-empty") == "true"
    )
    await committed(broker)
    return Response(status_code=204)


async def purge(broker: Broker, request: Request) -> Response:
    _queue(broker, request).purge()
    await committed(broker)
    return Response(status_code=204)


async def get_messages(broker: Broker, request: Request) -> Response:
    """
    Takes messages out and, by `ackmode`, puts them back (flagged as redelivered) or not.

    It changes the queue, so it is a POST, as in RabbitMQ.
    """
    found = _queue(broker, request)
    body = await read_body(request)
    count = _count(body)
    mode = body.get("ackmode")
    if mode not in _ACK_MODES:
        raise refuse(400, "bad_request", f"ackmode must be one of {', '.join(_ACK_MODES)}")
    if body.get("encoding", "auto") not in ("auto", "base64"):
        raise refuse(400, "bad_request", "encoding must be auto or base64")
    limit = body.get("truncate")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise refuse(400, "bad_request", "truncate must be a whole number of bytes")
    taken: list[Entry] = []
    shown: list[dict[str, Any]] = []
    while len(taken) < count:
        entry = found.get(no_ack=False)
        if entry is None:
            break
        taken.append(entry)
        shown.append(_message(entry, len(found.ready), body.get("encoding", "auto"), limit))
    _answer(found, taken, mode)
    await committed(broker)
    return JSONResponse(shown)


def _count(body: dict[str, Any]) -> int:
    count = body.get("count")
    if isinstance(count, str) and re.fullmatch(r"[0-9]{1,9}", count):
        count = int(count)  # rabbitmqadmin sends numbers as text.
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= GET_MAX:
        raise refuse(400, "bad_request", f"count must be a whole number from 1 to {GET_MAX}")
    return count


def _answer(found: Queue, taken: list[Entry], mode: str) -> None:
    if mode.endswith("requeue_true"):
        found.requeue(taken)
        return
    for entry in taken:
        if mode == "ack_requeue_false":
            found.settle(entry)
        else:
            found.reject(entry)


def _message(entry: Entry, remaining: int, encoding: str, limit: int | None) -> dict[str, Any]:
    message = entry.message
    body = message.body if limit is None else message.body[:limit]
    payload, payload_encoding = base64.b64encode(body).decode(), "base64"
    if encoding == "auto":
        with contextlib.suppress(UnicodeDecodeError):
            payload, payload_encoding = body.decode(), "string"
    return {
        "payload": payload,
        "payload_encoding": payload_encoding,
        "payload_bytes": len(message.body),
        "redelivered": entry.redelivered,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "message_count": remaining,
        "properties": message.parsed.as_json() or [],  # An empty list for none, as RabbitMQ writes it.
    }


ROUTES: list[tuple[str, str, Call]] = [
    ("GET", "/api/queues", queues),
    ("GET", "/api/queues/{vhost}", queues),
    ("GET", "/api/queues/{vhost}/{name}", queue),
    ("PUT", "/api/queues/{vhost}/{name}", put_queue),
    ("DELETE", "/api/queues/{vhost}/{name}", delete_queue),
    ("DELETE", "/api/queues/{vhost}/{name}/contents", purge),
    ("POST", "/api/queues/{vhost}/{name}/get", get_messages),
]
