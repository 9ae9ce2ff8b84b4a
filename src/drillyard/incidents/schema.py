"""
What an incident file may say. Unknown keys, wrong types and unknown names are refused, with file and line (see
`catalogue`).

An expectation is one thing that must be seen (or must not); the drill knows how to look for each kind.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = int | Literal["orders"]
OrderStatus = Literal["CREATED", "PENDING", "PAID", "PAYMENT_FAILED", "SHIPPED"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrdersAnswered(_Strict):
    """Every shopper's order was answered with this HTTP status and showed this order status."""

    http_status: int
    order_status: OrderStatus


class OrdersStored(_Strict):
    """Every order that a shopper was told of is stored by `orders`, with this status, and charged once by the bank."""

    order_status: OrderStatus


class Queue(_Strict):
    """The broker's queue holds so many messages (`orders`: one for each order placed) and has so many consumers."""

    queue: str
    messages: Count
    consumers: int


class NoLogs(_Strict):
    """The query finds nothing between the fault's proof and now."""

    title: str
    query: str


class Logs(_Strict):
    """The query finds at least so many logs between the fault's proof and now."""

    title: str
    query: str
    count: Count = 1


class ShippedOnce(_Strict):
    """Queue-master says of every order that it processed it, once."""


class Canary(_Strict):
    """A fresh order, placed now, reaches SHIPPED."""


class Expectation(_Strict):
    """One of the above, by its key."""

    orders_answered: OrdersAnswered | None = None
    orders_stored: OrdersStored | None = None
    queue: Queue | None = None
    no_logs: NoLogs | None = None
    logs: Logs | None = None
    shipped_once: ShippedOnce | None = None
    canary: Canary | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Expectation:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self

    def what(self) -> _Strict:
        """The expectation itself."""
        found: _Strict = next(value for _, value in self if value is not None)
        return found


class Query(_Strict):
    """A detection query of the documents, run as printed, and in its corrected form where it finds nothing."""

    title: str
    kind: Literal["logs", "containers", "events"]
    query: str
    expect: Literal["none", "some"]
    reason: str | None = None
    corrected: str | None = None
    corrected_expect: Literal["none", "some"] | None = None

    @model_validator(mode="after")
    def _correction_is_whole(self) -> Query:
        if (self.corrected is None) != (self.corrected_expect is None):
            raise ValueError("corrected and corrected_expect go together")
        return self


class Load(_Strict):
    """What shoppers do while the fault is on."""

    orders: Annotated[int, Field(ge=1, le=1000)] = 5


class Incident(_Strict):
    """One entry of the catalogue."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    number: int | None = None
    title: str
    severity: Literal["P1", "P2", "P3", "P4"]
    brief: str
    cause: str
    faults: Annotated[list[dict[str, dict[str, Any] | None]], Field(min_length=1)]
    load: Load = Load()
    while_on: Annotated[list[Expectation], Field(min_length=1)]
    queries: list[Query] = []
    recovered: Annotated[list[Expectation], Field(min_length=1)]

    @property
    def names(self) -> list[str]:
        """All that it is called: its own name, and `incident-N` after the documents' number."""
        return [self.name, *([f"incident-{self.number}"] if self.number is not None else [])]
