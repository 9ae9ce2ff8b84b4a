"""`agent status` in the words of the seeds."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace

from drillyard.telemetry.agent.stats import CopyStats, Stats
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


def test_what_was_lost_or_refused_is_said_and_nothing_is_said_when_all_is_well(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGENT_RUN", str(tmp_path))
    (tmp_path / "alive").touch()
    replace(STATS).save(tmp_path / "stats.json")
    assert main(["status"]) == 0
    assert not {"Error", "Lost", "NotFollowed"} & set(re.findall(r"[A-Z][a-z]+(?=:)", capsys.readouterr().out))
    real = CopyStats("https://agent-http-intake.logs.datadoghq.com:443/api/v2/logs", 5, 7, 1_000, "HTTP 403")
    replace(STATS, copies=[real], bytes_lost=99, files_beyond=2, trouble="HTTP 429").save(tmp_path / "stats.json")
    assert main(["status"]) == 0
    printed = capsys.readouterr().out
    assert (
        "    Reliable: Sending compressed logs in HTTPS to agent-http-intake.logs.datadoghq.com on port 443\n"
        in printed
    )
    for told in (
        "Sent: 5",
        "Dropped: 7",
        "WaitingOnDisk: 1000",
        "LastError: HTTP 403",
        "BytesLost: 99",
        "FilesNotFollowed: 2",
        "LastError: HTTP 429",
    ):
        assert f" {told}" in printed
    assert printed.count("LogsSent:") == 1


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
