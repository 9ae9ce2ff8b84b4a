"""
What the telemetry server is told by its environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillyard.base.errors import SettingError
from drillyard.telemetry.logs.store import RECORDS_MAX


@dataclass(frozen=True)
class Settings:
    """`port` 0 lets the kernel choose; `ready_file` is written once the port answers."""

    data: Path
    api_keys: frozenset[str]
    app_keys: frozenset[str]
    host: str = "127.0.0.1"
    port: int = 0
    ready_file: Path | None = None
    log_age_max_s: int | None = None
    """Older logs are dropped at the door, as Datadog does after 18 hours (64800); None takes them all."""
    records_max: int = RECORDS_MAX
    """Logs, spans and events kept, of each kind; beyond it the oldest make room."""
    tls_certificate: Path | None = None
    """Certificate chain and private key (PEM, one file) of a second listener, with TLS; None for no such listener."""
    tls_port: int = 0
    proxy_port: int | None = None
    """
    A proxy (CONNECT) that leads every Datadog host name to the TLS listener, for clients whose host cannot be set; None
    for none.
    """


def read_settings(environment: Mapping[str, str]) -> Settings:
    """From TELEMETRY_DATA, DD_API_KEY, DD_APP_KEY (parted by commas), HOST, PORT, …. Raises SettingError."""
    ready_file = environment.get("READY_FILE")
    return Settings(
        data=Path(_needed(environment, "TELEMETRY_DATA", "a folder for the stored logs")),
        api_keys=_keys(environment, "DD_API_KEY"),
        app_keys=_keys(environment, "DD_APP_KEY"),
        host=environment.get("HOST") or "127.0.0.1",
        port=read_port(environment, 0),
        ready_file=Path(ready_file) if ready_file else None,
        log_age_max_s=_age(environment),
        records_max=_records_max(environment),
        tls_certificate=Path(environment["TLS_CERTIFICATE"]) if environment.get("TLS_CERTIFICATE") else None,
        tls_port=read_port(environment, 0, "TLS_PORT"),
        proxy_port=read_port(environment, 0, "PROXY_PORT") if environment.get("PROXY_PORT") else None,
    )


def read_port(environment: Mapping[str, str], default: int, name: str = "PORT") -> int:
    """A port, 0 to 65535. Raises SettingError."""
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) > 65_535:
        raise SettingError(f"{name} is {text!r}, which is not a port.", hint="Give a number from 0 to 65535.")
    return int(text)


def _age(environment: Mapping[str, str]) -> int | None:
    text = environment.get("LOG_AGE_MAX")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 10**9:
        raise SettingError(
            f"LOG_AGE_MAX is {text!r}, which is no number of seconds.", hint="Datadog's own limit is 64800."
        )
    return int(text)


def _records_max(environment: Mapping[str, str]) -> int:
    text = environment.get("RECORDS_MAX") or str(RECORDS_MAX)
    if not text.isdecimal() or not 10_000 <= int(text) <= 100_000_000:
        raise SettingError(
            f"RECORDS_MAX is {text[:30]!r}, which is no number of records.", hint="Give 10000 to 100000000."
        )
    return int(text)


def _needed(environment: Mapping[str, str], name: str, meaning: str) -> str:
    value = environment.get(name)
    if not value:
        raise SettingError(f"{name} is not set.", hint=f"It names {meaning}.")
    return value


def _keys(environment: Mapping[str, str], name: str) -> frozenset[str]:
    keys = frozenset(key.strip() for key in _needed(environment, name, "the accepted keys").split(",") if key.strip())
    if not keys:
        raise SettingError(f"{name} holds no key.", hint="Give one, or several parted by commas.")
    return keys
