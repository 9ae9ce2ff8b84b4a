"""
Our answers, held against those that a real Kubernetes 1.36.2 control plane gave to the same requests in the same order:
45 of all kinds, and 86 that try what is refused, or nearly so.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp

from drillyard.cluster.apiserver import discovery

from .conftest import ADMIN_TOKEN, WITHOUT_KUBECTL, Cluster

SERVED = {path for path in discovery.paths()["paths"] if "metrics.k8s.io" not in path}
DATA = Path(__file__).parent / "data"
RECORDED = json.loads((DATA / "kubernetes-answers-1.36.json").read_text())
REFUSALS = json.loads((DATA / "kubernetes-refusals-1.36.json").read_text())
# What a cluster chooses for itself: identities, versions, times, addresses.
CHOSEN = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "clusterIP", "clusterIPs"}
TIMES = {"lastUpdateTime", "lastTransitionTime"}
OURS = {"Authorization": f"Bearer {ADMIN_TOKEN}", "User-Agent": "Python-urllib/3.11"}


def comparable(name: str, answer: Any) -> Any:
    """The answer without what the two clusters cannot share; each for its reason."""
    match name:
        case "ns table":  # The recording cluster had namespaces of its own; the columns are those of any.
            row = next(row for row in answer["rows"] if row["cells"][0] == "difft")
            return {**answer, "rows": [{"cells": row["cells"], "object": row["object"]["kind"]}]}
        case "root":  # We serve fewer groups, and metrics.k8s.io beside them: what both serve is called the same.
            return {"paths": sorted(SERVED & set(answer["paths"]))}
        case "version":  # The build is ours, and says so.
            build = ("gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
            return {key: "*" if key in build else value for key, value in answer.items()}
        case "watch old rv":  # The recorder read an answer that is a stream as one text, and got none of it.
            return ""
    if name != "dep create" and isinstance(answer, dict) and answer.get("kind") == "Deployment":
        return {**answer, "status": "*"}  # How far the controllers had come is a matter of milliseconds.
    return answer


def plain(value: Any, key: str = "") -> Any:
    """The value without what may differ."""
    if key in CHOSEN | TIMES:
        return "*"
    if key == "managedFields" and isinstance(value, list):
        # Its controllers wrote status and annotations in one go, ours in two.
        value = [entry for entry in value if entry["manager"] != "kube-controller-manager"]
    if isinstance(value, dict):
        return {re.sub(r"[0-9a-f-]{36}", "*", name): plain(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item, key) for item in value]
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", value)
        value = re.sub(r"\bweb-[bcdfghjklmnpqrstvwxz2-9]{8,10}\b", "web-*", value)
        value = re.sub(r"\bj1\.[0-9a-f]+", "j1.*", value)
        return re.sub(r"^\d+s$", "*s", value)
    return value


def differences(theirs: Any, ours: Any, path: str = "") -> list[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for key in sorted(theirs.keys() | ours.keys()):
            if key not in ours:
                found.append(f"{path}.{key} is missing: {json.dumps(theirs[key])[:200]}")
            elif key not in theirs:
                found.append(f"{path}.{key} is ours alone: {json.dumps(ours[key])[:200]}")
            else:
                found += differences(theirs[key], ours[key], f"{path}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line for index in range(len(theirs)) for line in differences(theirs[index], ours[index], f"{path}[{index}]")
        ]
    return [] if theirs == ours else [f"{path}: {json.dumps(theirs)[:200]} became {json.dumps(ours)[:200]}"]


# Where we answer otherwise, and why. Whoever mends one takes it out here.
GO_TEXTS = "a text of Go's own parser or formatter; ours says the same in its own words"
DIFFERENT = {
    "cm wrong kind": GO_TEXTS,
    "cm wrong type": GO_TEXTS,
    "cm json not a list": GO_TEXTS,
    "cm bad limit": GO_TEXTS,
    "cm bad continue": GO_TEXTS,
    "cm bad rv": GO_TEXTS,
    "dep text replicas": GO_TEXTS,
    "not json": GO_TEXTS,
    "not acceptable": GO_TEXTS,
    "cm dry bad": GO_TEXTS,
    "review empty": GO_TEXTS,
    "cm list fieldsel bad": GO_TEXTS,
    "cm json test fails": "ours says which operation failed",
    "cm json no path": "ours says which operation failed",
    "cm json bad op": "ours says what is wrong with the patch: 400, where the server says 422 and nothing else",
    "dep strict patch": "ours names the field: 400, where the server repeats the whole object: 422",
    "cm merge uid": "ours is the precondition that it is meant for: 409",
    "cm delete uid": "the same in other words",
    "pod bad quantity": "ours names the field: 422, where the server refuses to decode: 400",
    "pod no account": "pods are taken whose ServiceAccount is not there: the controller may be a moment late",
    "cm partial": "an empty list is null in this one form only",
    "bad version": "an unknown version is a path that is not served",
    "secret stringData": "written down before it is encoded",
    "secret table": "written down before it is encoded",
    "binding create": "a reference is owned as a whole there",
    "ssa share": "the order of two managers of the same second",
    "token short": "ours names both bounds and the account",
    "review": "ours says why, and keeps no managedFields of what it does not store",
}


async def differing(cluster: Cluster, recorded: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Name of a request → in what our answer differs."""
    found: dict[str, list[str]] = {}
    async with aiohttp.ClientSession() as session:
        for record in recorded:
            kind = record["headers"].get("Content-Type", "application/json")
            headers = {"Content-Type": kind, **record["headers"], **OURS}
            path = record["path"].replace("=99999999", "=9999999999999")  # Our versions start higher.
            body = (
                record["body"]
                if record["body"] is None or isinstance(record["body"], str)
                else json.dumps(record["body"])
            )
            async with session.request(
                record["method"], cluster.url + path, data=body, headers=headers, ssl=cluster.ssl_context
            ) as response:
                text = await response.text()
            name, ours = record["name"], json.loads(text) if text.startswith("{") else text
            if response.status != record["status"]:
                found[name] = [f": status {record['status']} became {response.status} {text[:300]}"]
                continue
            if name == "watch old rv":
                assert ours["object"]["code"] == 504
            theirs, ours = comparable(name, record["resp"]), comparable(name, ours)
            if lines := differences(plain(theirs), plain(ours)):
                found[name] = lines
            await cluster.settled(0.03)
    return found


def _listed(found: dict[str, list[str]]) -> str:
    return "\n".join(name + line for name, lines in found.items() for line in lines)


@WITHOUT_KUBECTL
async def test_our_answers_are_those_of_a_real_control_plane(cluster: Cluster) -> None:
    found = await differing(cluster, RECORDED)
    assert not found, _listed(found)


@WITHOUT_KUBECTL
async def test_what_a_real_control_plane_refuses_we_refuse_but_for_what_is_listed(cluster: Cluster) -> None:
    found = await differing(cluster, REFUSALS)
    assert found.keys() == DIFFERENT.keys(), _listed(
        {name: found.get(name, [" agrees: take it out of DIFFERENT"]) for name in found.keys() ^ DIFFERENT.keys()}
    )
