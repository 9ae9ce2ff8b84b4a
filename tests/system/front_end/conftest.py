"""
A front-end as a process of its own, with the fake back services as another, each on ports that the kernel chose.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import devtools

READY_WITHIN_S = 20.0
ENDED_WITHIN_S = 5.0
HERE = Path(__file__).parent
FAKE_SHOP = HERE.parents[1] / "unit" / "front_end" / "fake_shop.py"


@dataclass
class FrontEndProcess:
    """A running front-end: its address, the orders service behind it, and its process."""

    url: str
    orders_url: str
    process: subprocess.Popen[str]

    def stop(self) -> tuple[int, str]:
        """Exit code and everything that was still in the log."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=ENDED_WITHIN_S)
        return self.process.returncode, output


Start = Callable[..., FrontEndProcess]


def _started(command: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    """The process and the line by which it announced itself."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(READY_WITHIN_S, process.kill)
    watchdog.start()
    assert process.stdout is not None
    line = process.stdout.readline()
    watchdog.cancel()
    watchdog.join()
    return process, line


@pytest.fixture
def start_front_end() -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> FrontEndProcess:
        fake, line = _started([sys.executable, str(HERE / "fake_shop_server.py"), str(FAKE_SHOP)], {})
        processes.append(fake)
        urls = json.loads(line)
        settings = {f"{name.upper()}_URL": url for name, url in urls.items()} | {"PORT": "0"} | environment
        front_end, line = _started([sys.executable, "-m", "drillyard.shop.front_end"], settings)
        processes.append(front_end)
        match = re.search(r"on port (\d+)", line)
        assert match is not None, f"the front-end did not announce itself: {line!r}"
        return FrontEndProcess(f"http://127.0.0.1:{match[1]}", urls["orders"], front_end)

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
async def visit(start_front_end: Start, tmp_path: Path) -> AsyncIterator[Any]:
    """A browser in the shop, and the shop's own address for changing what its back services do."""
    front_end = start_front_end()
    async with devtools.browser(front_end.url, tmp_path / "profile") as page:
        page.shop = front_end
        yield page
        assert page.complaints == []
        assert [url for url in page.requested if not url.startswith((front_end.url, "about:", "data:"))] == []
