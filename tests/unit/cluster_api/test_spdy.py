"""
SPDY frames, against a client's side written by hand.
"""

from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver.streams.spdy import (
    DICTIONARY,
    Codec,
    Data,
    Frame,
    GoAway,
    OpenStream,
    Ping,
    Reset,
    SpdyError,
)


def control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, flags << 24 | len(payload)) + payload


class Client:
    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def open(self, stream: int, **headers: str) -> bytes:
        text = struct.pack(">I", len(headers))
        for name, value in headers.items():
            for part in (name.encode(), value.encode()):
                text += struct.pack(">I", len(part)) + part
        block = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, struct.pack(">IIH", stream, 0, 0) + block)


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2


@given(st.integers(1, 40))
def test_message_boundaries_mean_nothing(step: int) -> None:
    client, codec = Client(), Codec()
    sent = client.open(1, streamtype="error", port="80") + client.open(3, streamtype="data", port="80", requestid="0")
    sent += Codec.data(3, b"hello", fin=True) + control(6, struct.pack(">I", 7)) + control(3, struct.pack(">II", 1, 5))
    sent += control(4, b"\0" * 4) + control(7, b"\0" * 8)
    frames: list[Frame] = []
    for at in range(0, len(sent), step):
        frames += codec.feed(sent[at : at + step])
    assert frames == [
        OpenStream(1, {"streamtype": "error", "port": "80"}, False),
        OpenStream(3, {"streamtype": "data", "port": "80", "requestid": "0"}, False),
        Data(3, b"hello", True),
        Ping(7),
        Reset(1),
        GoAway(),
    ]


def test_a_reply_is_readable_with_one_context_for_all_headers() -> None:
    codec, inflate = Codec(), zlib.decompressobj(zdict=DICTIONARY)
    for stream in (1, 3):
        frame = codec.reply(stream)
        assert struct.unpack(">HHI", frame[:8]) == (0x8003, 2, len(frame) - 8)
        assert struct.unpack(">I", frame[8:12]) == (stream,)
        assert inflate.decompress(frame[12:]) == struct.pack(">I", 0)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">HHI", 0x8002, 1, 4) + b"\0" * 4,
        control(1, b"\0" * 10 + b"no zlib"),
        control(3, b""),
        struct.pack(">II", 1, 0xFFFFFF),
    ],
)
def test_what_is_no_spdy_is_an_error(sent: bytes) -> None:
    with pytest.raises(SpdyError):
        list(Codec().feed(sent))


def test_headers_that_unfold_to_megabytes_are_refused() -> None:
    with pytest.raises(SpdyError, match="64 KiB"):
        list(Codec().feed(Client().open(1, bomb="x" * 1_000_000)))


@given(st.binary(max_size=100))
def test_any_bytes_are_frames_or_an_error(sent: bytes) -> None:
    with contextlib.suppress(SpdyError):
        list(Codec().feed(sent))
