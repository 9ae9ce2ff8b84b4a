"""
Jobs: pods until enough of them succeeded or too many failed; then a condition, and nothing once its TTL is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.availability import is_going
from drillyard.cluster.controllers.controller import Concerns, controlling, is_controlled_by, itself
from drillyard.cluster.controllers.job_state import JobState, counts, is_finished, judge
from drillyard.cluster.controllers.replicaset import pod_from_template
from drillyard.cluster.informer import Key
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.timestamps import parse_time, time_of


class JobController:
    """Keeps the pods of Jobs."""

    name = "job-controller"

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._events = EventRecorder(api, self.name, clock)

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"jobs": itself, "pods": controlling("Job")}

    async def reconcile(self, key: Key) -> float | None:
        try:
            job = await self._api.get("jobs", *key)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        if is_going(job):
            return None
        if (end := is_finished(job)) is not None:
            return await self._retire(job, end)
        pods = await self._pods(job)
        state = judge(job, pods, self._clock.now())
        for pod in state.delete:
            await self._delete(job, pod)
        for _ in range(state.create):
            await self._create(job)
        if state.create or state.delete:
            pods = await self._pods(job)
            before = state
            state = judge(job, pods, self._clock.now())
            state.complete, state.failure = before.complete, before.failure
        await self._write_status(job, state, pods)
        return state.again_s

    async def _pods(self, job: Object) -> list[Object]:
        listed = await self._api.list("pods", job["metadata"]["namespace"])
        return [pod for pod in listed.items if is_controlled_by(pod, job)]

    async def _create(self, job: Object) -> None:
        pod = pod_from_template(job, job["spec"]["template"])
        created = await self._api.create("pods", job["metadata"]["namespace"], pod)
        await self._say(job, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")

    async def _delete(self, job: Object, pod: Object) -> None:
        metadata = pod["metadata"]
        await self._api.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        await self._say(job, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}")

    async def _say(self, job: Object, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        await self._events.record(job, type, reason, message)

    async def _write_status(self, job: Object, state: JobState, pods: Sequence[Object]) -> None:
        before: Object = job.get("status", {})
        status = counts(state, pods)
        conditions = {item["type"]: item for item in before.get("conditions", ())}
        suspended = bool(job["spec"].get("suspend"))
        if not suspended:
            status["startTime"] = before.get("startTime") or time_of(self._clock.now())
        turned = self._suspend(conditions, suspended, known="Suspended" in conditions)
        if state.complete:
            self._set(conditions, "SuccessCriteriaMet", "True", *state.complete)
            self._set(conditions, "Complete", "True", *state.complete)
            status["completionTime"] = time_of(self._clock.now())
        elif state.failure:
            self._set(conditions, "FailureTarget", "True", *state.failure)
            self._set(conditions, "Failed", "True", *state.failure)
        if conditions:
            status["conditions"] = list(conditions.values())
        if status == before:
            return
        changed = {**job, "status": status}
        await self._api.update("jobs", job["metadata"]["namespace"], changed, subresource="status")
        if turned:
            await self._say(
                job, "Normal", "Suspended" if suspended else "Resumed", "Job suspended" if suspended else "Job resumed"
            )
        if state.complete:
            await self._say(job, "Normal", "Completed", "Job completed")
        elif state.failure:
            await self._say(job, "Warning", *state.failure)

    def _suspend(self, conditions: dict[str, Object], suspended: bool, *, known: bool) -> bool:
        """Keeps the condition Suspended; True when it turned, which is worth an event."""
        if not suspended and not known:
            return False
        wanted = ("True", "JobSuspended", "Job suspended") if suspended else ("False", "JobResumed", "Job resumed")
        return self._set(conditions, "Suspended", *wanted)

    def _set(self, conditions: dict[str, Object], kind: str, value: str, reason: str, message: str) -> bool:
        known = conditions.get(kind)
        if known is not None and known["status"] == value:
            return False
        now = time_of(self._clock.now())
        conditions[kind] = {
            "type": kind,
            "status": value,
            "lastProbeTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        return True

    async def _retire(self, job: Object, end: Object) -> float | None:
        """Deletes a finished Job when its time to live is over."""
        ttl_s = job["spec"].get("ttlSecondsAfterFinished")
        if ttl_s is None:
            return None
        left_s = ttl_s - (self._clock.now() - parse_time(end["lastTransitionTime"])).total_seconds()
        if left_s > 0:
            return float(left_s)
        metadata = job["metadata"]
        await self._api.delete(
            "jobs", metadata["namespace"], metadata["name"], propagation="Foreground", uid=metadata["uid"]
        )
        return None
