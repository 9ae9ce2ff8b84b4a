"""
kubectl's typed commands: their bodies are protobuf, and no other command sends that.
"""

from __future__ import annotations

import json
import re

from .conftest import Cluster
from .test_kubectl import kubectl


async def test_every_create_command_is_understood(cluster: Cluster) -> None:
    for command in (
        "create namespace shop",
        "-n shop create configmap settings --from-literal=colour=red",
        "-n shop create secret generic keys --from-literal=password=geheim",
        "-n shop create serviceaccount cook",
        "-n shop create deployment web --image=web:1 --replicas=0 --port=80",
        "-n shop create job once --image=web:1 -- echo done",
        "-n shop create service clusterip web --tcp=80:8079",
        "-n shop create role reader --verb=get,list --resource=pods,pods/log",
        "-n shop create rolebinding readers --role=reader --user=joe",
        "-n shop autoscale deployment web --min=1 --max=3 --cpu-percent=50",
        "-n shop expose deployment web --name=web2 --port=80",
    ):
        await kubectl(cluster, command)
    config = json.loads(await kubectl(cluster, "-n shop get configmap settings -o json"))
    assert config["data"] == {"colour": "red"}
    assert "geheim" in await kubectl(cluster, "-n shop get secret keys -o go-template={{.data.password|base64decode}}")
    deployment = json.loads(await kubectl(cluster, "-n shop get deployment web -o json"))
    assert deployment["spec"]["replicas"] == 0
    assert deployment["spec"]["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 80, "protocol": "TCP"}
    ]
    service = json.loads(await kubectl(cluster, "-n shop get service web -o json"))
    assert service["spec"]["ports"][0]["targetPort"] == 8079
    autoscaler = json.loads(await kubectl(cluster, "-n shop get hpa web -o json"))
    assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50


async def test_access_is_what_roles_say(cluster: Cluster) -> None:
    refused = await cluster.kubectl("-n", "default", "get", "pods", context="joe")
    assert refused.code == 1
    assert (
        'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"'
        in refused.err
    )
    assert (await cluster.kubectl("auth", "can-i", "list", "pods", context="joe")).out == "no\n"
    await kubectl(cluster, "create rolebinding readers --clusterrole=view --group=developers")
    assert (await cluster.kubectl("-n", "default", "get", "pods", context="joe")).code == 0
    assert (await cluster.kubectl("auth", "can-i", "list", "pods", context="joe")).out == "yes\n"
    assert (await cluster.kubectl("auth", "can-i", "get", "secrets", context="joe")).out == "no\n"
    assert (await cluster.kubectl("auth", "can-i", "create", "pods/exec", context="joe")).out == "no\n"
    who = await cluster.kubectl("auth", "whoami", context="joe")
    assert re.search(r"Username +joe", who.out)


async def test_nobody_grants_what_they_do_not_hold(cluster: Cluster) -> None:
    await kubectl(cluster, "create rolebinding admins --clusterrole=admin --user=joe")
    for command in (
        "create role all --verb=* --resource=*",
        "create role taker --verb=impersonate --resource=serviceaccounts",
        "create rolebinding roots --clusterrole=cluster-admin --user=joe",
    ):
        refused = await cluster.kubectl(*command.split(), context="joe")
        assert refused.code == 1 and "attempting to grant RBAC permissions not currently held" in refused.err
    held = await cluster.kubectl("create", "role", "reader", "--verb=get", "--resource=pods", context="joe")
    assert held.code == 0, held.err
    widened = {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["delete"]}]}
    patch = await cluster.kubectl("patch", "role", "reader", "--type=merge", "-p", json.dumps(widened), context="joe")
    assert "not currently held: delete nodes" in patch.err


async def test_acting_as_somebody_else_is_judged_as_them(cluster: Cluster) -> None:
    assert (await cluster.kubectl("auth", "can-i", "list", "pods", "--as=joe")).out == "no\n"
    who = await cluster.kubectl("auth", "whoami", "--as=system:serviceaccount:default:bot")
    assert "system:serviceaccounts:default" in who.out
    refused = await cluster.kubectl("get", "pods", "--as=admin", "--as-group=system:masters", context="joe")
    assert 'User "joe" cannot impersonate resource "users"' in refused.err


async def test_a_service_account_gets_a_token_that_works(cluster: Cluster) -> None:
    await kubectl(cluster, "create serviceaccount bot")
    token = (await kubectl(cluster, "create token bot --duration=10m")).strip()
    who = await cluster.kubectl("auth", "whoami", f"--token={token}", context="nobody")
    assert "system:serviceaccount:default:bot" in who.out
    short = await cluster.kubectl("create", "token", "bot", "--duration=1m")
    assert "may not specify a duration less than 10 minutes" in short.err


async def test_top_shows_what_the_node_measured(cluster: Cluster) -> None:
    await kubectl(cluster, "create deployment web --image=web:1")
    await cluster.settled()
    assert re.search(r"web-\S+ +12m +30Mi", await kubectl(cluster, "top pods"))
    assert re.search(r"paper +12m +0% +30Mi +0%", await kubectl(cluster, "top nodes"))


async def test_server_side_apply_and_dry_run(cluster: Cluster) -> None:
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: default}\ndata: {colour: red}\n"
    first = await cluster.kubectl("apply", "--server-side", "-f", "-", given=body)
    assert first.out == "configmap/c serverside-applied\n"
    other = await cluster.kubectl(
        "apply", "--server-side", "--field-manager=other", "-f", "-", given=body.replace("red", "blue")
    )
    assert other.code == 1 and 'conflict with "kubectl": .data.colour' in other.err
    tried = await cluster.kubectl("apply", "--dry-run=server", "-f", "-", given=body.replace("red", "green"))
    assert tried.code == 0, tried.err
    assert "colour: red" in await kubectl(cluster, "get configmap c -o yaml")
    assert "+  colour: pink" in (await cluster.kubectl("diff", "-f", "-", given=body.replace("red", "pink"))).out


async def test_what_has_no_effect_here_is_kept_and_told(cluster: Cluster) -> None:
    created = await cluster.kubectl("create", "service", "nodeport", "web", "--tcp=80:80")
    assert created.code == 0
    assert "Warning: spec.type NodePort: nothing listens on node ports in this cluster" in created.err
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "x:1"}]},
    }
    applied = await cluster.kubectl("apply", "-f", "-", given=json.dumps(pod))
    assert "Warning: spec.hostNetwork: has no effect in this cluster" in applied.err


async def test_explain_knows_every_field(cluster: Cluster) -> None:
    text = await kubectl(cluster, "explain deployment.spec.template.spec.containers.readinessProbe")
    assert "Periodic probe of container service readiness" in text
