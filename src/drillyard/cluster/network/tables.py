"""
The files by which pods know the network: `podnet.json` for Python (`base.podnet`), `.curlrc` for curl.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from drillyard.base.files import write_atomically
from drillyard.cluster.network.topology import Client, curl_settings

TABLE, CURL = "podnet.json", ".curlrc"


class Tables:
    """Writes each pod's files when they change, so that its programs read them again only then."""

    def __init__(self) -> None:
        self._written: dict[str, str] = {}

    def write(self, client: Client, table: Mapping[str, Any]) -> None:
        """Readable by others: a store that runs as another user looks up its port. Raises OSError."""
        assert client.folder is not None
        text = json.dumps(table, indent=1)
        if self._written.get(client.uid) != text:
            write_atomically(client.folder / CURL, curl_settings(table), mode=0o644)
            write_atomically(client.folder / TABLE, text, mode=0o644)
            self._written[client.uid] = text

    def remove(self, client: Client) -> None:
        """The pod is gone. Harmless twice."""
        self._written.pop(client.uid, None)
        if client.folder is not None:
            for name in (TABLE, CURL):
                (client.folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                client.folder.rmdir()
