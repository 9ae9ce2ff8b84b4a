"""
The rules of a queue: its own arguments combined with the policy that matches its name.

Arguments and policies say the same things under two spellings (`x-max-length`, `max-length`). Where both speak, the
smaller number wins and any other argument beats the policy (https://www.rabbitmq.com/docs/parameters#policies).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.broker.errors import AmqpError, not_implemented
from drillyard.broker.inequivalent import type_name

OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")
LIFETIME_MAX_MS = 315_360_000_000  # Ten years, RabbitMQ's limit.

# Arguments that change what a queue is; a broker that took them and did nothing would lie.
UNSUPPORTED = {
    "x-max-priority": "priority queues are not implemented by this broker",
    "x-queue-mode": "lazy queues are not implemented by this broker",
    "x-queue-master-locator": "clustered queues are not implemented by this broker",
    "x-message-deduplication": "deduplication is not implemented by this broker",
    "x-consumer-timeout": "consumer timeouts are not implemented by this broker",
}

# Arguments of quorum queues and streams, which a classic queue refuses.
_OF_OTHER_TYPES = (
    "x-dead-letter-strategy",
    "x-delivery-limit",
    "x-initial-cluster-size",
    "x-max-age",
    "x-max-in-memory-bytes",
    "x-max-in-memory-length",
    "x-queue-leader-locator",
    "x-quorum-initial-group-size",
    "x-stream-max-segment-size-bytes",
)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """None means: no such limit. Times in milliseconds; `expires_ms` is how long a queue lives unused."""

    message_ttl_ms: int | None = None
    expires_ms: int | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = "drop-head"
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None

    @property
    def limited(self) -> bool:
        return self.max_length is not None or self.max_length_bytes is not None


def check_arguments(queue: str, arguments: Mapping[str, Any]) -> None:
    """
    Raises AmqpError 406 (a value that does not fit) or 540 (a feature this broker lacks).

    An overflow or queue type that RabbitMQ does not know either is a 406.
    """

    def bad(name: str, why: str) -> AmqpError:
        return AmqpError(406, f"invalid arg '{name}' for queue '{queue}' in vhost '/': {why}")

    kind = arguments.get("x-queue-type", "classic")
    if kind in ("quorum", "stream"):
        raise not_implemented(f"{kind} queues are not implemented by this broker (queue '{queue}')")
    if kind != "classic":
        raise bad("x-queue-type", f"\"unsupported queue type '{kind}'\"")
    for name in _OF_OTHER_TYPES:
        if name in arguments:
            raise AmqpError(
                406, f"invalid arg '{name}' for queue '{queue}' in vhost '/' of queue type rabbit_classic_queue"
            )
    for name in ("x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority"):
        if name in arguments:
            _check_number(arguments[name], name, bad)
    for name, known in (("x-queue-mode", ("default", "lazy")), ("x-queue-version", (1, 2))):
        if name in arguments and arguments[name] not in known:
            raise bad(name, f"\"unsupported {name[2:].replace('-', ' ')} '{arguments[name]}'\"")
    for name, why in UNSUPPORTED.items():
        if name in arguments and not (name == "x-queue-mode" and arguments[name] == "default"):
            raise not_implemented(f"{why} (argument '{name}' of queue '{queue}')")
    for name in ("x-dead-letter-exchange", "x-dead-letter-routing-key"):
        value = arguments.get(name, "")
        if not isinstance(value, str) or len(value.encode()) > 255:
            raise bad(name, "a string of at most 255 bytes is expected")
    if "x-dead-letter-routing-key" in arguments and "x-dead-letter-exchange" not in arguments:
        raise bad("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")
    if arguments.get("x-overflow", "drop-head") not in OVERFLOWS:
        raise bad("x-overflow", "invalid_overflow")
    single_active = arguments.get("x-single-active-consumer", False)
    if not isinstance(single_active, bool):
        raise bad("x-single-active-consumer", f"{{unacceptable_type,{type_name(single_active)}}}")


def _check_number(value: Any, name: str, bad: Any) -> None:
    """In RabbitMQ's words, which are Erlang's terms."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(name, f'"expected integer, got {type_name(value)}"')
    if value < 0:
        raise bad(name, f"{{value_negative,{value}}}")
    if value == 0 and name == "x-expires":
        raise bad(name, "{value_zero,0}")
    if name in ("x-message-ttl", "x-expires") and value > LIFETIME_MAX_MS:
        raise bad(name, f"{{value_too_large,{value}}}")
    if name == "x-max-priority" and value > 255:
        raise bad(name, f"{{max_value_exceeded,{value}}}")


def combine(arguments: Mapping[str, Any], policy: Mapping[str, Any]) -> Rules:
    """What holds for a queue. `policy` is a policy's definition, empty when none matches."""

    def smaller(name: str) -> int | None:
        values = [source[key] for source, key in ((arguments, f"x-{name}"), (policy, name)) if key in source]
        return min(values) if values else None

    def first(name: str) -> str | None:
        value = arguments.get(f"x-{name}", policy.get(name))
        return None if value is None else str(value)

    return Rules(
        message_ttl_ms=smaller("message-ttl"),
        expires_ms=smaller("expires"),
        max_length=smaller("max-length"),
        max_length_bytes=smaller("max-length-bytes"),
        overflow=first("overflow") or "drop-head",
        dead_letter_exchange=first("dead-letter-exchange"),
        dead_letter_routing_key=first("dead-letter-routing-key"),
    )
