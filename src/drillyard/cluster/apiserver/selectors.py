"""
Label and field selectors: the texts after `-l` and `--field-selector`, as functions of an object.

Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors. A text that does not
parse, and a field that the kind does not index, are 400 with the words of a real API server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.client import Object

Matches = Callable[[Object], bool]

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_NAME = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "pods": _POD_FIELDS,
    "events": _EVENT_FIELDS,
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs": ("status.successful",),
    "replicasets": ("status.replicas",),
}


def label_selector(text: str) -> Matches:
    """Parses `a=b,c!=d,e in (f,g),!h`. Raises ApiError 400."""
    tests = [_label_test(*requirement) for requirement in _Parser(text).requirements()]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _label_test(key: str, operator: str, values: frozenset[str]) -> Callable[[Mapping[str, str]], bool]:
    match operator:
        case "exists":
            return lambda labels: key in labels
        case "absent":
            return lambda labels: key not in labels
        case "in":
            return lambda labels: key in labels and labels[key] in values
        case "notin":
            return lambda labels: labels.get(key) not in values
        case _:
            bound = int(next(iter(values)))
            sign = 1 if operator == ">" else -1
            return lambda labels: _is_number(labels.get(key)) and (int(labels[key]) - bound) * sign > 0


def _is_number(text: str | None) -> bool:
    return text is not None and re.fullmatch(r"[+-]?\d{1,18}", text) is not None


class _Parser:
    """One pass over the tokens; every branch either takes one or raises."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def requirements(self) -> list[tuple[str, str, frozenset[str]]]:
        found = []
        while self._peek():
            found.append(self._requirement())
            if not self._peek():
                break
            token = self._take()
            if token != ",":
                raise _unparsable(token, "',' or 'end of string'")
            if not self._peek():
                raise _unparsable("", "identifier after ','")
        return found

    def _requirement(self) -> tuple[str, str, frozenset[str]]:
        if self._peek() == "!":
            self._take()
            return self._key(), "absent", frozenset()
        key = self._key()
        token = self._peek()
        if token in ("", ","):
            return key, "exists", frozenset()
        self._take()
        match token:
            case "=" | "==":
                return key, "in", frozenset((self._value(),))
            case "!=":
                return key, "notin", frozenset((self._value(),))
            case "in" | "notin":
                return key, token, self._set()
            case ">" | "<":
                value = self._value()
                if not _is_number(value):
                    raise bad_request(
                        f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, "
                        "the value must be an integer"
                    )
                return key, token, frozenset((value,))
            case _:
                raise _unparsable(token, "in, notin, =, ==, !=, gt, lt")

    def _key(self) -> str:
        token = self._take()
        if re.fullmatch(r"==|!=|[=!(),<>]|", token):
            raise _unparsable(token, "!, identifier, or 'end of string'")
        if not _NAME.fullmatch(token):
            raise bad_request(
                f'unable to parse requirement: <nil>: Invalid value: "{token}": name part must consist of alphanumeric '
                "characters, '-', '_' or '.', and must start and end with an alphanumeric character"
            )
        return token

    def _value(self) -> str:
        token = self._peek()
        if token in ("", ","):
            return ""
        if re.fullmatch(r"==|!=|[=!()<>]", token):
            raise _unparsable(token[0], "identifier")
        self._take()
        if not _VALUE.fullmatch(token):
            raise bad_request(
                f'unable to parse requirement: values[0]: Invalid value: "{token}": a valid label must be an empty '
                "string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                "alphanumeric character"
            )
        return token

    def _set(self) -> frozenset[str]:
        if (token := self._take()) != "(":
            raise _unparsable(token, "'('")
        values = {self._value() if self._peek() != ")" else ""}
        while (token := self._take()) == ",":
            values.add(self._value() if self._peek() != ")" else "")
        if token != ")":
            raise _unparsable(token, "',' or ')'")
        return frozenset(values)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token


def _unparsable(token: str, expected: str) -> Exception:
    return bad_request(f"unable to parse requirement: found '{token}', expected: {expected}")


def field_selector(text: str, key: str) -> Matches:
    """Parses `metadata.name=x,status.phase!=Running` for the kind stored under `key`. Raises ApiError 400."""
    tests: list[Matches] = []
    for term in filter(None, text.split(",")):
        parts = re.split(r"(==|!=|=)", term, maxsplit=1)
        if len(parts) != 3:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        path, operator, value = parts
        _must_be_indexed(path, key)
        tests.append(_field_test(path, value, equal=operator != "!="))
    return lambda obj: all(test(obj) for test in tests)


def _must_be_indexed(path: str, key: str) -> None:
    if path != "metadata.name" and path != "metadata.namespace" and path not in _FIELDS.get(key, ()):
        raise bad_request(f"field label not supported: {path}")


def _field_test(path: str, value: str, *, equal: bool) -> Matches:
    names = path.split(".")

    def test(obj: Object) -> bool:
        found: Any = obj
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if path == "source" and isinstance(found, dict):
            found = found.get("component")
        if found is None:
            found = "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return (text == value) == equal

    return test
