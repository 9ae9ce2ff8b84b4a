"""
The telemetry server as a process of the yard: started from the zygote, and started again, on the same port, when it
dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnSpec
from drillyard.yard.keys import Keys

_log = logging.getLogger(__name__)
_READY_MAX_S = 20.0
_GRACE_S = 3.0


class TelemetryProcess:
    """`address` is known once `start` has returned."""

    def __init__(self, spawner: Spawner, folder: Path, keys: Keys, certificate_pem: bytes) -> None:
        self._spawner, self._folder, self._keys = spawner, folder, keys
        self._certificate_pem = certificate_pem
        self._process: SpawnedProcess | None = None
        self._ports = (0, 0, 0)
        self._stopping = False

    @property
    def address(self) -> str:
        """host:port of intake and API."""
        return f"127.0.0.1:{self._ports[0]}"

    def addresses(self) -> dict[str, str]:
        """Plain, with TLS by the yard's CA, and the proxy that leads Datadog's host names to the latter."""
        names = ("telemetry", "telemetry-tls", "telemetry-proxy")
        return {name: f"127.0.0.1:{port}" for name, port in zip(names, self._ports, strict=True)}

    async def start(self) -> None:
        """Returns when it answers. Raises DrillyardError with its last line when it does not."""
        self._folder.mkdir(exist_ok=True)
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        certificate = self._folder / "tls.pem"
        write_atomically(certificate, self._certificate_pem.decode())
        log = os.open(self._folder / "telemetry.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await self._spawner.spawn(
                SpawnSpec(
                    entry="drillyard.telemetry.server:main",
                    env={
                        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                        "HOST": "127.0.0.1",
                        "PORT": str(self._ports[0]),
                        "TLS_CERTIFICATE": str(certificate),
                        "TLS_PORT": str(self._ports[1]),
                        "PROXY_PORT": str(self._ports[2]),
                        "TELEMETRY_DATA": str(self._folder),
                        "DD_API_KEY": self._keys.api_key,
                        "DD_APP_KEY": self._keys.app_key,
                        "READY_FILE": str(ready),
                    },
                    cwd=str(self._folder),
                    title="telemetry",
                    stdout=log,
                    stderr=log,
                )
            )
        finally:
            os.close(log)
        self._ports = await self._announced_ports(ready)

    async def keep_alive(self) -> None:
        """Starts it again whenever it ends, until cancelled."""
        while True:
            assert self._process is not None
            code = await self._process.wait()
            if self._stopping:
                return
            _log.warning("the telemetry ended (%s); it starts again", code)
            await asyncio.sleep(0.2)
            with contextlib.suppress(DrillyardError):
                await self.start()

    async def stop(self) -> None:
        """TERM, a grace, KILL."""
        self._stopping = True
        if self._process is None:
            return
        self._process.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE_S)
        except TimeoutError:
            self._process.signal(signal.SIGKILL, session=True)

    async def _announced_ports(self, ready: Path) -> tuple[int, int, int]:
        assert self._process is not None
        async with asyncio.timeout(_READY_MAX_S):
            while self._process.returncode is None:
                with contextlib.suppress(FileNotFoundError, ValueError):
                    plain, tls, proxy = map(int, ready.read_text().split())
                    return plain, tls, proxy
                await asyncio.sleep(0.02)
        lines = (self._folder / "telemetry.log").read_text(errors="replace").strip().splitlines()
        raise DrillyardError("The telemetry ended at its start.", hint=lines[-1] if lines else None)
