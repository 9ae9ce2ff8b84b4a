"""
The command `drill`.

Exit codes: 0 done (a drill: kept), 1 failed (a drill: broken), 2 bad usage, 3 unclear, 70 invalid, 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.cli.examples import epilog
from drillyard.cli.invocation import as_typed
from drillyard.yard.home import CONTEXT

READER_GONE = 141
_INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (*_FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What a person can mend, whatever the command was doing; any other OSError is a bug, and keeps its traceback."""
app = typer.Typer(
    name="drill",
    help="Break a real shop on purpose, and see whether the on-call can tell, repair it, and account for every order.",
    epilog="Begin with `drill demo`, or with `drill up` and `drill run incident-5`; `drill COMMAND -h` has an example."
    "\n\nExit codes: 0 done or kept · 1 failed or broken · 2 bad usage · 3 unclear · 70 invalid (the yard failed)"
    " · 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: Annotated[
        str,
        typer.Option(
            envvar=CONTEXT,
            metavar="NAME",
            help="Use the cluster of this kubeconfig context, with the shop of deploy/ in it, instead of a yard.",
        ),
    ] = "",
    kubeconfig: Annotated[
        str,
        typer.Option(metavar="FILE", help="The kubeconfig of --context. [default: KUBECONFIG, else ~/.kube/config]"),
    ] = "",
) -> None:
    """Break a real shop on purpose, and see whether the on-call can tell, repair it, and account for every order."""
    # Environment variables, so that the commands that drill itself starts use the same cluster.
    if kubeconfig and not context:
        raise SettingError(
            "--kubeconfig is given without --context.", hint="`drill --context NAME …` chooses a cluster."
        )
    if context:
        os.environ[CONTEXT] = context
    if kubeconfig:
        os.environ["KUBECONFIG"] = kubeconfig


MODULES = {
    "yards": ("up", "status", "down", "env", "endpoints"),
    "catalogue": ("incidents", "faults", "profiles"),
    "play": ("run", "demo"),
    "by_hand": ("inject",),
    "healing": ("heal", "recover"),
    "reconcile": ("reconcile",),
    "records": ("records",),
    "report": ("report", "diff"),
    "logs": ("logs",),
    "timeline": ("timeline",),
    "events": ("events",),
    "metrics": ("metrics",),
    "pipelines": ("pipelines",),
    "check": ("check",),
}
"""The commands of each module of this package, in the order of `drill --help`."""


def register(command: str | None = None) -> typer.Typer:
    """
    The app with the module that has this command, or with all of them.

    Importing everything takes a second of processor time, which a command that is typed again and again must not cost.
    """
    chosen = [name for name, commands in MODULES.items() if command in commands] or MODULES
    for name in chosen:
        if name not in _registered:
            _registered.add(name)
            importlib.import_module(f"drillyard.cli.{name}").register(app)
    for info in app.registered_commands:
        info.epilog = epilog(str(info.name or getattr(info.callback, "__name__", "")))
    for group in app.registered_groups:
        group.epilog = epilog(str(group.name))
    return app


_registered: set[str] = set()


def command_of(arguments: Sequence[str]) -> str | None:
    """The command that is asked for; None where there is none, or help comes before it."""
    words = iter(arguments)
    for word in words:
        if word in ("-h", "--help"):
            return None
        if word in ("--context", "--kubeconfig"):
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def main() -> None:
    """Runs the command line; a DrillyardError becomes its sentence on stderr, never a traceback."""
    _end_in_order()
    try:
        register(command_of(sys.argv[1:]))()
    except SettingError as problem:
        _fail(problem, 2)
    except DrillyardError as problem:
        _fail(problem, 1)
    except KeyboardInterrupt:
        _fail(DrillyardError("Interrupted."), _INTERRUPTED)
    except BrokenPipeError:
        _end_with_the_reader()
    except SystemExit as end:
        # Rich and Click make a plain exit code of a closed pipe and of Ctrl-C.
        if end.code == _INTERRUPTED:
            _fail(DrillyardError("Interrupted."), _INTERRUPTED)
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _end_with_the_reader()
    except OSError as problem:
        if problem.errno not in _REFUSED:
            raise
        _fail(_in_words(problem), 1)


def _end_in_order() -> None:
    """SIGTERM, and a terminal that is closed, end a command as Ctrl-C does: what it broke is healed first."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # As under nohup.
            signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))


def _end_with_the_reader() -> NoReturn:
    """The reader (head, less) has seen enough: quietly, with the code that shells show for SIGPIPE."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(READER_GONE)


def _in_words(problem: OSError) -> DrillyardError:
    if problem.errno in _FULL:
        return DrillyardError("The disk is full.", hint="Free some space, or name another place in DRILLYARD_HOME.")
    where = f": {problem.filename}" if problem.filename else ""
    return DrillyardError(f"The system refused: {problem.strerror or problem}{where}.")


def _fail(problem: DrillyardError, code: int) -> NoReturn:
    sys.stderr.write(f"{as_typed(str(problem))}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
