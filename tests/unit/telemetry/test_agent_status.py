"""`agent status` in the words of the seeds."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.status import main

STATS = Stats(started_ms=1_762_372_800_000, logs_processed=67_498, logs_sent=67_492, logs_url="http://127.0.0.1:8126")


def test_the_report_has_the_lines_that_the_documents_look_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENT_RUN", str(tmp_path))
    replace(STATS).save(tmp_path / "stats.json")
    (tmp_path / "alive").touch()
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert "    LogsProcessed: 67498\n    LogsSent: 67492\n" in printed
    assert "Reliable: Sending compressed logs in HTTP to 127.0.0.1 on port 8126" in printed


def test_old_figures_are_not_passed_off_as_present(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENT_RUN", str(tmp_path))
    assert main(["status"]) == 1
    replace(STATS).save(tmp_path / "stats.json")
    (tmp_path / "alive").touch()
    os.utime(tmp_path / "alive", (time.time() - 60, time.time() - 60))
    assert main(["status"]) == 1
    assert "unable to reach the running Agent" in capsys.readouterr().err


def test_other_commands_are_refused(capsys):
    assert main(["flare"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
