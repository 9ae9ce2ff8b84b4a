"""A yard's lock goes from the command to the control plane without a gap, and its file is never somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drillyard.yard.home import YardFolder
from drillyard.yard.state import YardLock


@pytest.fixture
def folder(tmp_path: Path) -> YardFolder:
    (tmp_path / "yards").mkdir()
    return YardFolder(tmp_path, "one")


def test_a_lock_that_was_handed_down_is_held_until_the_heir_lets_go(folder: YardFolder) -> None:
    command, heir, other = YardLock(folder), YardLock(folder), YardLock(folder)

    assert command.acquire()
    with command.handed_down() as handle:
        heir.adopt(os.dup(handle))  # As a child inherits it.
    assert not other.acquire()
    heir.release()
    assert other.acquire()
    other.release()
    assert not folder.lock.exists()


def test_a_start_that_fails_before_anybody_adopted_the_lock_leaves_no_file(folder: YardFolder) -> None:
    command = YardLock(folder)

    assert command.acquire()
    with pytest.raises(OSError, match="no space"), command.handed_down():
        raise OSError("no space")
    assert not folder.lock.exists()


def test_the_file_of_a_yard_that_began_meanwhile_is_left_alone(folder: YardFolder) -> None:
    command, heir, next_one = YardLock(folder), YardLock(folder), YardLock(folder)

    assert command.acquire()
    with pytest.raises(KeyboardInterrupt), command.handed_down() as handle:
        heir.adopt(os.dup(handle))
        heir.release()  # It removed the file; the lock is still the command's.
        assert next_one.acquire()
        raise KeyboardInterrupt
    assert next_one.holder() is not None
    next_one.release()
