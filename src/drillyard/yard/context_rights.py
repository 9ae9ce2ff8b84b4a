"""
What a context's user must be allowed in a cluster elsewhere, asked before anything is begun.

A right that lacks shows late and in other words: a port-forward that is refused looks like a service that is down.
"""

from __future__ import annotations

import asyncio

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import Api

# Verb, resource, namespace. Both verbs of portforward: a WebSocket is authorized as `get`, since 1.35 as `create` too.
NEEDED = (
    *(
        (verb, resource, namespace)
        for namespace in ("sock-shop", "bank")
        for verb, resource in (
            ("list", "services"),
            ("get", "services"),
            ("get", "endpoints"),
            ("get", "pods/portforward"),
            ("create", "pods/portforward"),
        )
    ),
    ("get", "secrets", "bank"),
    ("list", "pods", "sock-shop"),
)


async def must_be_allowed(api: Api, context: str) -> None:
    """Raises DrillyardError with all that is missing, ApiError when the server does not say."""
    answers = await asyncio.gather(*(_is_allowed(api, *one) for one in NEEDED))
    lacking = [
        f"{verb} {what} in {place}" for (verb, what, place), given in zip(NEEDED, answers, strict=True) if not given
    ]
    if lacking:
        raise DrillyardError(
            f"The user of context {context} may not {', '.join(lacking)}.",
            hint="Ask for a Role with these, or take another context; see docs/real-cluster.md.",
        )


async def _is_allowed(api: Api, verb: str, what: str, namespace: str) -> bool:
    resource, _, subresource = what.partition("/")
    asked = {"verb": verb, "resource": resource, "namespace": namespace}
    if subresource:
        asked["subresource"] = subresource
    answer = await api.create("selfsubjectaccessreviews", None, {"spec": {"resourceAttributes": asked}})
    return bool(answer["status"]["allowed"])
