"""
Reads a record back: everything that a report or a grader may know of a drill.

A drill may have been killed at any point, so a torn last line and a missing verdict are read for what they are.
Anything else that does not fit is refused with a sentence, because a judgement on half a record would be a guess.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from drillyard.base.errors import DrillyardError
from drillyard.record import layout
from drillyard.record.verdicts import Check, Outcome, Verdict

Row = TypeVar("Row")


@dataclass(frozen=True)
class Entry:
    """One line of the journal. `t_s` counts from the start of the record."""

    at: datetime
    t_s: float
    phase: str
    kind: str
    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """One measurement; None where it could not be made."""

    at: datetime
    t_s: float
    value: float | None


@dataclass(frozen=True)
class Phase:
    """A stretch of the drill; `ended_s` is the start of the next one, or the last thing known."""

    name: str
    started_at: datetime
    started_s: float
    ended_s: float


@dataclass(frozen=True)
class Manifest:
    """What was played, and with what."""

    incident: str
    yard: str
    seed: int
    started_at: datetime
    command: str
    versions: Mapping[str, str]
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """A record as it lies on disk. Evidence and ledgers are read when asked for."""

    path: Path
    manifest: Manifest
    entries: tuple[Entry, ...]
    samples: Mapping[str, tuple[Sample, ...]]
    verdict: Verdict | None
    finished_at: datetime | None
    sha256: Mapping[str, str]

    @classmethod
    def open(cls, path: Path) -> Record:
        """Raises DrillyardError when `path` is no record, or one that cannot be trusted to be whole."""
        if not (path / layout.MANIFEST).is_file():
            raise DrillyardError(
                f"{path} is not a record: it has no {layout.MANIFEST}.",
                hint="`drill records` lists the records there are.",
            )
        manifest = read_manifest(path)
        entries = tuple(_lines(path / layout.JOURNAL, _entry))
        samples: dict[str, list[Sample]] = {}
        for series, sample in _lines(path / layout.SAMPLES, _sample):
            samples.setdefault(series, []).append(sample)
        verdict, finished_at, hashes = read_verdict(path)
        return cls(
            path=path,
            manifest=manifest,
            entries=entries,
            samples={name: tuple(rows) for name, rows in samples.items()},
            verdict=verdict,
            finished_at=finished_at,
            sha256=hashes or manifest.sha256,
        )

    @property
    def finished(self) -> bool:
        """False when the drill died before its verdict."""
        return self.verdict is not None

    @property
    def ended_s(self) -> float:
        """Seconds from the start to the last thing known."""
        ends = [entry.t_s for entry in self.entries] + [rows[-1].t_s for rows in self.samples.values()]
        return max(ends, default=0.0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        starts = [entry for entry in self.entries if entry.kind == "phase"]
        ends = [entry.t_s for entry in starts[1:]] + [self.ended_s]
        return tuple(Phase(entry.text, entry.at, entry.t_s, end) for entry, end in zip(starts, ends, strict=False))

    @property
    def checks(self) -> tuple[Check, ...]:
        """The verdict's checks; of an unfinished record those that had been noted."""
        if self.verdict is not None:
            return self.verdict.checks
        return tuple(Check.from_json(entry.data) for entry in self.entries if entry.kind == "check")

    @property
    def evidence_names(self) -> tuple[str, ...]:
        return _names(self.path / layout.EVIDENCE)

    @property
    def ledger_names(self) -> tuple[str, ...]:
        return _names(self.path / layout.LEDGERS)

    @property
    def picture_names(self) -> tuple[str, ...]:
        folder = self.path / layout.EVIDENCE
        return tuple(sorted(path.stem for path in folder.glob("*.png"))) if folder.is_dir() else ()

    def picture(self, name: str) -> bytes:
        """That picture, a PNG. Raises DrillyardError when there is none, or it is unreadable."""
        return _read(self.path / layout.EVIDENCE / f"{layout.check_name(name)}.png")

    def evidence(self, name: str) -> Any:
        """That evidence, text or JSON; None when there is none. Raises DrillyardError when unreadable."""
        text = self.path / layout.EVIDENCE / f"{layout.check_name(name)}.txt"
        if text.is_file():
            return _read(text).decode("utf-8", errors="replace")
        return _json_or_none(self.path / layout.EVIDENCE / f"{name}.json")

    def ledger(self, name: str) -> list[Any] | None:
        """That party's rows; None when there is no such ledger. Raises DrillyardError when unreadable."""
        path = self.path / layout.LEDGERS / f"{layout.check_name(name)}.json"
        rows = _json_or_none(path)
        if rows is not None and not isinstance(rows, list):
            raise DrillyardError(f"{path} is not a ledger: a list of rows is expected.")
        return rows

    def altered_files(self) -> tuple[str, ...]:
        """The files that are missing, or no longer have the SHA-256 noted when they were written."""
        altered = []
        for name, expected in sorted(self.sha256.items()):
            path = self.path / name
            if not path.is_file() or layout.sha256_of(path) != expected:
                altered.append(name)
        return tuple(altered)


