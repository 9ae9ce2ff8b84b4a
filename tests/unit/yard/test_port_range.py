"""No two yards of one machine share a stretch of ports, whatever their names and homes."""

from __future__ import annotations

from drillyard.base.ports import ephemeral_range
from drillyard.yard import port_range


def test_two_yards_of_one_name_get_different_stretches() -> None:
    first, second = port_range.claim("default"), port_range.claim("default")
    try:
        assert not set(first.ports) & set(second.ports)
        assert max(*first.ports, *second.ports) < ephemeral_range()[0]
    finally:
        first.release()
        second.release()


def test_a_stretch_that_was_given_back_is_taken_again() -> None:
    first = port_range.claim("default")
    first.release()
    second = port_range.claim("default")
    second.release()

    assert first.ports == second.ports


def test_a_full_yard_takes_another_stretch_and_gives_all_back() -> None:
    first = port_range.claim("default")
    more = first.another()
    other = port_range.claim("default")
    first.release()
    other.release()
    assert not set(more) & (set(first.ports) | set(other.ports))
    again = port_range.claim("default")
    again.release()
    assert again.ports == first.ports
