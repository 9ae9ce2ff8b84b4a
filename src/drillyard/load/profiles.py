"""
The load profiles of the public lab that the incident documents come from, corrected so that they place valid orders.

As found, none of them ever placed one: they logged in by a route that there is not, put an unknown sock into a cart,
and had neither address nor card. Users, rates, times, waits and weights are as found. A visit to /login, /cart or
/orders has become a whole journey: register, address, card, login, cart, order; a profile without one got one as well.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from drillyard.base.errors import SettingError

USERS_MAX = 200
"""More shoppers at once than that are an overload, which is a fault of its own and not what a drill is seen by."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """
    Who comes, and what they do.

    `users` arrive `spawn_per_s` a second, and act until `run_time_s` after the first came; between two acts each waits
    for a time drawn from `wait_s`. An act is drawn by its weight: to `order`, or to look at a page of `pages`.
    """

    about: str
    users: int
    spawn_per_s: float
    run_time_s: float
    wait_s: tuple[float, float]
    order: int = 1
    pages: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        low, high = self.wait_s
        wait = f"{low:g} s" if low == high else f"{low:g} to {high:g} s"
        whole = self.order + sum(self.pages.values())
        doing = "all of them orders" if self.order == whole else f"{self.order} act in {whole} an order"
        return f"{self.users} shoppers, {self.spawn_per_s:g} a second, for {self.run_time_s:g} s, {wait} apart, {doing}"


ITEM = "/catalogue/03fef6ac-1896-4ce8-bd69-b798f85c6e0b"
_LOOKING = {"/catalogue": 5, ITEM: 3, "/basket.html": 2}

PROFILES: Mapping[str, Profile] = {
    "payment-failure-test": Profile(
        about="incident 3, the file: every user orders",
        users=5,
        spawn_per_s=1,
        run_time_s=60,
        wait_s=(2, 4),
    ),
    "payment-failure-document": Profile(
        about="incident 3, the document: every user orders",
        users=10,
        spawn_per_s=2,
        run_time_s=120,
        wait_s=(2, 4),
    ),
    "dbg": Profile(
        about="a trial: the index page",
        users=100,
        spawn_per_s=50,
        run_time_s=45,
        wait_s=(1, 3),
        pages={"/": 9},
    ),
    "product-search": Profile(
        about="incident 8: lists, socks and a search by tag",
        users=30,
        spawn_per_s=5,
        run_time_s=180,
        wait_s=(0.5, 1.5),
        pages={"/catalogue": 5, ITEM: 2, "/catalogue?tags=brown": 1},
    ),
    "product-search-hard": Profile(
        about="incident 8, the harder one",
        users=50,
        spawn_per_s=10,
        run_time_s=300,
        wait_s=(0.1, 0.3),
        pages={"/catalogue": 10, ITEM: 5, "/catalogue?tags=brown": 3},
    ),
    "bombardment": Profile(
        about="incident 8B: the list of socks, every 100 ms",
        users=60,
        spawn_per_s=60,
        run_time_s=100,
        wait_s=(0.1, 0.1),
        pages={"/catalogue": 99},
    ),
    "bombardment-controlled": Profile(
        about="incident 8C: the list of socks, every 200 ms",
        users=20,
        spawn_per_s=20,
        run_time_s=100,
        wait_s=(0.2, 0.2),
        pages={"/catalogue": 99},
    ),
    "pure-latency-test": Profile(
        about="incident 4", users=500, spawn_per_s=40, run_time_s=480, wait_s=(1, 3), pages=_LOOKING
    ),
    "pure-latency-350-users": Profile(
        about="incident 4B", users=350, spawn_per_s=30, run_time_s=480, wait_s=(1, 3), pages=_LOOKING
    ),
    "pure-latency-400-users": Profile(
        about="incident 4C", users=400, spawn_per_s=35, run_time_s=480, wait_s=(1, 3), pages=_LOOKING
    ),
    "hybrid-crash-test": Profile(
        about="incidents 2 and 7", users=750, spawn_per_s=50, run_time_s=480, wait_s=(1, 3), pages=_LOOKING
    ),
    "crash-test": Profile(
        about="incident 1",
        users=3000,
        spawn_per_s=300,
        run_time_s=300,
        wait_s=(0.5, 1.5),
        order=3,
        pages={"/catalogue": 3, ITEM: 2},
    ),
    "load-test": Profile(about="every user orders", users=2000, spawn_per_s=200, run_time_s=180, wait_s=(1, 2.5)),
    "login-burst": Profile(about="every user orders", users=1500, spawn_per_s=150, run_time_s=120, wait_s=(1, 2.5)),
    "quick-test": Profile(about="every user orders", users=500, spawn_per_s=100, run_time_s=90, wait_s=(1, 2.5)),
}


def find_profile(name: str) -> Profile:
    """
    The profile of that name, which may begin with `locust-` as the lab's files do.

    Raises SettingError for an unknown one, naming those that there are, and for one that is an overload.
    """
    found = PROFILES.get(name.removeprefix("locust-"))
    if found is None:
        near = difflib.get_close_matches(name, PROFILES, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise SettingError(f'No load profile called "{name}".', hint=f"{guess}There are: {', '.join(playable())}.")
    if found.users > USERS_MAX:
        raise SettingError(
            f"The profile {name} is an overload of {found.users} users, a fault of its own ({found.about}).",
            hint=f"No incident of the catalogue is played under one. There are: {', '.join(playable())}.",
        )
    return found


def playable() -> list[str]:
    """The names of those that are no overload, as they are listed."""
    return [name for name, profile in PROFILES.items() if profile.users <= USERS_MAX]
