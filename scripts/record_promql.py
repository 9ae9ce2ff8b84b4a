"""
Asks the Prometheus on PATH every expression of the PromQL cases and writes its answers for the tests.

    python scripts/record_promql.py
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.system.telemetry.real_prometheus import installed, running
from tests.unit.telemetry.promql_cases import ANSWERS, expressions


def main() -> int:
    """0 when the answers are written."""
    if not installed():
        sys.stderr.write("There is no prometheus with promtool on PATH.\n")
        return 1
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as prometheus:
        cases = [
            {"query": query, "instant": prometheus.instant(query), "range": prometheus.ranged(query)}
            for query in expressions()
        ]
        version = prometheus.version()
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    ANSWERS.write_text(f'{{"prometheus": "{version}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
