"""
A bank as a process of its own, on a port that the kernel chose.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import stripe

READY_WITHIN_S = 20.0
ENDED_WITHIN_S = 5.0


@dataclass
class BankProcess:
    """A running bank: its address and its process."""

    url: str
    process: subprocess.Popen[str]

    def client(self, key: str = "sk_test_mock") -> stripe.StripeClient:
        """The official library with nothing changed but its base address."""
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=0)

    def stop(self, signal_number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and everything that was still in the log."""
        self.process.send_signal(signal_number)
        output, _ = self.process.communicate(timeout=ENDED_WITHIN_S)
        return self.process.returncode, output


Start = Callable[..., BankProcess]


@pytest.fixture
def start_bank(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> BankProcess:
        given = {"PORT": "0", "BANK_DATA": str(tmp_path / "bank"), "BANK_ADMIN_KEY": "admin"} | environment
        process = subprocess.Popen(
            [sys.executable, "-m", "drillyard.bank.server"],
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        watchdog = threading.Timer(READY_WITHIN_S, process.kill)
        watchdog.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        watchdog.cancel()
        watchdog.join()
        match = re.search(r"listening on (http://\S+?)\"", line)
        assert match is not None, f"the bank did not announce itself: {line!r}"
        return BankProcess(match[1], process)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
