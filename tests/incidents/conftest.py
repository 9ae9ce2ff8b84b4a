"""
One real yard for all of these tests, started by the command line as a person starts it, in a home of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

BIN = Path(sys.executable).parent
YARD = "tested"
Drill = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(home: Path) -> dict[str, str]:
    settings = {"DRILLYARD_HOME": str(home), "DRILL_YARD": YARD, "COLUMNS": "200", "DRILL_SCREENSHOTS": "off"}
    return {**os.environ, **settings}


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """
    Not in pytest's own folder: a store that runs as another user must be able to enter, and every start of pytest closes
    that folder to others again, also under a yard that is up.
    """
    with tempfile.TemporaryDirectory(prefix="drillyard-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="session")
def drill(home: Path) -> Drill:
    def run(*arguments: str, timeout_s: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "drill"), *arguments],
            env=environment(home),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            **options,
        )

    return run


@pytest.fixture(scope="session")
def yard(drill: Drill, home: Path) -> Iterator[dict[str, Any]]:
    """The state of a yard that is up; afterwards no process of it may be left."""
    up = drill("up", "--json")
    assert up.returncode == 0, up.stderr
    state = json.loads((home / "yards" / YARD / "yard.json").read_text())
    root = psutil.Process(state["control_plane"]["pid"])
    yield state
    family = [root, *root.children(recursive=True)]
    down = drill("down")
    assert down.returncode == 0, down.stderr
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert not (home / "yards" / YARD).exists()


@pytest.fixture(scope="session")
def kubectl(yard: dict[str, Any], home: Path) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(BIN / "kubectl"), "--kubeconfig", str(home / "yards" / YARD / "kubeconfig"), *arguments],
            env={**os.environ, "HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
