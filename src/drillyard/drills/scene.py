"""
What every step of a drill works with: the yard, the incident, the record, and what the shoppers have seen so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import httpx

from drillyard.base.clock import Clock
from drillyard.incidents import counts
from drillyard.incidents.schema import Incident
from drillyard.load.browsing import View
from drillyard.load.ledger import ShopperLedger
from drillyard.load.profiles import Profile, find_profile
from drillyard.record.verdicts import Check
from drillyard.record.writer import RecordWriter
from drillyard.yard.yard import Yard


class Audience(Protocol):
    """Who watches: a terminal, a log, nobody. Called as things happen; must not block."""

    @property
    def live(self) -> bool:
        """True when somebody looks at numbers as they move."""

    def phase(self, name: str, text: str) -> None:
        """A phase begins; `text` says in a sentence what happens in it."""

    def say(self, text: str) -> None:
        """Something worth a line."""

    def numbers(self, **values: float | None) -> None:
        """Measurements as they move: queue_depth, consumers, orders, failed, errors (in the logs), heals_in_s."""

    def checked(self, check: Check) -> None:
        """A claim was held against what was seen."""


@dataclass(frozen=True)
class DrillSettings:
    """
    One play of an incident.

    `orders` how many the shoppers place while the fault is on (None: as the incident says); `seed` drives every
    choice; `hold` waits for a person before healing; `command` is let in while the fault is on; `hold_max_s` bounds
    both. `duration_s` is how long the fault stays on at least. With a load `profile` its crowd comes instead of the
    incident's own shoppers, until its time is over or `orders` were tried.
    """

    seed: int
    orders: int | None = None
    duration_s: float = 0.0
    hold: bool = False
    command: tuple[str, ...] = ()
    hold_max_s: float = 3600.0
    profile: str | None = None


@dataclass
class Scene:
    """The state of one drill."""

    yard: Yard
    incident: Incident
    settings: DrillSettings
    record: RecordWriter
    audience: Audience
    clock: Clock
    started_at: datetime
    ledger: ShopperLedger = field(default_factory=ShopperLedger)
    canary_ids: list[str] = field(default_factory=list)
    fault_on_at: datetime | None = None
    searches: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The log searches behind the checks: each check's name, with what was asked and found last."""
    views_before: list[View] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    restarts_before: dict[str, int] = field(default_factory=dict)
    """Containers of the shop at the baseline (pod/container), and how often each had been restarted."""
    transport: httpx.AsyncBaseTransport | None = None
    """How shoppers reach the front end; None: over the network."""
    touched: bool = False
    """True once an investigator was let in: then what happens in the yard is not the drill's own doing."""

    @property
    def profile(self) -> Profile | None:
        """The load profile that was asked for. Raises SettingError when there is none of that name."""
        return None if self.settings.profile is None else find_profile(self.settings.profile)

    @property
    def orders(self) -> int:
        """How many orders the shoppers are to place; of a load profile's crowd, how many they did."""
        if self.settings.profile is not None:
            return len(self.ledger) // (2 if self.incident.load.double_click else 1)
        if self.settings.orders is None or not self.incident.load.orders:
            return self.incident.load.orders
        return self.settings.orders

    @property
    def attempts(self) -> int:
        """How many times a shopper clicks."""
        return self.orders * (2 if self.incident.load.double_click else 1)

    @property
    def placed(self) -> int:
        """How many the shop has accepted."""
        return len(self.ledger.accepted)

    @property
    def shoppers(self) -> set[str]:
        """The customers that the drill's own shoppers registered as: their orders are the drill's orders."""
        return {row.shopper for row in self.ledger}

    def number(self, count: int | str) -> int:
        """A count of the incident file as a number."""
        return counts.resolve(count, attempts=self.attempts, accepted=self.placed)

    def note(self, check: Check) -> None:
        """Keeps a check in the record and shows it."""
        self.record.check(check)
        self.audience.checked(check)

    def say(self, text: str, **data: object) -> None:
        """Notes a sentence in the journal and shows it."""
        self.record.note("step", text, **data)
        self.audience.say(text)
