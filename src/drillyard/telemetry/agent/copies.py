"""
Dual shipping: the same payloads to further intakes, such as real Datadog.

DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS is the Datadog agent's own setting: a JSON array of `{"api_key", "Host", "Port"}`
(keys in any case; `use_ssl` false for plain HTTP). Each endpoint has its own buffer on the disk: a payload lies in it
before the log files' offsets move on, so that an endpoint that is away misses nothing until its buffer is full.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from drillyard.base.clock import Clock
from drillyard.base.errors import SettingError
from drillyard.telemetry.agent.intake import Delivery, Intake
from drillyard.telemetry.agent.spool import Spool
from drillyard.telemetry.agent.stats import CopyStats

IDLE_S = 0.2
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 30.0
_NAME = "DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS"


@dataclass(frozen=True)
class Endpoint:
    """A further logs intake."""

    url: str
    api_key: str


def read_endpoints(text: str) -> tuple[Endpoint, ...]:
    """Raises SettingError."""
    try:
        found = json.loads(text or "[]")
    except ValueError as wrong:
        raise SettingError(f"{_NAME} is not JSON: {wrong}.") from wrong
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise SettingError(f"{_NAME} must be a JSON array of objects.")
    return tuple(_endpoint({str(name).lower(): value for name, value in part.items()}) for part in found)


def _endpoint(part: dict[str, object]) -> Endpoint:
    host, key, port = part.get("host"), part.get("api_key"), part.get("port", 443)
    if not isinstance(host, str) or not host or not isinstance(key, str) or not key:
        raise SettingError(f"{_NAME}: every endpoint needs Host and api_key.")
    if not str(port).isdecimal() or not 0 < int(str(port)) <= 65_535:
        raise SettingError(f"{_NAME}: {str(port)[:20]!r} is no port.")
    scheme = "http" if part.get("use_ssl") is False else "https"
    return Endpoint(f"{scheme}://{host}:{port}/api/v2/logs", key)


def logs_in(payload: bytes) -> int:
    """How many logs a packed payload holds."""
    return len(orjson.loads(gzip.decompress(payload)))


class Copy:
    """One further intake with its buffer; `run` sends what `add` brings, in order."""

    def __init__(self, endpoint: Endpoint, intake: Intake, folder: Path, clock: Clock) -> None:
        self._url = endpoint.url
        self._intake = intake
        # The endpoint names the folder, not its place in the list, which may change.
        name = hashlib.blake2b(endpoint.url.encode(), digest_size=8).hexdigest()
        self._spool = Spool(folder / f"copy-{name}")
        self._clock = clock
        self.stats = CopyStats(endpoint.url)

    def add(self, payload: bytes) -> None:
        """Keeps a payload until it has arrived; with a full buffer or disk its logs are dropped and counted."""
        try:
            if not self._spool.full:
                self._spool.add(payload)
                return
        except OSError:
            pass
        self.stats.dropped += logs_in(payload)

    async def run(self) -> None:
        """Sends for ever."""
        retry_s = 0.0
        while True:
            if self._spool.empty:
                await self._clock.sleep(IDLE_S)
            elif await self.send_oldest():
                retry_s = 0.0
            else:
                retry_s = min(max(retry_s * 2, RETRY_FIRST_S), RETRY_MOST_S)
                await self._clock.sleep(retry_s)

    async def send_oldest(self) -> bool:
        """False when the endpoint is away."""
        payload = self._spool.oldest()
        delivery = await self._intake.post(self._url, payload, {"Content-Encoding": "gzip"})
        self.stats.trouble = self._intake.trouble
        if delivery is Delivery.LATER:
            return False
        if delivery is Delivery.DONE:
            self.stats.sent += logs_in(payload)
        else:
            self.stats.dropped += logs_in(payload)
        self._spool.drop_oldest()
        return True

    def figures(self) -> CopyStats:
        """What became of the logs so far."""
        return replace(self.stats, waiting_bytes=self._spool.waiting_bytes)


def add_to_all(copies: Iterable[Copy], payload: bytes) -> None:
    """Hands a payload to every further intake."""
    for copy in copies:
        copy.add(payload)
