"""
The broker, as its management API shows it: ours and RabbitMQ answer alike.
"""

from __future__ import annotations

from dataclasses import dataclass
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


class BrokerClient:
    """Asks the management API at `url` (user and password in it)."""

    def __init__(self, url: str) -> None:
        parsed = httpx.URL(url)
        auth = (parsed.username or "guest", parsed.password or "guest")
        self._client = httpx.AsyncClient(
            base_url=parsed.copy_with(username=None, password=None), auth=auth, timeout=_TIMEOUT_S
        )

    async def queue(self, name: str, virtual_host: str = "/") -> QueueView:
        """Raises DrillyardError when the broker does not answer; a queue that does not exist yet is empty."""
        path = f"/api/queues/{quote(virtual_host, safe='')}/{quote(name, safe='')}"
        try:
            # RabbitMQ answers from statistics up to 5 s old, unless it is told not to look at them.
            answer = await self._client.get(path, params={"disable_stats": "true", "enable_queue_totals": "true"})
        except httpx.HTTPError as lost:
            raise DrillyardError(f"The broker's management API did not answer: {type(lost).__name__} {lost}.") from lost
        if answer.status_code == 404:
            return QueueView(0, 0, 0, 0)
        if answer.status_code != 200:
            raise DrillyardError(f"The broker's management API answered {answer.status_code} for queue {name}.")
        body = answer.json()
        if "consumers" not in body:
            body |= (await self._client.get(path)).json()
        return QueueView(
            messages=int(body.get("messages", 0)),
            ready=int(body.get("messages_ready", 0)),
            unacknowledged=int(body.get("messages_unacknowledged", 0)),
            consumers=int(body.get("consumers", 0)),
        )

    async def close(self) -> None:
        await self._client.aclose()
