"""
JSON as Go's encoding/json reads it, down to the words of its complaints.

Clients of the original see those words in error bodies (`invalid character 'o' in literal null (expecting 'u')`). Keys
match whatever their case, unknown keys are ignored, null means the zero value, and a wrong type is an error that names
the field. The scanner follows Go's state machine (https://go.dev/src/encoding/json/scanner.go) with a stack of its own,
so that deep nesting is an error and not a crash.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson

_DEPTH_MAX = 10_000
_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}


class GoJSONError(Exception):
    """The text is Go's."""


def unmarshal(data: bytes) -> Any:
    """The value of the whole text, as json.Unmarshal reads it. Raises GoJSONError."""
    end = _Scanner(data, "unexpected end of JSON input").value(0)
    for index in range(end, len(data)):
        if data[index] not in _SPACE:
            raise GoJSONError(f"invalid character {_quoted(data, index)} after top-level value")
    return _load(data)


def decode_first(data: bytes) -> Any:
    """The first value of the text, as json.Decoder reads it: the rest is ignored, nothing at all is `EOF`."""
    if not data.strip(_SPACE):
        raise GoJSONError("EOF")
    end = _Scanner(data, "unexpected EOF").value(0)
    return _load(data[:end])


def strings(value: Any, type_name: str, fields: tuple[str, ...]) -> dict[str, str]:
    """The fields of a Go struct of strings; those that are absent or null are empty. Raises GoJSONError."""
    members = _members(value, type_name)
    found = dict.fromkeys(fields, "")
    for key, inner in members.items():
        name = next((field for field in fields if field.lower() == key.lower()), None)
        if name is None or inner is None:
            continue
        if not isinstance(inner, str):
            raise _misfit(_kind(inner), type_name, name, "string")
        found[name] = inner
    return found


def float32_field(value: Any, type_name: str, field: str) -> float:
    """A Go struct's number; 0 where it is absent or null. Raises GoJSONError."""
    found = 0.0
    for key, inner in _members(value, type_name).items():
        if key.lower() != field.lower() or inner is None:
            continue
        if isinstance(inner, bool) or not isinstance(inner, int | float):
            raise _misfit(_kind(inner), type_name, field, "float32")
        found = float(inner) if abs(inner) < 3.4028236e38 else math.inf
        if math.isinf(found):
            raise _misfit(f"number {inner}", type_name, field, "float32")
    return found


def _misfit(what: str, type_name: str, field: str, wanted: str) -> GoJSONError:
    """A field of the wrong type; Go names the struct without its package here."""
    struct = type_name.rpartition(".")[2]
    return GoJSONError(f"json: cannot unmarshal {what} into Go struct field {struct}.{field} of type {wanted}")


