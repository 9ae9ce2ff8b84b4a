"""
What is broken now: stored before it is put in, so that anybody can heal it after the one who broke it is gone.

The list lies in the yard's folder. A runner that ends in order heals its own faults; after one that was killed, the
next command finds the list, sees that the owner is gone, and heals.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from drillyard.base.clock import Clock, SystemClock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.base.processes import ProcessId, identify
from drillyard.cluster.client import ApiError
from drillyard.faults.fault import Fault, Proof, refuse_fights, to_json
from drillyard.faults.registry import build, name_of
from drillyard.yard.yard import Yard


@dataclass(frozen=True)
class ActiveFault:
    """
    One fault that is (or is about to be) in, who put it in, and when it must be out again.

    `record` is the folder that the drill writes, when a drill put it in.
    """

    fault: Fault
    owner: ProcessId
    since: datetime
    until: datetime
    record: Path | None = None

    def abandoned(self, now: datetime) -> bool:
        """True when whoever should heal it is gone, or its time is over."""
        return not self.owner.alive() or now > self.until


class ActiveFaults:
    """The yard's list. Each change reads and writes it whole, under a lock that the kernel lets go of."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()

    def all(self) -> list[ActiveFault]:
        """Raises DrillyardError when the file was damaged by hand."""
        try:
            rows = json.loads(self._path.read_text())
            return [_from_row(row) for row in rows]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as damaged:
            raise DrillyardError(
                f"The list of active faults {self._path} cannot be read: {damaged}.",
                hint="`drill down` and `drill up` give a clean yard.",
            ) from damaged

    def abandoned(self) -> list[ActiveFault]:
        """Those that nobody will heal unless we do."""
        now = self._clock.now()
        return [active for active in self.all() if active.abandoned(now)]

    async def put_in(
        self, fault: Fault, yard: Yard, until: datetime, *, owner: ProcessId | None = None, record: Path | None = None
    ) -> Fault:
        """
        Prepares, stores, then breaks:

        in this order, so that whatever is broken is on the list. `owner` is who will heal it, this process if left
        out. Returns the prepared fault. Raises DrillyardError when it fights with one that is on.
        """
        prepared = await fault.prepare(yard)
        mine = ActiveFault(prepared, owner or identify(os.getpid()), self._clock.now(), until, record)

        def add(active: list[ActiveFault]) -> list[ActiveFault]:
            taken = {thing: one.fault.describe() for one in active for thing in one.fault.touches()}
            refuse_fights(prepared, taken)
            return [*active, mine]

        self._change(add)
        await prepared.put_in(yard)
        return prepared

    async def heal(self, faults: Sequence[Fault], yard: Yard, *, timeout_s: float = 30) -> list[tuple[Fault, Proof]]:
        """
        Repairs them all, the last first, then waits for all effects to be gone, side by side.

        What is gone is struck off the list; each proof says what was seen last. One that cannot be repaired does not
        keep the others from it.
        """
        cures = [(fault, await _repair(fault, yard)) for fault in reversed(faults)]
        waits = [self._until_gone(fault, refused, yard, timeout_s) for fault, refused in cures]
        proofs = await asyncio.gather(*waits)
        return [(fault, proof) for (fault, _), proof in zip(cures, proofs, strict=True)]

    async def _until_gone(self, fault: Fault, refused: Proof | None, yard: Yard, timeout_s: float) -> Proof:
        proof = refused or await wait_for(fault.is_healed, yard, self._clock, timeout_s)
        if proof.holds:
            self._change(lambda active: [one for one in active if one.fault != fault])
        return proof

    def _change(self, change: Callable[[list[ActiveFault]], list[ActiveFault]]) -> None:
        """A runner, a person and the dead man's switch may come at the same time."""
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._write(change(self.all()))
        finally:
            os.close(lock)

    def _write(self, active: list[ActiveFault]) -> None:
        if not active:
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()
            return
        write_atomically(self._path, json.dumps([_to_row(one) for one in active], indent=1))


async def _repair(fault: Fault, yard: Yard) -> Proof | None:
    """None when it was done, else why not."""
    try:
        await fault.heal(yard)
    except (DrillyardError, ApiError) as problem:
        return Proof(False, f"the repair failed: {problem.message}")
    return None


async def wait_for(look: Any, yard: Yard, clock: Clock, timeout_s: float) -> Proof:
    """Looks again until the proof holds or the time is over; returns the last proof either way."""
    deadline = clock.monotonic_s() + timeout_s
    while True:
        try:
            proof: Proof = await look(yard)
        except (DrillyardError, ApiError) as problem:
            proof = Proof(False, f"could not look: {problem.message}")
        if proof.holds or clock.monotonic_s() >= deadline:
            return proof
        await clock.sleep(0.05)


def _to_row(active: ActiveFault) -> dict[str, Any]:
    return {
        "fault": name_of(active.fault),
        "data": to_json(active.fault),
        "owner": {"pid": active.owner.pid, "started": active.owner.started},
        "since": rfc3339(active.since),
        "until": rfc3339(active.until),
        "record": str(active.record) if active.record else None,
    }


def _from_row(row: Mapping[str, Any]) -> ActiveFault:
    return ActiveFault(
        build(row["fault"], row["data"]),
        ProcessId(row["owner"]["pid"], row["owner"]["started"]),
        datetime.fromisoformat(row["since"]),
        datetime.fromisoformat(row["until"]),
        Path(row["record"]) if row.get("record") else None,
    )
