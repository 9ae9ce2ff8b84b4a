from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base import podnet
from drillyard.base.errors import SettingError
from drillyard.base.podnet import Table, TableFile

TABLE = Table(
    names={
        "payment": "10.96.0.12",
        "payment.sock-shop": "10.96.0.12",
        "payment.sock-shop.svc": "10.96.0.12",
        "payment.sock-shop.svc.cluster.local": "10.96.0.12",
    },
    connect={"10.96.0.12:80": 24101, "10.244.0.7:80": 23001},
    listen={"80": 23007},
)


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket() as unconnected:
        yield unconnected


@pytest.mark.parametrize("name", ["payment", "PAYMENT", "payment.sock-shop", "payment.sock-shop.svc.cluster.local."])
def test_a_cluster_name_resolves_to_its_address(name: str) -> None:
    assert podnet.resolve(TABLE, name) == "10.96.0.12"
    assert podnet.resolve(TABLE, name.encode()) == "10.96.0.12"


@pytest.mark.parametrize(
    "name", ["paymnt", "other.sock-shop", "x.y.svc", "a.b.svc.cluster.local", "payment.cluster.local"]
)
def test_an_unknown_cluster_name_does_not_resolve(name: str) -> None:
    with pytest.raises(socket.gaierror) as failed:
        podnet.resolve(TABLE, name)
    assert failed.value.errno == socket.EAI_NONAME
    assert str(failed.value) == "[Errno -2] Name or service not known"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "example.org", "::1", "0", "", None, "fe80::1%eth0"])
def test_what_is_no_cluster_name_passes_unchanged(name: str | None) -> None:
    assert podnet.resolve(TABLE, name) == name


@given(st.text())
def test_any_name_resolves_passes_or_fails_as_a_name(name: str) -> None:
    try:
        assert podnet.resolve(TABLE, name) in (name, "10.96.0.12")
    except socket.gaierror as failed:
        assert failed.errno == socket.EAI_NONAME


@pytest.mark.parametrize(
    ("address", "real"),
    [
        (("10.96.0.12", 80), ("127.0.0.1", 24101)),
        (("payment", 80), ("127.0.0.1", 24101)),
        (("10.244.0.7", 80), ("127.0.0.1", 23001)),
        (("localhost", 80), ("127.0.0.1", 23007)),
        (("127.0.0.1", 80), ("127.0.0.1", 23007)),
        (("127.0.0.1", 81), ("127.0.0.1", 81)),
        (("192.0.2.1", 80), ("192.0.2.1", 80)),
    ],
)
def test_a_connection_goes_where_the_table_says(tcp: socket.socket, address: object, real: object) -> None:
    assert podnet.connect_address(TABLE, tcp, address) == real


def test_a_service_port_that_nobody_serves_is_refused_with_the_kernels_words(tcp: socket.socket) -> None:
    with pytest.raises(ConnectionRefusedError, match=r"\[Errno 111\] Connection refused"):
        podnet.connect_address(TABLE, tcp, ("10.96.0.12", 81))


def test_a_pod_that_is_gone_has_no_route(tcp: socket.socket) -> None:
    with pytest.raises(OSError, match=r"\[Errno 113\] No route to host"):
        podnet.connect_address(TABLE, tcp, ("10.244.0.99", 80))


@pytest.mark.parametrize(
    ("address", "real"),
    [
        (("0.0.0.0", 80), ("127.0.0.1", 23007)),
        (("", 80), ("127.0.0.1", 23007)),
        (("10.244.0.5", 80), ("127.0.0.1", 23007)),
        (("0.0.0.0", 8080), ("127.0.0.1", 8080)),
        (("0.0.0.0", 0), ("127.0.0.1", 0)),
        (("192.0.2.1", 80), ("192.0.2.1", 80)),
    ],
)
def test_a_pod_never_listens_beyond_loopback(tcp: socket.socket, address: object, real: object) -> None:
    assert podnet.bind_address(TABLE, tcp, address) == real


def test_other_kinds_of_sockets_are_left_alone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_UNIX) as unix:
        assert podnet.connect_address(TABLE, datagrams, ("10.96.0.12", 80)) == ("10.96.0.12", 80)
        assert podnet.bind_address(TABLE, datagrams, ("0.0.0.0", 80)) == ("0.0.0.0", 80)
        assert podnet.connect_address(TABLE, unix, "/run/x.sock") == "/run/x.sock"


def test_a_changed_table_is_read_again_and_a_broken_one_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps({"names": {"a": "10.96.0.1"}}))
    file = TableFile(path)
    assert file.table().names == {"a": "10.96.0.1"}
    path.write_text(json.dumps({"names": {"bb": "10.96.0.2"}}))
    assert file.table().names == {"bb": "10.96.0.2"}
    path.write_text("{")
    assert file.table().names == {"bb": "10.96.0.2"}


@pytest.mark.parametrize("content", ["", "[]", '{"listen": {"80": "x"}}', '{"names": 3}'])
def test_installing_a_table_that_is_none_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    path = tmp_path / "table.json"
    path.write_text(content)
    monkeypatch.setenv("PODNET", str(path))
    with pytest.raises(SettingError, match="PODNET="):
        podnet.install()


def test_the_listen_port_is_the_container_port_outside_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PODNET", raising=False)
    assert podnet.listen_port(5432) == 5432
    (tmp_path / "t").write_text(json.dumps({"listen": {"5432": 23009}}))
    monkeypatch.setenv("PODNET", str(tmp_path / "t"))
    assert podnet.listen_port(5432) == 23009
