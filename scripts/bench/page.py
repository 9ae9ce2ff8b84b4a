"""docs/figures.json for programs, docs/figures.md for people; a run of one section keeps the figures of the others."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from bench.figure import Section

DOCS = Path(__file__).resolve().parents[2] / "docs"


def write_section(title: str, section: Section) -> None:
    """Puts the section's figures, with machine and time, in the place of those that were there."""
    page = DOCS / "figures.json"
    known: dict[str, Any] = json.loads(page.read_text()).get("sections", {}) if page.exists() else {}
    known[title] = {
        "machine": machine(),
        "figures": [one.plain() for one in section.figures],
        "text": section.text,
    }
    page.write_text(json.dumps({"sections": known}, indent=1) + "\n")
    (DOCS / "figures.md").write_text(markdown(known))


def machine() -> str:
    """Cores, system, Python and minute of the measurement, as one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    measured_at = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime())
    return f"{cores} cores, {system}, Python {platform.python_version()}, {measured_at}"


def markdown(sections: dict[str, Any]) -> str:
    """The whole page."""
    lines = [
        "# Figures",
        "",
        "Measured by `make bench`, which writes this page; `make bench ONLY=NAME` measures one section again.",
    ]
    for title, one in sections.items():
        lines += ["", f"## {title}", "", f"{one['machine']}.", ""]
        if one["figures"]:
            lines += ["| what | median | smallest | largest | rounds |", "|---|---|---|---|---|"]
            lines += [
                f"| {r['what']} | {r['median']} | {r['min']} | {r['max']} | {r['rounds']} |" for r in one["figures"]
            ]
        if one["text"]:
            lines += ["", one["text"].strip()]
    return "\n".join(lines) + "\n"
