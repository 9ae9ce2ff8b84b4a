"""
What an incident can expect to see: one small model per kind. The drill knows how to look for each.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drillyard.incidents.counts import Count

OrderStatus = Literal["CREATED", "PENDING", "PAID", "PAYMENT_FAILED", "SHIPPED"]
Outcome = Literal["ok", "slow", "http_error", "transport_error", "refused_by_rule"]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OrdersAnswered(Strict):
    """
    Every attempt (or the `first` so many, or those `after` so many) was answered with this HTTP status.

    `order_status` is what the answer showed, `says` a text that every answer's message holds, `outcome` how the shopper
    felt about it.
    """

    http_status: int
    order_status: OrderStatus | None = None
    says: str | None = None
    outcome: Outcome | None = None
    first: Annotated[int, Field(ge=1)] | None = None
    after: Annotated[int, Field(ge=0)] = 0


class OrdersStored(Strict):
    """Every order that a shopper was told of is stored by `orders`, with this status, and charged once by the bank."""

    order_status: OrderStatus


class OrderBook(Strict):
    """
    All orders that the shop stores of the drill's shoppers: so many of each status, each with so many charges that took
    money. Orders that no answer named are among them.
    """

    statuses: dict[OrderStatus, Count]
    charges: Annotated[int, Field(ge=0)]


class OrderedTwice(Strict):
    """Every double click became two orders: same customer, same socks, no other click between them."""


class BankStruck(Strict):
    """The bank itself says that at least so many requests met its misbehaviour."""

    least: Count


class Queue(Strict):
    """The broker's queue holds so many messages and has so many consumers."""

    queue: str
    messages: Count
    consumers: int


class NoLogs(Strict):
    """The query finds nothing between the fault's proof and now."""

    title: str
    query: str


class Logs(Strict):
    """The query finds at least so many logs between the fault's proof and now."""

    title: str
    query: str
    count: Count = 1


class Pages(Strict):
    """
    Visitors' views of the catalogue were answered with this HTTP status, and each showed an error with this text (none
    did, where it is left out); their 95th percentile is at least, or at most, so many seconds over the baseline's.

    Seconds, and not a ratio: a machine that is busy with something else slows the baseline too, and what a lock or a
    slow link adds stays the same.
    """

    http_status: int
    error: str | None = None
    p95_more_s_least: Annotated[float, Field(gt=0)] | None = None
    p95_more_s_most: Annotated[float, Field(gt=0)] | None = None


class StatusPage(Strict):
    """What the shop's own page of a customer's orders shows: the literal Shipped, whatever happened, or the truth."""

    hard_coded: bool


class Restarts(Strict):
    """No container of the shop was restarted since the baseline, but at most so many."""

    most: Annotated[int, Field(ge=0)] = 0


class ShippedOnce(Strict):
    """Queue-master says of every order that it processed it, once."""


class Canary(Strict):
    """A fresh order, placed now, reaches SHIPPED."""


class Expectation(Strict):
    """One of the above, by its key."""

    orders_answered: OrdersAnswered | None = None
    orders_stored: OrdersStored | None = None
    order_book: OrderBook | None = None
    ordered_twice: OrderedTwice | None = None
    bank_struck: BankStruck | None = None
    queue: Queue | None = None
    no_logs: NoLogs | None = None
    logs: Logs | None = None
    pages: Pages | None = None
    status_page: StatusPage | None = None
    restarts: Restarts | None = None
    shipped_once: ShippedOnce | None = None
    canary: Canary | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Expectation:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self

    def what(self) -> Strict:
        """The expectation itself."""
        found: Strict = next(value for _, value in self if value is not None)
        return found
