"""
How spawner and zygote talk: JSON messages over a Unix stream socket, file descriptors attached (unix(7), SCM_RIGHTS).

Each message is a length (4 bytes, big endian) and that many bytes of JSON; its descriptors travel with its first byte,
and the message says how many they are, so that a stream that arrives in pieces still gives every message its own.
"""

from __future__ import annotations

import array
import json
import socket
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_HEAD = struct.Struct(">I")
_READ_BYTES = 65536
_FDS_MAX = 64
_MESSAGE_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Message:
    """What came: the JSON object, and descriptors that the receiver owns from now on."""

    content: dict[str, Any]
    fds: tuple[int, ...] = ()


def pack(content: dict[str, Any], fds: Sequence[int] = ()) -> bytes:
    """The bytes of one message. Raises ValueError when it is over 4 MiB."""
    body = json.dumps({**content, "fds": len(fds)}).encode()
    if len(body) > _MESSAGE_MAX:
        raise ValueError(f"a message of {len(body)} bytes is over {_MESSAGE_MAX}")
    return _HEAD.pack(len(body)) + body


def attach(fds: Sequence[int]) -> list[tuple[int, int, bytes]]:
    """The ancillary data for sendmsg."""
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())] if fds else []


class Parser:
    """Turns what recvmsg gives, in whatever pieces, into messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._fds: deque[int] = deque()

    def feed(self, data: bytes, ancillary: Sequence[tuple[int, int, bytes]] = ()) -> list[Message]:
        """The messages that are now complete. Raises ValueError for what is none."""
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self._fds.extend(fds)
        self._data += data
        messages = []
        while len(self._data) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._data)
            if length > _MESSAGE_MAX:
                raise ValueError(f"a message of {length} bytes is over {_MESSAGE_MAX}")
            if len(self._data) < _HEAD.size + length:
                break
            content = json.loads(self._data[_HEAD.size : _HEAD.size + length])
            del self._data[: _HEAD.size + length]
            own = tuple(self._fds.popleft() for _ in range(content.pop("fds", 0)))
            messages.append(Message(content, own))
        return messages


class Connection:
    """The zygote's end: blocking, for a process without an event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._parser = Parser()

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> list[Message]:
        """Reads once. Raises EOFError when the other side is gone."""
        data, ancillary, _, _ = self._socket.recvmsg(
            _READ_BYTES, socket.CMSG_SPACE(_FDS_MAX * array.array("i").itemsize)
        )
        if not data:
            raise EOFError
        return self._parser.feed(data, ancillary)

    def send(self, content: dict[str, Any]) -> None:
        self._socket.sendall(pack(content))
