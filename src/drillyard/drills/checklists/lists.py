"""
The checklists by name: `incident-3 before`, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drillyard.drills.checklists import incident_3, incident_5
from drillyard.drills.checklists.entry import Entry

LISTS: Mapping[str, Mapping[str, Sequence[Entry]]] = {
    "incident-3": {
        "before": incident_3.BEFORE,
        "during": incident_3.DURING,
        "after": incident_3.AFTER,
        "troubleshooting": incident_3.TROUBLESHOOTING,
    },
    "incident-5": {"before": incident_5.BEFORE, "during": incident_5.DURING, "after": incident_5.AFTER},
}
