"""
Loopback ports: found free, and the range from which the yard takes its own.

A yard's ports lie below the kernel's range for outgoing connections, which would else take a port between looking and
binding.
"""

from __future__ import annotations

import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that was free a moment ago. Bind port 0 instead wherever the program can say which port it got."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def bindable(port: int) -> bool:
    """True when this port of 127.0.0.1 can be bound now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def ephemeral_range() -> tuple[int, int]:
    """First and last port that the kernel gives to outgoing connections (ip(7), ip_local_port_range)."""
    try:
        low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return 49152, 65535  # IANA's dynamic range; macOS uses it.
