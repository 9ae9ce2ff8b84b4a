"""What must be done to a module is done when a program imports it, once, and before the program sees it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from drillyard.base.late_import import when_imported


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that nobody has imported."""
    (tmp_path / "late_module.py").write_text("word = 'theirs'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "late_module", raising=False)
    return "late_module"


def test_nothing_is_imported_for_a_program_that_does_not_ask(late: str) -> None:
    when_imported(late, lambda module: setattr(module, "word", "ours"))

    assert late not in sys.modules


def test_it_is_done_before_the_program_sees_the_module_and_only_once(
    late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ModuleType] = []
    when_imported(late, lambda module: (seen.append(module), setattr(module, "word", "ours"))[0])

    assert importlib.import_module(late).word == "ours"
    importlib.reload(sys.modules[late])
    assert len(seen) == 1
    monkeypatch.delitem(sys.modules, late)


def test_a_module_that_is_there_is_acted_on_at_once() -> None:
    seen: list[ModuleType] = []

    when_imported("json", seen.append)

    assert [module.__name__ for module in seen] == ["json"]
