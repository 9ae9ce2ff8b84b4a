"""
Starts a yard in the background and stops it, from the side of the command line.

The control plane is a process of its own that outlives the command. It reports its progress through a pipe while the
command waits; what it started, it stops, and what a killed one left is removed before the next start.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.base.processes import ProcessId, stop
from drillyard.cluster.kubelet import limits
from drillyard.yard import service_settings
from drillyard.yard.home import YardFolder
from drillyard.yard.images import SERVICES
from drillyard.yard.state import YardLock, YardState
from drillyard.yard.stores.elsewhere import stores_elsewhere

_START_MAX_S = 180.0  # A first start on a slow machine spends most of it on the databases' templates.
_STOP_MAX_S = 20.0
# Templates 160 MB and as much for the pods' copies, once and once again for logs and write-ahead logs.
_SPACE_BYTES = 500_000_000
_KEY = re.compile(r"[A-Z][A-Z0-9_]*")
SERVICE_TAGS = ("image", "label")
"""Where the service of a log comes from: the image's short name, as the documents have it, or the pod's label."""
_OVERRIDABLE = (*SERVICES, "bank", "rabbitmq", "session-db")


@dataclass(frozen=True)
class UpOptions:
    """
    What can be chosen at the start. `settings`: service → environment variable → value; `healer`: the module that the
    dead man's switch runs, empty for no switch; `service_tags`: one of SERVICE_TAGS.
    """

    broker: str = ""
    broker_management: str = ""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    healer: str = ""
    service_tags: str = "image"

    @property
    def elsewhere(self) -> frozenset[str]:
        """The yard's own stores that are not started, because the shop was told of other ones."""
        return stores_elsewhere(self.settings, self.broker)

    @classmethod
    def checked(
        cls, *, broker: str, broker_management: str, settings: Sequence[str], service_tags: str = "image"
    ) -> UpOptions:
        """From the command line's texts. Raises SettingError."""
        if service_tags not in SERVICE_TAGS:
            raise SettingError(f'--service-tags is "{service_tags}".', hint=f"Give {' or '.join(SERVICE_TAGS)}.")
        if broker and urlsplit(broker).scheme not in ("amqp", "amqps"):
            raise SettingError(
                f'--broker is "{broker}".', hint="Give an AMQP URL, such as amqp://guest:guest@127.0.0.1:5672/."
            )
        if broker and not broker_management:
            parts = urlsplit(broker)
            user = f"{parts.username or 'guest'}:{parts.password or 'guest'}"
            broker_management = f"http://{user}@{parts.hostname or '127.0.0.1'}:15672"
        overrides: dict[str, dict[str, str]] = {}
        for text in settings:
            target, equals, value = text.partition("=")
            service, _, key = target.partition(".")
            if not equals or not _KEY.fullmatch(key):
                raise SettingError(
                    f'--env is "{text}".', hint="Write SERVICE.KEY=VALUE, such as payment.DECLINE_OVER=105."
                )
            if service not in _OVERRIDABLE:
                raise SettingError(
                    f'--env names the service "{service}".', hint=f"There are: {', '.join(_OVERRIDABLE)}."
                )
            overrides.setdefault(service, {})[key] = value
        for service, values in overrides.items():
            service_settings.check(service, values)
        return cls(broker, broker_management, overrides, service_tags=service_tags)


def start_yard(folder: YardFolder, options: UpOptions, progress: Callable[[str], None]) -> YardState:
    """
    Starts the control plane and waits until every pod is Ready.

    Raises DrillyardError when the yard is already up, or does not get ready within 180 s; then nothing of it is left.
    """
    _check_space(folder)
    lock = YardLock(folder)
    if not lock.acquire():
        raise _already_up(folder)
    # Held without a gap until the control plane ends: of two commands at once, one never clears what the other made.
    with lock.handed_down() as handle:
        _clear(folder)
        folder.path.mkdir(mode=0o711)
        control_plane, reader = _launch(folder, options, handle)
        try:
            with os.fdopen(reader, "rb", buffering=0) as pipe:
                _follow(folder, control_plane, pipe.fileno(), progress)
            return YardState.require(folder)
        except BaseException:
            progress("stopping what was started")
            _end(control_plane)
            _clear(folder)
            raise


