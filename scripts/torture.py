"""
The long one: drills in a row in one yard, and what is left of them: verdicts, processes, ports, files and memory.

    python scripts/torture.py [--drills N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

DRILL = str(Path(sys.executable).parent / "drill")


def drill(*arguments: str, home: str) -> subprocess.CompletedProcess[str]:
    """One drill command, whatever its exit code."""
    environment = {**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": "torture"}
    return subprocess.run(
        [DRILL, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def look(home: str) -> dict[str, int]:
    """What the yard holds now: processes, listening ports, open files, files in its folder, PSS in MB."""
    state = json.loads((Path(home) / "yards" / "torture" / "yard.json").read_text())
    root = psutil.Process(state["control_plane"]["pid"])
    family = [root, *root.children(recursive=True)]
    status = json.loads(drill("status", "--json", home=home).stdout)
    return {
        "processes": len(family),
        "ports": sum(c.status == psutil.CONN_LISTEN for p in family for c in p.net_connections("tcp")),
        "open_files": sum(p.num_fds() for p in family),
        "files": sum(len(files) for _, _, files in os.walk(Path(home) / "yards" / "torture")),
        "memory_mb": round(status["memory_pss_bytes"] / 1e6),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drills", type=int, default=20)
    count = parser.parse_args().drills
    kept = 0
    with tempfile.TemporaryDirectory(prefix="drillyard-torture-") as home:
        os.chmod(home, 0o711)
        drill("up", home=home)
        try:
            for number in range(1, count + 1):
                done = drill("run", "incident-5", "--seed", str(number), "--json", home=home)
                result = json.loads(done.stdout) if done.stdout else {"verdict": "none", "reason": done.stderr.strip()}
                kept += result["verdict"] == "kept"
                held = "  ".join(f"{name} {value}" for name, value in look(home).items())
                sys.stdout.write(f"{number:3}  {result['verdict']:8} {held}\n")
                if result["verdict"] != "kept":
                    sys.stdout.write(f"     {result['reason']}\n")
                sys.stdout.flush()
        finally:
            drill("down", home=home)
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if home in " ".join(p.info["cmdline"] or ())]
    sys.stdout.write(f"{kept} of {count} kept; {len(left)} process(es) left after `drill down`\n")
    return 0 if kept == count and not left else 1


if __name__ == "__main__":
    sys.exit(main())
