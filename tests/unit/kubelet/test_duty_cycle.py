"""A CPU limit without cgroups, in virtual time: processes that always want the processor, and signals that are noted."""

from __future__ import annotations

import os
import signal
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillyard.cluster.kubelet.limits.duty_cycle import DutyCycle, process_cpu_s

TICK_S = 0.05


class Spinning:
    """Processes that use all they get, `greed` cores each while they are not stopped."""

    def __init__(self, cores: float, pids: list[int], greed: float = 1.0) -> None:
        self.pids, self.greed = pids, greed
        self.used_s = dict.fromkeys(pids, 0.0)
        self.stopped: set[int] = set()
        self.cycle = DutyCycle(cores, cpu_s=self.used_s.__getitem__, send=self.send)
        self.now_s = 0.0

    def send(self, pid: int, number: int) -> None:
        (self.stopped.add if number == signal.SIGSTOP else self.stopped.discard)(pid)

    def run(self, seconds: float, tick_s: float = TICK_S) -> float:
        """Cores used on average."""
        before, began = sum(self.used_s.values()), self.now_s
        while self.now_s < began + seconds:
            self.cycle.tick(self.now_s, self.pids)
            for pid in self.pids:
                if pid not in self.stopped:
                    self.used_s[pid] += tick_s * self.greed
            self.now_s += tick_s
        return (sum(self.used_s.values()) - before) / (self.now_s - began)


@settings(deadline=None, max_examples=30)
@given(cores=st.floats(0.1, 3), processes=st.integers(1, 4), tick_s=st.floats(0.02, 0.05))
def test_over_time_a_container_gets_its_share_and_no_more(cores: float, processes: int, tick_s: float) -> None:
    spinning = Spinning(cores, list(range(1, processes + 1)))
    expected = min(cores, processes)
    assert spinning.run(30, tick_s) == pytest.approx(expected, rel=0.02, abs=processes * tick_s / 30 + 0.02)


def test_one_that_uses_less_is_never_stopped() -> None:
    modest = Spinning(0.5, [1], greed=0.4)
    assert modest.run(10) == pytest.approx(0.4)
    assert not modest.cycle.stopped


def test_what_was_not_used_is_kept_for_one_period_only() -> None:
    idle = Spinning(0.2, [1], greed=0.0)
    idle.run(100)
    idle.greed = 1.0
    assert idle.run(1) < 0.2 + 0.2 * 0.1 + 2 * TICK_S


def test_a_frozen_container_is_not_let_go_on() -> None:
    spinning = Spinning(0.1, [1])
    spinning.run(0.2)
    assert spinning.stopped == {1}
    spinning.cycle.frozen = True
    spinning.run(5)
    assert spinning.stopped == {1}
    spinning.cycle.frozen = False
    spinning.send(1, signal.SIGCONT)  # As the thaw does.
    assert spinning.run(20) == pytest.approx(0.1, rel=0.2)


def test_resume_leaves_nobody_stopped_and_a_process_that_is_gone_is_no_error() -> None:
    spinning = Spinning(0.1, [1, 2])
    spinning.run(0.2)
    spinning.used_s.pop(2)
    gone = DutyCycle(0.1)
    gone.tick(0.0, [2**22 + 1])
    gone.resume([2**22 + 1])
    spinning.cycle.resume([1, 2])
    assert spinning.stopped == set()


def test_the_clock_of_a_process_is_its_own() -> None:
    assert process_cpu_s(os.getpid()) == pytest.approx(time.process_time(), abs=0.5)
    with pytest.raises(OSError):
        process_cpu_s(2**22 + 1)
