"""
The bank's settings, read from the environment; a bad value names the key, the value and what would fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillyard.base.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class BankSettings:
    """Where the bank listens, where its ledger lies, and who may speak to it."""

    host: str = "127.0.0.1"
    port: int = 12111
    """0 lets the kernel choose; the line announced at start names the port."""
    data: Path = Path("bank-data")
    """Folder of the ledger; made when absent. One bank at a time may hold it."""
    key: str = "sk_test_mock"
    """The secret key that callers must present."""
    admin_key: str | None = None
    """Opens the API that switches ways to misbehave; None keeps it shut."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> BankSettings:
        """Reads HOST, PORT, BANK_DATA, BANK_KEY and BANK_ADMIN_KEY. Raises SettingError."""
        key = environment.get("BANK_KEY", cls.key)
        if not key.isascii() or not key.isprintable() or not key or " " in key:
            raise SettingError("BANK_KEY must be printable ASCII without spaces.", hint="For example: sk_test_mock")
        return cls(
            host=environment.get("HOST") or cls.host,
            port=_port(environment.get("PORT")),
            data=Path(environment.get("BANK_DATA") or cls.data),
            key=key,
            admin_key=environment.get("BANK_ADMIN_KEY") or None,
        )


def _port(value: str | None) -> int:
    if not value:
        return BankSettings.port
    if not (value.isascii() and value.isdigit() and int(value) <= 65535):
        raise SettingError(f"PORT is {value!r}.", hint="Use a number from 0 to 65535; 0 lets the kernel choose.")
    return int(value)
