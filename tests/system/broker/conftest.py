"""
Brokers to test: ours in a process of its own, and a real RabbitMQ where one is named.

`DRILLYARD_RABBITMQ_URL` (amqp://…) and `DRILLYARD_RABBITMQ_MANAGEMENT_URL` (http://user:password@…) name the oracle.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aio_pika
import httpx
import pytest
from pamqp import commands, frame
from pamqp.heartbeat import Heartbeat

START_LIMIT_S = 10.0
STOP_LIMIT_S = 4.0


# A test run that is killed leaves no broker behind.
BROKER = """
import sys
from drillyard.base.processes import die_with_parent
die_with_parent()
from drillyard.broker.server import main
sys.exit(main())
"""


@dataclass
class BrokerProcess:
    """One broker process; ports are chosen by the system and read from its line `ready`."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        environment = {
            **os.environ,
            "AMQP_PORT": "0",
            "MANAGEMENT_PORT": "0",
            "METRICS_PORT": "0",
            "BROKER_DATA": str(self.data),
            **self.settings,
        }
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", BROKER],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._ready = threading.Event()
        # Read all the time: a full pipe would stop the broker in the middle of a log line.
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._ready.wait(START_LIMIT_S)
        ready = next((line for line in self.lines if "ready: " in line), None)
        if ready is None:
            self.kill()
            raise AssertionError(f"not ready within {START_LIMIT_S} s: {self.log}")
        self.ports = {name: int(port) for name, port in re.findall(r"(\S+) on [^,]*:(\d+)", ready)}

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if "ready: " in line:
                self._ready.set()
        self._ready.set()  # It ended: nothing more to wait for.

    @property
    def amqp_url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.ports['amqp']}/"

    @property
    def management_url(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.ports['http']}"

    @property
    def metrics_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['http/prometheus']}"

    def kill(self) -> None:
        """As the kernel's out-of-memory killer would."""
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """SIGTERM; returns the exit code, and fails when it takes too long."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_LIMIT_S)
            raise
        finally:
            self._reader.join(STOP_LIMIT_S)
            assert self.process.stdout is not None
            self.process.stdout.close()
        return code

    @property
    def log(self) -> str:
        """Everything it wrote; whole only after it ended."""
        return "".join(self.lines)


StartBroker = Callable[..., BrokerProcess]


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts brokers of ours with given settings; all are stopped at the end, and none may have had a bug."""
    started: list[BrokerProcess] = []

    def start(**settings: str) -> BrokerProcess:
        broker = BrokerProcess(tmp_path / "data", settings)
        broker.start()
        started.append(broker)
        return broker

    yield start
    for broker in started:
        broker.stop()
        assert "Traceback" not in broker.log, broker.log


@dataclass(frozen=True)
class Target:
    """A broker under the contract: where it is, and whether it is the original."""

    name: str
    amqp_url: str
    management_url: str


@pytest.fixture(scope="session")
def our_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    broker = BrokerProcess(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    assert broker.stop() == 0, broker.log
    assert "Traceback" not in broker.log, broker.log


@pytest.fixture(scope="session")
def our_api(our_broker: BrokerProcess) -> Iterator[httpx.Client]:
    """The management API of ours, for tests that have no contract to keep with RabbitMQ."""
    with httpx.Client(base_url=our_broker.management_url, timeout=10.0, trust_env=False) as client:
        yield client


@pytest.fixture(params=["drillyard", pytest.param("rabbitmq", marks=pytest.mark.oracle)])
def target(request: pytest.FixtureRequest) -> Target:
    """Every contract test runs against ours, and against a real RabbitMQ where one is named."""
    if request.param == "drillyard":
        ours: BrokerProcess = request.getfixturevalue("our_broker")
        return Target("drillyard", ours.amqp_url, ours.management_url)
    url = os.environ.get("DRILLYARD_RABBITMQ_URL")
    if not url:
        pytest.skip("no RabbitMQ to compare with: DRILLYARD_RABBITMQ_URL is not set")
    return Target("rabbitmq", url, os.environ.get("DRILLYARD_RABBITMQ_MANAGEMENT_URL", ""))


@pytest.fixture
async def api(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    """The management API of the target."""
    if not target.management_url:
        pytest.skip("no management API to compare with: DRILLYARD_RABBITMQ_MANAGEMENT_URL is not set")
    # Plain HTTP: reading certificates would take longer than the test.
    async with httpx.AsyncClient(base_url=target.management_url, timeout=10.0, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
async def connect(target: Target) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Opens connections to the target with aio-pika; all are closed at the end."""
    opened: list[Any] = []

    async def open_connection() -> Any:
        connection = await aio_pika.connect(target.amqp_url, timeout=10)
        opened.append(connection)
        return connection

    yield open_connection
    for connection in opened:
        if not connection.is_closed:
            await connection.close()


@pytest.fixture
async def name(connect: Callable[[], Awaitable[Any]]) -> AsyncIterator[str]:
    """A name nobody else uses; queues and exchanges that begin with it are deleted at the end."""
    chosen = f"contract-{uuid.uuid4().hex[:12]}"
    yield chosen
    connection = await connect()
    for suffix in ("", "-2", "-3", "-dead"):
        channel = await connection.channel()
        await channel.queue_delete(chosen + suffix)
        await channel.exchange_delete(chosen + suffix)
        await channel.close()


class RawClient:
    """A client that says exactly what it is told, right or wrong, over a blocking socket with a limit on every wait."""

    def __init__(self, url: str) -> None:
        port = httpx.URL(url).port
        assert port is not None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        # Small frames go out at once; else each would wait 40 ms for the acknowledgement of the one before.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, method: Any, channel: int = 1) -> None:
        self.send(frame.marshal(method, channel))

    def hear(self) -> tuple[int, Any]:
        """The next frame but heartbeats: channel and method. Raises ConnectionError when the broker hung up."""
        while True:
            size = int.from_bytes(self._buffer[3:7], "big") + 8 if len(self._buffer) >= 7 else 0
            if size and len(self._buffer) >= size:
                _, channel, heard = frame.unmarshal(self._buffer[:size])
                self._buffer = self._buffer[size:]
                if not isinstance(heard, Heartbeat):
                    return channel, heard
                continue
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("the broker hung up")
            self._buffer += piece

    def expect(self, kind: type[Any]) -> Any:
        """The next frame, which must be of this kind."""
        _, heard = self.hear()
        assert isinstance(heard, kind), f"expected {kind.name}, heard {heard.name} {dict(heard)}"
        return heard

    def open(self, *, heartbeat: int = 0, capabilities: dict[str, Any] | None = None) -> None:
        """The whole handshake and channel 1."""
        self.send(b"AMQP\x00\x00\x09\x01")
        self.expect(commands.Connection.Start)
        properties: Any = {"capabilities": capabilities or {}}
        self.say(commands.Connection.StartOk(properties, "PLAIN", "\0guest\0guest"), 0)
        tune = self.expect(commands.Connection.Tune)
        self.say(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, heartbeat), 0)
        self.say(commands.Connection.Open(), 0)
        self.expect(commands.Connection.OpenOk)
        self.say(commands.Channel.Open())
        self.expect(commands.Channel.OpenOk)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def raw_client() -> Callable[[str], RawClient]:
    """The class itself, for tests that start their own broker."""
    return RawClient


@pytest.fixture
def raw(target: Target) -> Iterator[RawClient]:
    client = RawClient(target.amqp_url)
    yield client
    client.close()