def _already_up(folder: YardFolder) -> DrillyardError:
    state, option = YardState.read(folder), folder.option
    since = f" since {state.created_at}" if state else ", and still starting or stopping"
    return DrillyardError(
        f"Yard {folder.name} is already up{since}.",
        hint=f"Use it (`drill status{option}`), stop it (`drill down{option}`), or start another: --yard NAME.",
    )


def _launch(folder: YardFolder, options: UpOptions, lock: int) -> tuple[subprocess.Popen[bytes], int]:
    """The control plane's process, which is given the lock, and the pipe from which its progress can be read."""
    reader, writer = os.pipe()
    with folder.log.open("wb") as log:
        control_plane = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "drillyard.yard.control_plane",
                folder.name,
                str(writer),
                str(lock),
                json.dumps(asdict(options)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(writer, lock),
            cwd="/",
        )
    os.close(writer)
    return control_plane, reader


def _check_space(folder: YardFolder) -> None:
    """A store that runs out of space fails late and in many words; so it is asked for beforehand."""
    free = shutil.disk_usage(folder.home).free
    if free < _SPACE_BYTES:
        raise DrillyardError(
            f"Only {free // 1_000_000} MB are free in {folder.home}; a yard needs {_SPACE_BYTES // 1_000_000} MB.",
            hint="Free some space, or name another place in DRILLYARD_HOME.",
        )


def stop_yard(folder: YardFolder) -> bool:
    """Stops it and removes its folder. False when it was not up. Raises DrillyardError when it cannot be stopped."""
    process = YardLock(folder).holder()
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_MAX_S
        while process.alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        stop([process], grace_s=0)
    existed = folder.path.exists()
    _clear(folder)
    return process is not None or existed


def _follow(
    folder: YardFolder, control_plane: subprocess.Popen[bytes], pipe: int, progress: Callable[[str], None]
) -> None:
    """Reads progress lines (JSON) until one says `ready` or `failed`."""
    deadline = time.monotonic() + _START_MAX_S
    buffer = b""
    while True:
        readable, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise DrillyardError(
                f"Yard {folder.name} was not ready within {_START_MAX_S:.0f} s.", hint=_last_words(folder)
            )
        chunk = os.read(pipe, 65536)
        if not chunk:
            control_plane.wait(timeout=5)
            raise DrillyardError(
                f"Yard {folder.name} ended before it was ready (exit code {control_plane.returncode}).",
                hint=_last_words(folder),
            )
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "failed" in message:
                raise DrillyardError(message["failed"], hint=message.get("hint"))
            if message.get("ready"):
                return
            progress(message["step"])


def _last_words(folder: YardFolder) -> str:
    try:
        lines = folder.log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f'Its last line: "{lines[-1]}"' if lines else "It wrote nothing."


def _end(control_plane: subprocess.Popen[bytes]) -> None:
    control_plane.terminate()
    try:
        control_plane.wait(timeout=_STOP_MAX_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # Whoever presses Ctrl-C twice does not want to wait.
        control_plane.kill()
        control_plane.wait()


def _clear(folder: YardFolder) -> None:
    """Ends processes that a killed control plane may have left, then removes their cgroups and the folder."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError, KeyError):
        left = [ProcessId(**one) for one in json.loads((folder.path / "processes.json").read_text())]
        stop(left, grace_s=1)
    limits.remove_remains(folder.path / "node")
    shutil.rmtree(folder.path, ignore_errors=True)
    if folder.path.exists():
        shutil.rmtree(folder.path)
