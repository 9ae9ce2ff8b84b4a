"""A pod's data directory is whole or absent: taken from a spare copy, or copied aside and renamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.yard.stores import postgres
from drillyard.yard.stores.foreign_user import ForeignUser


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    (tmp_path / "templates" / "orders").mkdir(parents=True)
    (tmp_path / "templates" / "orders" / "PG_VERSION").write_text("18")
    return tmp_path / "templates"


def test_a_spare_copy_is_taken_and_not_left(templates: Path, tmp_path: Path) -> None:
    (templates / "spare" / "orders-1").mkdir(parents=True)
    (templates / "spare" / "orders-1" / "PG_VERSION").write_text("spare")

    postgres._fill(templates, "orders", tmp_path / "data", ForeignUser())

    assert (tmp_path / "data" / "PG_VERSION").read_text() == "spare"
    assert list((templates / "spare").iterdir()) == []


def test_without_a_spare_the_template_is_copied(templates: Path, tmp_path: Path) -> None:
    postgres._fill(templates, "orders", tmp_path / "data", ForeignUser())

    assert (tmp_path / "data" / "PG_VERSION").read_text() == "18"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_copy_that_was_cut_short_is_made_again(templates: Path, tmp_path: Path) -> None:
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "half").write_text("")

    postgres._fill(templates, "orders", tmp_path / "data", ForeignUser())

    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["PG_VERSION"]
