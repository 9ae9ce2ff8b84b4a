"""
One link of the service network: what the edge proxy adds to a round trip and to a stream, with no fault and with one.

An echo server and a client stand in one process each; the proxy is the yard's own process. Round trips are measured
over one open connection, in turns with a direct one, so that a busy moment hits both.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from bench.figure import Figure, Section
from drillyard.base.ports import free_port

TITLE = "One link"
ROUND_TRIPS, WARM_UP = 4_000, 20
STREAM_BYTES = 64 * 1024 * 1024
MESSAGE = b"x" * 200
SLOW_MS = 5
FAULTS: dict[str, dict[str, Any] | None] = {
    "no fault": None,
    f"latency {SLOW_MS} ms": {"latency_ms": SLOW_MS},
}


def measure(rounds: int) -> Section:
    """Per round and fault: what a round trip costs more than a direct one, and one stream's rate."""
    added: dict[str, list[float]] = {name: [] for name in FAULTS}
    cpu: list[float] = []
    rates: dict[str, list[float]] = {"direct": [], "no fault": [], "bandwidth 80000 kbit/s": []}
    with _echo() as direct, _Proxy(direct) as proxy:
        for _ in range(rounds):
            for name, fault in FAULTS.items():
                proxy.fault(fault)
                added[name].append(_added_us(direct, proxy.port, ROUND_TRIPS // (20 if fault else 1)))
            proxy.fault(None)
            cpu.append(proxy.cpu_us_of(lambda: _added_us(direct, proxy.port, ROUND_TRIPS)) / ROUND_TRIPS)
            rates["direct"].append(_rate(direct, STREAM_BYTES))
            rates["no fault"].append(_rate(proxy.port, STREAM_BYTES))
            proxy.fault({"bandwidth_kbps": 80_000})
            rates["bandwidth 80000 kbit/s"].append(_rate(proxy.port, STREAM_BYTES // 32))
    figures = [Figure(f"a round trip more than direct, {name} (µs)", values) for name, values in added.items()]
    figures.append(Figure("processor time of the proxy a round trip, no fault (µs)", cpu))
    figures += [Figure(f"one stream there and back, {name} (MB/s)", values) for name, values in rates.items()]
    return Section(figures)


def _added_us(direct: int, proxied: int, count: int) -> float:
    """The difference of the medians."""
    times: dict[int, list[float]] = {direct: [], proxied: []}
    with contextlib.ExitStack() as stack:
        open_ones = {port: stack.enter_context(_connected(port)) for port in times}
        for turn in range(WARM_UP + count):
            for port, sock in open_ones.items():
                began = time.perf_counter()
                sock.sendall(MESSAGE)
                _receive(sock, len(MESSAGE))
                if turn >= WARM_UP:
                    times[port].append(time.perf_counter() - began)
    return (statistics.median(times[proxied]) - statistics.median(times[direct])) * 1e6


def _rate(port: int, size: int) -> float:
    """Megabytes a second, echoed in pieces of 256 KiB that are sent while the last are read."""
    piece, ahead = b"x" * 262_144, 2
    with _connected(port) as sock:
        began, count = time.perf_counter(), size // len(piece)
        for number in range(count + ahead):
            if number < count:
                sock.sendall(piece)
            if number >= ahead:
                _receive(sock, len(piece))
        return size / 1e6 / (time.perf_counter() - began)


def _connected(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
    return sock


def _receive(sock: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(sock.recv(min(size, 1 << 20)) or _ended())


def _ended() -> bytes:
    raise ConnectionError("The echo ended.")


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    """A server that gives back what it gets, one thread a connection; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,), daemon=True)
    process.start()
    try:
        yield listener.getsockname()[1]
    finally:
        process.kill()
        process.join()
        listener.close()


def _serve(listener: socket.socket) -> None:
    from threading import Thread

    def answer(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(1 << 20):
                sock.sendall(data)

    while True:
        connection, _ = listener.accept()
        Thread(target=answer, args=(connection,), daemon=True).start()


class _Proxy:
    """The edge proxy with one edge. `fault` sets what is wrong there."""

    def __init__(self, backend: int) -> None:
        self.port, self._backend = free_port(), backend

    def __enter__(self) -> _Proxy:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen([sys.executable, "-m", "drillyard.cluster.network.proxy"], stdin=theirs)
        theirs.close()
        self._control, self._answers = ours, ours.makefile()
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._control.close()
        self._process.wait(timeout=10)

    def cpu_us_of(self, work: Callable[[], object]) -> float:
        """Processor time that the proxy takes while the work is done."""
        process = psutil.Process(self._process.pid)
        before = process.cpu_times()
        work()
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) * 1e6

    def fault(self, fault: dict[str, Any] | None) -> None:
        edge = {"port": self.port, "backends": [["127.0.0.1", self._backend]], "fault": fault}
        self._control.sendall(json.dumps({"id": 1, "op": "apply", "edges": {"link": edge}}).encode() + b"\n")
        answer = json.loads(self._answers.readline())
        assert not answer["failed"], answer
