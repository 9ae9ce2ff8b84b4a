"""
Probes of a container: HTTP, TCP and exec, with every threshold, and in the kubelet's words.

A start is not quantised by `periodSeconds`: a startup or readiness probe that has not succeeded yet is asked again
within 50 ms; failures still count once a period, so thresholds mean what they say. From the first success on the
declared period holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from drillyard.base.clock import Clock
from drillyard.cluster.client import Object

ProbeKind = Literal["Startup", "Readiness", "Liveness"]

_FAST_FIRST_S, _FAST_MAX_S = 0.01, 0.05
_ANSWER_BYTES = 10 * 1024
_SHOWN_BYTES = 1024


@dataclass(frozen=True)
class Outcome:
    """`message` says why a probe failed, as the event `<kind> probe failed: <message>` shows it."""

    ok: bool
    message: str = ""


@dataclass(frozen=True)
class Target:
    """Where a pod's port is: the address that messages show, and the loopback port that is asked. None: not mapped."""

    shown: str
    port: int
    loopback: int | None


Resolve = Callable[[int | str], Target]
Execute = Callable[[Sequence[str], float], Awaitable[tuple[int, bytes]]]


async def ask(probe: Object, resolve: Resolve, execute: Execute) -> Outcome:
    """Asks once, within `timeoutSeconds`. Never raises."""
    timeout_s = float(probe.get("timeoutSeconds") or 1)
    action = probe.get("httpGet") or probe.get("tcpSocket") or {}
    if action.get("host"):
        return Outcome(False, f"this node probes its own pods only, not the host {action['host']}")
    try:
        if action := probe.get("httpGet"):
            return await _http(action, resolve(action["port"]), timeout_s)
        if action := probe.get("tcpSocket"):
            return await _tcp(resolve(action["port"]), timeout_s)
        if action := probe.get("exec"):
            return await _exec(action["command"], execute, timeout_s)
    except (LookupError, OSError, ValueError) as failed:
        return Outcome(False, str(failed))
    return Outcome(False, f"this node has no such probe: {', '.join(sorted(probe))}")


async def _http(action: Object, target: Target, timeout_s: float) -> Outcome:
    scheme = (action.get("scheme") or "HTTP").lower()
    path = "/" + (action.get("path") or "/").lstrip("/")
    url = f"{scheme}://{target.shown}:{target.port}{path}"
    if target.loopback is None:
        return Outcome(False, f'Get "{url}": {_refused(target)}')
    headers = {item["name"].title(): item["value"] for item in action.get("httpHeaders") or ()}
    lines = {
        "Host": f"{target.shown}:{target.port}",
        "User-Agent": "kube-probe/1.36",
        "Accept": "*/*",
        **headers,
        "Connection": "close",
    }
    head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    context = _unverified() if scheme == "https" else None
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", target.loopback, ssl=context, limit=_ANSWER_BYTES
            )
            writer.write(head.encode("latin-1", "replace"))
            status = await reader.readline()
            while (await reader.readline()).strip():
                pass
    except ConnectionRefusedError:
        return Outcome(False, f'Get "{url}": {_refused(target)}')
    except TimeoutError:
        reason = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Outcome(False, f'Get "{url}": {reason}')
    except ConnectionResetError:
        return Outcome(False, f'Get "{url}": read tcp {target.shown}:{target.port}: read: connection reset by peer')
    except (OSError, ValueError) as failed:
        return Outcome(False, f'Get "{url}": {failed}')
    finally:
        if writer is not None:
            writer.transport.abort()
    parts = status.split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        return Outcome(False, f'Get "{url}": ' + ("malformed HTTP response" if status else "EOF"))
    code = int(parts[1])
    return Outcome(200 <= code < 400, f"HTTP probe failed with statuscode: {code}")


async def _tcp(target: Target, timeout_s: float) -> Outcome:
    if target.loopback is None:
        return Outcome(False, _refused(target))
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection("127.0.0.1", target.loopback)
    except TimeoutError:
        return Outcome(False, f"dial tcp {target.shown}:{target.port}: i/o timeout")
    except OSError:
        return Outcome(False, _refused(target))
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Outcome(True)


async def _exec(command: Sequence[str], execute: Execute, timeout_s: float) -> Outcome:
    try:
        code, output = await execute(command, timeout_s)
    except TimeoutError:
        return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {timeout_s:g}s')
    return Outcome(code == 0, output[:_SHOWN_BYTES].decode(errors="replace"))


def _refused(target: Target) -> str:
    return f"dial tcp {target.shown}:{target.port}: connect: connection refused"


def _unverified() -> ssl.SSLContext:
    """As the kubelet: a probe checks that somebody answers, not who it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Thresholds:
    """Turns outcomes into a verdict: so many successes or failures in a row change it (core/v1 Probe)."""

    def __init__(self, probe: Object, *, healthy: bool) -> None:
        self._success = int(probe.get("successThreshold") or 1)
        self._failure = int(probe.get("failureThreshold") or 3)
        self.healthy = healthy
        self._in_a_row = 0
        self._last: bool | None = None

    def count(self, ok: bool) -> bool:
        """True when this outcome changed the verdict, or (failures) repeated the threshold."""
        self._in_a_row = self._in_a_row + 1 if ok == self._last else 1
        self._last = ok
        needed = self._success if ok else self._failure
        if self._in_a_row < needed:
            return False
        changed = self.healthy != ok
        self.healthy = ok
        return changed or not ok


async def watch(
    kind: ProbeKind,
    probe: Object,
    attempt: Callable[[], Awaitable[Outcome]],
    clock: Clock,
    *,
    on_change: Callable[[bool], Awaitable[None]],
    on_failure: Callable[[str], Awaitable[None]],
) -> None:
    """
    Probes until cancelled (a startup probe: until its first verdict).

    `on_change(True|False)` is told each new verdict; `on_failure(message)` each failure that counts, before its
    verdict.
    """
    period_s = float(probe.get("periodSeconds") or 10)
    # A liveness probe without a delay must not judge a program that has had no time to listen.
    first_s = period_s if kind == "Liveness" else 0.0
    await clock.sleep(float(probe.get("initialDelaySeconds") or first_s))
    thresholds = Thresholds(probe, healthy=kind == "Liveness")
    pending = kind != "Liveness"  # Has never succeeded: asked fast.
    fast_s, counted_at = _FAST_FIRST_S, -period_s
    while True:
        outcome = await attempt()
        now = clock.monotonic_s()
        if outcome.ok or not pending or now - counted_at >= period_s:
            counted_at = now
            if not outcome.ok:
                await on_failure(outcome.message)
            if thresholds.count(outcome.ok):
                await on_change(outcome.ok)
                if kind == "Startup":
                    return
            if outcome.ok:
                pending = False
        await clock.sleep(fast_s if pending else period_s)
        fast_s = min(fast_s * 2, _FAST_MAX_S)
