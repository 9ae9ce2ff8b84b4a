"""One yard of its own for the documents: what their commands count, nobody else may add to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drillyard.yard.container_tools import locust

from ..conftest import BIN, Drill, environment
from .stage import Stage, run_time_s
from .table import document
from .typing_hands import Hands

YARD = "documents"
MANIFEST = range(235, 324)
"""The document's lines of the Locust manifest."""


def manifest() -> str:
    lines = document(3)
    return "".join(f"{lines.get(line, '')}\n" for line in MANIFEST)


@pytest.fixture(scope="package")
def stage(home: Path, drill: Drill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLYARD_HOME", str(home))
        up = drill("up", "--yard", YARD)
        assert up.returncode == 0, up.stderr
        exports = subprocess.run(
            ["sh", "-c", f'eval "$({BIN}/drill env --yard {YARD})" && env -0'],
            env=environment(home),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        variables = dict(one.split("=", 1) for one in exports.split("\0") if "=" in one)
        folder = tmp_path_factory.mktemp("documents")
        kubectls = {"wheel": str(BIN / "kubectl")}
        on_path = shutil.which("kubectl", path=os.pathsep.join(p for p in os.get_exec_path() if p != str(BIN)))
        if on_path:
            kubectls["path"] = on_path
        hands = Hands(folder, {**variables, "HOME": str(folder)}, kubectls)
        (folder / "locust-payment-failure.yaml").write_text(manifest().replace('"2m"', f'"{run_time_s()}s"'))
        try:
            with Stage(YARD, hands, drill, with_locust=locust.is_installed()) as stage:
                yield stage
        finally:
            down = drill("down", "--yard", YARD)
            assert down.returncode == 0, down.stderr
