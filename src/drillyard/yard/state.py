"""
What a running yard tells everybody who comes later: addresses, keys, and which process holds it. One JSON file, for
its owner only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.base.processes import ProcessId, identify
from drillyard.yard.home import YardFolder


@dataclass(frozen=True)
class YardState:
    """One running yard. `services` maps a service's name to its loopback address `127.0.0.1:PORT`."""

    name: str
    control_plane: ProcessId
    created_at: str
    api_server: str
    services: Mapping[str, str]
    api_key: str
    app_key: str
    bank_key: str
    bank_admin_key: str
    control_url: str
    control_token: str
    amqp_url: str
    management_url: str
    page_url: str
    warnings: tuple[str, ...] = field(default=())
    telemetry_url: str = ""
    """Where the telemetry answers, when that is not this machine's `services["telemetry"]`."""

    @property
    def datadog_url(self) -> str:
        return self.telemetry_url or f"http://{self.services['telemetry']}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, folder: YardFolder) -> YardState | None:
        """None when no such yard is running; a file left by a killed control plane counts as none."""
        try:
            data = json.loads(folder.state.read_text())
            state = cls(
                **{**data, "control_plane": ProcessId(**data["control_plane"]), "warnings": tuple(data["warnings"])}
            )
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError) as damaged:
            raise DrillyardError(
                f"The state of yard {folder.name} cannot be read ({folder.state}): {damaged}.",
                hint=f"`drill down{folder.option}` clears it.",
            ) from damaged
        return state if state.control_plane.alive() else None

    @classmethod
    def require(cls, folder: YardFolder) -> YardState:
        """As `read`. Raises DrillyardError when no such yard is running."""
        state = cls.read(folder)
        if state is None:
            raise DrillyardError(f"Yard {folder.name} is not up.", hint=f"`drill up{folder.option}` starts it.")
        return state

    def write(self, folder: YardFolder) -> None:
        """Only the owner may read it: it holds the keys."""
        write_atomically(folder.state, json.dumps(self.to_json(), indent=1))

    def environment(self, folder: YardFolder, *, investigator: bool = False) -> dict[str, str]:
        """
        What `drill env` prints: enough for kubectl, Datadog clients, browsers and broker tools. An investigator's
        kubeconfig is not the yard's own: its rights stand in manifests/investigators.yaml.
        """
        management = urlsplit(self.management_url)
        tls = {
            "DD_TLS_URL": f"https://{self.services.get('telemetry-tls')}",
            "DD_CONNECT_PROXY": f"http://{self.services.get('telemetry-proxy')}",
            "DD_CA_FILE": str(folder.path / "ca.crt"),
        }
        return {
            "KUBECONFIG": str(folder.investigator_kubeconfig if investigator else folder.kubeconfig),
            "FRONT_END_URL": f"http://{self.services['front-end']}",
            "DD_BASE_URL": self.datadog_url,
            **(tls if "telemetry-tls" in self.services else {}),
            "DD_API_KEY": self.api_key,
            "DD_APP_KEY": self.app_key,
            "AMQP_URL": self.amqp_url,
            "RABBITMQ_MANAGEMENT_URL": f"{management.scheme}://{management.hostname}:{management.port or 80}",
            "RABBITMQ_USER": management.username or "guest",
            "RABBITMQ_PASSWORD": management.password or "guest",
            "DRILL_YARD": self.name,
        }


class YardLock:
    """Held by the control plane of a yard for as long as it lives; the kernel lets go when it dies."""

    def __init__(self, folder: YardFolder) -> None:
        self._path: Path = folder.lock
        self._file: int | None = None

    def acquire(self) -> bool:
        """False when another process holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._hold(handle)
        return True

    def adopt(self, handle: int) -> None:
        """Goes on with the lock of the process that started this one, which handed down its open file."""
        os.set_inheritable(handle, False)
        self._hold(handle)

    @contextlib.contextmanager
    def handed_down(self) -> Iterator[int]:
        """The open file for a child to adopt: afterwards the lock is the child's alone. A failure lets go of it."""
        assert self._file is not None
        try:
            yield self._file
        except BaseException:
            self.release()
            raise
        os.close(self._file)
        self._file = None

    def holder(self) -> ProcessId | None:
        """The process that holds it now, if any."""
        try:
            process = ProcessId(**json.loads(self._path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return process if process.alive() else None

    def _hold(self, handle: int) -> None:
        own = identify(os.getpid())
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(own)).encode(), 0)
        self._file = handle

    def release(self) -> None:
        """Lets go and removes the file. Harmless twice."""
        if self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                # Who adopted it may have removed it, and another yard of the name may have begun.
                if self._path.stat().st_ino == os.fstat(self._file).st_ino:
                    self._path.unlink()
            os.close(self._file)
            self._file = None
