"""
A plain copy of one kind of objects, for those who only count them.
"""

from __future__ import annotations

from drillyard.telemetry.agent.kubernetes import Object


class Objects:
    """A Sink. `known` once the first listing is there; until then nothing may be concluded from absence."""

    def __init__(self) -> None:
        self._found: dict[str, Object] = {}
        self.known = False

    def listed(self, objects: list[Object]) -> None:
        """These exist."""
        self._found = {found["metadata"]["uid"]: found for found in objects}
        self.known = True

    def changed(self, kind: str, found: Object) -> None:
        """One came, changed or went."""
        if kind == "DELETED":
            self._found.pop(found["metadata"]["uid"], None)
        else:
            self._found[found["metadata"]["uid"]] = found

    def all(self) -> list[Object]:
        """Those that exist."""
        return list(self._found.values())
