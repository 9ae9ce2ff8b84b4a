"""
What `drill up --env SERVICE.KEY=VALUE` may say: keys that the service reads, and values that it takes.

A pod with a setting that does not fit would only end and be started again until the yard gives up.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from drillyard.base.errors import SettingError
from drillyard.yard.images import SERVICES


def check(service: str, values: Mapping[str, str]) -> None:
    """
    Refuses what one of the shop's services would ignore or end on; of other programs nothing is known here.

    Raises SettingError.
    """
    if service not in SERVICES:
        return
    from drillyard.shop.settings import from_environment

    kinds = _settings_of(service)
    known = sorted(field.name.upper() for kind in kinds for field in fields(kind))
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise SettingError(
                f"--env: {service} has no setting {key}.",
                hint=f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known)}.",
            )
    for kind in kinds:
        try:
            from_environment(kind, values)
        except SettingError as wrong:
            raise SettingError(f"--env: {service}: {wrong.message}", hint=wrong.hint) from None


def _settings_of(service: str) -> tuple[Any, ...]:
    """The service's own and those of its traces, which every service has."""
    from drillyard.shop.span_export import SpanSettings

    module = importlib.import_module(f"drillyard.shop.{service.replace('-', '_')}")
    return getattr(module, f"{service.title().replace('-', '')}Settings"), SpanSettings
