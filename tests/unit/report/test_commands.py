"""`drill report` and `drill diff` find a record by its name, and end as its verdict says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drillyard.base.errors import DrillyardError
from drillyard.cli.main import register
from drillyard.record import Outcome, Record, Verdict

app = register()

MadeUp = Callable[..., Record]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records are looked for where `made_up` writes them."""
    (tmp_path / "records").symlink_to(tmp_path)
    monkeypatch.setenv("DRILLYARD_HOME", str(tmp_path))
    return tmp_path


def drill(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_newest_record_is_rendered_again(made_up: MadeUp) -> None:
    record = made_up()

    done = drill("report")

    assert (done.exit_code, done.stdout.split()[0]) == (0, "KEPT")
    assert all((record.path / name).is_file() for name in ("report.html", "report.md", "junit.xml"))


def test_an_altered_file_is_noticed_and_no_pass(made_up: MadeUp) -> None:
    record = made_up()
    (record.path / "ledgers" / "shoppers.json").write_text("[]")

    done = drill("report", record.path.name[:12], "--print", "json")

    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (3, "unclear")


@pytest.mark.parametrize(("form", "begins"), [("markdown", "#"), ("html", "<!doctype"), ("junit", "<?xml")])
def test_it_is_printed_as_asked(form: str, begins: str, made_up: MadeUp) -> None:
    made_up()

    assert drill("report", "--print", form).stdout.lstrip().lower().startswith(begins)


def test_a_diff_ends_with_1_when_a_verdict_differs(made_up: MadeUp) -> None:
    def broken(of: Any) -> None:
        of.verdict = Verdict(Outcome.BROKEN, "it was not as promised", ())

    first, second = made_up(), made_up(broken)

    assert drill("diff", str(first.path), str(first.path)).stdout == "They say the same.\n"
    assert drill("diff", str(first.path), str(second.path), "--json").exit_code == 1


def test_a_record_that_is_not_there_is_one_sentence(made_up: MadeUp) -> None:
    assert isinstance(drill("report").exception, DrillyardError)
    made_up()
    made_up()

    for asked in ("1999", "2"):
        assert isinstance(drill("report", asked).exception, DrillyardError)


def test_a_damaged_record_is_invalid_and_no_broken_promise(made_up: MadeUp) -> None:
    record = made_up()
    (record.path / "evidence" / "queries.json").write_text("[")

    for arguments in (("report",), ("diff", str(record.path), str(record.path))):
        done = drill(*arguments)
        assert (done.exit_code, "is damaged" in done.stderr) == (70, True)
