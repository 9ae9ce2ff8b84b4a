"""
What a forked child does before it becomes its program: everything that a fresh process would have had.

Own session, own streams, own environment, own randomness, default signals, nothing inherited by accident.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import io
import logging
import os
import random
import signal
import sys
import termios
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

from setproctitle import setproctitle

from drillyard.base import podnet
from drillyard.base.processes import die_with_parent

_NUMBERS = {"stdin": 0, "stdout": 1, "stderr": 2}
_ENTRY_FAILED = 1
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


def become(request: Mapping[str, Any], streams: Mapping[str, int], lifeline: int) -> NoReturn:
    """Never returns, whatever happens: a child that came back would be a second zygote."""
    code = _ENTRY_FAILED
    try:
        _renew_signals()
        lifeline = _inherit_only(streams, lifeline)
        os.setsid()
        if request.get("tty"):
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for folder in request.get("cgroups") or ():
            with open(f"{folder}/cgroup.procs", "w") as members:
                members.write("0")  # The writer itself (cgroups(7)).
        _settle(request)
        _follow_parent(lifeline)
        code = _run_entry(request) if request.get("entry") else _execute(request)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _inherit_only(streams: Mapping[str, int], lifeline: int) -> int:
    """Puts the streams in their places and closes the rest. The lifeline moves to 3, which is returned."""
    chosen = {_NUMBERS[name]: fd for name, fd in streams.items()}
    null = os.open(os.devnull, os.O_RDWR)
    # Duplicated high first: a source could lie in another's place.
    sources = [os.dup(chosen.get(number, null)) for number in range(3)] + [os.dup(lifeline)]
    for number, source in enumerate(sources):
        os.dup2(source, number, inheritable=number < 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def _renew_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # As every Python program has it.
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _settle(request: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    if request.get("cwd"):
        os.chdir(request["cwd"])
    user = request.get("user")
    if user is not None:
        os.setgroups([])
        os.setgid(int(user[1]))
        os.setuid(int(user[0]))
    random.seed()
    if request.get("title"):
        setproctitle(request["title"])


def _follow_parent(lifeline: int) -> None:
    """The kernel's request is lost when a program changes its user, and unknown outside Linux: hence the pipe."""
    die_with_parent(signal.SIGKILL)

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.read(lifeline, 1)
        with contextlib.suppress(OSError):
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def _renew_streams() -> None:
    sys.stdin = io.TextIOWrapper(
        io.BufferedReader(io.FileIO(0, "r", closefd=False)), encoding="utf-8", errors="replace"
    )
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(number, "w", closefd=False)
        buffered = io.BufferedWriter(raw)
        setattr(sys, name, io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True))


def _run_entry(request: Mapping[str, Any]) -> int:
    _renew_streams()
    arguments = [str(argument) for argument in request.get("argv") or ()]
    sys.argv = [request.get("title") or request["entry"], *arguments]
    module, _, name = str(request["entry"]).partition(":")
    try:
        podnet.install()
        code = getattr(importlib.import_module(module), name)(arguments)
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        return _ENTRY_FAILED
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return _ENTRY_FAILED


def _execute(request: Mapping[str, Any]) -> int:
    command = [str(argument) for argument in request["argv"]]
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, os.environ)
    except FileNotFoundError:
        reason, code = "not found", _NOT_FOUND
    except OSError as refused:
        reason, code = str(refused.strerror), _NOT_EXECUTABLE
    os.write(2, f"{command[0]}: {reason}\n".encode(errors="replace"))
    return code


def _flush() -> None:
    with contextlib.suppress(BaseException):
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
