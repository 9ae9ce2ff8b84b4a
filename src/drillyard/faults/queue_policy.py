"""
Limits a queue by a policy of the broker, through its management API, as an administrator would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class QueuePolicy:
    """
    Sets a policy with `max-length` and `overflow` on one queue.

    Only ready messages count against the limit. With `reject-publish` the broker refuses what is too much: a publisher
    with confirms learns of it, one without does not. Proven when the queue itself names the policy.
    """

    queue: str
    max_length: int
    overflow: Literal["reject-publish", "drop-head"] = "reject-publish"
    policy: str = "shipping-limit"

    async def prepare(self, yard: Yard) -> Self:
        if self.policy in await yard.broker.policies():
            raise DrillyardError(f"The broker already has a policy {self.policy}.", hint="Delete it, or name another.")
        return self

    async def put_in(self, yard: Yard) -> None:
        definition: dict[str, Any] = {"max-length": self.max_length, "overflow": self.overflow}
        await yard.broker.put_policy(self.policy, f"^{re.escape(self.queue)}$", definition)

    async def is_on(self, yard: Yard) -> Proof:
        named = (await yard.broker.queue(self.queue, statistics=True)).policy
        return Proof(named == self.policy, _text(self.queue, named))

    async def heal(self, yard: Yard) -> None:
        await yard.broker.delete_policy(self.policy)

    async def is_healed(self, yard: Yard) -> Proof:
        named = (await yard.broker.queue(self.queue, statistics=True)).policy
        gone = self.policy not in await yard.broker.policies()
        return Proof(gone and named != self.policy, _text(self.queue, named))

    def touches(self) -> frozenset[str]:
        return frozenset({f"the policy of queue {self.queue}"})

    def describe(self) -> str:
        return f"queue {self.queue} limited to {self.max_length} message(s), {self.overflow}"


def _text(queue: str, policy: str | None) -> str:
    return f"queue {queue} is under the policy {policy}" if policy else f"queue {queue} is under no policy"
