"""
A pipeline that cannot be built as it is written.
"""

from __future__ import annotations

from drillyard.base.errors import DrillyardError


class PipelineError(DrillyardError):
    """One sentence that names the processor and what is wrong with it."""
