"""
The broker as a whole: the virtual host, its storage, the connections, the alarms, and what is counted about them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable

from drillyard.base.clock import Clock, SystemClock
from drillyard.broker.alarms import CHECK_EVERY_S, Alarms
from drillyard.broker.policies import Policy
from drillyard.broker.protocol.connection import Connection
from drillyard.broker.protocol.handshake import same_text
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.routing.bindings import Binding, Destination, Kind
from drillyard.broker.routing.exchange import Exchange
from drillyard.broker.settings import MIB, BrokerSettings
from drillyard.broker.storage.recovery import read_messages, read_topology
from drillyard.broker.storage.sqlite import SqliteJournal, open_database
from drillyard.broker.traffic import Traffic
from drillyard.broker.vhost import VirtualHost

STOP_LIMIT_S = 1.5


class Broker:
    """
    Opens its storage and recovers what it holds. `event` writes the log, one plain line each.

    Raises DrillyardError when the data folder cannot be used.
    """

    def __init__(self, settings: BrokerSettings, event: Callable[[str], None], *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.event = event
        self.traffic = Traffic()
        self.connections: dict[Connection, None] = {}
        self.failed = asyncio.Event()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self.ports: dict[str, int] = {}  # Protocol and the port it listens on.
        database = open_database(settings.data)
        self.journal = SqliteJournal(database, self._storage_failed)
        self.vhost = VirtualHost(self.journal, clock or SystemClock(), event)
        self.started_at_ms = self.vhost.now_ms()
        self.alarms = Alarms(
            settings.data,
            settings.memory_limit_mib * MIB,
            settings.disk_free_limit_mib * MIB,
            on_change=self._alarms_changed,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._recover(database)

    def _recover(self, database: sqlite3.Connection) -> None:
        remembered = read_topology(database)
        vhost = self.vhost
        for name, pattern, apply_to, priority, definition in remembered.policies:
            vhost.policies[name] = Policy(name, pattern, definition, apply_to, priority)
        for name, kind, auto_delete, internal, arguments in remembered.exchanges:
            vhost.restore_exchange(Exchange(name, kind, True, auto_delete, internal, arguments))
        for queue_id, name, auto_delete, arguments in remembered.queues:
            declaration = Declaration(name, True, auto_delete, None, arguments)
            vhost.restore_queue(queue_id, declaration, read_messages(database, queue_id))
        kinds: dict[str, Kind] = {"queue": "queue", "exchange": "exchange"}
        for source, destination_kind, destination, routing_key, arguments in remembered.bindings:
            target = Destination(kinds[destination_kind], destination)
            vhost.restore_binding(Binding.make(source, target, routing_key, arguments, durable=True))
        count = sum(len(queue.ready) for queue in vhost.queues.values())
        if vhost.queues:
            self.event(f"recovered {len(vhost.queues)} queues with {count} messages")

    def start(self) -> None:
        """From now on time passes: lifetimes end, alarms are checked."""
        self.alarms.check()
        self._tasks.append(asyncio.create_task(self._watch_alarms()))
        self.vhost.timers.on_earlier = self._arm
        if self.vhost.timers.next_ms is not None:
            self._arm(self.vhost.timers.next_ms)

    def _arm(self, when_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0.0, (when_ms - self.vhost.now_ms()) / 1000)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.vhost.timers.run_due()
        if self.vhost.timers.next_ms is not None:
            self._arm(self.vhost.timers.next_ms)

    async def _watch_alarms(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            self.alarms.check()

    def _alarms_changed(self) -> None:
        if self.alarms.on:
            self.event(f"alarm on: {self.alarms.reason}; publishers wait")
            return
        self.event("alarm off: publishers go on")
        for connection in list(self.connections):
            connection.unblock()

    def _storage_failed(self, error: Exception) -> None:
        self.event(f"storage failed: {error}; the broker ends, because what it would confirm could be lost")
        self.failed.set()

    def knows(self, user: str, password: str) -> bool:
        return same_text(user, self.settings.user) & same_text(password, self.settings.password)

    def connection_opened(self, connection: Connection) -> None:
        self.traffic.connections_opened += 1
        self.connections[connection] = None
        self._all_gone.clear()

    def connection_closed(self, connection: Connection, *, clean: bool) -> None:
        self.traffic.connections_closed += 1
        self.connections.pop(connection, None)
        if not self.connections:
            self._all_gone.set()
        self.vhost.delete_owned_by(connection)
        if connection.user:
            self.event(f"connection {connection.name}: closed" + ("" if clean else " without a goodbye"))

    async def stop(self) -> None:
        """Says goodbye to every client, commits what is left, closes the file; within `STOP_LIMIT_S`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            connection.close(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_LIMIT_S / 2):
                await self._all_gone.wait()
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)
        await self.journal.drain(STOP_LIMIT_S / 2)
        if self._timer is not None:
            self._timer.cancel()
        self.journal.close()
