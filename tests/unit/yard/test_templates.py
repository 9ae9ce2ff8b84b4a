"""Templates are made once and whole; a pod's data directory is taken from a spare copy, or copied aside and renamed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drillyard.base.session import session_members
from drillyard.yard import templates as templates_module
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


async def test_whoever_is_cancelled_while_they_are_made_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    maker = f"#!/bin/sh\nsleep 60 & echo $$ $! > {started}.new && mv {started}.new {started}; wait\n"
    (tmp_path / "python").write_text(maker)
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    making = asyncio.ensure_future(templates_module.ensure(tmp_path))
    async with asyncio.timeout(20):
        while not started.exists():
            await asyncio.sleep(0.01)

    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making

    session = int(started.read_text().split()[0])
    async with asyncio.timeout(20):
        while session_members(session):
            await asyncio.sleep(0.01)


async def test_two_callers_at_once_make_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    async def make(folder: Path) -> None:
        made.append(folder)
        await asyncio.sleep(0)
        folder.mkdir()
        (folder / "complete").touch()

    monkeypatch.setattr(templates_module, "_make", make)

    first, second = await asyncio.gather(templates_module.ensure(tmp_path), templates_module.ensure(tmp_path))

    assert made == [first] == [second]
