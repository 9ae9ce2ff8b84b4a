"""A picture is taken beside the drill: it never keeps the fault on for long, and the record says what it cost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from drillyard.base.clock import SystemClock
from drillyard.drills import screenshot


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A scene whose record remembers; a browser that is there, and pictures that take as long as a test lets them."""
    monkeypatch.delenv("DRILL_SCREENSHOTS", raising=False)
    monkeypatch.setattr(screenshot.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(screenshot, "LONGER_MAX_S", 0.01)
    kept: dict[str, Any] = {}
    notes: list[str] = []
    record = SimpleNamespace(note=lambda kind, text, **_: notes.append(text), evidence=kept.__setitem__)
    return SimpleNamespace(record=record, clock=SystemClock(), transport=None, kept=kept, notes=notes)


def takes(monkeypatch: pytest.MonkeyPatch, done: asyncio.Event, problem: str | None = None) -> None:
    async def photograph(scene: Any, browser: str, name: str) -> str | None:
        await done.wait()
        return problem

    monkeypatch.setattr(screenshot, "_photograph", photograph)


async def test_one_that_is_ready_in_time_costs_the_fault_nothing(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = asyncio.Event()
    takes(monkeypatch, done)

    async with screenshot.beside(scene, "shop-during"):
        done.set()

    assert set(scene.kept["pictures"]["shop-during"]) == {"took_s", "longer_s"}
    assert scene.notes[0].startswith("a picture of the shop's page, in 0.")


async def test_one_that_is_late_is_given_up(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    takes(monkeypatch, asyncio.Event())

    async with screenshot.beside(scene, "shop-during"):
        pass

    assert scene.kept == {}
    assert "Chromium was not done 0.01 s after all else was" in scene.notes[0]


async def test_what_goes_wrong_with_it_is_a_sentence(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = asyncio.Event()
    takes(monkeypatch, done, "Chromium ended with exit code 1 and left none")

    async with screenshot.beside(scene, "shop-during"):
        done.set()

    assert "exit code 1" in scene.notes[0]


async def test_a_drill_that_fails_takes_its_browser_along(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    takes(monkeypatch, asyncio.Event())

    with pytest.raises(RuntimeError):
        async with screenshot.beside(scene, "shop-during"):
            raise RuntimeError

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_without_a_browser_the_record_says_so(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screenshot.shutil, "which", lambda name: None)

    async with screenshot.beside(scene, "shop-during"):
        pass

    assert scene.notes == ["no picture of the shop's page: there is no Chromium on this machine"]
