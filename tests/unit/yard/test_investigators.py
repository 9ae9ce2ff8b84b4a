"""
What an investigator may do, by the manifest's own words, and what a grader is told of it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import yaml

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver import bootstrap
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.resources import of_kind
from drillyard.yard import manifests
from drillyard.yard.home import YardFolder
from drillyard.yard.requests_seen import INVESTIGATOR, by_investigator

USER = User(INVESTIGATOR, ("investigators",))


@pytest.fixture(scope="module")
def authorizer() -> Authorizer:
    objects = Objects(Store(), VirtualClock(), random.Random(1))
    bootstrap.fill(objects)
    folder = Path(manifests.__file__).parent
    for name in ("namespaces", "investigators"):
        for obj in yaml.safe_load_all((folder / f"{name}.yaml").read_text()):
            row = of_kind(obj["apiVersion"].rpartition("/")[0], obj["kind"])
            assert row is not None
            objects.create(row, obj["metadata"].get("namespace", ""), obj, WriteOptions())
    return Authorizer(objects.store)


@pytest.mark.parametrize(
    ("verb", "group", "resource", "namespace", "may"),
    [
        ("list", "", "pods", "sock-shop", True),
        ("get", "", "pods/log", "sock-shop", True),
        ("list", "", "events", "sock-shop", True),
        ("list", "", "configmaps", "sock-shop", True),
        ("list", "", "nodes", "", True),
        ("get", "metrics.k8s.io", "pods", "sock-shop", True),
        ("create", "", "pods/exec", "sock-shop", True),
        ("create", "", "pods/portforward", "sock-shop", True),
        ("create", "", "pods", "sock-shop", True),
        ("patch", "apps", "deployments/scale", "sock-shop", True),
        ("patch", "apps", "deployments", "sock-shop", True),
        ("get", "", "pods/log", "datadog", True),
        ("get", "", "secrets", "sock-shop", False),
        ("list", "", "secrets", "datadog", False),
        ("delete", "apps", "deployments", "sock-shop", False),
        ("patch", "", "services", "sock-shop", False),
        ("create", "", "pods/exec", "datadog", False),
        ("list", "", "pods", "bank", False),
        ("list", "", "secrets", "", False),
        ("create", "", "serviceaccounts/token", "sock-shop", False),
        ("create", "rbac.authorization.k8s.io", "rolebindings", "sock-shop", False),
        ("delete", "", "nodes", "", False),
    ],
)
def test_an_investigator_has_the_rights_of_the_manifest_and_no_more(
    authorizer: Authorizer, verb: str, group: str, resource: str, namespace: str, may: bool
) -> None:
    assert bool(authorizer.allows(USER, Attributes(verb, group, resource, namespace, "x"))) == may


def test_a_grader_is_told_each_request_once(tmp_path: Path) -> None:
    def line(number: int, user: str, stage: str, **more: object) -> bytes:
        return orjson.dumps(
            {
                "auditID": str(number),
                "stage": stage,
                "verb": "get",
                "requestURI": f"/{number}",
                "user": {"username": user},
                "userAgent": "kubectl",
                "requestReceivedTimestamp": f"2025-11-05T20:00:0{number}.000000Z",
                **more,
            }
        )

    folder = YardFolder(tmp_path, "y")
    folder.path.mkdir(parents=True)
    done = {"responseStatus": {"code": 200}}
    lines = [
        line(1, INVESTIGATOR, "ResponseComplete", **done),
        line(3, INVESTIGATOR, "RequestReceived"),
        line(4, "kubernetes-admin", "ResponseComplete", **done),
        line(5, INVESTIGATOR, "RequestReceived"),
        line(3, INVESTIGATOR, "ResponseComplete", **done),
    ]
    folder.audit_log.write_bytes(b"\n".join(lines))
    rows = by_investigator(folder, datetime(2025, 11, 5, 20, 0, 2, tzinfo=UTC))
    assert [(row["uri"], row["code"]) for row in rows] == [("/3", 200), ("/5", None)]
