"""
The shop on stores that are not Drillyard's: any PostgreSQL, Redis or Valkey, and RabbitMQ, by URL.

The contract table, an order's way and a session that outlives its front end, the same as on the stores from wheels. Each
store is the one that an environment variable names, else the one at its usual port; absent is skipped with a sentence.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator

import aio_pika
import asyncpg
import httpx
import pytest
import redis

from drillyard.shop.migrate import migrate

from .conftest import DATABASES, Processes, Shop, http, start_front_end, start_shop, status_of, wait_until
from .contract_case import Asker, cases, hold

pytestmark = pytest.mark.oracle

POSTGRES = os.environ.get("DRILLYARD_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("DRILLYARD_REDIS_URL", "redis://127.0.0.1:6379/15")
RABBITMQ = os.environ.get("DRILLYARD_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")
ASK_S = 3


def _postgres(*statements: str) -> list[str]:
    """Runs statements as the administrator of the server and gives what each returned, as text."""

    async def run() -> list[str]:
        connection = await asyncpg.connect(POSTGRES, timeout=ASK_S)
        try:
            return [str(await connection.fetchval(statement, timeout=30)) for statement in statements]
        finally:
            await connection.close(timeout=ASK_S)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def database_url() -> Iterator[Callable[[str], str]]:
    """A database of our own for each service on that PostgreSQL, migrated, and dropped at the end."""
    try:
        _postgres("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        pytest.skip(f"No PostgreSQL at {POSTGRES} ({problem}); set DRILLYARD_POSTGRES_URL.")
    mark = f"drillyard_{uuid.uuid4().hex[:8]}"
    server, _, _ = POSTGRES.rpartition("/")

    def url(name: str) -> str:
        return f"{server}/{mark}_{name}".replace("postgresql://", "postgresql+asyncpg://", 1)

    try:
        _postgres(*(f"CREATE DATABASE {mark}_{name}" for name in DATABASES.values()))
        for database, name in DATABASES.items():
            migrate(database, url(name))
        yield url
    finally:
        _postgres(*(f"DROP DATABASE IF EXISTS {mark}_{name} WITH (FORCE)" for name in DATABASES.values()))


@pytest.fixture(scope="module")
def amqp_url() -> str:
    """That RabbitMQ."""

    async def connect() -> str:
        connection = await aio_pika.connect(RABBITMQ, timeout=ASK_S)
        product = str(connection.transport.connection.server_properties.get("product"))
        await connection.close()
        return product

    try:
        product = asyncio.run(connect())
    except (OSError, TimeoutError, aio_pika.exceptions.AMQPError) as problem:
        pytest.skip(f"No RabbitMQ at {RABBITMQ} ({problem}); set DRILLYARD_RABBITMQ_URL.")
    assert product == "RabbitMQ"
    return RABBITMQ


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """That Redis or Valkey; the keys that were added are taken away."""
    client = redis.Redis.from_url(REDIS, socket_timeout=ASK_S, socket_connect_timeout=ASK_S)
    try:
        before = set(client.scan_iter())
    except redis.RedisError as problem:
        pytest.skip(f"No Redis or Valkey at {REDIS} ({problem}); set DRILLYARD_REDIS_URL.")
    yield REDIS
    if added := set(client.scan_iter()) - before:
        client.delete(*added)
    client.close()


@pytest.fixture(scope="module")
def foreign_shop(lasting: Processes, database_url: Callable[[str], str], amqp_url: str) -> Shop:
    return start_shop(lasting, database_url, amqp_url)


def test_the_contract_holds_on_these_stores(lasting: Processes, foreign_shop: Shop, redis_url: str) -> None:
    front_end = start_front_end(lasting, foreign_shop, SESSION_REDIS_URL=redis_url)
    urls = {name.replace("_", "-"): service.url for name, service in vars(foreign_shop).items()}
    urls["front-end"] = front_end.url
    held, broken = 0, []
    with httpx.HTTPTransport() as transport:
        for number, case in enumerate(cases()):
            names = {"cart": f"foreign-{number}", "name": f"foreign-{number}"}
            asker = Asker(httpx.Client(transport=transport, timeout=15, trust_env=False), urls, names)
            try:
                hold(case, asker.play(case), asker.filled)
                held += 1
            except AssertionError as problem:
                broken.append(str(problem))

    assert broken == []
    assert held >= 250


def test_an_order_goes_its_whole_way_through_them(foreign_shop: Shop) -> None:
    placed = foreign_shop.place()
    assert placed.status_code == 201, placed.text
    order_id = placed.json()["id"]

    wait_until(
        lambda: status_of(foreign_shop.orders, order_id) == "SHIPPED", "the order ships", foreign_shop.queue_master
    )
    assert foreign_shop.shipping.lines_with("Message confirmed by RabbitMQ", order_id)


def test_a_session_outlives_its_front_end(processes: Processes, foreign_shop: Shop, redis_url: str) -> None:
    settings = {"SESSION_REDIS_URL": redis_url, "SESSION_SECRET": "shared"}
    first = start_front_end(processes, foreign_shop, **settings)
    with httpx.Client(trust_env=False, timeout=15) as browser:
        browser.get(f"{first.url}/login", auth=("user", "password")).raise_for_status()
        first.process.terminate()
        first.process.wait(timeout=5)
        second = start_front_end(processes, foreign_shop, **settings)
        assert browser.get(f"{second.url}/customers/me").json()["username"] == "user"


def test_a_database_that_is_not_there_ends_in_an_answer(
    processes: Processes, foreign_shop: Shop, database_url: Callable[[str], str]
) -> None:
    catalogue = processes.start("catalogue", DATABASE_URL=database_url("nosuch"))

    answer = http.get(f"{catalogue.url}/catalogue")

    assert (answer.status_code, answer.json()["error"]) == (500, "Do: database connection error")
    assert [part["status"] for part in http.get(f"{catalogue.url}/health").json()["health"]] == ["OK", "err"]
