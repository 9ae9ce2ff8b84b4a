"""
What a filter makes of a matched text: `%{data::keyvalue}`, `%{notSpace:user:lowercase}`.

A filter that fails gives None, and only its field is left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok.matchers import to_number

Filter = Callable[[Any], Any]

_QUOTES = (("<", ">"), ('"', '"'), ("'", "'"))
_NULLS = ("null", "nil", "")


def find_filter(name: str, arguments: list[str]) -> Filter:
    """The filter of a name. Raises PipelineError."""
    if name in _PLAIN and not arguments:
        return _PLAIN[name]
    match name, arguments:
        case "nullIf", [text]:
            return lambda value: None if value == text else value
        case "scale", [factor]:
            return _scaled(factor)
        case "keyvalue", _ if len(arguments) <= 4:
            return _key_values(*arguments)
        case "csv", [headers, *rest] if len(rest) <= 2:
            return _csv(headers, *rest)
        case "array", _ if len(arguments) <= 3:
            return _array(arguments)
    raise PipelineError(f"There is no filter {name[:50]} with {len(arguments)} arguments here.")


def _scaled(factor: str) -> Filter:
    number = to_number(factor)
    if number is None:
        raise PipelineError(f"scale needs a number, not {factor[:50]}.")

    def scale(value: Any) -> Any:
        found = to_number(str(value))
        return None if found is None else to_number(repr(found * number))

    return scale


def _json(value: Any) -> Any:
    try:
        return orjson.loads(str(value))
    except orjson.JSONDecodeError:
        return None


def _boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).strip().lower())


def _query(value: Any) -> dict[str, str]:
    return dict(parse_qsl(str(value).removeprefix("?"), max_num_fields=200))


def _url(value: Any) -> dict[str, Any] | None:
    try:
        parts = urlsplit(str(value))
        found = {
            "scheme": parts.scheme,
            "host": parts.hostname,
            "port": parts.port,
            "path": parts.path,
            "queryString": _query(parts.query),
            "hash": parts.fragment,
        }
    except ValueError:
        return None
    return {name: part for name, part in found.items() if part}


def _key_values(separator: str = "=", allowed: str = "", quotes: str = "", delimiter: str = "") -> Filter:
    """Pairs of keys and values; a value is a quotation, or a run of word characters and the allowed ones."""
    pairs = [(quotes[0], quotes[-1])] if quotes else list(_QUOTES)
    run = rf"[\w.\-@{re.escape(allowed)}]"
    quoted = "|".join(f"{re.escape(left)}[^{re.escape(right)}]*{re.escape(right)}" for left, right in pairs)
    start = re.escape(delimiter) if delimiter else r"[\s,;]"
    expression = re.compile(
        rf"(?:^|{start}|(?<={start}))\s*(?P<key>{quoted}|{run}+){re.escape(separator)}(?P<value>{quoted}|{run}*)"
    )

    def read(value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pair in expression.finditer(str(value)):
            key, text = _unquoted(pair["key"], pairs), _unquoted(pair["value"], pairs)
            if text not in _NULLS:
                number = to_number(text) if text == pair["value"] else None
                found[key] = text if number is None else number
        return found

    return read


def _unquoted(text: str, pairs: list[tuple[str, str]]) -> str:
    for left, right in pairs:
        if len(text) >= 2 and text.startswith(left) and text.endswith(right):
            return text[1:-1]
    return text


def _csv(headers: str, separator: str = ",", quote: str = '"') -> Filter:
    separator = "\t" if separator == "tab" else separator
    if len(separator) != 1 or len(quote) != 1:
        raise PipelineError("csv needs a separator and a quote of one character each.")
    names = [name.strip() for name in headers.split(",")]

    def read(value: Any) -> dict[str, Any] | None:
        try:
            (row,) = csv.reader([str(value)], delimiter=separator, quotechar=quote)
        except (csv.Error, ValueError):
            return None
        cells = zip(names, row, strict=False)
        return {name: cell if to_number(cell) is None else to_number(cell) for name, cell in cells if cell}

    return read


def _array(arguments: list[str]) -> Filter:
    """`array("[]", ",")`: brackets and separator; both may be left out."""
    brackets, separator = "[]", ","
    if len(arguments) == 1:
        separator = arguments[0]
    elif arguments:
        brackets, separator = arguments[0], arguments[1]
    inner = find_filter(arguments[2], []) if len(arguments) > 2 else None
    if not separator or len(brackets) not in (0, 2):
        raise PipelineError("array needs two brackets, or none, and a separator.")

    def read(value: Any) -> list[Any] | None:
        text = str(value).strip()
        if brackets:
            if not (text.startswith(brackets[0]) and text.endswith(brackets[1])):
                return None
            text = text[1:-1]
        items = [item.strip() for item in text.split(separator)] if text.strip() else []
        return [inner(item) for item in items] if inner else items

    return read


_PLAIN: dict[str, Filter] = {
    "number": lambda value: to_number(str(value)),
    "integer": lambda value: None if (number := to_number(str(value))) is None else int(number),
    "boolean": _boolean,
    "json": _json,
    "querystring": _query,
    "decodeuricomponent": lambda value: unquote(str(value)),
    "lowercase": lambda value: str(value).lower(),
    "uppercase": lambda value: str(value).upper(),
    "url": _url,
}
