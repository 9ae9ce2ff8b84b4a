"""
curl in a pod, saying the cluster's names and addresses instead of this machine's.

A `.curlrc` leads curl to the loopback port that stands for a Service. What curl then says on stderr ("Failed to connect
to 127.0.0.1 port 20361") would be another sentence than in a cluster ("Failed to connect to payment port 80"). So the
addresses are put back: stderr passes through here, line by line; the rest is curl's own.

This file is run as a script, without the package (a start takes 15 ms), so it imports nothing of it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_ONLY_OURS = re.compile(r"\* Connecting to (hostname: 127\.0\.0\.1|port: \d+)$")
"""What curl says of `connect-to`, which no pod of a cluster has."""

_LINE_END = re.compile(rb"[\r\n]")


@dataclass
class Translation:
    """Puts the cluster's addresses into what curl says. `table`: a pod's `podnet.json`; `asked`: curl's arguments."""

    table: dict[str, dict[str, str | int]]
    asked: str = ""
    _last: str = field(default="", init=False)

    def line(self, text: str) -> str | None:
        """The line as a pod of a cluster would see it; None for one that it would not see."""
        if _ONLY_OURS.match(text):
            return None
        found = re.search(r"127\.0\.0\.1\)?(?::| port )(\d+)", text)
        place = self._place(int(found[1])) if found else None
        if found is None or place is None:
            return text.replace("to host (nil)", f"to host {self._last}") if self._last else text
        mapped, (address, port) = found[1], place
        self._last = name = self._name(address)
        for ours, theirs in (
            (rf"127\.0\.0\.1:{mapped}\b", f"{address}:{port}"),
            (rf"(?:\(nil\)|127\.0\.0\.1) \(127\.0\.0\.1(\)?) port {mapped}\b", rf"{name} ({address}\1 port {port}"),
            (rf"\bconnect to 127\.0\.0\.1 port {mapped} failed", f"connect to {address} port {port} failed"),
            (rf"127\.0\.0\.1 port {mapped}\b", f"{name} port {port}"),
        ):
            text = re.sub(ours, theirs, text)
        return text

    def _place(self, mapped: int) -> tuple[str, str] | None:
        """The cluster's address and port behind a loopback port."""
        for place, loopback in self.table.get("connect", {}).items():
            if loopback == mapped:
                address, _, port = place.rpartition(":")
                return address, port
        return None

    def _name(self, address: str) -> str:
        """The name that curl was asked for; else the address itself."""
        names = [name for name, own in self.table.get("names", {}).items() if own == address]
        asked = [name for name in names if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", self.asked, re.I)]
        return max(asked, key=len, default=address)


def main(real: str, arguments: list[str]) -> int:
    """Runs the real curl; gives its exit code."""
    try:
        table = json.loads((Path(os.environ["CURL_HOME"]) / "podnet.json").read_text())
    except (OSError, KeyError, ValueError):
        table = {}
    said = Translation(table, " ".join(arguments))
    with subprocess.Popen(["curl", *arguments], executable=real, stderr=subprocess.PIPE) as curl:
        assert curl.stderr is not None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: curl.send_signal(number))
        waiting = b""
        while chunk := os.read(curl.stderr.fileno(), 65536):
            waiting += chunk
            while end := _LINE_END.search(waiting):
                _say(said, waiting[: end.start()], end[0])
                waiting = waiting[end.end() :]
        if waiting:
            _say(said, waiting, b"")
        code = curl.wait()
    return code if code >= 0 else 128 - code


def _say(said: Translation, raw: bytes, end: bytes) -> None:
    text = said.line(raw.decode("utf-8", "surrogateescape"))
    if text is not None:
        os.write(2, text.encode("utf-8", "surrogateescape") + end)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
