"""
The long tests, one after the other, each in a home of its own.

    python -m torture [--only NAME] [the options of each, see --help]

Exit code 1 when a promise was broken or a process was left behind.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile

import psutil

from torture.torture_yard import say

SECTIONS = ("drills", "pods", "checkouts", "runner_kills", "openapi", "telemetry")
"""The files of this folder that are long tests, in the order in which they are played."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=SECTIONS, action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="draws what is random: moments, baskets (default 1)")
    sections = {name: importlib.import_module(f"torture.{name}") for name in SECTIONS}
    for section in sections.values():
        section.add_options(parser)
    options = parser.parse_args()
    broken = []
    for name in options.only or SECTIONS:
        say(f"{sections[name].TITLE} …")
        if not played(sections[name], options):
            broken.append(name)
    say(f"BROKEN: {', '.join(broken)}" if broken else "every promise was kept")
    return 1 if broken else 0


def played(section: object, options: argparse.Namespace) -> bool:
    """Plays one in a home of its own; False also when a process of that home is left."""
    with tempfile.TemporaryDirectory(prefix="drillyard-torture-") as home:
        os.chmod(home, 0o711)
        os.environ["DRILLYARD_HOME"] = home
        kept: bool = section.play(options, home)  # type: ignore[attr-defined]
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if home in " ".join(p.info["cmdline"] or ())]
        say(f"{len(left)} process(es) left")
        return kept and not left


if __name__ == "__main__":
    sys.exit(main())
