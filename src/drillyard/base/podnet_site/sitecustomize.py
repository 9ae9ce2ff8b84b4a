"""
Puts the pod network into a Python program that is executed in a pod, not forked: this folder is on its PYTHONPATH.

The interpreter may be another one, which does not have this package; `podnet` needs nothing but Python, so it is
imported from here, and nothing else of this place stays on the path.
"""

import os
import sys
from pathlib import Path

if os.environ.get("PODNET"):
    sys.path.append(str(Path(__file__).resolve().parents[3]))
    try:
        from drillyard.base import podnet
    finally:
        sys.path.pop()
    podnet.install()
