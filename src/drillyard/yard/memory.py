"""
What a yard costs: the proportional set size (PSS) of all its processes.
"""

from __future__ import annotations

import psutil

from drillyard.base.processes import pss_bytes
from drillyard.yard.state import YardState


def pss_of_yard(state: YardState) -> int:
    """Bytes. Counts the control plane and everything below it."""
    try:
        root = psutil.Process(state.control_plane.pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(pss_bytes(process.pid) for process in family)
