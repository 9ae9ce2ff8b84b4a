"""
`kubectl exec POD -- kill 1`: process 1 of a container is its first process, not the machine's.

Containers here share the machine's process ids, so the kubelet leads a `kill` that is typed, or stands in the script of
a shell, to the process that is meant. What a program finds out for itself (`ps`, /proc, a `kill` in a script file)
stays the machine's. Unlike in a PID namespace, signal 9 is not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

_SHELLS = {"sh", "bash", "dash", "ash"}
_KILL = re.compile(r"\bkill\b(?P<rest>[^;&|<>()`\n]*)")


class EveryProcess(ValueError):
    """`kill -1`, which here would mean every process of the machine."""


def lead_to(pid: int, command: Sequence[str]) -> list[str]:
    """
    The command with the container's first process (`pid`) where it says process 1.

    Raises EveryProcess.
    """
    name = PurePosixPath(command[0]).name if command else ""
    if name == "kill":
        return [command[0], *_led(pid, command[1:])]
    if name in _SHELLS:
        return [command[0], *(_KILL.sub(lambda found: _led_text(pid, found), word) for word in command[1:])]
    return list(command)


def _led_text(pid: int, found: re.Match[str]) -> str:
    words = re.split(r"(\s+)", found["rest"])  # Words at even places, what is between them at odd ones.
    led = iter(_led(pid, [word for word in words[::2] if word]))
    return "kill" + "".join(next(led) if place % 2 == 0 and word else word for place, word in enumerate(words))


def _led(pid: int, arguments: Sequence[str]) -> list[str]:
    """The operands of kill (POSIX.1-2024): `[-s name | -name | -number] [--] pid…`; their number stays."""
    options = 0
    if arguments and arguments[0] in ("-s", "-n"):
        options = 2
    elif arguments and arguments[0].startswith("-") and arguments[0] != "--":
        options = 1
    pids = []
    for word in arguments[options:]:
        if word == "-1":
            raise EveryProcess(word)
        pids.append(str(pid) if word == "1" else word)
    return [*arguments[:options], *pids]
