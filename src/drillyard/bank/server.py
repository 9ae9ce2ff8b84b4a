"""
The bank as a program: `python -m drillyard.bank.server`.

Announces itself on stdout once it listens, ends on SIGTERM within two seconds, and says in one sentence why it could
not start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence

import uvicorn

from drillyard.bank.app import build
from drillyard.bank.hang_up import HangUpProtocol
from drillyard.bank.journal import line
from drillyard.bank.settings import BankSettings
from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError, SettingError

CANNOT_START = 1
BAD_USAGE = 2
GRACE_S = 1


def main(argv: Sequence[str] = ()) -> int:
    """Runs the bank until SIGTERM or SIGINT. Returns 0, 1 when it cannot start, 2 for a bad setting or argument."""
    try:
        if argv:
            raise SettingError(
                f"The bank takes no arguments, but got {argv[0]!r}.", hint="Settings are environment variables."
            )
        return asyncio.run(_serve(BankSettings.from_environment(os.environ)))
    except SettingError as problem:
        _complain(problem)
        return BAD_USAGE
    except DrillyardError as problem:
        _complain(problem)
        return CANNOT_START


async def _serve(settings: BankSettings) -> int:
    with _listening(settings) as listener:
        app = build(settings, log=_write)
        async with app.router.lifespan_context(app):
            config = uvicorn.Config(
                app,
                http=HangUpProtocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
            server = _Server(config)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, server.leave)
            address = f"http://{settings.host}:{listener.getsockname()[1]}"
            _write(line(SystemClock().now(), {"msg": f"bank listening on {address}"}))
            await server.serve(sockets=[listener])
    return 0


class _Server(uvicorn.Server):
    """uvicorn's server, which by itself wakes ten times a second and ends by the signal, not with an exit code."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        seconds = 0
        while not await self.on_tick(seconds * 10):  # It counts tenths, and renews the Date header on whole seconds.
            seconds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), timeout=1)


@contextlib.contextmanager
def _listening(settings: BankSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only on these.
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(128)
        except OSError as problem:
            raise DrillyardError(
                f"The bank cannot listen on {settings.host}:{settings.port}: {problem.strerror or problem}.",
                hint="Set HOST or PORT to another.",
            ) from problem
        yield listener


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(problem: DrillyardError) -> None:
    sys.stderr.write(f"{problem}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
