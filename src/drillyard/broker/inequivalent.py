"""The 406 for a second declaration that says something else, in RabbitMQ's words, which clients match on."""

from __future__ import annotations

from drillyard.broker.errors import AmqpError


def inequivalent(kind: str, name: str, argument: str, received: object, current: object) -> AmqpError:
    """Two values are shown plainly; where one side has none, the other is shown with its type."""
    if received is None or current is None:
        shown = [_with_type(received), _with_type(current)]
    else:
        shown = [f"'{_shown(received)}'", f"'{_shown(current)}'"]
    return AmqpError(
        406,
        f"inequivalent arg '{argument}' for {kind} '{name}' in vhost '/': "
        f"received {shown[0]} but current is {shown[1]}",
    )


def _with_type(value: object) -> str:
    return "none" if value is None else f"the value '{_shown(value)}' of type '{type_name(value)}'"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def type_name(value: object) -> str:
    """The type of a decoded value as RabbitMQ calls it; of whole numbers the width is lost."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signedint"
    if isinstance(value, float):
        return "float"
    return "longstr" if isinstance(value, str | bytes) else type(value).__name__
