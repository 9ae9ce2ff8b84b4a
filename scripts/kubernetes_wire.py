"""
Makes src/drillyard/cluster/apiserver/data/wire.json.gz: the field numbers of Kubernetes' protobuf encoding.

kubectl's typed commands (`create deployment`, `autoscale`, …) send protobuf and nothing else. The numbers stand in the
struct tags of Kubernetes' Go types (Apache-2.0); needed only when the served kinds change:

    git clone https://github.com/kubernetes/api && git clone https://github.com/kubernetes/apimachinery
    python scripts/kubernetes_wire.py api apimachinery
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

from drillyard.cluster.resources import RESOURCES

TARGET = Path(__file__).parent.parent / "src/drillyard/cluster/apiserver/data/wire.json.gz"
API_PACKAGES = [
    "core/v1",
    "apps/v1",
    "batch/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "rbac/v1",
    "coordination/v1",
    "discovery/v1",
    "events/v1",
    "authentication/v1",
    "authorization/v1",
    "policy/v1",
]
META = "pkg/apis/meta/v1"
SPECIAL = {
    "resource.Quantity": "quantity",
    "intstr.IntOrString": "int-or-string",
    "meta/v1.Time": "time",
    "meta/v1.MicroTime": "time",
    "meta/v1.FieldsV1": "raw-json",
    "runtime.RawExtension": "raw-json",
}
BASIC = {
    "string": "string",
    "bool": "bool",
    "byte": "byte",
    "int": "int",
    "int32": "int",
    "int64": "int",
    "uint8": "int",
}
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
ALIAS = re.compile(r"^type (\w+) ([\w.\[\]*]+)$", re.M)
FIELD = re.compile(r'^\s*(?:(\w+)\s+)?([\w.\[\]*]+)\s+`json:"([^"]*)"[^`]*?protobuf:"(\w+),(\d+),', re.M)


class Types:
    """All Go types of the packages, by "package.Name"."""

    def __init__(self) -> None:
        self.structs: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.imports: dict[str, dict[str, str]] = {}

    def read(self, package: str, text: str) -> None:
        self.structs |= {f"{package}.{name}": body for name, body in STRUCT.findall(text)}
        self.aliases |= {f"{package}.{name}": target for name, target in ALIAS.findall(text)}
        found = self.imports.setdefault(package, {})
        for alias, path in re.findall(r'^\s+(\w*)\s*"k8s\.io/(?:api|apimachinery)/([\w/.]+)"', text, re.M):
            found[alias or path.rsplit("/", 1)[-1]] = path.removeprefix("pkg/apis/")

    def qualify(self, package: str, name: str) -> str:
        if "." not in name:
            return f"{package}.{name}"
        alias, _, rest = name.partition(".")
        path = self.imports[package].get(alias, alias)
        return f"{path if path.endswith(('v1', 'v2')) else alias}.{rest}"

    def sort_of(self, package: str, name: str) -> str:
        """ "string", "int", "time", … , "m:<message>", "[]<sort>" or "{}<sort>" for a map's values."""
        name = name.removeprefix("*")
        if name == "[]byte":
            return "bytes"
        if name.startswith("[]"):
            return "[]" + self.sort_of(package, name[2:])
        if name.startswith("map["):
            return "{}" + self.sort_of(package, name.split("]", 1)[1])
        if name in BASIC:
            return BASIC[name]
        qualified = self.qualify(package, name)
        if qualified in SPECIAL:
            return SPECIAL[qualified]
        if qualified in self.aliases:
            return self.sort_of(qualified.rsplit(".", 1)[0], self.aliases[qualified])
        return f"m:{qualified}" if qualified in self.structs else "string"  # types.UID and the like

    def fields(self, message: str) -> dict[str, list[object]]:
        """By number: JSON name ("" for an embedded struct), sort, and whether a zero is worth telling."""
        package = message.rsplit(".", 1)[0]
        found: dict[str, list[object]] = {}
        for _, type_name, tag, _, number in FIELD.findall(self.structs[message]):
            json_name, *flags = tag.split(",")
            kept = type_name.startswith("*") or "omitempty" not in flags
            found[number] = [json_name, self.sort_of(package, type_name), int(kept)]
        return found


def show(folder: Path, path: str) -> str:
    if (folder / path).exists():
        return (folder / path).read_text()
    return subprocess.run(
        ["git", "-C", folder, "show", f"HEAD:{path}"], capture_output=True, text=True, check=True
    ).stdout


def main(api: Path, apimachinery: Path) -> None:
    types = Types()
    for package in API_PACKAGES:
        types.read(package, show(api, f"{package}/types.go"))
    types.read("meta/v1", show(apimachinery, f"{META}/types.go"))
    kinds, todo = {}, ["meta/v1.DeleteOptions"]
    for row in RESOURCES:
        package = f"{row.group.split('.')[0] or 'core'}/{row.version}"
        if f"{package}.{row.kind}" in types.structs:
            kinds[f"{row.api_version}/{row.kind}"] = f"{package}.{row.kind}"
    kinds["authentication.k8s.io/v1/TokenRequest"] = "authentication/v1.TokenRequest"
    kinds |= {"policy/v1/Eviction": "policy/v1.Eviction", "v1/Binding": "core/v1.Binding"}
    kinds |= {"autoscaling/v1/Scale": "autoscaling/v1.Scale", "v1/DeleteOptions": "meta/v1.DeleteOptions"}
    messages: dict[str, dict[str, list[object]]] = {}
    todo += kinds.values()
    while todo:
        message = todo.pop()
        if message not in messages:
            messages[message] = types.fields(message)
            sorts = [str(field[1]) for field in messages[message].values()]
            todo += [sort.split("m:", 1)[1] for sort in sorts if "m:" in sort]
    text = json.dumps({"kinds": kinds, "messages": messages}, sort_keys=True, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))
    count = sum(map(len, messages.values()))
    print(f"{len(kinds)} kinds, {len(messages)} messages, {count} fields: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
