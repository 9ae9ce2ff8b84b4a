"""A real Prometheus that holds the samples of the PromQL cases, for as long as a block runs."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.unit.telemetry import promql_cases
from tests.unit.telemetry.promql_cases import AT_S, START_S, STEP_S

_START_S = 30.0


def installed() -> bool:
    return shutil.which("prometheus") is not None and shutil.which("promtool") is not None


class RealPrometheus:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=20.0)

    def version(self) -> str:
        return str(self._client.get("/api/v1/status/buildinfo").json()["data"]["version"])

    def instant(self, query: str) -> Any:
        return self._ask("/api/v1/query", {"query": query, "time": str(AT_S)})

    def ranged(self, query: str) -> Any:
        return self._ask(
            "/api/v1/query_range",
            {"query": query, "start": str(START_S), "end": str(AT_S), "step": str(STEP_S)},
        )

    def _ask(self, path: str, form: dict[str, str]) -> Any:
        answer = self._client.post(path, data=form).json()
        return answer["data"] if answer["status"] == "success" else {"error": True}

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[RealPrometheus]:
    """Starts it on a free port with the samples in its own blocks."""
    text, data, config = folder / "samples.txt", folder / "data", folder / "prometheus.yml"
    text.write_text(promql_cases.openmetrics())
    config.write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=50y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    opened = RealPrometheus(f"http://127.0.0.1:{port}")
    try:
        _wait_until_ready(process, opened, folder / "log")
        yield opened
    finally:
        opened.close()
        process.terminate()
        process.wait(timeout=20)


def _wait_until_ready(process: subprocess.Popen[bytes], opened: RealPrometheus, log: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(httpx.TransportError, ValueError, KeyError):
            if opened.instant("count(requests)")["result"]:
                return
        assert process.poll() is None, log.read_text()[-500:]
        assert time.monotonic() < deadline_s, "Prometheus did not come up"
        time.sleep(0.1)
