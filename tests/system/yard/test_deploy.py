"""`deploy/` is the yard's own manifests, whole, and a real cluster's schema knows every field of it."""

from __future__ import annotations

import base64
import copy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from drillyard.base.clock import SystemClock
from drillyard.cluster import resources
from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.shop import settings
from drillyard.shop.front_end.program import FrontEndSettings
from drillyard.shop.payment import PaymentSettings
from drillyard.yard import manifests
from drillyard.yard.images import catalogue
from drillyard.yard.keys import Keys

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
AS_FOUND, WITHOUT_AGENT = ".", "overlays/as-found-without-agent"
Objects = dict[tuple[str, str, str], dict[str, Any]]


def _by_name(objects: Any) -> Objects:
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}


def _built(overlay: str) -> Objects:
    kubectl = Path(sys.executable).parent / "kubectl"
    done = subprocess.run(
        [kubectl, "kustomize", DEPLOY / overlay], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return _by_name(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def as_found() -> Objects:
    return _built(AS_FOUND)


@pytest.fixture(scope="module")
def without_agent() -> Objects:
    return _built(WITHOUT_AGENT)


def test_the_yard_and_deploy_have_one_source(as_found: Objects) -> None:
    for name, ours in _by_name(manifests.load(settings={})).items():
        theirs = copy.deepcopy(as_found[name])
        if name[0] == "Deployment":
            pod = theirs["spec"]["template"]["spec"]
            assert [one["name"] for one in pod.pop("initContainers", [])] in ([], ["migrate"])
            if name[2].endswith("-db") and pod["containers"][0]["image"].startswith("postgres"):
                assert pod["containers"][0].pop("args") == ["-c", "max_connections=24"]
        assert theirs == ours, name


def test_deploy_holds_the_keys_that_the_yard_makes_itself(as_found: Objects) -> None:
    optional = {("Secret", "sock-shop", "opentelemetry"), ("ConfigMap", "sock-shop", "opentelemetry")}
    made = _by_name(Keys.fresh().objects("127.0.0.1:1"))
    for name in made.keys() - optional:
        assert as_found[name]["data"].keys() == made[name].get("data", made[name].get("stringData")).keys(), name


def test_the_services_accept_the_keys(as_found: Objects) -> None:
    def key(secret: str, name: str) -> str:
        return base64.b64decode(as_found["Secret", "sock-shop", secret]["data"][name]).decode()

    settings.from_environment(FrontEndSettings, {"SESSION_SECRET": key("front-end", "session-secret")})
    settings.from_environment(PaymentSettings, {"PAYMENT_GATEWAY_KEY": key("payment-gateway", "key")})


def test_without_the_agent_nothing_of_it_is_left(as_found: Objects, without_agent: Objects) -> None:
    gone = as_found.keys() - without_agent.keys()
    assert {kind for kind, _, _ in gone} == {
        "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "DaemonSet", "Secret", "ConfigMap",
    }  # fmt: skip
    assert {name for _, _, name in gone} == {"datadog-agent", "datadog-keys"}
    assert not without_agent.keys() - as_found.keys()


@pytest.mark.parametrize("overlay", ["as_found", "without_agent"])
async def test_the_schema_of_a_real_cluster_knows_every_field(overlay: str, request: pytest.FixtureRequest) -> None:
    server = ApiServer(tokens={}, clock=SystemClock(), seed=1)
    api = server.api("test")
    objects: Objects = request.getfixturevalue(overlay)
    for (kind, namespace, _), obj in sorted(objects.items(), key=lambda item: item[0][0] != "Namespace"):
        group, _, version = obj["apiVersion"].rpartition("/")
        assert list(schema.problems(obj, schema.of_kind(group, version, kind))) == []
        row = resources.of_kind(group, kind)
        assert row is not None, kind
        await api.create(row.plural, namespace or None, obj)


def test_every_image_has_a_target_that_runs_what_the_yard_runs(as_found: Objects) -> None:
    text = (DEPLOY / "Containerfile").read_text()
    targets = dict(re.findall(r"^FROM base AS (\S+)\n(?:.*\n)*?ENTRYPOINT (.+)$", text, re.MULTILINE))
    entries = {image.name: image.entry.partition(":")[0] for image in catalogue(Path())}
    wanted = set(re.findall(r"drillyard/([a-z-]+):", yaml.safe_dump(list(as_found.values()))))
    assert wanted == targets.keys()
    for name in wanted - {"sock-shop-migrate"}:
        assert targets[name] == f'["python", "-m", "{entries[f"drillyard/{name}"]}"]'
