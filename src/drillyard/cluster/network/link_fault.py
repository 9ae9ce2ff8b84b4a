"""
What can be wrong with a link: slow, narrow, stalled, reset, refused, or HTTP answers that are not the service's own.

A fault is data: whose link, to which Service, and what happens there. It says nothing of packets: loss and reordering
cannot be made in user space, and are not offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from drillyard.base.errors import DrillyardError

_MAX = 600_000  # ten minutes, or 600 Mbit/s
Answer = int | Literal["reset", "silence"]


@dataclass(frozen=True)
class HttpFault:
    """
    Another answer than the service's. `when` is "before" (the service never sees the request) or "after" (it did the
    work, and nobody learns of it); `answer` is a status, "reset" (the connection ends) or "silence" (none ever comes).
    """

    when: Literal["before", "after"]
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """
    What happens on an edge. `latency_ms` and `jitter_ms` (each answer waits latency ± jitter), `bandwidth_kbps`
    (kilobit per second, each direction), `stall` (nothing moves until cleared), `reset` and `refuse` (open connections
    end too), `http`. `share` is the part of connections (for `http`: of requests) that it hits; `seed` draws which.
    """

    latency_ms: int = 0
    jitter_ms: int = 0
    bandwidth_kbps: int = 0
    stall: bool = False
    reset: bool = False
    refuse: bool = False
    http: HttpFault | None = None
    share: float = 1.0
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Only what is not the default."""
        return {
            field.name: asdict(value) if isinstance(value, HttpFault) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Impairment:
        """Raises DrillyardError, naming the key, the value and what would fit."""
        known = {field.name for field in fields(Impairment)}
        if unknown := sorted(content.keys() - known):
            raise DrillyardError(f"A link fault has no {unknown[0]!r}.", hint=f"There are: {', '.join(sorted(known))}.")
        for key in ("latency_ms", "jitter_ms", "bandwidth_kbps"):
            _check(
                content,
                key,
                lambda value: _is_int(value) and 0 <= value <= _MAX,
                f"a whole number up to {_MAX}",
            )
        for key in ("stall", "reset", "refuse"):
            _check(content, key, lambda value: isinstance(value, bool), "true or false")
        _check(content, "share", lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, up to 1")
        _check(content, "seed", _is_int, "a whole number")
        http = content.get("http")
        return Impairment(**{**content, "http": None if http is None else _http(http)})


@dataclass(frozen=True, kw_only=True)
class LinkFault:
    """
    An impairment of the links from `client` to `service` ("namespace/name"), on one port or (None) on all.

    `client` is "namespace/workload", "namespace/pod", "host" (this machine) or "*" (everybody); a workload's fault
    holds for its later pods too. `name` is what clears it.
    """

    name: str
    service: str
    client: str = "*"
    port: int | None = None
    impairment: Impairment

    def to_json(self) -> dict[str, Any]:
        where = {"name": self.name, "client": self.client, "service": self.service, "port": self.port}
        return {**where, **self.impairment.to_json()}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> LinkFault:
        """Raises DrillyardError."""
        where = {key: content[key] for key in ("name", "client", "service", "port") if key in content}
        for key in ("name", "client", "service"):
            _check(where, key, lambda value: isinstance(value, str) and bool(value), "a name")
        if "name" not in where or where.get("service", "").count("/") != 1:
            raise DrillyardError(
                'A link fault needs a name and a service such as "sock-shop/payment".',
                hint=f"It has: {dict(where)}.",
            )
        _check(
            where, "port", lambda value: value is None or (_is_int(value) and 0 < value < 65536), "a port or nothing"
        )
        impairment = Impairment.from_json({key: value for key, value in content.items() if key not in where})
        return LinkFault(**where, impairment=impairment)

    def concerns(self, client_names: set[str], service: str, port: int) -> bool:
        """Whether it holds for the edge of a client with these names."""
        return (
            self.service == service
            and self.port in (None, port)
            and (self.client == "*" or self.client in client_names)
        )


def _http(content: Any) -> HttpFault:
    if not isinstance(content, Mapping) or content.keys() != {"when", "answer"}:
        raise DrillyardError(f"http is {content!r}.", hint='Write {"when": "before", "answer": 503}.')
    _check(content, "when", lambda value: value in ("before", "after"), '"before" or "after"')
    _check(
        content,
        "answer",
        lambda value: value in ("reset", "silence") or (_is_int(value) and 200 <= value <= 599),
        'a status from 200 to 599, "reset" or "silence"',
    )
    return HttpFault(content["when"], content["answer"])


def _check(content: Mapping[str, Any], key: str, fits: Any, wanted: str) -> None:
    if key in content and not fits(content[key]):
        raise DrillyardError(f"{key} is {content[key]!r}.", hint=f"It must be {wanted}.")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))
