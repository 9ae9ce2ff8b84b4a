"""The 406 for a second declaration that says something else, in RabbitMQ's words, which clients match on."""

from __future__ import annotations

from drillyard.broker.errors import AmqpError


def inequivalent(kind: str, name: str, argument: str, received: object, current: object) -> AmqpError:
    """406 in RabbitMQ's words."""

    def word(value: object) -> str:
        if isinstance(value, bool):
            return f"'{str(value).lower()}'"
        return "none" if value is None else f"'{value}'"

    if argument.startswith("x-") or argument == "alternate-exchange":

        def word(value: object) -> str:
            return "none" if value is None else f"the value '{_shown(value)}' of type '{_type_name(value)}'"

    return AmqpError(
        406,
        f"inequivalent arg '{argument}' for {kind} '{name}' in vhost '/': "
        f"received {word(received)} but current is {word(current)}",
    )


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type_name(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signedint"
    if isinstance(value, float):
        return "double"
    return "longstr" if isinstance(value, str | bytes) else type(value).__name__
