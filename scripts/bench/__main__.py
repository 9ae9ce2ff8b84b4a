"""
Measures what README and docs say of speed and size, and writes it to docs/figures.md and docs/figures.json.

    python -m bench [--rounds N] [--only NAME]

Each figure is the median of its rounds, smallest and largest beside it; the machine stands above them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from bench.page import write_section

SECTIONS = ("starts", "memory", "checkouts", "broker", "drills", "network", "telemetry", "cluster")
"""The files of this folder that are sections, in the page's order."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured (default 5)")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="only this section; may be repeated")
    options = parser.parse_args()
    for name in options.only or SECTIONS:
        section = importlib.import_module(f"bench.{name}")
        sys.stderr.write(f"{section.TITLE} …\n")
        began = time.monotonic()
        measured = section.measure(options.rounds)
        write_section(section.TITLE, measured)
        for figure in measured.figures:
            row = figure.plain()
            sys.stdout.write(f"{row['median']:>10}  {row['what']}  ({row['min']} to {row['max']})\n")
        sys.stderr.write(f"{section.TITLE}: {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
