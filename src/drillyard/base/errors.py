"""
Errors that a person can mend.

A DrillyardError says what happened, where, and what to do instead, in words for the person at the keyboard: the CLI
prints it without a traceback. Whatever only a bug can cause is left to `assert` and ordinary exceptions.
"""

from __future__ import annotations


class DrillyardError(Exception):
    """A problem that the reader of the message can mend. `hint` is the second line: what to do instead."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class SettingError(DrillyardError):
    """A setting (flag, environment variable, key of a file) whose value does not fit; the message names all three."""
