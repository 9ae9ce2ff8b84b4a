"""
Kubernetes' protobuf as JSON objects: what kubectl's typed commands send. Reading only: everybody accepts JSON.

A request is the magic `k8s\\0` and an Unknown message that names kind and version. Field numbers are data made by
scripts/kubernetes_wire.py. Zeros that Go's JSON would leave out are left out here.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from drillyard.cluster.client import Object

MAGIC = b"k8s\x00"
_DEPTH_MAX = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WireError(ValueError):
    """Bytes that are no such message."""


@cache
def _table() -> Any:
    packed = files("drillyard.cluster.apiserver").joinpath("data/wire.json.gz").read_bytes()
    return orjson.loads(gzip.decompress(packed))


def decode_wire(raw: bytes) -> Object:
    """The object with its kind and apiVersion. Raises WireError."""
    if not raw.startswith(MAGIC):
        raise WireError("the body does not begin with Kubernetes' protobuf magic")
    kind = version = ""
    content = b""
    for number, value in _fields(raw[len(MAGIC) :]):
        if number == 1:
            names = dict(_fields(_bytes(value)))
            version, kind = _bytes(names.get(1, b"")).decode(), _bytes(names.get(2, b"")).decode()
        elif number == 2:
            content = _bytes(value)
    message = _table()["kinds"].get(f"{version}/{kind}")
    if kind == "DeleteOptions":  # Each group has its own alias of it.
        message = "meta/v1.DeleteOptions"
    if message is None:
        raise WireError(f"no kind {kind!r} in version {version!r}")
    return {"kind": kind, "apiVersion": version, **_message(message, content, 0)}


def _message(name: str, raw: bytes, depth: int) -> Object:
    if depth > _DEPTH_MAX:
        raise WireError("nested too deeply")
    known = _table()["messages"][name]
    obj: Object = {}
    for number, value in _fields(raw):
        field = known.get(str(number))
        if field is None:
            continue
        json_name, sort, kept = field
        if sort.startswith("[]"):
            obj.setdefault(json_name, []).append(_value(sort[2:], value, depth))
        elif sort.startswith("{}"):
            entry = dict(_fields(_bytes(value)))
            key = _bytes(entry.get(1, b"")).decode()
            empty: bytes | int = 0 if sort[2:] in ("int", "bool") else b""
            obj.setdefault(json_name, {})[key] = _value(sort[2:], entry.get(2, empty), depth)
        else:
            decoded = _value(sort, value, depth)
            if json_name == "":
                obj |= decoded
            elif decoded is not None and (kept or decoded not in ("", 0, False)):
                obj[json_name] = decoded
    return obj


def _value(sort: str, value: bytes | int, depth: int) -> Any:
    if sort in ("int", "bool"):
        if not isinstance(value, int):
            raise WireError("a number in the wrong encoding")
        return bool(value) if sort == "bool" else _signed(value)
    raw = _bytes(value)
    match sort:
        case "string":
            return raw.decode()
        case "bytes":
            return base64.b64encode(raw).decode()
        case "quantity":
            return _bytes(dict(_fields(raw)).get(1, b"")).decode() or "0"
        case "time":
            return _time(raw)
        case "int-or-string":
            parts = dict(_fields(raw))
            return _bytes(parts.get(3, b"")).decode() if parts.get(1) == 1 else _signed(int(parts.get(2, 0)))
        case "raw-json":
            return orjson.loads(_bytes(dict(_fields(raw)).get(1, b"")) or b"{}")
        case _ if sort.startswith("m:"):
            return _message(sort[2:], raw, depth + 1)
        case _:  # A list within a map (ExtraValue).
            return [_bytes(item).decode() for _, item in _fields(raw)]


def _time(raw: bytes) -> str | None:
    parts = dict(_fields(raw))
    seconds, nanoseconds = _signed(int(parts.get(1, 0))), int(parts.get(2, 0))
    if not raw or seconds < -62_000_000_000 or seconds > 250_000_000_000:
        return None  # Go's zero time.
    moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if nanoseconds else "%Y-%m-%dT%H:%M:%SZ")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: bytes | int) -> bytes:
    if not isinstance(value, bytes):
        raise WireError("a text in the wrong encoding")
    return value


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Field numbers and values: whole numbers for varints, bytes for everything with a length."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, at = _varint(raw, at)
            yield number, value
        elif wire_type in (1, 2, 5):
            length = {1: 8, 5: 4}.get(wire_type, 0)
            if wire_type == 2:
                length, at = _varint(raw, at)
            if at + length > len(raw):
                raise WireError("it ends in the middle of a field")
            yield number, raw[at : at + length]
            at += length
        else:
            raise WireError(f"unknown wire type {wire_type}")


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(raw):
            raise WireError("it ends in the middle of a number")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("a number that is too long")
