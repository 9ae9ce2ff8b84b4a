"""
Our answers, held against those that a real Kubernetes 1.36.2 control plane gave to the same 45 requests in the same order.
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
RECORDED = json.loads((Path(__file__).parent / "data/kubernetes-answers-1.36.json").read_text())
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


@WITHOUT_KUBECTL
async def test_our_answers_are_those_of_a_real_control_plane(cluster: Cluster) -> None:
    found = []
    async with aiohttp.ClientSession() as session:
        for record in RECORDED:
            kind = record["headers"].get("Content-Type", "application/json")
            headers = {"Content-Type": kind, **record["headers"], **OURS}
            path = record["path"].replace("=99999999", "=9999999999999")  # Our versions start higher.
            body = None if record["body"] is None else json.dumps(record["body"])
            async with session.request(
                record["method"], cluster.url + path, data=body, headers=headers, ssl=cluster.ssl_context
            ) as response:
                text = await response.text()
                if response.status != record["status"]:
                    found.append(f"{record['name']}: status {record['status']} became {response.status} {text[:300]}")
                    continue
            name, ours = record["name"], json.loads(text) if text.startswith("{") else text
            if name == "watch old rv":
                assert ours["object"]["code"] == 504
            theirs, ours = comparable(name, record["resp"]), comparable(name, ours)
            found += [name + line for line in differences(plain(theirs), plain(ours))]
            await cluster.settled(0.03)
    assert not found, "\n".join(found)
