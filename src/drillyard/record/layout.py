"""
Where things lie in a record's folder, and which format that is.

    2025-11-05T20-03-55Z-incident-5/
        manifest.json     what was played: incident, yard, seed, versions, start; SHA-256 of each file so far
        journal.jsonl     one line per event: at (UTC), t_s, phase, kind, text, data
        samples.jsonl     one line per measurement: at (UTC), t_s, series, value
        evidence/         what was seen, one file each
        ledgers/          what each party wrote down, one file each
        verdict.json      last, in one step: without it the drill did not finish
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

FORMAT = 1
MANIFEST = "manifest.json"
JOURNAL = "journal.jsonl"
SAMPLES = "samples.jsonl"
VERDICT = "verdict.json"
EVIDENCE = "evidence"
LEDGERS = "ledgers"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def check_name(name: str) -> str:
    """The name, when it may name a file. Raises ValueError: lower case letters, digits, `.`, `_`, `-`, at most 100."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a part of a record (lower case letters, digits, '.', '_', '-')")
    return name


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
