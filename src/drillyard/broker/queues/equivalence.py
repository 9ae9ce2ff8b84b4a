"""Declaring a queue again is allowed when it says the same; these are the comparison and its errors."""

from __future__ import annotations

from drillyard.broker.errors import AmqpError
from drillyard.broker.inequivalent import inequivalent
from drillyard.broker.queues.declaration import Declaration

# The arguments that must agree when a queue is declared again (rabbit_amqqueue:assert_args_equivalence).
_COMPARED = frozenset(
    {
        "x-expires",
        "x-message-ttl",
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-max-length",
        "x-max-length-bytes",
        "x-overflow",
        "x-single-active-consumer",
        "x-queue-type",
        "x-queue-version",
    }
)


def locked(name: str) -> AmqpError:
    return AmqpError(
        405,
        f"cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It could be originally declared on"
        " another connection or the exclusive property value does not match that of the original declaration.",
    )


def check_same(present: Declaration, wanted: Declaration) -> None:
    """Raises AmqpError 406 for the first difference, 405 when only one of the two is exclusive."""
    for name in ("durable", "auto_delete"):
        received, current = getattr(wanted, name), getattr(present, name)
        if received != current:
            raise inequivalent("queue", wanted.name, name, received, current)
    if (wanted.owner is None) != (present.owner is None):
        raise locked(wanted.name)
    for name in sorted(_COMPARED & (wanted.arguments.keys() | present.arguments.keys())):
        received, current = wanted.arguments.get(name), present.arguments.get(name)
        if name == "x-queue-type" and (received or "classic") == (current or "classic"):
            continue
        if received != current:
            raise inequivalent("queue", wanted.name, name, received, current)
