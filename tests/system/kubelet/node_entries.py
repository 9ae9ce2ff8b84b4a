"""Programs that the tests run in pods."""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        sick = Path("sick").exists()
        body = json.dumps({"env": dict(os.environ), "argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid()}).encode()
        self.send_response(500 if sick else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def web(argv: Sequence[str]) -> int:
    """Answers on PORT; unhealthy while a file `sick` is in its folder."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "80"))), _Answer)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("listening")
    server.serve_forever()
    print("stopped")
    return 0


def crash(argv: Sequence[str]) -> int:
    print("about to fail", argv)
    return 3


def talk(argv: Sequence[str]) -> int:
    """Prints so many lines, then the second argument's seconds of silence."""
    for number in range(int(argv[0])):
        print(f"line {number}")
    sys.stdout.flush()
    time.sleep(float(argv[1]))
    print("last", file=sys.stderr)
    return 0


def stubborn(argv: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready")
    time.sleep(1000)
    return 0


def hog(argv: Sequence[str]) -> int:
    """Takes so many MiB, slowly enough for a sampler to see it."""
    held = []
    for _ in range(int(argv[0])):
        held.append(os.urandom(1024 * 1024))
        time.sleep(0.01)
    time.sleep(1000)
    return 0


def spin(argv: Sequence[str]) -> int:
    while True:
        pass