def read_manifest(path: Path) -> Manifest:
    """The manifest of the record's folder. Raises DrillyardError."""
    file = path / layout.MANIFEST
    data = _json(file)
    try:
        if data["format"] != layout.FORMAT:
            raise DrillyardError(
                f"{path} has the record format {data['format']}; this Drillyard reads format {layout.FORMAT}.",
                hint="Use the Drillyard version that the manifest names.",
            )
        return Manifest(
            incident=str(data["incident"]),
            yard=str(data["yard"]),
            seed=int(data["seed"]),
            started_at=_moment({"at": data["started_at"]}),
            command=str(data["command"]),
            versions=dict(data["versions"]),
            sha256=dict(data["sha256"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(file, error) from error


def read_verdict(path: Path) -> tuple[Verdict | None, datetime | None, dict[str, str]]:
    """The verdict, when it was given, and the SHA-256 of each file; (None, None, {}) while there is none."""
    file = path / layout.VERDICT
    if not file.is_file():
        return None, None, {}
    data = _json(file)
    try:
        checks = tuple(Check.from_json(check) for check in data["checks"])
        verdict = Verdict(Outcome(data["outcome"]), str(data["reason"]), checks)
        return verdict, _moment(data), {str(name): str(value) for name, value in data["sha256"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(file, error) from error


def _names(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.stem for path in folder.iterdir() if path.suffix in (".json", ".txt")))


def _lines(path: Path, read: Callable[[Mapping[str, Any]], Row]) -> list[Row]:
    """The rows of a .jsonl file. What stands after the last newline is torn: the writer was killed in its middle."""
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(_read(path).split(b"\n")[:-1], start=1):
        try:
            rows.append(read(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DrillyardError(f"Line {number} of {path} is damaged ({type(error).__name__}: {error}).") from error
    return rows


def _entry(line: Mapping[str, Any]) -> Entry:
    return Entry(
        at=_moment(line),
        t_s=float(line["t_s"]),
        phase=str(line.get("phase", "")),
        kind=str(line.get("kind", "")),
        text=str(line.get("text", "")),
        data=dict(line.get("data") or {}),
    )


def _sample(line: Mapping[str, Any]) -> tuple[str, Sample]:
    value = line["value"]
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{value} is no measurement")
    return str(line["series"]), Sample(_moment(line), float(line["t_s"]), None if value is None else float(value))


def _moment(line: Mapping[str, Any]) -> datetime:
    moment = datetime.fromisoformat(line["at"])
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {line['at']}")
    return moment


def _json_or_none(path: Path) -> Any:
    return _json(path) if path.is_file() else None


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DrillyardError(f"Cannot read {path}: {error.strerror or error}.") from error


def _unreadable(path: Path, error: Exception) -> DrillyardError:
    reason = f"{type(error).__name__}: {error}"
    return DrillyardError(f"{path} is damaged ({reason}).", hint="Restore it, or play the drill again.")
