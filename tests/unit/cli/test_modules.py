"""Each command is imported alone, and `drill --help` still knows all of them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from drillyard.cli.examples import EXAMPLES
from drillyard.cli.main import MODULES, command_of, register


def test_every_module_has_the_commands_that_are_said_of_it() -> None:
    said = [command for commands in MODULES.values() for command in commands]

    assert sorted(get_command(register()).commands) == sorted(said)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["logs", "status"], "logs"),
        (["--context", "run", "status"], "status"),
        (["--kubeconfig=x", "--context", "c", "up"], "up"),
        (["--help", "logs"], None),
        (["-h"], None),
        ([], None),
        (["--context"], None),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(arguments: list[str], command: str | None) -> None:
    assert command_of(arguments) == command


def test_a_command_imports_no_other_module() -> None:
    code = "import sys; from drillyard.cli.main import register; register('records'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {name for name in MODULES if f"drillyard.cli.{name}" in modules} == {"records"}


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_the_example_in_a_commands_help_can_be_typed(command: str) -> None:
    known = get_command(register()).commands  # type: ignore[attr-defined]
    _, name, *arguments = shlex.split(EXAMPLES[command][0])

    assert name == command
    assert sorted(EXAMPLES) == sorted(known)
    known[name].make_context(name, arguments)  # Raises for what cannot be parsed; calls nothing.


def test_what_is_said_to_come_next_is_a_command_too() -> None:
    known = set(get_command(register()).commands)  # type: ignore[attr-defined]
    named = {name for _, text in EXAMPLES.values() for name in re.findall(r"drill (\w+)", text)}

    assert named <= known
