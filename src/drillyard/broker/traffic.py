"""What has passed through the broker since its process began: connections, channels, publishes, confirms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Traffic:
    """Only ever counted up."""

    connections_opened: int = 0
    connections_closed: int = 0
    channels_opened: int = 0
    channels_closed: int = 0
    published: int = 0
    published_to_confirm: int = 0
    confirmed: int = 0
