"""A load profile brings as many shoppers as it says, for as long as it says; they place valid orders, and nothing else counts as one."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import SettingError
from drillyard.load import Habits, ShopperLedger
from drillyard.load.crowd import Crowd
from drillyard.load.profiles import ITEM, PROFILES, Profile, find_profile, playable

URL = "http://front-end.test"


@pytest.fixture
def whole(shop: Any) -> Any:
    """A shop that also has the pages of the profiles."""
    for path in {path.partition("?")[0] for profile in PROFILES.values() for path in profile.pages} - {"/catalogue"}:
        shop.overrides[f"GET {path}"] = lambda request: httpx.Response(200, text="<html>")
    return shop


def crowd(shop: Any, clock: VirtualClock, profile: Profile, **options: Any) -> Crowd:
    return Crowd(URL, profile, 42, clock, ShopperLedger(), transport=shop, **options)


async def come(one: Crowd, clock: VirtualClock) -> Crowd:
    task = asyncio.ensure_future(one.come())
    while not task.done():
        assert clock.monotonic_s() < 2 * one.profile.run_time_s, "it does not end"
        await clock.advance(0.1)
    await task
    return one


@pytest.mark.parametrize("name", playable())
async def test_every_profile_is_clean_on_a_whole_shop_and_orders(name: str, whole: Any, clock: VirtualClock) -> None:
    profile = find_profile(name)
    assert await crowd(whole, clock, profile).rehearse() == []

    came = await come(crowd(whole, clock, profile, orders_max=3), clock)

    assert [row.outcome.value for row in came.ledger] == ["ok"] * 3
    assert all(row.total_cents == row.expected_cents for row in came.ledger)
    assert {outcome for outcome, count in came.report.looks.items() if count} <= {"ok"}


async def test_it_lasts_as_long_as_it_says_and_no_longer(whole: Any, clock: VirtualClock) -> None:
    came = await come(crowd(whole, clock, find_profile("payment-failure-test")), clock)

    assert 60 <= came.report.took_s < 61
    assert came.report.users == 5
    assert 60 < len(came.ledger) < 5 * 60 / 2, "each of five orders every 2 to 4 s"
    assert came.report.looks.total() == 0


async def test_acts_come_by_their_weights(whole: Any, clock: VirtualClock) -> None:
    profile = Profile(about="", users=10, spawn_per_s=10, run_time_s=100, wait_s=(1, 1), order=1, pages={ITEM: 9})

    came = await come(crowd(whole, clock, profile), clock)

    assert 0.05 < len(came.ledger) / (len(came.ledger) + came.report.looks.total()) < 0.15


async def test_the_kinds_of_failure_are_kept_apart(whole: Any, clock: VirtualClock) -> None:
    answers = iter([httpx.Response(500), httpx.Response(404), httpx.Response(200, json={"error": "database"}), None])

    def mixed(request: httpx.Request) -> httpx.Response:
        answer = next(answers, httpx.Response(200))
        if answer is None:
            raise httpx.ConnectError("refused")
        return answer

    whole.overrides[f"GET {ITEM}"] = mixed
    profile = Profile(about="", users=1, spawn_per_s=1, run_time_s=6, wait_s=(1, 1), order=0, pages={ITEM: 1})

    looks = (await come(crowd(whole, clock, profile), clock)).report.to_json()["looks"]

    assert (looks["http_error"], looks["script_error"], looks["transport_error"], looks["ok"]) == (2, 1, 1, 2)


async def test_a_load_that_makes_mistakes_is_found_before_anything_is_broken(whole: Any, clock: VirtualClock) -> None:
    whole.overrides["GET /"] = lambda request: httpx.Response(404, text="Cannot GET /")

    assert await crowd(whole, clock, find_profile("dbg")).rehearse() == [
        "GET / was answered 404, not 200: Cannot GET /"
    ]


async def test_a_crowd_that_clicks_twice_leaves_two_rows_a_click(whole: Any, clock: VirtualClock) -> None:
    one = crowd(whole, clock, find_profile("payment-failure-test"), orders_max=2, habits=Habits(double_click=True))

    assert [row.number for row in (await come(one, clock)).ledger] == [1, 1, 2, 2]


def test_the_labs_own_file_names_are_understood() -> None:
    assert find_profile("locust-payment-failure-test") is PROFILES["payment-failure-test"]


@pytest.mark.parametrize(
    ("name", "said"), [("payment-failur", "Did you mean payment-failure-test?"), ("x", "There are: ")]
)
def test_an_unknown_name_is_a_sentence_with_the_known_ones(name: str, said: str) -> None:
    with pytest.raises(SettingError, match=f'No load profile called "{name}"') as refusal:
        find_profile(name)

    assert said in str(refusal.value)
    assert all(one in str(refusal.value) for one in playable())


def test_an_overload_is_a_fault_of_its_own() -> None:
    with pytest.raises(SettingError, match=r"overload of 3000 users.*incident 1"):
        find_profile("crash-test")
