"""
A log pipeline with too wide a filter: whatever a line says, its status reads info.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard


@dataclass(frozen=True, kw_only=True)
class FlattenLogLevels:
    """
    Adds a log pipeline that sets the status of every log it catches to info, as a noise filter does that catches all.

    Proven by asking a Go service for its health, whose log line is an error by its stream, and finding it as info.
    """

    pipeline: str = "Sock-Shop Health Check Status Fix"
    filter: str = f"kube_namespace:{SHOP_NAMESPACE}"

    async def prepare(self, yard: Yard) -> Self:
        if await self._ids(yard):
            raise DrillyardError(f'There already is a log pipeline called "{self.pipeline}".')
        if await self._newest_status(yard) == "info":
            raise DrillyardError(
                "A line of payment's stderr has the status info already, so nothing would change.",
                hint="Another log pipeline sets it; `drill pipelines remove` takes the ready ones out.",
            )
        return self

    async def put_in(self, yard: Yard) -> None:
        await yard.datadog.create_pipeline(_definition(self.pipeline, self.filter))

    async def is_on(self, yard: Yard) -> Proof:
        status = await self._newest_status(yard)
        return Proof(status == "info", f"a fresh line of payment's stderr has the status {status or '(not found yet)'}")

    async def heal(self, yard: Yard) -> None:
        for identity in await self._ids(yard):
            await yard.datadog.delete_pipeline(identity)

    async def is_healed(self, yard: Yard) -> Proof:
        status = await self._newest_status(yard)
        holds = status == "error" and not await self._ids(yard)
        return Proof(holds, f"a fresh line of payment's stderr has the status {status or '(not found yet)'}")

    def touches(self) -> frozenset[str]:
        return frozenset({"the log pipelines"})

    def describe(self) -> str:
        return f"a log pipeline gives all of {self.filter} the status info"

    async def _ids(self, yard: Yard) -> list[str]:
        return [one["id"] for one in await yard.datadog.pipelines() if one["name"] == self.pipeline]

    async def _newest_status(self, yard: Yard) -> str | None:
        """Of a line that was caused now, so it is no older than the pipeline."""
        asked = yard.clock.now()
        await yard.look("payment", "/health", timeout_s=5)
        query = f"kube_namespace:{SHOP_NAMESPACE} service:sock-shop-payment"
        for _ in range(30):
            found = await yard.datadog.logs(query, asked, yard.clock.now(), sort="-timestamp", limit=1)
            if found.items:
                return str(found.items[0]["attributes"]["status"])
            await yard.clock.sleep(0.1)
        return None


def _definition(name: str, query: str) -> dict[str, Any]:
    category = {
        "type": "category-processor",
        "name": "log level",
        "is_enabled": True,
        "target": "log_level",
        "categories": [{"name": "info", "filter": {"query": "*"}}],
    }
    remapper = {"type": "status-remapper", "name": "status", "is_enabled": True, "sources": ["log_level"]}
    return {"name": name, "is_enabled": True, "filter": {"query": query}, "processors": [category, remapper]}
