"""A message on its way in: a method, a header and body frames, of which not everything has come."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Incoming:
    """`size_bytes` is None until the header is there."""

    exchange: str
    routing_key: str
    mandatory: bool
    size_bytes: int | None = None
    properties: bytes = b""
    body: list[bytes] = field(default_factory=list)
    received_bytes: int = 0
