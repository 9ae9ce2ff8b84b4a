from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.kubelet import probes
from drillyard.cluster.kubelet.backoff import Backoff, go_duration
from drillyard.cluster.kubelet.probes import Outcome, ProbeKind, Target


class Watched:
    """A probe at work in virtual time; `answer` says what it finds."""

    def __init__(self, kind: ProbeKind, probe: dict[str, Any], answer: Callable[[float], bool]) -> None:
        self.clock = VirtualClock()
        self.asked: list[float] = []
        self.changes: list[tuple[float, bool]] = []
        self.failures: list[float] = []

        async def attempt() -> Outcome:
            self.asked.append(round(self.clock.elapsed_s, 3))
            return Outcome(answer(self.clock.elapsed_s), "no")

        async def on_change(healthy: bool) -> None:
            self.changes.append((round(self.clock.elapsed_s, 3), healthy))

        async def on_failure(message: str) -> None:
            self.failures.append(round(self.clock.elapsed_s, 3))

        self.task = asyncio.create_task(
            probes.watch(kind, probe, attempt, self.clock, on_change=on_change, on_failure=on_failure)
        )

    async def until(self, seconds: float) -> None:
        await self.clock.advance(seconds - self.clock.elapsed_s)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_readiness_is_asked_fast_until_its_first_success_and_then_by_its_period() -> None:
    watched = Watched("Readiness", {"periodSeconds": 10}, lambda now: now >= 0.3)
    await watched.until(25)
    await watched.close()
    [(ready_at, healthy)] = watched.changes
    assert healthy
    assert 0.3 <= ready_at <= 0.351
    assert [moment for moment in watched.asked if moment > 1] == [round(ready_at + 10, 3), round(ready_at + 20, 3)]


async def test_failures_of_a_start_count_once_a_period() -> None:
    watched = Watched("Startup", {"periodSeconds": 2, "failureThreshold": 3}, lambda now: False)
    await watched.until(10)
    assert len(watched.failures) == 3
    assert watched.changes[0][1] is False
    assert 4.0 <= watched.changes[0][0] <= 4.2
    assert watched.task.done()


async def test_readiness_is_lost_after_its_threshold_and_comes_back_after_its_own() -> None:
    probe = {"periodSeconds": 1, "failureThreshold": 3, "successThreshold": 2}
    watched = Watched("Readiness", probe, lambda now: not 5 <= now < 10)
    await watched.until(20)
    await watched.close()
    assert [healthy for _, healthy in watched.changes if healthy] == [True, True]
    lost = next(moment for moment, healthy in watched.changes if not healthy)
    assert 7 <= lost < 8
    back = next(moment for moment, healthy in watched.changes if healthy and moment > lost)
    assert 11 <= back < 12


async def test_liveness_gives_a_program_a_period_to_begin() -> None:
    watched = Watched("Liveness", {"periodSeconds": 5, "failureThreshold": 2}, lambda now: False)
    await watched.until(11)
    await watched.close()
    assert watched.asked == [5, 10]
    assert watched.changes == [(10, False)]


async def test_an_initial_delay_is_kept() -> None:
    watched = Watched("Readiness", {"initialDelaySeconds": 7}, lambda now: True)
    await watched.until(8)
    await watched.close()
    assert watched.changes == [(7, True)]


async def _no_command(command: object, timeout_s: float) -> tuple[int, bytes]:
    raise AssertionError


async def test_a_port_that_the_pod_lacks_is_refused_in_the_kubelets_words() -> None:
    outcome = await probes.ask({"tcpSocket": {"port": 81}}, lambda port: Target("10.244.0.2", 81, None), _no_command)
    assert outcome == Outcome(False, "dial tcp 10.244.0.2:81: connect: connection refused")
    outcome = await probes.ask(
        {"httpGet": {"port": 81, "path": "health"}}, lambda port: Target("10.244.0.2", 81, None), _no_command
    )
    assert outcome.message == ('Get "http://10.244.0.2:81/health": dial tcp 10.244.0.2:81: connect: connection refused')


async def test_a_command_decides_by_its_exit_code_and_its_words_are_shown() -> None:
    async def run(command: object, timeout_s: float) -> tuple[int, bytes]:
        return (0, b"") if command == ["true"] else (3, b"not well")

    resolve = lambda port: Target("", 0, None)  # noqa: E731
    assert (await probes.ask({"exec": {"command": ["true"]}}, resolve, run)).ok
    assert await probes.ask({"exec": {"command": ["false"]}}, resolve, run) == Outcome(False, "not well")


async def test_a_probe_of_another_host_is_refused() -> None:
    outcome = await probes.ask(
        {"tcpSocket": {"port": 1, "host": "example.org"}}, lambda port: Target("", 1, 1), _no_command
    )
    assert outcome == Outcome(False, "this node probes its own pods only, not the host example.org")


async def test_a_probe_of_an_unknown_kind_fails_in_one_sentence() -> None:
    outcome = await probes.ask({"grpc": {"port": 1}}, lambda port: Target("", 0, None), _no_command)
    assert outcome == Outcome(False, "this node has no such probe: grpc")


@pytest.mark.parametrize("scale", [1.0, 0.05])
def test_restarts_wait_longer_and_longer_but_the_first_not_at_all(scale: float) -> None:
    backoff = Backoff(scale, first_free=True)
    delays = [backoff.next_s() for _ in range(8)]
    assert delays == [pytest.approx(seconds * scale) for seconds in (0, 10, 20, 40, 80, 160, 300, 300)]
    assert backoff.next_s(ran_s=600 * scale) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "500ms"), (10, "10s"), (80, "1m20s"), (300, "5m0s"), (1.5, "1.5s")]
)
def test_durations_are_printed_as_go_prints_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
