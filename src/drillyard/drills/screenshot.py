"""
What a customer sees: the shop's page, photographed by headless Chromium where the machine has one.

`DRILL_SCREENSHOTS=off` leaves them out, since each costs seconds of a processor that the shop needs too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from drillyard.drills.scene import Scene

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_LIMIT_S = 25.0
_PAGE = "/category.html"


async def take(scene: Scene, name: str) -> None:
    """Stores `evidence/NAME.png`; where that cannot be, the journal says why in a sentence."""
    browser = next((path for path in map(shutil.which, _NAMES) if path), None)
    if os.environ.get("DRILL_SCREENSHOTS") == "off" or scene.transport is not None:
        scene.record.note("step", "no picture of the shop's page: DRILL_SCREENSHOTS is off")
    elif browser is None:
        scene.record.note("step", "no picture of the shop's page: there is no Chromium on this machine")
    else:
        problem = await _photograph(scene, browser, name)
        if problem:
            scene.record.note("step", f"no picture of the shop's page: {problem}")


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
        process = await asyncio.create_subprocess_exec(
            browser,
            *arguments,
            scene.yard.url("front-end") + _PAGE,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
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
