"""The API without a socket: requests go straight into the application, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from drillyard.base.clock import VirtualClock
from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.settings import Settings
from drillyard.telemetry.telemetry import Telemetry

KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def telemetry(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Telemetry]:
    opened = Telemetry(tmp_path / "telemetry", clock)
    yield opened
    opened.close()


@pytest.fixture
async def client(telemetry: Telemetry, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(telemetry, Settings(tmp_path, frozenset({"api"}), frozenset({"app"})))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://telemetry", headers=KEYS) as opened:
        yield opened
