"""
What connections and channels ask of the broker.

The broker keeps the connections, so it cannot be known here: arrows go one way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drillyard.broker.alarms import Alarms
from drillyard.broker.traffic import Traffic
from drillyard.broker.vhost import VirtualHost


class Service(Protocol):
    """The broker, as one client meets it. `event` writes a line of the log."""

    vhost: VirtualHost
    alarms: Alarms
    traffic: Traffic
    event: Callable[[str], None]

    def knows(self, user: str, password: str) -> bool:
        """Whether this is the login."""
