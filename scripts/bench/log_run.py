"""One candidate, loaded and asked; figures as JSON on stdout. `python -m bench.log_run NAME FOLDER LINES ROUNDS`."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from bench.log_candidates import CANDIDATES, Candidate
from bench.log_drillyard import Drillyard
from bench.log_lines import lines
from bench.log_questions import DOCUMENTS, OTHERS, Question

CHUNK = 90_000
ASKED_MAX_S = 60.0
"""A question that has taken so long altogether is not asked again."""


def main(name: str, folder: Path, count: int, rounds: int) -> int:
    """1 with a sentence on stderr where the candidate is not installed."""
    try:
        candidate: Candidate = {"Drillyard": Drillyard, **CANDIDATES}[name](folder)
    except ImportError as missing:
        sys.stderr.write(f"not installed ({missing}); see the dependency group `bench`\n")
        return 1
    try:
        sys.stdout.write(json.dumps(measured(candidate, folder, count, rounds)))
    finally:
        candidate.close()
    return 0


def measured(candidate: Candidate, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Making the lines is not in the figures."""
    left, took_s, cpu_s = lines(count, seed=1), 0.0, 0.0
    while chunk := list(islice(left, CHUNK)):
        prepared = candidate.prepare(chunk) if isinstance(candidate, Drillyard) else chunk
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        candidate.add(prepared)
        took_s += time.perf_counter() - began_s
        cpu_s += time.process_time() - began_cpu_s
    began_s = time.perf_counter()
    candidate.ready()
    took_s += time.perf_counter() - began_s
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    questions = (*DOCUMENTS, *OTHERS)
    answers = {question.name: candidate.answer(question) for question in questions}
    asked = [question for question in questions if answers[question.name] is not None]
    found = {
        "note": candidate.note,
        "lines_per_s": count / took_s,
        "cpu_us": cpu_s * 1e6 / count,
        "disk_bytes": disk / count,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "took_ms": {question.name: timed(candidate.answer, question, rounds) for question in asked},
        "answers": answers,
    }
    if isinstance(candidate, Drillyard):
        found["api_ms"] = found["took_ms"]
        found["took_ms"] = {question.name: timed(candidate.answer_alone, question, rounds) for question in asked}
    return found


def timed(ask: Callable[[Question], object], question: Question, rounds: int) -> list[float]:
    """Milliseconds of each round."""
    took_ms: list[float] = []
    while len(took_ms) < rounds and sum(took_ms) < ASKED_MAX_S * 1000:
        began_s = time.perf_counter()
        ask(question)
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return took_ms


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
