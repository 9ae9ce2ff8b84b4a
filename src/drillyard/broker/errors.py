"""
AMQP's own errors: a code, a sentence, and whether they end the channel or the whole connection.

Codes and texts follow RabbitMQ (https://www.rabbitmq.com/amqp-0-9-1-reference.html#constants), because clients and
runbooks match on them.
"""

from __future__ import annotations

NAMES = {
    311: "CONTENT_TOO_LARGE",
    312: "NO_ROUTE",
    313: "NO_CONSUMERS",
    320: "CONNECTION_FORCED",
    402: "INVALID_PATH",
    403: "ACCESS_REFUSED",
    404: "NOT_FOUND",
    405: "RESOURCE_LOCKED",
    406: "PRECONDITION_FAILED",
    501: "FRAME_ERROR",
    502: "SYNTAX_ERROR",
    503: "COMMAND_INVALID",
    504: "CHANNEL_ERROR",
    505: "UNEXPECTED_FRAME",
    506: "RESOURCE_ERROR",
    530: "NOT_ALLOWED",
    540: "NOT_IMPLEMENTED",
    541: "INTERNAL_ERROR",
}

_ENDS_CHANNEL = frozenset({311, 312, 313, 403, 404, 405, 406})
TEXT_MAX_BYTES = 255


class AmqpError(Exception):
    """
    What a client did wrong. `code` is AMQP's reply code; `text` becomes `NAME - text` on the wire.

    `ends_connection` follows the code's class in the specification (soft errors end the channel) unless given.
    """

    def __init__(self, code: int, text: str, *, ends_connection: bool | None = None) -> None:
        super().__init__(f"{code} {NAMES[code]} - {text}")
        self.code = code
        self.text = text
        self.method = (0, 0)  # Class and method that it answers, where one ends the connection.
        self.ends_connection = code not in _ENDS_CHANNEL if ends_connection is None else ends_connection
        self.reply_text = shorten(f"{NAMES[code]} - {text}")


def shorten(text: str) -> str:
    """Cuts a text to what a short string can carry (255 bytes of UTF-8), at a character's border."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= TEXT_MAX_BYTES else raw[:TEXT_MAX_BYTES].decode("utf-8", "ignore")


def not_implemented(what: str) -> AmqpError:
    """540: for everything that RabbitMQ has and this broker has not (docs/broker-differences.md)."""
    return AmqpError(540, what)
