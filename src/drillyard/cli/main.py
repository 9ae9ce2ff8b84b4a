"""
The command `drill`. Exit codes: 0 done (a drill: kept), 1 failed (a drill: broken), 2 bad usage, 3 unclear, 70 invalid.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.cli import (
    by_hand,
    catalogue,
    check,
    events,
    logs,
    metrics,
    pipelines,
    play,
    reconcile,
    records,
    report,
    timeline,
    yards,
)
from drillyard.yard.home import CONTEXT

READER_GONE = 141
app = typer.Typer(
    name="drill",
    help="Break a real shop on purpose, and see whether the on-call can tell, repair it, and account for every order.",
    epilog="Exit codes: 0 done or kept · 1 failed or broken · 2 bad usage · 3 unclear · 70 invalid (the yard failed).",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
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


yards.register(app)
catalogue.register(app)
play.register(app)
by_hand.register(app)
reconcile.register(app)
records.register(app)
report.register(app)
logs.register(app)
timeline.register(app)
events.register(app)
metrics.register(app)
pipelines.register(app)
check.register(app)


def main() -> None:
    """Runs the command line; a DrillyardError becomes its sentence on stderr, never a traceback."""
    try:
        app()
    except SettingError as problem:
        _fail(problem, 2)
    except DrillyardError as problem:
        _fail(problem, 1)
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    except BrokenPipeError:
        _end_with_the_reader()
    except SystemExit as end:
        # Rich and Click make a plain exit code of a closed pipe.
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _end_with_the_reader()
    except OSError as problem:
        if problem.errno != 28:
            raise
        _fail(DrillyardError("The disk is full.", hint="Free some space, or name another place in DRILLYARD_HOME."), 1)


def _end_with_the_reader() -> NoReturn:
    """The reader (head, less) has seen enough: quietly, with the code that shells show for SIGPIPE."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(READER_GONE)


def _fail(problem: DrillyardError, code: int) -> None:
    sys.stderr.write(f"{problem}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
