"""
Where a yard lives: one folder for its state, removed by `drill down`; records and caches beside it, which stay.

    <home>/yards/<name>/     state of a running yard (yard.json, kubeconfig, CA, node, telemetry)
    <home>/yards/<name>.lock held by the control plane while it lives
    <home>/cache/            PostgreSQL templates, made once per version
    <home>/records/          what drills left
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from drillyard.base.errors import DrillyardError, SettingError

CONTEXT = "DRILL_CONTEXT"
"""The environment variable (and so the option `--context`) that chooses a cluster elsewhere instead of a yard."""
DEFAULT_NAME = "default"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def home() -> Path:
    """
    `DRILLYARD_HOME`, else the user's state folder (XDG), else for root /var/lib/drillyard, where a store may run as
    nobody.

    Raises DrillyardError when it cannot be made or written.
    """
    setting = os.environ.get("DRILLYARD_HOME")
    if setting:
        folder = Path(setting).expanduser().resolve()
    elif os.geteuid() == 0:
        folder = Path("/var/lib/drillyard")
    else:
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        folder = Path(base).expanduser() / "drillyard"
    try:
        for part in (folder, folder / "yards", folder / "cache", folder / "records"):
            # 0711: a store that runs as another user may enter, but not look around.
            part.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as refused:
        raise DrillyardError(
            f"The folder {folder} cannot be made: {refused.strerror or refused}.",
            hint="Name another one in DRILLYARD_HOME.",
        ) from refused
    if not os.access(folder, os.W_OK):
        raise DrillyardError(f"The folder {folder} cannot be written.", hint="Name another one in DRILLYARD_HOME.")
    return folder


@dataclass(frozen=True)
class YardFolder:
    """The places of one yard. Nothing is made by looking at them."""

    home: Path
    name: str

    @property
    def path(self) -> Path:
        return self.home / "yards" / self.name

    @property
    def option(self) -> str:
        """What a command needs to mean this yard: ` --yard NAME`, or nothing for the default one."""
        return "" if self.name == DEFAULT_NAME else f" --yard {self.name}"

    @property
    def lock(self) -> Path:
        return self.home / "yards" / f"{self.name}.lock"

    @property
    def state(self) -> Path:
        return self.path / "yard.json"

    @property
    def log(self) -> Path:
        return self.path / "control-plane.log"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def investigator_kubeconfig(self) -> Path:
        """For whoever is let in: the rights of manifests/investigators.yaml and no more."""
        return self.path / "investigator.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Who asked what of the Kubernetes API; read it with `cluster.apiserver.audit.read`."""
        return self.path / "audit.log"

    @property
    def faults(self) -> Path:
        """What is broken now, by whom, until when: read by whoever heals, also after the runner is gone."""
        return self.path / "faults.json"


def yard_folder(name: str) -> YardFolder:
    """
    The folder of the yard; of the chosen context, where a cluster elsewhere is used.

    Raises SettingError for a name that is no DNS label.
    """
    context = os.environ.get(CONTEXT)
    if context:
        return YardFolder(home(), _name_of(context))
    if not _NAME.fullmatch(name):
        raise SettingError(
            f'"{name}" is no name for a yard.',
            hint="Use 1 to 32 lower-case letters, digits and dashes, such as yard-2.",
        )
    return YardFolder(home(), name)


def _name_of(context: str) -> str:
    """A dot is in no yard's name, so no context's folder is a yard's; the digest keeps similar names apart."""
    readable = re.sub(r"[^a-z0-9]+", "-", context.lower()).strip("-")[:40]
    return f"context.{readable}.{hashlib.sha256(context.encode()).hexdigest()[:6]}"
