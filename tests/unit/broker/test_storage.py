"""The SQLite journal: whole batches, confirms after the commit, and a failure that nobody mistakes for success."""

from __future__ import annotations

import asyncio

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.broker.message import Message
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.settings import BrokerSettings
from drillyard.broker.storage.recovery import read_messages, read_topology
from drillyard.broker.storage.sqlite import SqliteJournal, open_database
from drillyard.broker.vhost import VirtualHost
from drillyard.broker.wire.properties import from_json

PERSISTENT = from_json({"delivery_mode": 2}).pack()
LIMIT_S = 5.0


@pytest.fixture
def failures():
    return []


@pytest.fixture
async def journal(tmp_path, failures):
    journal = SqliteJournal(open_database(tmp_path), failures.append)
    yield journal
    await journal.drain(LIMIT_S)
    journal.close()


async def committed(journal: SqliteJournal) -> bool:
    done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    journal.after_commit(done.set_result)
    async with asyncio.timeout(LIMIT_S):
        return await done


async def test_a_callback_comes_after_its_messages_are_on_disk(journal):
    vhost = VirtualHost(journal, VirtualClock())
    queue = vhost.declare_queue(Declaration("q", durable=True), None)
    vhost.publish(Message("", "q", PERSISTENT, b"body"))

    assert await committed(journal) is True
    kept = list(read_messages(journal._database, queue.id))
    assert [(entry.message.body, entry.redelivered) for entry in kept] == [(b"body", False)]


async def test_what_comes_in_during_a_commit_is_one_commit_more(journal):
    vhost = VirtualHost(journal, VirtualClock())
    vhost.declare_queue(Declaration("q", durable=True), None)
    await committed(journal)
    before = journal.commits
    for _ in range(500):
        vhost.publish(Message("", "q", PERSISTENT, b"body"))
    await asyncio.sleep(0)  # Not a wait: the first batch is handed to the writer.
    for _ in range(500):
        vhost.publish(Message("", "q", PERSISTENT, b"body"))
    await committed(journal)

    assert journal.commits - before <= 2


async def test_a_delivered_message_is_remembered_as_delivered(journal):
    vhost = VirtualHost(journal, VirtualClock())
    queue = vhost.declare_queue(Declaration("q", durable=True), None)
    for body in (b"1", b"2"):
        vhost.publish(Message("", "q", PERSISTENT, body))
    await committed(journal)
    queue.get(no_ack=False)
    await committed(journal)

    assert [entry.redelivered for entry in read_messages(journal._database, queue.id)] == [True, False]


async def test_a_commit_that_fails_tells_everyone_who_waits(journal, failures):
    journal.execute("INSERT INTO no_such_table VALUES (1)", ())

    assert await committed(journal) is False
    assert len(failures) == 1
    assert journal.failed


async def test_everything_durable_is_recovered_as_it_was(journal, tmp_path):
    vhost = VirtualHost(journal, VirtualClock())
    arguments = {"x-max-length": 3, "x-dead-letter-exchange": "dlx"}
    vhost.declare_queue(Declaration("q", durable=True, auto_delete=True, arguments=arguments), None)
    vhost.declare_queue(Declaration("gone"), None)
    await committed(journal)

    remembered = read_topology(journal._database)

    assert [row[1:] for row in remembered.queues] == [("q", True, arguments)]


def test_a_folder_that_cannot_be_used_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DrillyardError, match="The broker cannot use its data folder"):
        open_database(tmp_path / "file")


def test_a_file_that_is_no_database_is_one_clear_sentence(tmp_path):
    (tmp_path / "broker.db").write_text("this is not a database, it only looks like one to the file system" * 20)

    with pytest.raises(DrillyardError, match="file is not a database"):
        open_database(tmp_path)


@pytest.mark.parametrize("value", ["", "0", "65535"])
def test_a_port_is_a_number_or_left_out(value):
    assert BrokerSettings.from_environment({"AMQP_PORT": value}).amqp_port == int(value or 5672)


@pytest.mark.parametrize("value", ["-1", "65536", "five", "1e3", "٣"])
def test_a_port_that_is_none_is_refused_with_its_name_and_value(value):
    with pytest.raises(SettingError, match="AMQP_PORT="):
        BrokerSettings.from_environment({"AMQP_PORT": value})
