"""
Takes values out of a request, each of the type it must have or refused with a sentence that names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.telemetry.api.answers import ApiError


def section(parts: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object, empty when absent or null."""
    value = parts.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, f"{name} must be an object.")
    return value


def sections(parts: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    """An array of objects, empty when absent or null."""
    value = parts.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ApiError(400, f"{name} must be an array of objects.")
    if len(value) > most:
        raise ApiError(400, f"{name} holds more than {most} entries.")
    return value


def text(parts: Mapping[str, Any], name: str, default: str = "") -> str:
    """A string."""
    value = parts.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ApiError(400, f"{name} must be a string.")
    return value


def needed_text(parts: Mapping[str, Any], name: str) -> str:
    """A string that is not empty."""
    value = text(parts, name)
    if not value:
        raise ApiError(400, f"{name} is missing.")
    return value


def texts(parts: Mapping[str, Any], name: str) -> list[str]:
    """An array of strings, or one string parted by commas."""
    value = parts.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(400, f"{name} must be an array of strings.")
    return value


def whole_number(parts: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    """A whole number within bounds, given as a number or as its digits."""
    value = parts.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ApiError(400, f"{name} must be a whole number from {least} to {most}.")
    return value


def flag(parts: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """A boolean, given as one or as its word."""
    value = parts.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ApiError(400, f"{name} must be true or false.")
    return value
