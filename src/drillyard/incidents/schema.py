"""
What an incident file may say. Unknown keys, wrong types and unknown names are refused, with file and line (see
`catalogue`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from drillyard.incidents.counts import Count
from drillyard.incidents.expectation import Expectation, Strict
from drillyard.reconcile.disagreements import OrderClass

Faults = list[dict[str, dict[str, Any] | None]]


class Query(Strict):
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


class Load(Strict):
    """
    What shoppers do while the fault is on.

    `orders` attempts to order, shared out among `shoppers`; `least` is how many the incident needs to be seen. With
    `double_click` each order is clicked twice at once. `views` of catalogue pages are measured before and during. Where
    more visitors would change what is seen, the shoppers are `alone`: no load profile is played.
    """

    orders: Annotated[int, Field(ge=0, le=1000)] = 5
    least: Annotated[int, Field(ge=0, le=1000)] = 1
    shoppers: Annotated[int, Field(ge=1, le=50)] = 1
    double_click: bool = False
    views: Annotated[int, Field(ge=0, le=1000)] = 0
    alone: bool = False

    @model_validator(mode="after")
    def _somebody_comes(self) -> Load:
        if not self.orders and not self.views:
            raise ValueError("give orders or views: without shoppers nothing can be seen")
        return self


class Incident(Strict):
    """
    One entry of the catalogue.

    `faults` go in before the shoppers come, `after_load` when they have ordered. `disagreements` are what the
    reconciliation must find in the end, by class, and nothing else. `searchable` says whether new logs can be found
    while the fault is on.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    number: int | None = None
    method: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,8}$")] | None = None
    title: str
    severity: Literal["P1", "P2", "P3", "P4"]
    brief: str
    cause: str
    faults: Faults = Field(default_factory=list)
    load: Load = Load()
    after_load: Faults = Field(default_factory=list)
    searchable: bool = True
    while_on: Annotated[list[Expectation], Field(min_length=1)]
    queries: list[Query] = Field(default_factory=list)
    recovered: Annotated[list[Expectation], Field(min_length=1)]
    disagreements: dict[OrderClass, Count] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something_is_wrong(self) -> Incident:
        if not self.faults and not self.after_load and not self.load.double_click:
            raise ValueError("give faults, after_load, or a load that finds the shop's own defect (double_click)")
        if self.method is not None and self.number is None:
            raise ValueError("a method belongs to a number of the documents")
        return self

    @property
    def names(self) -> list[str]:
        """Its own name, and the documents' number with the method's letter (`incident-3a`), if it has one."""
        if self.number is None:
            return [self.name]
        dash = "-" if (self.method or "")[:1].isdigit() else ""
        return [self.name, f"incident-{self.number}{dash}{(self.method or '').lower()}"]
