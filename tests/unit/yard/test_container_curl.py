"""What curl says in a pod names the cluster's addresses, never the loopback ports behind them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drillyard.yard.container_tools import curl
from drillyard.yard.container_tools.curl import Translation

TABLE = {
    "names": {"payment": "10.96.0.12", "payment.sock-shop.svc": "10.96.0.12"},
    "connect": {"10.96.0.12:80": 20361, "10.244.0.7:80": 20400},
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("* Connecting to hostname: 127.0.0.1", None),
        ("* Connecting to port: 20361", None),
        ("*   Trying 127.0.0.1:20361...", "*   Trying 10.96.0.12:80..."),
        ("* Connected to (nil) (127.0.0.1) port 20361 (#0)", "* Connected to payment (10.96.0.12) port 80 (#0)"),
        ("* Connected to 127.0.0.1 (127.0.0.1) port 20361", "* Connected to payment (10.96.0.12) port 80"),
        (
            "* Established connection to 127.0.0.1 (127.0.0.1 port 20361) from 127.0.0.1 port 5",
            "* Established connection to payment (10.96.0.12 port 80) from 127.0.0.1 port 5",
        ),
        (
            "* connect to 127.0.0.1 port 20361 failed: Connection refused",
            "* connect to 10.96.0.12 port 80 failed: Connection refused",
        ),
        (
            "curl: (7) Failed to connect to 127.0.0.1 port 20361 after 0 ms: Couldn't connect to server",
            "curl: (7) Failed to connect to payment port 80 after 0 ms: Couldn't connect to server",
        ),
        ("* connect to 127.0.0.1 port 9 failed: Connection refused",) * 2,
        ("curl: (6) Could not resolve host: nobody",) * 2,
        ("> GET /20361 HTTP/1.1",) * 2,
    ],
)
def test_a_line_is_said_as_a_pod_of_a_cluster_would_see_it(said: str, expected: str | None) -> None:
    assert Translation(TABLE, "-v http://payment:80/health").line(said) == expected


def test_the_name_is_the_one_that_was_asked_for_and_else_the_address() -> None:
    said = "curl: (7) Failed to connect to 127.0.0.1 port 20361"

    assert "payment.sock-shop.svc port 80" in str(Translation(TABLE, "http://payment.sock-shop.svc/").line(said))
    assert "to 10.96.0.12 port 80" in str(Translation(TABLE, "http://10.96.0.12/").line(said))


def test_exit_code_stdin_and_what_is_no_line_pass_through(tmp_path: Path) -> None:
    (tmp_path / "podnet.json").write_text(json.dumps(TABLE))
    real = tmp_path / "curl"
    real.write_text("#!/bin/sh\ncat\nprintf '  0 127.0.0.1:20361\\r100' >&2\nexit 7\n")
    real.chmod(0o755)

    done = subprocess.run(
        [sys.executable, "-I", "-S", curl.__file__, str(real), "http://payment"],
        input=b"body",
        capture_output=True,
        env={"CURL_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        timeout=20,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, b"body", b"  0 10.96.0.12:80\r100")
