"""
Settings of a service: one frozen dataclass, read from the environment, refused in one sentence.

A field `http_timeout_s` is the variable `HTTP_TIMEOUT_S`. A variable that is unset or blank means the default. A value
that does not fit names the key, the value and what would fit; secrets and passwords inside URLs are not repeated.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from drillyard.base.errors import SettingError

Settings = TypeVar("Settings")

_PASSWORD_IN_URL = re.compile(r"(://[^:/?#\s]*):[^/?#\s]*@")


def text(default: str | None, *, fits: str = "any text", pattern: str = r"[^\x00-\x1f]*", secret: bool = False) -> Any:
    """A field that takes text matching the whole pattern. A secret is never shown in an error."""

    def read(raw: str) -> str:
        if re.fullmatch(pattern, raw) is None:
            raise ValueError(raw)
        return raw

    return _field(default, read, fits, secret)


def whole(default: int, *, least: int, most: int) -> Any:
    """A field that takes a whole number within the bounds, both included."""

    def read(raw: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,18}", raw) is None or not least <= int(raw) <= most:
            raise ValueError(raw)
        return int(raw)

    return _field(default, read, f"a whole number from {least} to {most}")


def number(default: float, *, least: float, most: float) -> Any:
    """A field that takes a finite number within the bounds, both included."""

    def read(raw: str) -> float:
        value = float(raw)
        if not math.isfinite(value) or not least <= value <= most:
            raise ValueError(raw)
        return value

    return _field(default, read, f"a number from {least:g} to {most:g}")


def switch(default: bool) -> Any:
    """A field that is true or false."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}

    def read(raw: str) -> bool:
        if raw.lower() not in words:
            raise ValueError(raw)
        return words[raw.lower()]

    return _field(default, read, "true or false")


def url(default: str | None, *schemes: str) -> Any:
    """A field that takes an absolute URL of one of the schemes. A trailing slash is dropped."""
    fits = " or ".join(f"{scheme}://host…" for scheme in schemes)

    def read(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.hostname or re.search(r"[\x00-\x20]", raw):
            raise ValueError(raw)
        _ = parts.port  # Raises ValueError when it is no port.
        return raw if "amqp" in parts.scheme else raw.rstrip("/")  # In AMQP a trailing slash names a virtual host.

    return _field(default, read, fits)


def _field(default: Any, read: Callable[[str], Any], fits: str, secret: bool = False) -> Any:
    return dataclasses.field(default=default, metadata={"read": read, "fits": fits, "secret": secret})


def from_environment(settings: type[Settings], environment: Mapping[str, str]) -> Settings:
    """Reads every field of a settings dataclass. Raises SettingError for the first value that does not fit."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        key = field.name.upper()
        raw = environment.get(key, "").strip()
        if not raw:
            continue
        try:
            values[field.name] = field.metadata["read"](raw)
        except ValueError:
            shown = "a value that is not shown" if field.metadata["secret"] else repr(without_password(raw))
            raise SettingError(f"{key} is {shown}; it must be {field.metadata['fits']}.") from None
    return settings(**values)


def described(settings: type[Settings]) -> str:
    """For `--help`: what the class says of itself, then each variable with what fits and the default."""
    fields = dataclasses.fields(settings)  # type: ignore[arg-type]
    width = max(len(field.name) for field in fields)
    lines = [f"  {field.name.upper():{width}}  {field.metadata['fits']} ({_default(field)})" for field in fields]
    about = inspect.cleandoc(settings.__doc__ or "")
    return "\n".join(["Settings are environment variables; there are no arguments.", about, "", *lines, ""])


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is None:
        return "unset by default"
    if isinstance(field.default, bool):
        return f"default {str(field.default).lower()}"
    return f"default {field.default}"


def without_password(url: str) -> str:
    """The URL with the password of its user information, if any, replaced by `***`."""
    return _PASSWORD_IN_URL.sub(r"\1:***@", url)
