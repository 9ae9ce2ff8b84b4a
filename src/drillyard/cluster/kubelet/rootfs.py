"""
A container's own folder: its working directory, its tools, and its mounts, without a mount namespace.

Mounts are links below the folder, so relative paths simply work. An absolute mountPath does not exist on this machine;
where the container's args or env name one, or /tmp, the text is rewritten to the link, and nothing else is touched.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.volumes import MountError

_PATH_CHARACTER = r"[A-Za-z0-9._~%+@/-]"


class Rootfs:
    """The folder of one container. `set_up` makes it; doing it again is harmless."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mounts: dict[str, Path] = {}
        self._pattern: re.Pattern[str] | None = None

    def set_up(self, tools: Iterable[str], mounts: Iterable[Object], volumes: Mapping[str, Path]) -> None:
        """Raises MountError when a mount has no volume or cannot be placed."""
        for name in ("bin", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        self._link_tools(tools)
        self._mounts = {"/tmp": self.folder / "tmp"}
        for mount in mounts:
            self._place(mount, volumes)
        paths = sorted(self._mounts, key=len, reverse=True)
        self._pattern = (
            re.compile(rf"(?<!{_PATH_CHARACTER})(?P<path>{'|'.join(map(re.escape, paths))})(?=/|(?!{_PATH_CHARACTER}))")
            if paths
            else None
        )

    def rewrite(self, text: str) -> str:
        """The text with every declared mountPath made true for this machine."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: str(self._mounts[found["path"]]), text)

    def working_folder(self, working_dir: str | None) -> Path:
        """The container's `workingDir`, made if it is missing."""
        folder = self._inside(working_dir or "/")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def find_program(self, name: str, path: str, folder: Path) -> str | None:
        """Where the program is, as the container's PATH and working directory have it; None when it is nowhere."""
        if "/" in name:
            place = Path(self.rewrite(name))
            if not place.is_absolute():
                place = folder / place
            elif not place.exists() and not str(place).startswith(str(self.folder)):
                place = self.folder / "bin" / place.name  # /bin/sh, /usr/bin/curl: the tools of the image.
            return str(place) if os.access(place, os.X_OK) and place.is_file() else None
        return shutil.which(name, path=path)

    def _link_tools(self, tools: Iterable[str]) -> None:
        for tool in tools:
            found = shutil.which(tool)
            if found is not None:
                with contextlib.suppress(FileExistsError):
                    os.symlink(found, self.folder / "bin" / tool)

    def _place(self, mount: Object, volumes: Mapping[str, Path]) -> None:
        source = volumes.get(mount["name"])
        if source is None:
            raise MountError(mount["name"], "the pod has no such volume")
        for part in PurePosixPath(mount.get("subPath") or "").parts:
            if part == "..":
                raise MountError(mount["name"], "subPath must not contain '..'")
            source = source / part
        if mount.get("subPath") and not source.exists():
            source.mkdir(parents=True)
        if not mount["mountPath"].strip("/"):
            raise MountError(mount["name"], "this node cannot mount over the root folder")
        target = self._inside(mount["mountPath"])
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if target.is_symlink():
                target.unlink()
            elif target.is_dir():
                target.rmdir()
            target.symlink_to(source)
        except OSError as refused:
            raise MountError(mount["name"], f"{mount['mountPath']}: {refused.strerror}") from refused
        self._mounts[mount["mountPath"].rstrip("/")] = target

    def _inside(self, path: str) -> Path:
        return self.folder.joinpath(*(part for part in PurePosixPath(path).parts if part not in ("/", "..")))
