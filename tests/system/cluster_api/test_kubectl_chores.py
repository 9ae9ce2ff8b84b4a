"""
What kubectl can do beside the daily commands: it works, or is refused in one sentence.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cluster
from .test_kubectl import kubectl, shop

__all__ = ["shop"]

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: sock-shop, labels: {app: settings}}
data: {colour: red}
"""


async def test_files_are_compared_replaced_pruned_and_composed(shop: Cluster, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(CONFIG)
    (tmp_path / "kustomization.yaml").write_text("resources: [settings.yaml]\nnamePrefix: my-\n")
    file = f"-f {tmp_path}/settings.yaml"
    new = await shop.kubectl(*f"diff {file}".split())
    assert (new.code, "+  colour: red" in new.out) == (1, True)
    await kubectl(shop, f"apply {file}")
    assert await kubectl(shop, f"diff {file}") == ""
    assert "configmap/settings replaced\n" in await kubectl(shop, f"replace --force {file}")
    assert await kubectl(shop, f"apply -k {tmp_path}") == "configmap/my-settings created\n"
    pruned = f"apply {file} --prune -l app=settings --prune-allowlist=core/v1/ConfigMap"
    assert "configmap/my-settings pruned" in (await shop.kubectl(*pruned.split())).out


async def test_a_node_is_drained_of_what_controllers_bring_back(shop: Cluster) -> None:
    before = await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")
    drained = await kubectl(shop, "drain paper --ignore-daemonsets")
    assert f"{before.strip()} evicted" in drained
    pods = await kubectl(shop, "-n sock-shop get pods -l name=payment")
    assert " Pending " in pods
    await kubectl(shop, "uncordon paper")
    await shop.settled()
    assert " Running " in await kubectl(shop, "-n sock-shop get pods -l name=payment")


@pytest.mark.parametrize("command", ["create -f -", "apply -f -", "apply --server-side -f -"])
async def test_a_kind_that_nothing_acts_on_is_not_taken(shop: Cluster, command: str) -> None:
    for kind, version in (("StatefulSet", "apps/v1"), ("Ingress", "networking.k8s.io/v1")):
        given = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n"
        answer = await shop.kubectl(*command.split(), given=given)
        assert answer.code == 1
        assert f'no matches for kind "{kind}" in version "{version}"' in answer.err


async def test_what_is_not_offered_is_refused_in_a_sentence(shop: Cluster) -> None:
    name = (await kubectl(shop, "-n sock-shop get pods -l name=payment -o name")).strip()
    for command, told in {
        f"-n sock-shop debug {name} --image=x": "ephemeral containers are disabled for this cluster",
        f"cp sock-shop/{name.removeprefix('pod/')}:/tmp/x /tmp/x": 'exec: "tar": executable file not found',
        "get statefulsets": "the server doesn't have a resource type",
        "create cronjob x --image=x --schedule=* -- x": "the server could not find the requested resource",
    }.items():
        answer = await shop.kubectl(*command.split())
        assert (answer.code, told in answer.err) == (1, True), answer.err


async def test_everything_that_somebody_may_do_is_listed(shop: Cluster) -> None:
    await kubectl(shop, "create rolebinding viewers --clusterrole=view --user=joe")
    may = await shop.kubectl("auth", "can-i", "--list", context="joe")
    assert may.code == 0
    rights = {line.split()[0]: line for line in may.out.splitlines()[1:] if not line.startswith(" ")}
    assert rights["pods"].endswith("[get list watch]")
    assert "secrets" not in rights


async def test_the_server_says_how_it_is_and_everything_is_dumped(shop: Cluster, tmp_path: Path) -> None:
    assert await kubectl(shop, "get --raw /livez/ping") == "ok"
    assert await kubectl(shop, "get --raw /readyz?verbose") == "[+]ping ok\nreadyz check passed\n"
    assert (await kubectl(shop, f"cluster-info dump -A --output-directory={tmp_path}/dump")).startswith("Cluster info")
    assert "payment says 2" in next((tmp_path / "dump" / "sock-shop").glob("payment-*/logs.txt")).read_text()
    assert (await shop.kubectl("get", "rc")).err == "No resources found in default namespace.\n"


async def test_a_scale_is_shown_as_a_table(shop: Cluster) -> None:
    shown = await kubectl(shop, "-n sock-shop get deployment payment --subresource=scale")
    assert [line.split()[:3] for line in shown.splitlines()] == [
        ["NAME", "DESIRED", "AVAILABLE"],
        ["payment", "1", "1"],
    ]
