"""
What Prometheus' HTTP API says of the server itself: health, version and settings; it has no rules and no targets.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drillyard.telemetry.api.prometheus import PREFIX, answering
from drillyard.telemetry.metrics.store import KEPT_S
from drillyard.telemetry.prometheus.evaluate import EVALUATION_S, LOOKBACK_S
from drillyard.telemetry.telemetry import Telemetry

VERSION = "3.0.0-drillyard"
"""Clients (Grafana) read from it what may be asked; the queries mean what they do in Prometheus 3."""
_FLAGS = {
    "query.lookback-delta": f"{LOOKBACK_S / 60:.0f}m",
    "query.timeout": f"{EVALUATION_S:.0f}s",
    "storage.tsdb.retention.time": f"{KEPT_S // 86_400}d",
}
_SAID: dict[str, Any] = {
    "rules": {"groups": []},
    "alerts": {"alerts": []},
    "targets": {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}},
    "targets/metadata": [],
    "alertmanagers": {"activeAlertmanagers": [], "droppedAlertmanagers": []},
    "status/config": {"yaml": ""},
    "status/flags": _FLAGS,
    "status/buildinfo": dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")
    | {"version": VERSION},
}
"""By path. The agent scrapes, not this server: so there are no targets. Monitors alert, not rules."""


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def said(request: Request) -> Any:
        return _SAID[request.url.path.removeprefix(f"{PREFIX}/api/v1/")]

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("Prometheus-compatible API is healthy.\n")

    health = [Route(f"{PREFIX}/-/{word}", healthy, methods=["GET"]) for word in ("healthy", "ready")]
    health.append(Route(f"{PREFIX}/", healthy, methods=["GET"]))  # Where prometheus-api-client knocks first.
    return [*health, *(Route(f"{PREFIX}/api/v1/{path}", answering(said), methods=["GET"]) for path in _SAID)]
