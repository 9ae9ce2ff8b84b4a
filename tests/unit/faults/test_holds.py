"""A wish to the control plane that does not fit is refused in one sentence that names key and value."""

from __future__ import annotations

from typing import Any

import pytest

from drillyard.yard.control.connection_slots import ConnectionSlots
from drillyard.yard.control.hold import HoldRefused
from drillyard.yard.control.stores import Stores
from drillyard.yard.control.table_lock import TableLock

STORES = Stores(dict)
LOCK = {"store": "catalogue-db", "database": "socksdb", "table": "sock", "hold_ms": 700, "free_ms": 20}
SLOTS = {"store": "catalogue-db", "database": "socksdb", "victim": "catalogue"}


@pytest.mark.parametrize("key", sorted(LOCK))
@pytest.mark.parametrize("value", [None, "", 'so"ck', "a; DROP TABLE sock", -1, True, 10**9, [1]])
def test_a_lock_with_a_key_that_does_not_fit_is_refused(key: str, value: Any) -> None:
    with pytest.raises(HoldRefused, match=f"^{key} is "):
        TableLock(STORES, {**LOCK, key: value})


@pytest.mark.parametrize("key", sorted(SLOTS))
def test_slots_without_a_key_are_refused(key: str) -> None:
    with pytest.raises(HoldRefused, match=f"^{key} is None"):
        ConnectionSlots(STORES, {name: value for name, value in SLOTS.items() if name != key})


async def test_a_store_that_there_is_not_is_named() -> None:
    with pytest.raises(HoldRefused, match="no store carts"):
        await STORES.connect("carts", "data", superuser=True)


def test_nothing_is_on_before_it_was_held() -> None:
    assert TableLock(STORES, LOCK).report()["on"] is False
    assert ConnectionSlots(STORES, SLOTS).report()["on"] is False
