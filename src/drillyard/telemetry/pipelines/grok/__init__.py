"""
Grok, Datadog's dialect: rules of matchers and filters that turn text into attributes.
"""

from __future__ import annotations

from drillyard.telemetry.pipelines.grok.rules import Grok

__all__ = ["Grok"]
