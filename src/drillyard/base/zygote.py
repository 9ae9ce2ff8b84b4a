"""
A process that has everything imported, and forks.

Starting a Python service costs 0.3 to 1 s of imports, and 30 MB of its own; fourteen at once cost seconds. The zygote
imports the given modules once, has neither threads nor an event loop, and forks a child per request: 50 ms, and shared
memory.

Requests come over an inherited Unix socket, as JSON with the child's stdin, stdout and stderr attached (`base.spawner`
is the client). The promise: a child ends with its whole session; all children end when the requester goes away, however
it goes; and when the zygote itself is killed, the kernel (PDEATHSIG) and a lifeline pipe end them.

    python -m drillyard.base.zygote --socket-fd N [--preload module,module]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from setproctitle import setproctitle

from drillyard.base import heap
from drillyard.base.session import kill_session
from drillyard.base.spawn_wire import Connection, Message
from drillyard.base.zygote_child import become

_REAP_POLL_MS = 1000  # A guard only: SIGCHLD wakes the poll.


class Zygote:
    """The server: one requester, many children. Runs until the requester hangs up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._children: set[int] = set()
        self._wakeup, self._wakeup_write = os.pipe()
        self._lifeline, self._lifeline_write = os.pipe()  # Written by nobody: its end of file says that we are gone.

    def serve(self) -> None:
        """Answers requests and reports ended children until the requester is gone; then ends every child."""
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._wakeup_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll(_REAP_POLL_MS)}
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wakeup, 4096)
                self._reap()
                if self._connection.fileno() in ready:
                    for message in self._connection.receive():
                        self._answer(message)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # The requester is gone: so are we.
        finally:
            for pid in self._children:
                kill_session(pid)

    def _answer(self, message: Message) -> None:
        request, fds = message.content, message.fds
        try:
            match request.get("op"):
                case "spawn":
                    self._spawn(request, fds)
                case "signal":
                    self._signal(request)
                case unknown:
                    self._connection.send({"id": request.get("id"), "error": f"unknown request {unknown!r}"})
        except (OSError, KeyError, TypeError, ValueError) as refused:
            if isinstance(refused, BrokenPipeError | ConnectionResetError):
                raise
            self._connection.send({"id": request.get("id"), "error": f"{type(refused).__name__}: {refused}"})
        finally:
            for fd in fds:
                os.close(fd)

    def _spawn(self, request: dict[str, Any], fds: Sequence[int]) -> None:
        if len(fds) != len(request["streams"]):
            raise ValueError(f"{len(fds)} descriptors came for the streams {request['streams']}")
        # Held back until the child is on record: it could end before.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
            if pid == 0:
                become(request, dict(zip(request["streams"], fds, strict=True)), self._lifeline)
            self._children.add(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        self._connection.send({"id": request["id"], "pid": pid})

    def _signal(self, request: dict[str, Any]) -> None:
        """To a child that is not reaped yet, so that its number cannot have another owner."""
        pid, number = int(request["pid"]), int(request["signal"])
        if pid not in self._children:
            return
        with contextlib.suppress(ProcessLookupError):
            if request.get("session") and os.getsid(pid) == pid:  # Just forked it has no session yet, and no children.
                kill_session(pid, number)
            else:
                os.kill(pid, number)

    def _reap(self) -> None:
        while self._children:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            if pid in self._children:
                kill_session(pid)  # While the zombie still holds the session's number.
            _, status = os.waitpid(pid, 0)
            if pid in self._children:
                self._children.discard(pid)
                self._connection.send({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _preload(modules: Sequence[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # Otherwise a collection in a child touches, and so copies, every shared page.


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="drillyard.base.zygote", description="Forks what is already imported.")
    parser.add_argument("--socket-fd", type=int, required=True, help="the inherited Unix stream socket")
    parser.add_argument("--preload", default="", help="modules to import once, separated by commas")
    options = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # The requester says when: by hanging up.
    heap.return_large_blocks()
    setproctitle("drillyard zygote")  # Here first: it finds its room by the environment, which a child replaces.
    connection = Connection(socket.socket(fileno=options.socket_fd))
    try:
        _preload([name for name in options.preload.split(",") if name])
    except BaseException as failed:  # Whatever an import can do wrong is told, and ends this process.
        connection.send({"failed": f"{type(failed).__name__}: {failed}"})
        raise
    connection.send({"ready": os.getpid()})
    Zygote(connection).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
