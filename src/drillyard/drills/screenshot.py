"""
What a customer sees: the shop's page, photographed by headless Chromium where the machine has one.

It is taken beside the load and the observation, so that the fault is not on for longer because of it: what Chromium has
not finished when all else is done is waited for a moment more, and then given up. `DRILL_SCREENSHOTS=off` leaves
pictures out, since each costs seconds of a processor that the shop needs too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from drillyard.drills.scene import Scene

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LIMIT_S = 25.0
LONGER_MAX_S = 2.0
_PAGE = "/category.html"


@contextlib.asynccontextmanager
async def beside(scene: Scene, name: str) -> AsyncIterator[None]:
    """
    Stores `evidence/NAME.png` while the body runs, and waits for it at most LONGER_MAX_S after it.

    The journal says how long it took and kept the fault on, or why there is no picture.
    """
    clock = scene.clock
    browser = next((path for path in map(shutil.which, _NAMES) if path), None)
    if os.environ.get("DRILL_SCREENSHOTS") == "off" or scene.transport is not None or browser is None:
        why = "there is no Chromium on this machine" if browser is None else "DRILL_SCREENSHOTS is off"
        scene.record.note("step", f"no picture of the shop's page: {why}")
        yield
        return
    taking = asyncio.ensure_future(_photograph(scene, browser, name))
    began_s = clock.monotonic_s()
    ended_s: list[float] = []
    taking.add_done_callback(lambda _: ended_s.append(clock.monotonic_s()))
    try:
        yield
        alone_s = clock.monotonic_s()
        await asyncio.wait([taking], timeout=LONGER_MAX_S)
        longer_s = clock.monotonic_s() - alone_s
        problem = taking.result() if taking.done() else f"Chromium was not done {LONGER_MAX_S:g} s after all else was"
    finally:
        taking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await taking
    took_s = ended_s[0] - began_s
    times = {"took_s": round(took_s, 1), "longer_s": round(longer_s, 1)}
    if problem is None:
        scene.record.evidence("pictures", {name: times})
    text = (
        f"no picture of the shop's page: {problem}" if problem else f"a picture of the shop's page, in {took_s:.1f} s"
    )
    scene.record.note("step", f"{text} (the fault stayed on {longer_s:.1f} s longer for it)", **times)


async def _photograph(scene: Scene, browser: str, name: str) -> str | None:
    """None when it was stored, else what went wrong."""
    with tempfile.TemporaryDirectory(prefix="drill-picture-") as folder:
        picture = Path(folder) / "page.png"
        arguments = [
            "--headless=new",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--window-size=1200,900",
            f"--user-data-dir={folder}/profile",
            f"--screenshot={picture}",
            "--virtual-time-budget=8000",  # The page's own clock: it loads its socks by script.
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium refuses to run as root with it.
        try:
            process = await asyncio.create_subprocess_exec(
                browser,
                *arguments,
                scene.yard.url("front-end") + _PAGE,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as refused:
            return f"{browser} cannot be started: {refused.strerror or refused}"
        try:
            await asyncio.wait_for(process.wait(), _LIMIT_S)
        except TimeoutError:
            return f"Chromium did not finish within {_LIMIT_S:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if not picture.is_file():
            return f"Chromium ended with exit code {process.returncode} and left none"
        scene.record.picture(name, picture.read_bytes())
        return None
