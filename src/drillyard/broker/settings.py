"""The broker's settings, all from the environment, so that it runs the same in a pod and on a desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillyard.base.errors import SettingError

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """Port 0 lets the system choose; the line `ready` names what it chose. Limits raise the alarms."""

    host: str = "127.0.0.1"
    amqp_port: int = 5672
    management_port: int = 15672
    metrics_port: int = 15692
    data: Path = Path("broker-data")
    user: str = "guest"
    password: str = "guest"
    memory_limit_mib: int = 512
    disk_free_limit_mib: int = 50

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> BrokerSettings:
        """Raises SettingError naming the variable, its value and what would fit."""
        return cls(
            host=environment.get("HOST") or cls.host,
            amqp_port=read_number(environment, "AMQP_PORT", cls.amqp_port, 0, 65535),
            management_port=read_number(environment, "MANAGEMENT_PORT", cls.management_port, 0, 65535),
            metrics_port=read_number(environment, "METRICS_PORT", cls.metrics_port, 0, 65535),
            data=Path(environment.get("BROKER_DATA") or cls.data),
            user=environment.get("BROKER_USER") or cls.user,
            password=environment.get("BROKER_PASSWORD") or cls.password,
            memory_limit_mib=read_number(environment, "MEMORY_LIMIT_MIB", cls.memory_limit_mib, 1, 2**40),
            disk_free_limit_mib=read_number(environment, "DISK_FREE_LIMIT_MIB", cls.disk_free_limit_mib, 0, 2**40),
        )


def read_number(environment: Mapping[str, str], key: str, default: int, least: int, most: int) -> int:
    """A whole number of the environment. Raises SettingError."""
    text = environment.get(key, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise SettingError(f"{key}={text!r} does not fit: a whole number from {least} to {most} is expected.")
    return int(text)
