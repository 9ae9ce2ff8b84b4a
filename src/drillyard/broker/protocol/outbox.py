"""
What waits to be written to one socket: gathered over one turn of the loop, then sent in one piece.

It knows how full it is. That is what deliveries and, in the end, reading depend on.
"""

from __future__ import annotations

import asyncio

WRITE_HIGH_BYTES = 262_144  # Deliveries stop above this,
WRITE_FULL_BYTES = 8_388_608  # and above this the client is not listened to either.


class Outbox:
    """`socket_full` is set and cleared by the transport's own flow control."""

    def __init__(self, transport: asyncio.Transport) -> None:
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES, low=WRITE_HIGH_BYTES // 4)
        self._transport = transport
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self.socket_full = False
        self.sent_bytes = 0

    @property
    def roomy(self) -> bool:
        return not self.socket_full and self._waiting_bytes < WRITE_HIGH_BYTES

    @property
    def overfull(self) -> bool:
        """The client does not even read its confirms."""
        return self._transport.get_write_buffer_size() > WRITE_FULL_BYTES

    def add(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting_bytes += len(data)

    def clear(self) -> None:
        self._pieces.clear()
        self._waiting_bytes = 0

    def flush(self) -> bool:
        """Hands everything to the socket; False when there was nothing."""
        if not self._pieces:
            return False
        data = b"".join(self._pieces)
        self.clear()
        self.sent_bytes += len(data)
        self._transport.write(data)
        return True
