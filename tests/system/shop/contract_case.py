"""
One row of the contract table: a request, what the contract says of its answer, and the section that says so.

A row is YAML, read with every key checked, because a misspelt expectation is one that nobody holds:

    at        the section of the wire contract, in words
    ask       METHOD /path, of the service that the file is named after; `Host` is that service's own name
    headers, json, body    of the request; json is sent as application/json, body as it stands
    first     requests before this one, by the same client with the same cookies: {of, ask, …, status, keep: {name: path}}
    status    of the answer, exactly
    type      Content-Type, exactly; null where there must be none
    with      other headers: exact text, or /a regular expression/, or null where there must be none
    text      the whole body, exactly
    json_is   the whole body as JSON, its keys in this order
    has       values within the body by their path, `0.price` or `page.size`; a list's length by `items.#`
    keys      the keys of an object within the body, in this order, by its path (`.` is the body itself)
    matches   a regular expression that the body contains
    go, boot  shorthand for an error: [status, text] in the body of the Go services or of Spring Boot

`${name}` is replaced in every text: by what `keep` kept, by the URL of a service (`${user}`), or by what is new for each
row: `${cart}` (a cart's owner) and `${name}` (a user name).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

HERE = Path(__file__).parent / "contract"
GO_ERROR = "text/plain; charset=utf-8"
SPRING = "application/json;charset=UTF-8"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row. `service` is the file that it stands in."""

    service: str
    at: str
    ask: str
    first: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    body: str | None = None
    status: int = 200
    type: Any = ""
    with_: dict[str, str | None] = field(default_factory=dict)
    text: str | None = None
    json_is: Any = ""
    has: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    matches: str | None = None
    go: list[Any] | None = None
    boot: list[Any] | None = None

    @classmethod
    def of(cls, service: str, row: Mapping[str, Any]) -> Self:
        """Refuses a key that no row has."""
        named = {("with_" if key == "with" else key): value for key, value in row.items()}
        unknown = named.keys() - {one.name for one in fields(cls)} | ({"service"} & named.keys())
        assert not unknown, f"{service}: {row.get('ask')}: no row has {sorted(unknown)}"
        return cls(service=service, **named)

    @property
    def asserts_more_than_a_status(self) -> bool:
        held = (self.text, self.matches, self.go, self.boot)
        return any(one is not None for one in held) or bool(self.has or self.keys or self.with_) or self.json_is != ""

    def __str__(self) -> str:
        return f"{self.service} {self.at}: {self.ask}"


def cases() -> Iterator[Case]:
    """Every row of every file."""
    for path in sorted(HERE.glob("*.yaml")):
        for row in yaml.load(path.read_text(), Loader=yaml.CSafeLoader):
            yield Case.of(path.stem, row)


class Asker:
    """Sends a row's requests as one client. `urls` names the services, `names` what is replaced in texts."""

    def __init__(self, client: httpx.Client, urls: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls
        self._names = {**urls, **names}

    def filled(self, value: Any) -> Any:
        """The value with every `${…}` replaced. Raises KeyError for a name that nobody gave."""
        if isinstance(value, str):
            return re.sub(r"\$\{(\w[\w-]*)\}", lambda match: self._names[match[1]], value)
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(inner) for key, inner in value.items()}
        return value

    def play(self, case: Case) -> httpx.Response:
        """The requests before it, then its own."""
        for step in case.first:
            step = dict(step)
            kept = step.pop("keep", {})
            expected = step.pop("status", None)
            answer = self.send(step.pop("of", case.service), step)
            as_told = answer.status_code < 400 if expected is None else answer.status_code == expected
            assert as_told, f"before it, {step['ask']} was answered {answer.status_code}: {answer.text}"
            for name, path in kept.items():
                self._names[name] = str(at(answer.json(), path))
        return self.send(case.service, vars(case))

    def send(self, service: str, step: Mapping[str, Any]) -> httpx.Response:
        """One request of a row or of what comes before it."""
        method, _, path = self.filled(step["ask"]).partition(" ")
        headers = {"host": service, **self.filled(step.get("headers") or {})}
        content: bytes | None = None
        if step.get("json") is not None:
            content = json.dumps(self.filled(step["json"])).encode()
            headers.setdefault("content-type", "application/json")
        elif step.get("body") is not None:
            content = self.filled(step["body"]).encode()
        headers = {name: value for name, value in headers.items() if value is not None}
        return self._client.request(method, self._urls[service] + path, headers=headers, content=content)


def hold(case: Case, answer: httpx.Response, filled: Any) -> None:
    """Asserts everything that the row says of the answer. `filled` replaces names in expectations."""
    shown = f"{case}\n{answer.status_code} {dict(answer.headers)}\n{answer.text[:600]}"
    if case.go is not None:
        hold_go(case, answer, filled, shown)
        return
    if case.boot is not None:
        hold_boot(case, answer, filled, shown)
        return
    assert answer.status_code == case.status, shown
    if case.type != "":
        assert answer.headers.get("content-type") == case.type, shown
    for name, wanted in case.with_.items():
        found = answer.headers.get(name)
        if wanted is not None and re.fullmatch("/.+/", wanted):
            assert found is not None, shown
            assert re.fullmatch(wanted[1:-1], found), shown
        else:
            assert found == filled(wanted), shown
    if case.text is not None:
        assert answer.text == filled(case.text), shown
    if case.json_is != "":
        assert json.dumps(answer.json()) == json.dumps(filled(case.json_is)), shown
    for path, wanted in case.has.items():
        found = at(answer.json(), filled(path))
        assert (type(found), found) == (type(wanted), filled(wanted)), f"{path} is {found!r}\n{shown}"
    for path, wanted in case.keys.items():
        assert list(at(answer.json(), path)) == wanted, f"{path}\n{shown}"
    if case.matches is not None:
        assert re.search(filled(case.matches), answer.text), shown


def hold_go(case: Case, answer: httpx.Response, filled: Any, shown: str) -> None:
    """The Go services' error: JSON with a newline, labelled as text."""
    assert case.go is not None
    status, error = case.go
    assert answer.status_code == status, shown
    assert answer.headers["content-type"] == GO_ERROR, shown
    body = {"error": filled(error), "status_code": status, "status_text": HTTPStatus(status).phrase}
    escaped = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    assert answer.text == escaped + "\n", shown


def hold_boot(case: Case, answer: httpx.Response, filled: Any, shown: str) -> None:
    """Spring Boot's error body: [status, message, exception]; carts is 2.0 without `exception`, the others are 1.4."""
    assert case.boot is not None
    status, message, *exception = case.boot
    assert answer.status_code == status, shown
    assert answer.headers["content-type"] == SPRING, shown
    body = answer.json()
    modern = case.service == "carts"
    keys = ["timestamp", "status", "error", *(["exception"] if exception else []), "message", "path"]
    assert list(body) == keys, shown
    assert (body["status"], body["error"]) == (status, HTTPStatus(status).phrase), shown
    if message is not None:
        assert body["message"] == filled(message), shown
    if exception:
        assert body["exception"] == exception[0], shown
    assert body["path"] == answer.request.url.path, shown
    stamp = body["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", stamp) if modern else isinstance(stamp, int), (
        shown
    )


def at(value: Any, path: str) -> Any:
    """The value at a path of keys and indexes parted by dots; `.` is the value itself, a last `#` its length."""
    for part in filter(None, path.split(".")):
        if part == "#":
            return len(value)
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value
