"""
A query that cannot be understood: what is wrong, and at which column.
"""

from __future__ import annotations

from drillyard.base.errors import DrillyardError


class QueryError(DrillyardError):
    """`column` counts from 1; `str()` adds the query with a caret under the place, and what to write instead."""

    def __init__(
        self, message: str, query: str, start: int, end: int | None = None, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{message} at column {start + 1}", hint=hint)
        self.query = query
        self.column = start + 1
        self._width = max(1, (end if end is not None else start + 1) - start)

    def __str__(self) -> str:
        shown, before = self.query, self.column - 1
        if len(shown) > 120 or "\n" in shown:
            left = max(0, before - 40)
            shown, before = shown[left : left + 80].replace("\n", " "), before - left
        lines = [self.message, f"  {shown}", "  " + " " * before + "^" * min(self._width, 80)]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)
