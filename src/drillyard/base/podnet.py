"""
The pod network, as a program in a pod sees it: cluster names and addresses on a machine that has neither.

Pods have addresses (10.244.x.y) and Services too (10.96.x.y), but nothing listens there: namespaces that could need
rights which many laptops and CI runners refuse. So a table, one JSON file per pod, maps them to loopback ports, and
`install` puts it behind Python's own socket calls: a cluster name resolves to its address, a connection to a mapped
address goes to its loopback port, and a container port is bound where the table says. What the table does not know
passes unchanged, but stays honest: an unknown cluster name fails as cluster DNS does (EAI_NONAME), a cluster address
without a listener refuses as the kernel does, and a wildcard bind stays on loopback. gevent (Locust) puts calls of its
own in place of Python's: the table is put behind those too. Programs that are not Python get a `.curlrc`, or
`listen_port` from their launcher.

The table is read again when it changes:
`{"names": {"payment": "10.96.0.12"}, "connect": {"10.96.0.12:80": 24101}, "listen": {"80": 23007}}`.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drillyard.base.errors import SettingError
from drillyard.base.late_import import when_imported

VARIABLE = "PODNET"
SERVICE_NETWORK = ipaddress.IPv4Network("10.96.0.0/16")
POD_NETWORK = ipaddress.IPv4Network("10.244.0.0/16")

_LOOPBACK = "127.0.0.1"
_WILDCARDS = {"", "0.0.0.0", "::", "*"}
_OWN = {_LOOPBACK, "localhost", "::1", "::ffff:127.0.0.1"}
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]+")
_CLUSTER_ENDINGS = (".svc", ".cluster.local")


@dataclass(frozen=True)
class Table:
    """What one pod knows of the network. Ports are loopback ports of this machine."""

    names: dict[str, str] = field(default_factory=dict)
    connect: dict[str, int] = field(default_factory=dict)
    listen: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def parse(text: str) -> Table:
        """Raises ValueError for anything but a table."""
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        parts: dict[str, Any] = {key: content.get(key, {}) for key in ("names", "connect", "listen")}
        for key, part in parts.items():
            kind = str if key == "names" else int
            if not isinstance(part, dict) or not all(isinstance(value, kind) for value in part.values()):
                raise ValueError(f"{key!r} does not map texts to {kind.__name__}")
        return Table(**parts)

    def address_of(self, name: str) -> str | None:
        """The cluster address of a name, in any case and with or without its last dot."""
        return self.names.get(name.rstrip(".").lower())

    def is_cluster_name(self, name: str) -> bool:
        """True for a name that only cluster DNS could know, so that nobody else is asked for it."""
        name = name.rstrip(".").lower()
        if not name or name == "localhost" or _NUMERIC.fullmatch(name) or ":" in name or "%" in name:
            return False
        if name.endswith(_CLUSTER_ENDINGS):
            return True
        _, dot, namespace = name.partition(".")
        if not dot:
            return name != socket.gethostname().lower()
        return f"kubernetes.{namespace}" in self.names or any(
            known.endswith(f".{namespace}") for known in self.names if known.count(".") == 1
        )


class TableFile:
    """The table at a path, read again when the file changes; the last good one while it cannot be read."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._version: tuple[int, int, int] | None = None
        self._table = Table()

    def table(self, *, strict: bool = False) -> Table:
        """With `strict`, raises OSError or ValueError where it would else return the last good table."""
        try:
            status = os.stat(self._path)
            version = (status.st_mtime_ns, status.st_ino, status.st_size)
            if version != self._version:
                self._table = Table.parse(Path(self._path).read_text())
                self._version = version
        except (OSError, ValueError):
            if strict:
                raise
        return self._table


_file: TableFile | None = None


def listen_port(container_port: int) -> int:
    """The loopback port on which this pod's container port is to be bound; the port itself outside a pod."""
    path = os.environ.get(VARIABLE)
    if not path:
        return container_port
    return TableFile(path).table(strict=True).listen.get(str(container_port), container_port)


