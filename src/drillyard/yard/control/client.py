"""
Asks a yard's control API. A yard that is a real cluster has none: what needs it is refused with a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from drillyard.base.errors import DrillyardError

_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class LinkAnswer:
    """What came over a link: a status, or how it failed ("refused", "reset", "silence"); seconds, bytes of the body."""

    status: int | None
    error: str | None
    bytes: int
    took_s: float

    @property
    def text(self) -> str:
        """For people."""
        what = (
            f"answered {self.status}"
            if self.status is not None
            else {"silence": "no answer"}.get(self.error or "", f"the connection was {self.error}")
        )
        return f"{what} after {self.took_s * 1000:.0f} ms"


class ControlClient:
    """The capabilities at `url`, with the yard's control token. Every method raises DrillyardError when refused."""

    def __init__(self, url: str, token: str) -> None:
        self._client = (
            httpx.AsyncClient(
                base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False
            )
            if url
            else None
        )

    async def hold(self, name: str, wish: dict[str, Any]) -> None:
        """Begins to hold something (`kind` and its keys), in place of what had the name."""
        await self._ask("PUT", f"/holds/{quote(name, safe='')}", wish)

    async def held(self, name: str) -> dict[str, Any]:
        """What is held under the name now; `{"on": false}` for nothing."""
        return await self._ask("GET", f"/holds/{quote(name, safe='')}")

    async def let_go(self, name: str) -> None:
        """Harmless when nothing is held."""
        await self._ask("DELETE", f"/holds/{quote(name, safe='')}")

    async def set_link(self, name: str, fault: dict[str, Any]) -> None:
        """Impairs links: `client`, `service`, and what happens there (`drillyard.cluster.network.link_fault`)."""
        await self._ask("PUT", f"/links/{quote(name, safe='')}", fault)

    async def clear_link(self, name: str) -> None:
        """Harmless when there is none."""
        await self._ask("DELETE", f"/links/{quote(name, safe='')}")

    async def links(self) -> dict[str, dict[str, Any]]:
        """The link faults in force, by name."""
        return {fault["name"]: fault for fault in (await self._ask("GET", "/links"))["faults"]}

    async def probe(self, client: str, service: str, path: str, *, port: int | None = None) -> LinkAnswer:
        """One GET over the link that this client itself uses."""
        wish = {"client": client, "service": service, "path": path, "port": port}
        return LinkAnswer(**await self._ask("POST", "/probe", wish))

    async def freeze(self, namespace: str, pod: str) -> None:
        """Stops every process of the pod where it is."""
        await self._ask("POST", f"/pods/{namespace}/{pod}/freeze")

    async def thaw(self, namespace: str, pod: str) -> None:
        """Lets them go on; harmless when nothing is frozen."""
        await self._ask("POST", f"/pods/{namespace}/{pod}/thaw")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._client is None:
            raise DrillyardError("This cluster offers no control of links, processes and stores.")
        try:
            answer = await self._client.request(method, path, json=body)
            content: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as lost:
            raise DrillyardError(f"The yard's control did not answer: {type(lost).__name__} {lost}.") from lost
        if not answer.is_success:
            raise DrillyardError(str(content.get("error", f"The yard's control answered {answer.status_code}.")))
        return content
