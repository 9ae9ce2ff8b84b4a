"""
Writes a record while the drill runs, so that a drill that dies leaves everything it had seen until then.

Lines are flushed one by one, and forced to disk where a phase begins; whole files appear in one step. The verdict is
written last: a folder without one reads as unfinished, whatever its journal says.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from drillyard.base.clock import Clock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.record import layout
from drillyard.record.plain import as_document, as_line, mask
from drillyard.record.reader import Record
from drillyard.record.verdicts import Check, Verdict

_SAME_SECOND_MAX = 1000


class RecordWriter:
    """The pen of one record. One writer per folder; not for use from several threads."""

    def __init__(self, path: Path, manifest: dict[str, Any], clock: Clock, started_at: datetime | None = None) -> None:
        self.path = path
        self._manifest = manifest
        self._clock = clock
        self._started_at = started_at or clock.now()
        self._started_s = clock.monotonic_s() - (clock.now() - self._started_at).total_seconds()
        self._phase = ""
        self._checks: list[Check] = []
        self._finished = False
        self._journal = self._open(layout.JOURNAL)
        self._samples = self._open(layout.SAMPLES)

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        incident: str,
        yard: str,
        seed: int,
        clock: Clock,
        versions: Mapping[str, str],
        command: str | None = None,
    ) -> RecordWriter:
        """
        A new folder `<UTC>-<incident>[-n]` under `root` (made if absent), with its manifest.

        `command` is what repeats the drill; left out, it is `drill run <incident> --seed <seed>`. Raises DrillyardError
        when the folder cannot be written, ValueError when `incident` cannot be part of a file's name.
        """
        layout.check_name(incident)
        started_at = clock.now()
        manifest = {
            "format": layout.FORMAT,
            "incident": incident,
            "yard": yard,
            "seed": seed,
            "started_at": rfc3339(started_at),
            "command": command or f"drill run {incident} --seed {seed}",
            "versions": dict(versions),
            "sha256": {},
        }
        try:
            path = _new_folder(root, f"{started_at:%Y-%m-%dT%H-%M-%SZ}-{incident}")
            (path / layout.EVIDENCE).mkdir()
            (path / layout.LEDGERS).mkdir()
            write_atomically(path / layout.MANIFEST, as_document(manifest))
            return cls(path, manifest, clock)
        except OSError as error:
            raise DrillyardError(
                f"Cannot write a record under {root}: {error.strerror or error}.",
                hint="Name another folder for records.",
            ) from error

    @classmethod
    def reopen(cls, record: Record, clock: Clock) -> RecordWriter:
        """Goes on with a record that has no verdict, after the process that wrote it is gone. Raises DrillyardError."""
        try:
            manifest = json.loads((record.path / layout.MANIFEST).read_bytes())
            return cls(record.path, manifest, clock, record.manifest.started_at)
        except OSError as error:
            raise DrillyardError(
                f"Cannot go on with the record {record.path}: {error.strerror or error}.",
                hint="Give its folder back its permissions.",
            ) from error

    @property
    def started_at(self) -> datetime:
        return self._started_at

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks noted so far."""
        return tuple(self._checks)

    def phase(self, name: str) -> None:
        """A phase begins; everything noted before it is forced to disk."""
        self._phase = layout.check_name(name)
        self.note("phase", name)
        self._force_to_disk()

    def note(self, kind: str, text: str, /, **data: Any) -> None:
        """One event, now. `text` is a sentence for people, `data` what a program needs of it."""
        self._append(
            self._journal,
            {**self._now(), "phase": self._phase, "kind": kind, "text": text, "data": data},
        )

    def sample(self, series: str, value: float | None, at: datetime | None = None) -> None:
        """One measurement of a time series; None says that it could not be measured. `at` defaults to now."""
        moment = self._now() if at is None else self._at(at)
        self._append(self._samples, {**moment, "series": layout.check_name(series), "value": value})

    def evidence(self, name: str, content: Any) -> Path:
        """Stores `evidence/<name>.json` (text: `.txt`), replacing an earlier one, and notes its SHA-256."""
        if isinstance(content, str):
            data = mask(content).encode("utf-8", errors="backslashreplace")
            return self._store(f"{layout.EVIDENCE}/{layout.check_name(name)}.txt", data)
        return self._store(f"{layout.EVIDENCE}/{layout.check_name(name)}.json", as_document(content))

    def ledger(self, name: str, rows: Iterable[Any]) -> Path:
        """Stores `ledgers/<name>.json`, a list of rows, replacing an earlier one, and notes its SHA-256."""
        return self._store(f"{layout.LEDGERS}/{layout.check_name(name)}.json", as_document(list(rows)))

    def picture(self, name: str, png: bytes) -> Path:
        """Stores `evidence/<name>.png` and notes its SHA-256."""
        return self._store(f"{layout.EVIDENCE}/{layout.check_name(name)}.png", png)

    def check(self, check: Check) -> None:
        """Notes one check, and keeps it for the verdict."""
        self._checks.append(check)
        self.note("check", f"{check.outcome.name}: {check.claim}", **check.to_json())

    def finish(self, verdict: Verdict | None = None) -> Verdict:
        """
        Writes the verdict, last and in one step, with the SHA-256 of every other file; the record is closed then.

        Left out, the verdict is the worst of the checks noted.
        """
        verdict = verdict or Verdict.of(self._checks)
        self.note("verdict", f"{verdict.outcome.name}: {verdict.reason}")
        self._force_to_disk()
        document = {
            "outcome": verdict.outcome.value,
            "reason": verdict.reason,
            **self._now(),
            "checks": [check.to_json() for check in verdict.checks],
        }
        self.close()
        try:
            document["sha256"] = self._manifest["sha256"] | {
                name: layout.sha256_of(self.path / name) for name in (layout.MANIFEST, layout.JOURNAL, layout.SAMPLES)
            }
            write_atomically(self.path / layout.VERDICT, as_document(document))
        except OSError as error:
            raise self._cannot_write(layout.VERDICT, error) from error
        return verdict

    def close(self) -> None:
        """Closes the files; a record closed without `finish` stays unfinished. Harmless twice."""
        self._finished = True
        self._journal.close()
        self._samples.close()

    def _open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("ab", buffering=0)

    def _now(self) -> dict[str, Any]:
        return {"at": rfc3339(self._clock.now()), "t_s": round(self._clock.monotonic_s() - self._started_s, 3)}

    def _at(self, at: datetime) -> dict[str, Any]:
        return {"at": rfc3339(at), "t_s": round((at - self._started_at).total_seconds(), 3)}

    def _append(self, file: IO[bytes], content: dict[str, Any]) -> None:
        assert not self._finished, "this record is closed"
        line = as_line(content)
        end = os.fstat(file.fileno()).st_size
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), end)  # Half a line in the middle would make the rest unreadable.
            raise self._cannot_write(Path(file.name).name, error) from error

    def _store(self, name: str, data: bytes) -> Path:
        assert not self._finished, "this record is closed"
        path = self.path / name
        try:
            write_atomically(path, data)
            self._manifest["sha256"][name] = layout.sha256_of(path)
            write_atomically(self.path / layout.MANIFEST, as_document(self._manifest))
        except OSError as error:
            raise self._cannot_write(name, error) from error
        return path

    def _force_to_disk(self) -> None:
        try:
            os.fsync(self._journal.fileno())
            os.fsync(self._samples.fileno())
        except OSError as error:
            raise self._cannot_write(layout.JOURNAL, error) from error

    def _cannot_write(self, name: str, error: OSError) -> DrillyardError:
        return DrillyardError(
            f"Cannot write {name} of the record {self.path.name}: {error.strerror or error}.",
            hint="Make room on that disk, or name another folder for records.",
        )


def _new_folder(root: Path, name: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for number in range(1, _SAME_SECOND_MAX):
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{_SAME_SECOND_MAX} records of the same second")
