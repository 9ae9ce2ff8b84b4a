"""
What a request can ask besides its object: query parameters and DeleteOptions, as far as they matter here.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class WriteOptions:
    """What a write request can ask besides its object. `warnings` collects what the client is told on success."""

    manager: str = ""
    validation: str = "Warn"  # of unknown fields: Ignore, Warn or Strict
    dry_run: bool = False
    force: bool = False
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DeleteRequest:
    """DeleteOptions (meta/v1), as far as they matter here."""

    grace_s: int | None = None
    propagation: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
