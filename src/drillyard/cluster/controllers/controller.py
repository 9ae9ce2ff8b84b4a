"""
What every controller is: which kinds it watches, which keys a change of them concerns, and one look at a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from drillyard.cluster.client import EventType, Object
from drillyard.cluster.informer import Key, key_of

Concerns = Callable[[EventType, Object], Iterable[Key]]


class Controller(Protocol):
    """One controller. `reconcile` reads what it needs from the API at that moment, so no cache can mislead it."""

    name: str

    @property
    def watches(self) -> Mapping[str, Concerns]:
        """By kind: the keys that a change of such an object concerns."""

    async def reconcile(self, key: Key) -> float | None:
        """Takes the next steps for the key; returns seconds after which to look again, or None."""


def itself(change: EventType, obj: Object) -> Iterable[Key]:
    """The key of the object itself."""
    return (key_of(obj),)


def controlling(kind: str) -> Concerns:
    """The key of the object's controlling owner, if that is of the kind."""

    def concerns(change: EventType, obj: Object) -> Iterable[Key]:
        owner = controller_of(obj)
        if owner is not None and owner["kind"] == kind:
            yield obj["metadata"]["namespace"], owner["name"]

    return concerns


def controller_of(obj: Object) -> Object | None:
    """The owner reference that says `controller: true`."""
    owners: Iterable[Object] = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(obj: Object, owner: Object) -> bool:
    found = controller_of(obj)
    return found is not None and found["uid"] == owner["metadata"]["uid"]


def owner_reference(owner: Object) -> Object:
    """The reference that makes `owner` the controller of another object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
