"""
Locust in a pod, where `drillyard[locust]` is installed: the interpreter's own Locust, behind everything else in the
queue for the processor.

A load that takes the processor from the shop would be a fault by accident. So it runs at niceness 10: while both want
it, a process of the shop gets nine times as much of the processor; what is left over the load may have whole.
"""

from __future__ import annotations

import importlib.util

IMAGE = "locustio/locust"
NICENESS = 10
ABSENT = (
    "Locust is not installed beside Drillyard: `pip install 'drillyard[locust]'` into its environment, "
    "then `drill down` and `drill up`"
)


def is_installed() -> bool:
    """Whether this interpreter has Locust, without importing it."""
    return importlib.util.find_spec("locust") is not None