def install() -> None:
    """
    Puts the table that `PODNET` names behind the socket module; nothing without the variable, nothing twice.

    Raises SettingError when the table cannot be read.
    """
    global _file
    path = os.environ.get(VARIABLE)
    if not path or _file is not None:
        return
    file = TableFile(path)
    try:
        file.table(strict=True)
    except (OSError, ValueError) as unreadable:
        raise SettingError(f"{VARIABLE}={path} is no table of the pod network: {unreadable}") from unreadable
    _file = file
    _wrap(file, socket)
    when_imported("gevent.socket", lambda theirs: _wrap(file, theirs))


def _wrap(file: TableFile, calls: Any) -> None:
    """`calls` is the module `socket`, or one with the same names."""
    real_getaddrinfo, real_gethostbyname = calls.getaddrinfo, calls.gethostbyname
    real_connect, real_connect_ex, real_bind = calls.socket.connect, calls.socket.connect_ex, calls.socket.bind

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return real_getaddrinfo(resolve(file.table(), host), port, *args, **kwargs)

    def gethostbyname(hostname: Any) -> Any:
        return real_gethostbyname(resolve(file.table(), hostname))

    def connect(self: socket.socket, address: Any) -> None:
        real_connect(self, connect_address(file.table(), self, address))

    def connect_ex(self: socket.socket, address: Any) -> int:
        try:
            mapped = connect_address(file.table(), self, address)
        except socket.gaierror:
            raise
        except OSError as refused:
            return refused.errno or errno.ECONNREFUSED
        code: int = real_connect_ex(self, mapped)
        return code

    def bind(self: socket.socket, address: Any) -> None:
        real_bind(self, bind_address(file.table(), self, address))

    patches: list[tuple[Any, str, Any]] = [
        (calls, "getaddrinfo", getaddrinfo),
        (calls, "gethostbyname", gethostbyname),
        (calls.socket, "connect", connect),
        (calls.socket, "connect_ex", connect_ex),
        (calls.socket, "bind", bind),
    ]
    for owner, name, replacement in patches:
        setattr(owner, name, replacement)


def resolve(table: Table, host: Any) -> Any:
    """The address for a name of the table; another host unchanged. Raises gaierror for an unknown cluster name."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if not isinstance(name, str):
        return host
    address = table.address_of(name)
    if address is not None:
        return address
    if table.is_cluster_name(name):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return host


def connect_address(table: Table, sock: socket.socket, address: Any) -> Any:
    """
    Where a TCP connection really goes. Raises OSError as the kernel would where a cluster address has no listener.

    The pod's own loopback leads to its own container ports, so that containers of one pod find each other.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not _is_stream(sock) or not _is_pair(address):
        return address
    host, port = resolve(table, address[0]), address[1]
    plain = host.removeprefix("::ffff:") if isinstance(host, str) else host
    mapped = table.connect.get(f"{plain}:{port}")
    if mapped is None and plain in _OWN | _WILDCARDS:
        mapped = table.listen.get(str(port))
    if mapped is not None:
        return _on_loopback(sock, mapped)
    _refuse_cluster_address(plain)
    return (host, *address[1:]) if host != address[0] else address


def bind_address(table: Table, sock: socket.socket, address: Any) -> Any:
    """Where a socket is really bound: a container port at its loopback port, a wildcard on loopback."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not _is_stream(sock) or not _is_pair(address):
        return address
    host, port = address[0], address[1]
    inside = host in _WILDCARDS | _OWN or _network_of(host) is not None or table.address_of(str(host)) is not None
    if not inside:
        return address
    return _on_loopback(sock, table.listen.get(str(port), port))


def _on_loopback(sock: socket.socket, port: int) -> tuple[Any, ...]:
    if sock.family == socket.AF_INET:
        return (_LOOPBACK, port)
    if sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        return ("::1", port, 0, 0)
    return (f"::ffff:{_LOOPBACK}", port, 0, 0)


def _refuse_cluster_address(host: Any) -> None:
    network = _network_of(host)
    if network is SERVICE_NETWORK:
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    if network is POD_NETWORK:
        raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))


def _network_of(host: Any) -> ipaddress.IPv4Network | None:
    if not isinstance(host, str) or not host.startswith("10."):
        return None
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return None
    return next((network for network in (SERVICE_NETWORK, POD_NETWORK) if address in network), None)


def _is_stream(sock: socket.socket) -> bool:
    return sock.type == socket.SOCK_STREAM


def _is_pair(address: Any) -> bool:
    return isinstance(address, tuple) and len(address) >= 2 and isinstance(address[1], int)
