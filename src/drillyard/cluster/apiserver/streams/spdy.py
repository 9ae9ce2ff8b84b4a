"""
SPDY/3.1 frames, as far as kubectl's port-forward uses them inside a WebSocket: bytes in, frames out, and back.

No sockets here. Flow control is left out, as the client's own library leaves it out. Format:
https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

FIN = 0x01
FRAME_MAX = 1 << 20
_CONTROL = 0x8003
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_HEADERS_MAX = 64 * 1024

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    "Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    "00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    "charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()) + _TAIL.encode()
)


class SpdyError(Exception):
    """Bytes that are no SPDY, or more of it than anybody needs."""


@dataclass(frozen=True)
class OpenStream:
    """The client opens a stream (SYN_STREAM)."""

    stream: int
    headers: Mapping[str, str]
    fin: bool


@dataclass(frozen=True)
class Data:
    """Bytes of a stream; `fin` says that the client sends no more on it."""

    stream: int
    data: bytes
    fin: bool


@dataclass(frozen=True)
class Reset:
    """The client gives a stream up (RST_STREAM)."""

    stream: int


@dataclass(frozen=True)
class Ping:
    """To be echoed as it is."""

    number: int


@dataclass(frozen=True)
class GoAway:
    """The client opens no more streams."""


Frame = OpenStream | Data | Reset | Ping | GoAway


class Codec:
    """Both directions of one connection; each has one compression context for all its headers."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with these bytes. Raises SpdyError."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            length = second & 0xFFFFFF
            if length > FRAME_MAX:
                raise SpdyError(f"a frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                return
            payload = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            frame = self._frame(first, second >> 24, payload)
            if frame is not None:
                yield frame

    def _frame(self, first: int, flags: int, payload: bytes) -> Frame | None:
        if not first >> 31:
            return Data(first, payload, bool(flags & FIN))
        if first >> 16 != _CONTROL:
            raise SpdyError("not SPDY version 3")
        try:
            match first & 0xFFFF:
                case 1:
                    (stream,) = struct.unpack_from(">I", payload)
                    return OpenStream(stream & 0x7FFFFFFF, self._headers(payload[10:]), bool(flags & FIN))
                case 3:
                    return Reset(struct.unpack_from(">I", payload)[0] & 0x7FFFFFFF)
                case 6:
                    return Ping(struct.unpack_from(">I", payload)[0])
                case 7:
                    return GoAway()
        except (struct.error, zlib.error, UnicodeDecodeError) as malformed:
            raise SpdyError(f"a malformed control frame: {malformed}") from malformed
        return None  # SETTINGS and WINDOW_UPDATE say nothing that matters here.

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self._inflate.decompress(block, _HEADERS_MAX)
        if self._inflate.unconsumed_tail:
            raise SpdyError("headers of more than 64 KiB")
        (count,), at = struct.unpack_from(">I", text), 4
        found = {}
        for _ in range(count):
            pair = []
            for _ in range(2):
                (length,) = struct.unpack_from(">I", text, at)
                pair.append(text[at + 4 : at + 4 + length].decode())
                at += 4 + length
            found[pair[0].lower()] = pair[1]
        return found

    def reply(self, stream: int) -> bytes:
        """SYN_REPLY without headers."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, struct.pack(">I", stream) + block)

    @staticmethod
    def data(stream: int, data: bytes, *, fin: bool = False) -> bytes:
        return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data

    @staticmethod
    def ping(number: int) -> bytes:
        return _control(_PING, struct.pack(">I", number))

    @staticmethod
    def reset(stream: int) -> bytes:
        """RST_STREAM with status CANCEL."""
        return _control(_RST_STREAM, struct.pack(">II", stream, 5))


def _control(kind: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", _CONTROL, kind, len(payload)) + payload