def _members(value: Any, type_name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise GoJSONError(f"json: cannot unmarshal {_kind(value)} into Go value of type {type_name}")
    return value


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _load(data: bytes) -> Any:
    """Parses what the scanner found valid; what is no Unicode becomes U+FFFD, as in Go."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        text = data.decode("utf-8", "replace")
    try:
        return _without_surrogates(json.loads(text, parse_int=_whole))
    except RecursionError:
        raise GoJSONError("exceeded max depth") from None


def _whole(digits: str) -> int | float:
    """A whole number of any length: beyond what a float holds it is infinite, and Python would refuse 4,300 digits."""
    return int(digits) if len(digits) < 300 else float(digits)


def _without_surrogates(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_without_surrogates(inner) for inner in value]
        case dict():
            return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
        case _:
            return value


def _quoted(data: bytes, index: int) -> str:
    """A byte as Go's quoteChar shows it."""
    character = chr(data[index])
    if character == "'":
        return "'\\''"
    if character == '"':
        return "'\"'"
    return "'" + json.dumps(character, ensure_ascii=False)[1:-1] + "'"


class _Scanner:
    """Finds where a value ends. `end_text` is what it says when the text ends first."""

    def __init__(self, data: bytes, end_text: str) -> None:
        self._data = data
        self._end_text = end_text

    def value(self, index: int) -> int:
        """The index after the value that begins at or after `index`. Raises GoJSONError."""
        stack: list[str] = []  # What each open bracket waits for: "]" or "}".
        while True:
            index = self._skip_space(index)
            opening = self._at(index)
            if opening in b"[{":
                if len(stack) >= _DEPTH_MAX:
                    raise GoJSONError("exceeded max depth")
                stack.append("]" if opening == ord("[") else "}")
                index = self._skip_space(index + 1)
                if chr(self._at(index)) != stack[-1]:
                    index = self._key(index) if stack[-1] == "}" else index
                    continue
            else:
                index = self._scalar(index)
                if not stack:
                    return index
            following = self._close(index, stack, opened=opening in b"[{")
            if not stack:
                return following
            index = following

    def _close(self, index: int, stack: list[str], *, opened: bool) -> int:
        """After an element (or at once after an opening bracket): closes what closes, passes one comma."""
        if opened:  # An empty array or object: `index` is at its end.
            stack.pop()
            index += 1
        while stack:
            index = self._skip_space(index)
            found = chr(self._at(index))
            if found == stack[-1]:
                stack.pop()
                index += 1
            elif found == ",":
                return self._key(self._skip_space(index + 1)) if stack[-1] == "}" else index + 1
            else:
                after = "object key:value pair" if stack[-1] == "}" else "array element"
                raise self._invalid(index, f"after {after}")
        return index

    def _key(self, index: int) -> int:
        """An object's key and its colon."""
        if self._at(index) != ord('"'):
            raise self._invalid(index, "looking for beginning of object key string")
        index = self._skip_space(self._string(index))
        if self._at(index) != ord(":"):
            raise self._invalid(index, "after object key")
        return index + 1

    def _scalar(self, index: int) -> int:
        first = self._at(index)
        if first == ord('"'):
            return self._string(index)
        if first in b"-0123456789":
            return self._number(index)
        if first in _LITERALS:
            return self._literal(index, _LITERALS[first])
        raise self._invalid(index, "looking for beginning of value")

    def _literal(self, index: int, word: bytes) -> int:
        for offset in range(1, len(word)):
            if self._at(index + offset) != word[offset]:
                raise self._invalid(index + offset, f"in literal {word.decode()} (expecting '{chr(word[offset])}')")
        return index + len(word)

    def _string(self, index: int) -> int:
        index += 1
        while (character := self._at(index)) != ord('"'):
            if character == ord("\\"):
                index += 1
                escape = self._at(index)
                if escape == ord("u"):
                    for _ in range(4):
                        index += 1
                        if self._at(index) not in b"0123456789abcdefABCDEF":
                            raise self._invalid(index, "in \\u hexadecimal character escape")
                elif escape not in b'bfnrt\\/"':
                    raise self._invalid(index, "in string escape code")
            elif character < 0x20:
                raise self._invalid(index, "in string literal")
            index += 1
        return index + 1

    def _number(self, index: int) -> int:
        if self._at(index) == ord("-"):
            index += 1
            if self._at(index) not in _DIGITS:
                raise self._invalid(index, "in numeric literal")
        index = index + 1 if self._at(index) == ord("0") else self._digits(index)
        if self._peek(index) == ord("."):
            index += 1
            if self._at(index) not in _DIGITS:
                raise self._invalid(index, "after decimal point in numeric literal")
            index = self._digits(index)
        if self._peek(index) in (ord("e"), ord("E")):
            index += 1
            if self._at(index) in b"+-":
                index += 1
            if self._at(index) not in _DIGITS:
                raise self._invalid(index, "in exponent of numeric literal")
            index = self._digits(index)
        return index

    def _digits(self, index: int) -> int:
        while self._peek(index) is not None and self._data[index] in _DIGITS:
            index += 1
        return index

    def _skip_space(self, index: int) -> int:
        while index < len(self._data) and self._data[index] in _SPACE:
            index += 1
        return index

    def _peek(self, index: int) -> int | None:
        return self._data[index] if index < len(self._data) else None

    def _at(self, index: int) -> int:
        if index >= len(self._data):
            raise GoJSONError(self._end_text)
        return self._data[index]

    def _invalid(self, index: int, context: str) -> GoJSONError:
        return GoJSONError(f"invalid character {_quoted(self._data, index)} {context}")
