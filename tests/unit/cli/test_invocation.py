"""A command that is printed can be copied: `drill` is written as it was called where PATH does not lead to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.cli import invocation


@pytest.fixture(autouse=True)
def _called_anew():
    invocation.typed.cache_clear()
    yield
    invocation.typed.cache_clear()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "my bin" / "drill"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(path), "up"])
    monkeypatch.setenv("PATH", str(tmp_path))
    return path


def test_without_one_on_path_it_is_named_as_it_was_called(program: Path) -> None:
    said = invocation.as_typed('Yard a is not up.\n  `drill up --yard a` starts it, "$(drill env)" leads to it.')

    assert said == f"Yard a is not up.\n  `'{program}' up --yard a` starts it, \"$('{program}' env)\" leads to it."


def test_another_drill_on_path_is_not_taken_for_it(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = program.parent.parent / "drill"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)

    assert invocation.typed() == f"'{program}'"


def test_on_path_it_is_drill(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))

    assert invocation.as_typed("`drill up`") == "`drill up`"


def test_the_word_alone_is_left_as_it_is(program: Path) -> None:
    assert invocation.as_typed("A drill is being played; (drill 5), .venv/bin/drill up.") == (
        "A drill is being played; (drill 5), .venv/bin/drill up."
    )
