"""The three words of a transaction: select, commit, rollback. Codes and texts as RabbitMQ's."""

from __future__ import annotations

from typing import Any

from pamqp import commands

from drillyard.broker.errors import AmqpError
from drillyard.broker.protocol import consuming, publishing
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.transaction import Transaction


def on_select(channel: Channel, method: commands.Tx.Select) -> None:
    if channel.confirms is not None:
        raise AmqpError(406, "cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction()
    channel.send(commands.Tx.SelectOk())


def on_commit(channel: Channel, method: commands.Tx.Commit) -> None:
    """Publishes first, then answers, all of it in one commit of the store; the answer goes out after that."""
    transaction = _transaction(channel)
    publishes, answers = transaction.publishes, transaction.answers
    transaction.clear()
    for message, mandatory in publishes:
        if message.exchange in channel.vhost.routing.exchanges:
            publishing.deliver(channel, message, mandatory=mandatory)
    for deliveries, how in answers:
        consuming.finish(channel, list(deliveries.values()), how)
    channel.reply_committed(commands.Tx.CommitOk(), nowait=False)


def on_rollback(channel: Channel, method: commands.Tx.Rollback) -> None:
    transaction = _transaction(channel)
    unsettled = channel.unsettled | transaction.answered
    transaction.clear()
    channel.unsettled.clear()
    channel.unsettled.update(sorted(unsettled.items()))
    channel.send(commands.Tx.RollbackOk())


def _transaction(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise AmqpError(406, "channel is not transactional")
    return channel.transaction


HANDLERS: dict[type[Any], Any] = {
    commands.Tx.Select: on_select,
    commands.Tx.Commit: on_commit,
    commands.Tx.Rollback: on_rollback,
}
