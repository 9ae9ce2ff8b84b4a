"""
What a Job has come to, and what to do next: a pure function of the Job, its pods and the time (batch/v1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from drillyard.cluster.client import Object
from drillyard.cluster.controllers.availability import is_active, is_going, is_ready
from drillyard.cluster.timestamps import parse_time

BACKOFF_S = 10.0
BACKOFF_MAX_S = 600.0

COMPLETED = ("CompletionsReached", "Reached expected number of succeeded pods")
TOO_MANY_FAILURES = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass
class JobState:
    """The counts, the end if it has come to one, and the next step."""

    active: list[Object]
    succeeded: int
    failed: int
    complete: tuple[str, str] | None = None  # reason and message
    failure: tuple[str, str] | None = None
    create: int = 0
    delete: list[Object] = field(default_factory=list)
    again_s: float | None = None


def is_finished(job: Object) -> Object | None:
    """The condition that ended the Job."""
    conditions: list[Object] = job.get("status", {}).get("conditions") or []
    ends = (item for item in conditions if item["type"] in ("Complete", "Failed") and item["status"] == "True")
    return next(ends, None)


def judge(job: Object, pods: Sequence[Object], now: datetime) -> JobState:
    """The state of an unfinished Job. Finished pods that were deleted since stay counted in its status."""
    spec, status = job["spec"], job.get("status", {})
    active = [pod for pod in pods if is_active(pod)]
    state = JobState(
        active=active,
        succeeded=max(status.get("succeeded", 0), _in_phase(pods, "Succeeded")),
        failed=max(status.get("failed", 0), _in_phase(pods, "Failed") + (0 if spec.get("suspend") else _lost(pods))),
    )
    _judge_end(state, spec, status, now)
    if state.complete or state.failure or spec.get("suspend"):
        state.delete = active
        return state
    wanted = _wanted(spec, state)
    if wanted < len(active):
        state.delete = active[: len(active) - wanted]
    elif wanted > len(active):
        wait_s = _pause_s(state.failed, pods, now)
        if wait_s > 0:
            state.again_s = min(wait_s, state.again_s or wait_s)
        else:
            state.create = wanted - len(active)
    return state


def _in_phase(pods: Sequence[Object], phase: str) -> int:
    return sum(pod.get("status", {}).get("phase") == phase for pod in pods)


def _lost(pods: Sequence[Object]) -> int:
    """Pods that are being deleted before they finished count as failed, as `TerminatingOrFailed` has it."""
    return sum(is_going(pod) and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") for pod in pods)


def _judge_end(state: JobState, spec: Object, status: Object, now: datetime) -> None:
    restarts = sum(
        item.get("restartCount", 0)
        for pod in state.active
        for item in pod.get("status", {}).get("containerStatuses", ())
    )
    limit = spec.get("backoffLimit", 6)
    completions = spec.get("completions")
    enough = completions if completions is not None else 1
    if state.succeeded >= enough and not (completions is None and state.active):
        state.complete = COMPLETED
    elif state.failed > limit or restarts >= max(limit, 1):
        state.failure = TOO_MANY_FAILURES
    deadline_s, started = spec.get("activeDeadlineSeconds"), status.get("startTime")
    if deadline_s is not None and started and not (state.complete or state.failure or spec.get("suspend")):
        left_s = deadline_s - (now - parse_time(started)).total_seconds()
        if left_s <= 0:
            state.failure = TOO_LATE
        else:
            state.again_s = left_s


def _wanted(spec: Object, state: JobState) -> int:
    parallelism, completions = int(spec.get("parallelism", 1)), spec.get("completions")
    if completions is None:
        return len(state.active) if state.succeeded else parallelism
    return min(parallelism, int(completions) - state.succeeded)


def _pause_s(failed: int, pods: Sequence[Object], now: datetime) -> float:
    """After the n-th failure the next pod waits 10 s * 2^(n-1), ten minutes at most."""
    ends = [
        parse_time(ended["finishedAt"])
        for pod in pods
        if pod.get("status", {}).get("phase") == "Failed"
        for item in pod["status"].get("containerStatuses", ())
        if (ended := item.get("state", {}).get("terminated")) and ended.get("finishedAt")
    ]
    if not failed or not ends:
        return 0.0
    pause_s = min(BACKOFF_S * 2.0 ** min(failed - 1, 16), BACKOFF_MAX_S)
    return pause_s - (now - max(ends)).total_seconds()


def counts(state: JobState, pods: Sequence[Object]) -> Object:
    """The counting part of the status; zero counts are left out but for those that Kubernetes always shows."""
    shown: Object = {"ready": sum(map(is_ready, state.active)), "terminating": sum(map(is_going, pods))}
    found = {"active": len(state.active), "succeeded": state.succeeded, "failed": state.failed}
    return {**shown, **{name: count for name, count in found.items() if count}, "uncountedTerminatedPods": {}}
