"""
Turns a container's spec and its image into what is started: program, arguments, environment, folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import drillyard.base
from drillyard.base import podnet
from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.environment import container_environment, expand, service_variables
from drillyard.cluster.kubelet.images import Image
from drillyard.cluster.kubelet.pod_context import PodContext
from drillyard.cluster.kubelet.rootfs import Rootfs
from drillyard.cluster.kubelet.runtime import Launch

_SITE = Path(drillyard.base.__file__).parent / "podnet_site"


async def launch_of(container: Object, image: Image, context: PodContext) -> Launch:
    """Raises ConfigError for what the container's env refers to in vain, MountError for a mount without volume."""
    rootfs = Rootfs(context.folder / "containers" / container["name"] / "rootfs")
    rootfs.set_up(image.tools, container.get("volumeMounts") or (), context.volumes)
    metadata, spec = context.pod["metadata"], context.pod["spec"]
    services = service_variables(
        context.node.services(), metadata["namespace"], links=spec.get("enableServiceLinks") is not False
    )
    declared = await container_environment(container, context.facts, context.sources, services)
    path = os.pathsep.join(
        (str(rootfs.folder / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    )
    environment = {
        "PATH": path,
        "HOME": str(rootfs.folder),
        "TMPDIR": str(rootfs.folder / "tmp"),
        "LANG": "C.UTF-8",
        "HOSTNAME": spec.get("hostname") or metadata["name"],
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(_SITE),
        podnet.VARIABLE: context.table,
        "CURL_HOME": str(Path(context.table).parent),
        **image.env,
        **{name: rootfs.rewrite(value) for name, value in declared.items()},
    }
    command = [expand(text, declared) for text in container.get("command") or ()]
    args = [expand(text, declared) for text in container.get("args") or ()]
    entry = "" if command else image.entry
    if command:
        argv = command + args
    elif entry:
        argv = args or list(image.args)
    else:
        argv = [*image.command, *(args or image.args)]
    return Launch(
        title=f"{metadata['namespace']}/{metadata['name']} {container['name']}",
        entry=entry,
        argv=[rootfs.rewrite(text) for text in argv],
        env=environment,
        cwd=rootfs.working_folder(container.get("workingDir")),
        rootfs=rootfs,
    )
