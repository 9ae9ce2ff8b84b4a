"""A reader that has seen enough (`| head`) ends the command quietly, as it ends other tools."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["--help"], ["incidents"], ["incidents", "--json"]])
def test_a_closed_pipe_ends_the_command_quietly(arguments):
    command = [sys.executable, "-m", "drillyard.cli.main", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(20) == 141
