"""A table fits a terminal, and is a line a row for whatever else reads it."""

from __future__ import annotations

import pytest
from rich.table import Table

from drillyard.cli.tables import print_table

CLAIM = "a long claim " * 30 + "[/with a bracket]"


@pytest.fixture
def table() -> Table:
    table = Table("NAME", "CLAIM", box=None, pad_edge=False)
    table.add_row("one", CLAIM)
    return table


def test_in_a_pipe_a_row_is_a_line(
    table: Table, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    print_table(table)

    assert CLAIM in capsys.readouterr().out.splitlines()[1]


def test_a_width_that_is_asked_for_is_kept(
    table: Table, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    print_table(table)

    assert {len(line) <= 40 for line in capsys.readouterr().out.splitlines()} == {True}
