"""
Policies: rules laid over queues and exchanges by name, from outside, while everything runs.

The one with the highest priority whose pattern fits a name applies (https://www.rabbitmq.com/docs/policies).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.broker.patterns import PatternError, compile_pattern
from drillyard.broker.queues.rules import OVERFLOWS

APPLY_TO = ("all", "queues", "exchanges")
_NUMBERS = {"message-ttl": 0, "expires": 1, "max-length": 0, "max-length-bytes": 0}  # Key and its smallest value.
_NAMES = ("dead-letter-exchange", "dead-letter-routing-key", "alternate-exchange")
_NUMBER_MAX = 2**32 - 1
_NAME_MAX_BYTES = 255
_PRIORITY_MAX = 2**31 - 1


class PolicyError(DrillyardError):
    """A policy that cannot be set; the message says which part."""


@dataclass(frozen=True)
class Policy:
    name: str
    pattern: str
    definition: Mapping[str, Any]
    apply_to: str = "all"
    priority: int = 0

    def fits(self, name: str, kind: str) -> bool:
        """`kind` is `queues` or `exchanges`."""
        return self.apply_to in ("all", kind) and re.search(self.pattern, name) is not None

    def as_json(self) -> dict[str, Any]:
        return {
            "vhost": "/",
            "name": self.name,
            "pattern": self.pattern,
            "apply-to": self.apply_to,
            "definition": dict(self.definition),
            "priority": self.priority,
        }


def choose(policies: Iterable[Policy], name: str, kind: str) -> Policy | None:
    """The one that applies, or None; with equal priorities the first by name, so that it does not depend on chance."""
    fitting = [policy for policy in policies if policy.fits(name, kind)]
    return min(fitting, key=lambda policy: (-policy.priority, policy.name), default=None)


def read_policy(name: str, body: Mapping[str, Any]) -> Policy:
    """From the management API's body. Raises PolicyError for anything that does not fit."""
    for key in ("pattern", "definition"):
        if key not in body:
            raise PolicyError(f"key_missing: {key}")
    pattern, definition = body["pattern"], body["definition"]
    apply_to, priority = body.get("apply-to", "all"), body.get("priority", 0)
    if not isinstance(pattern, str):
        raise PolicyError("pattern must be a regular expression")
    try:
        compile_pattern(pattern)
    except PatternError as error:
        raise PolicyError(f"pattern: {error.message}") from error
    if apply_to not in APPLY_TO:
        raise PolicyError(f"apply-to must be one of {', '.join(APPLY_TO)}, not {apply_to!r}")
    if isinstance(priority, str) and re.fullmatch(r"-?[0-9]{1,9}", priority):
        priority = int(priority)  # rabbitmqadmin sends numbers as text.
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > _PRIORITY_MAX:
        raise PolicyError("priority must be a whole number of at most 32 bits")
    if not isinstance(definition, Mapping) or not definition:
        raise PolicyError("definition must be an object with at least one key")
    for key, value in definition.items():
        _check_key(key, value)
    if "dead-letter-routing-key" in definition and "dead-letter-exchange" not in definition:
        raise PolicyError("dead-letter-routing-key needs a dead-letter-exchange beside it")
    return Policy(name, pattern, dict(definition), apply_to, priority)


def _check_key(key: str, value: Any) -> None:
    if key in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int) or not _NUMBERS[key] <= value <= _NUMBER_MAX:
            raise PolicyError(f"{key} must be a whole number from {_NUMBERS[key]} to {_NUMBER_MAX}, not {value!r}")
    elif key in _NAMES:
        if not isinstance(value, str) or len(value.encode()) > _NAME_MAX_BYTES:
            raise PolicyError(f"{key} must be a string of at most {_NAME_MAX_BYTES} bytes, not {value!r}")
    elif key == "overflow":
        if value not in OVERFLOWS:
            raise PolicyError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {value!r}")
    else:
        known = ", ".join((*_NUMBERS, "overflow", *_NAMES))
        raise PolicyError(f"{key} is not a policy setting of this broker; it knows {known}")
