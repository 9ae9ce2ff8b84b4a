"""
Why a search found nothing: a wrong value, a word that nobody wrote, a window that is over, a status that nobody parsed.

An empty answer looks the same for "all is well" and for "the query is wrong". `explain` asks the telemetry a few
counting questions (never more than QUESTIONS_MAX) and gives sentences that tell the two apart.
"""

from __future__ import annotations

from drillyard.yard.empty_result.events import explain_events
from drillyard.yard.empty_result.explain import QUESTIONS_MAX, explain
from drillyard.yard.empty_result.metrics import explain_metric

__all__ = ["QUESTIONS_MAX", "explain", "explain_events", "explain_metric"]
