"""
Frames: cutting a byte stream into them, and packing the ones that are sent often.

A frame is `type(1) channel(2) size(4) payload 0xCE` (AMQP 0-9-1 §4.2.3). The splitter never copies more than it hands
out and never waits for a frame that is larger than what was agreed, so a hostile size costs nothing.
"""

from __future__ import annotations

import struct

from drillyard.broker.errors import AmqpError

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
FRAME_OVERHEAD = 8
FRAME_MIN_BYTES = 4096
END = 0xCE
_END_BYTE = b"\xce"
_HEAD = struct.Struct(">BHI")
_CONTENT_HEAD = struct.Struct(">HHQ")
_TAG = struct.Struct(">QB")
BASIC_CLASS = 60
_DELIVER = struct.pack(">HH", 60, 60)
_GET_OK = struct.pack(">HH", 60, 71)
_RETURN = struct.pack(">HH", 60, 50)
_ACK = struct.pack(">HH", 60, 80)
_NACK = struct.pack(">HH", 60, 120)
HEARTBEAT_FRAME = _HEAD.pack(HEARTBEAT, 0, 0) + _END_BYTE

Frame = tuple[int, int, bytes]  # type, channel, payload


class FrameSplitter:
    """Collects bytes and hands out whole frames. `frame_max_bytes` counts the whole frame, as in connection.tune."""

    def __init__(self, frame_max_bytes: int = FRAME_MIN_BYTES) -> None:
        self.frame_max_bytes = frame_max_bytes
        self._buffer = bytearray()
        self._start = 0
        self._before = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def waiting_bytes(self) -> int:
        return len(self._buffer) - self._start

    def take(self, count: int) -> bytes | None:
        """So many raw bytes (for the protocol header), or None while there are fewer."""
        if self.waiting_bytes < count:
            return None
        piece = bytes(self._buffer[self._start : self._start + count])
        self._start += count
        return piece

    def next_frame(self) -> Frame | None:
        """
        The next whole frame, or None while it is not all there.

        Raises AmqpError 501 for a frame that is too large or does not end with 0xCE.
        """
        buffer = self._buffer
        start = self._start
        if len(buffer) - start < 7:
            self._forget_read()
            return None
        kind, channel, size = _HEAD.unpack_from(buffer, start)
        if size > self.frame_max_bytes - FRAME_OVERHEAD:
            raise AmqpError(501, f"frame of {size} bytes is larger than the {self.frame_max_bytes} agreed")
        end = start + 7 + size
        if len(buffer) <= end:
            self._forget_read()
            return None
        if buffer[end] != END:
            raise AmqpError(501, f"type {kind}, channel {channel}: the frame does not end with 206")
        self._before = start
        self._start = end + 1
        return kind, channel, bytes(buffer[start + 7 : end])

    def push_back(self) -> None:
        """The last frame comes again at the next call; only directly after `next_frame` gave it."""
        self._start = self._before

    def _forget_read(self) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0


def pack(kind: int, channel: int, payload: bytes) -> bytes:
    return _HEAD.pack(kind, channel, len(payload)) + payload + _END_BYTE


def pack_content(channel: int, method: bytes, properties: bytes, body: bytes, frame_max_bytes: int) -> bytes:
    """Method, header and body frames of one message. `properties` are raw: flags and fields."""
    head = _CONTENT_HEAD.pack(BASIC_CLASS, 0, len(body)) + properties
    parts = [
        _HEAD.pack(METHOD, channel, len(method)),
        method,
        _END_BYTE,
        _HEAD.pack(HEADER, channel, len(head)),
        head,
        _END_BYTE,
    ]
    step = frame_max_bytes - FRAME_OVERHEAD
    if len(body) <= step:
        if body:
            parts += (_HEAD.pack(BODY, channel, len(body)), body, _END_BYTE)
    else:
        for at in range(0, len(body), step):
            piece = body[at : at + step]
            parts += (_HEAD.pack(BODY, channel, len(piece)), piece, _END_BYTE)
    return b"".join(parts)


def deliver(consumer_tag: bytes, tag: int, redelivered: bool, exchange: bytes, routing_key: bytes) -> bytes:
    """Payload of basic.deliver; names as short strings (with their length byte)."""
    return b"".join((_DELIVER, consumer_tag, _TAG.pack(tag, redelivered), exchange, routing_key))


def get_ok(tag: int, redelivered: bool, exchange: bytes, routing_key: bytes, message_count: int) -> bytes:
    """Payload of basic.get-ok; names as short strings."""
    return b"".join((_GET_OK, _TAG.pack(tag, redelivered), exchange, routing_key, struct.pack(">I", message_count)))


def returned(code: int, text: str, exchange: bytes, routing_key: bytes) -> bytes:
    """Payload of basic.return; names as short strings."""
    return b"".join((_RETURN, struct.pack(">H", code), short_string(text), exchange, routing_key))


def ack(channel: int, tag: int, multiple: bool) -> bytes:
    """A whole basic.ack frame."""
    return pack(METHOD, channel, _ACK + _TAG.pack(tag, multiple))


def nack(channel: int, tag: int, multiple: bool) -> bytes:
    """A whole basic.nack frame, from the broker to a publisher."""
    return pack(METHOD, channel, _NACK + _TAG.pack(tag, multiple))


def short_string(text: str) -> bytes:
    """Raises ValueError for more than 255 bytes."""
    raw = text.encode("utf-8", "surrogateescape")
    if len(raw) > 255:
        raise ValueError("a short string holds 255 bytes at most")
    return bytes((len(raw),)) + raw
