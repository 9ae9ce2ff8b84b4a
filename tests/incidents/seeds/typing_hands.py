"""
Types a command line as a person does: at a terminal, with the kubectl that is first on PATH.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_LIMIT_S = 40.0


class Hands:
    """A shell in a folder of its own. `programs` are folders that stand first on PATH, one for each kubectl."""

    def __init__(self, folder: Path, environment: Mapping[str, str], kubectls: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, dict(environment)
        self.programs = {name: self._front(name, kubectl) for name, kubectl in kubectls.items()}

    def type(self, line: str, program: str, *, until: str = "") -> tuple[int, str]:
        """
        The exit code and what the terminal shows (stdout, then stderr). With `until`, ends it with Ctrl-C when that is
        seen; the command's own end, or the limit, ends the wait as well.
        """
        path = f"{self.programs[program]}{os.pathsep}{self.environment['PATH']}"
        master, slave = os.openpty()  # Ends of a terminal: with `-it`, kubectl asks whether stdin is one.
        with (self.folder / "stderr").open("w+b") as errors:
            process = subprocess.Popen(
                ["sh", "-c", line],
                cwd=self.folder,
                env={**self.environment, "PATH": path},
                stdin=slave,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                # A background job of a shell ignores Ctrl-C, and its children would inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
            try:
                shown = self._read(process, until)
                if until and process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
                code = process.wait(timeout=_LIMIT_S)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                assert process.stdout is not None
                process.stdout.close()
                os.close(master)
                os.close(slave)
            errors.seek(0)
            shown += errors.read()
        return code, shown.decode("utf-8", "replace").replace("\r\n", "\n")

    def _read(self, process: subprocess.Popen[bytes], until: str) -> bytes:
        assert process.stdout is not None
        shown, deadline = b"", time.monotonic() + _LIMIT_S
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([process.stdout], [], [], left)
            part = os.read(process.stdout.fileno(), 65536) if ready else b""
            shown += part
            seen = until and re.search(until, shown.decode("utf-8", "replace").replace("\r\n", "\n"), re.M)
            if not part or seen:
                return shown
        raise AssertionError(f"still running after {_LIMIT_S:g} s: {shown[-2000:]!r}")

    def _front(self, name: str, kubectl: str) -> Path:
        folder = self.folder / f"bin-{name}"
        folder.mkdir()
        (folder / "kubectl").symlink_to(kubectl)
        if shutil.which("jq") is None:
            program = Path(__file__).with_name("jq_program.py")
            (folder / "jq").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
            (folder / "jq").chmod(0o755)
        return folder
