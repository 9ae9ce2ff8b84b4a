"""
The broker, as its management API shows it: ours and RabbitMQ answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from drillyard.base.errors import DrillyardError

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class QueueView:
    """One queue at one moment."""

    messages: int
    ready: int
    unacknowledged: int
    consumers: int
    policy: str | None = None
    redelivered: int = 0
    """How often a message was given out again; 0 where the broker was not asked for statistics."""


class BrokerClient:
    """Asks the management API at `url` (user and password in it)."""

    def __init__(self, url: str) -> None:
        parsed = httpx.URL(url)
        auth = (parsed.username or "guest", parsed.password or "guest")
        self._client = httpx.AsyncClient(
            base_url=parsed.copy_with(username=None, password=None), auth=auth, timeout=_TIMEOUT_S
        )

    async def queue(self, name: str, virtual_host: str = "/", *, statistics: bool = False) -> QueueView:
        """Raises DrillyardError when the broker does not answer; a queue that does not exist yet is empty."""
        path = f"/api/queues/{quote(virtual_host, safe='')}/{quote(name, safe='')}"
        # RabbitMQ answers from statistics up to 5 s old, unless it is told not to look at them.
        now = {} if statistics else {"disable_stats": "true", "enable_queue_totals": "true"}
        answer = await self._ask("GET", path, params=now)
        if answer.status_code == 404:
            return QueueView(0, 0, 0, 0)
        body = answer.json()
        if "consumers" not in body:
            body |= (await self._client.get(path)).json()
        return QueueView(
            messages=int(body.get("messages", 0)),
            ready=int(body.get("messages_ready", 0)),
            unacknowledged=int(body.get("messages_unacknowledged", 0)),
            consumers=int(body.get("consumers", 0)),
            policy=body.get("policy") or None,
            redelivered=int(body.get("message_stats", {}).get("redeliver", 0)),
        )

    async def policies(self) -> dict[str, dict[str, Any]]:
        """Every policy of the virtual host `/` by its name. Raises DrillyardError."""
        listed = (await self._ask("GET", "/api/policies/%2F")).json()
        return {policy["name"]: policy for policy in listed}

    async def put_policy(self, name: str, pattern: str, definition: dict[str, Any]) -> None:
        """Sets a policy for the queues whose name fits the pattern. Raises DrillyardError."""
        body = {"pattern": pattern, "definition": definition, "apply-to": "queues", "priority": 0}
        await self._ask("PUT", f"/api/policies/%2F/{quote(name, safe='')}", json=body)

    async def delete_policy(self, name: str) -> None:
        """Harmless when there is none. Raises DrillyardError when the broker does not answer."""
        await self._ask("DELETE", f"/api/policies/%2F/{quote(name, safe='')}")

    async def publish(self, queue: str, payload: str, properties: dict[str, Any]) -> None:
        """Publishes one message to a queue through the default exchange. Raises DrillyardError when none took it."""
        body = {"routing_key": queue, "payload": payload, "payload_encoding": "string", "properties": properties}
        answer = await self._ask("POST", "/api/exchanges/%2F/amq.default/publish", json=body)
        if not (answer.is_success and answer.json().get("routed")):
            raise DrillyardError(f"The broker took no message for queue {queue}.")

    async def peek(self, queue: str, count: int) -> list[dict[str, Any]]:
        """The first messages of a queue, put back in their places. Raises DrillyardError."""
        return await self._get(queue, count, "ack_requeue_true")

    async def drop_head(self, queue: str) -> list[dict[str, Any]]:
        """Takes the first message out of a queue for good, and gives it. Raises DrillyardError."""
        return await self._get(queue, 1, "ack_requeue_false")

    async def _get(self, queue: str, count: int, mode: str) -> list[dict[str, Any]]:
        body = {"count": count, "ackmode": mode, "encoding": "auto"}
        answer = await self._ask("POST", f"/api/queues/%2F/{quote(queue, safe='')}/get", json=body)
        messages: list[dict[str, Any]] = answer.json() if answer.is_success else []
        return messages

    async def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """An answer that is a success or 404. Raises DrillyardError."""
        try:
            answer = await self._client.request(method, path, **arguments)
        except httpx.HTTPError as lost:
            raise DrillyardError(f"The broker's management API did not answer: {type(lost).__name__} {lost}.") from lost
        if not answer.is_success and answer.status_code != 404:
            raise DrillyardError(f"The broker's management API answered {answer.status_code} for {method} {path}.")
        return answer

    async def close(self) -> None:
        await self._client.aclose()
