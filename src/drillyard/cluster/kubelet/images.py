"""
Which local program an image name stands for. The catalogue is data that the kubelet is given; nothing is ever
downloaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TOOLS = (
    "sh",
    "cat",
    "ls",
    "env",
    "printenv",
    "ps",
    "date",
    "sleep",
    "echo",
    "head",
    "tail",
    "grep",
    "id",
    "true",
    "false",
    "test",
    "tar",
    "kill",
)

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]+(?=/))?(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DEFAULT_PLACES = ("docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/", "library/")


class InvalidImageNameError(ValueError):
    """The text is no image reference."""


@dataclass(frozen=True)
class Image:
    """
    A local program under an image's name (without registry default and tag).

    `entry` ("module:function") runs in a fork of the zygote and gets the container's args; without an entry, `command`
    is executed (an image's ENTRYPOINT), followed by the container's args or else `args` (its CMD). A container's own
    command replaces both. `tools` are the programs of this machine that exist in the container, as `kubectl exec` sees
    it. `absent` says why the image cannot be had here: pulling it fails, with this sentence.
    """

    name: str
    entry: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    tools: tuple[str, ...] = TOOLS
    absent: str = ""


@dataclass(frozen=True)
class Reference:
    """An image reference, taken apart."""

    name: str
    tag: str

    @property
    def canonical(self) -> str:
        """With registry and tag, as a runtime writes it."""
        first = self.name.split("/", maxsplit=1)[0]
        if "/" not in self.name:
            place = "docker.io/library/"
        elif "." in first or ":" in first or first == "localhost":
            place = ""
        else:
            place = "docker.io/"
        return f"{place}{self.name}:{self.tag}"

    @property
    def image_id(self) -> str:
        """The imageID of a container status. There are no layers: the digest is that of the name and tag."""
        digest = hashlib.sha256(self.canonical.encode()).hexdigest()
        return f"{self.canonical.rpartition(':')[0]}@sha256:{digest}"


def parse_reference(text: str) -> Reference:
    """Raises InvalidImageNameError."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise InvalidImageNameError(text)
    name = found["name"]
    for place in _DEFAULT_PLACES:
        if name.startswith(place):
            name = name.removeprefix(place)
            break
    return Reference(name, found["tag"] or "latest")


class ImageCatalogue:
    """The images of this node, by name."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._images = {image.name: image for image in images}

    def find(self, reference: Reference) -> Image | None:
        return self._images.get(reference.name)

    def names(self) -> list[str]:
        return sorted(self._images)
