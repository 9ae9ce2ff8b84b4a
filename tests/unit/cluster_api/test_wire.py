"""
Kubernetes' protobuf: what kubectl sent, and what any bytes do.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver.bodies import decode
from drillyard.cluster.apiserver.wire import MAGIC, WireError, decode_wire
from drillyard.cluster.client import ApiError


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value & 0xFFFFFFFFFFFFFFFF)
    return varint(number << 3 | 2) + varint(len(value)) + value


def enveloped(version: str, kind: str, content: bytes) -> bytes:
    names = field(1, version.encode()) + field(2, kind.encode())
    return MAGIC + field(1, names) + field(2, content)


def test_a_config_map() -> None:
    entry = field(1, b"colour") + field(2, b"red")
    metadata = field(1, b"c") + field(2, b"") + field(7, 0) + field(8, b"")
    found = decode_wire(enveloped("v1", "ConfigMap", field(1, metadata) + field(2, entry)))
    assert found == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"colour": "red"}}


def test_a_deployment_keeps_the_zeros_that_mean_something() -> None:
    port = field(3, 80) + field(4, b"TCP")
    limits = field(1, b"memory") + field(2, field(1, b"64Mi"))
    container = field(1, b"web") + field(2, b"web:1") + field(6, port) + field(8, field(1, limits))
    probe = field(1, field(2, field(2, field(1, 1) + field(3, b"http")))) + field(2, 0)
    pod = field(2, container + field(11, probe)) + field(4, 0)
    spec = field(1, 0) + field(3, field(2, pod)) + field(5, 0)
    found = decode_wire(enveloped("apps/v1", "Deployment", field(1, field(1, b"web")) + field(2, spec)))["spec"]
    assert found["replicas"] == 0 and "minReadySeconds" not in found
    decoded = found["template"]["spec"]
    assert decoded["terminationGracePeriodSeconds"] == 0
    assert decoded["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert decoded["containers"][0]["resources"]["limits"] == {"memory": "64Mi"}
    assert decoded["containers"][0]["readinessProbe"]["httpGet"]["port"] == "http"


def test_numbers_may_be_negative_and_times_have_zones() -> None:
    when = field(1, 1_762_372_800)
    metadata = field(1, b"c") + field(7, -1) + field(8, when)
    found = decode_wire(enveloped("v1", "ConfigMap", field(1, metadata)))["metadata"]
    assert (found["generation"], found["creationTimestamp"]) == (-1, "2025-11-05T20:00:00Z")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        MAGIC + b"\xff",
        enveloped("v1", "StatefulSet", b""),
        enveloped("v1", "Pod", b"\x0a\x7f"),
        MAGIC + b"\x80" * 20,
    ],
)
def test_what_is_no_such_message(raw: bytes) -> None:
    with pytest.raises(WireError):
        decode_wire(raw)
    with pytest.raises(ApiError) as refused:
        decode(raw, "application/vnd.kubernetes.protobuf")
    assert refused.value.status == 400


@given(st.binary(max_size=60), st.sampled_from(["Pod", "ConfigMap", "Event"]))
def test_any_bytes_decode_or_are_a_bad_request(content: bytes, kind: str) -> None:
    try:
        decode(enveloped("v1", kind, content), "application/vnd.kubernetes.protobuf")
    except ApiError as refused:
        assert refused.status == 400


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"{", "application/json"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "application/json"),
        (b"[" * 5000, "application/json"),
        (b"a: &x [1]\nb: *x", "application/yaml"),
        (b"a: [", "application/apply-patch+yaml"),
        (b"{a: " * 120 + b"1" + b"}" * 120, "application/yaml"),
    ],
)
def test_bodies_that_would_hurt_are_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode(raw, kind)
    assert refused.value.status == 400


def test_yaml_is_read_as_json_has_it() -> None:
    found = decode(b"a: 2025-11-05\nb: yes\nc: 1", "application/yaml")
    assert found["a"] == "2025-11-05" and found["c"] == 1
