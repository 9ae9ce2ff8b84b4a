"""The official Python client against the cluster of KUBECONFIG; prints one JSON object of what it saw."""

from __future__ import annotations

import json
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.stream import portforward, stream

NAMESPACE = "sock-shop"

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
pods = core.list_namespaced_pod(NAMESPACE, label_selector="name=payment")
pod = pods.items[0].metadata.name
seen: dict[str, object] = {"list": len(pods.items)}

pages = []
page = core.list_namespaced_event(NAMESPACE, limit=3)
while pages.append(len(page.items)) or page.metadata._continue:
    page = core.list_namespaced_event(NAMESPACE, limit=3, _continue=page.metadata._continue)
seen["paged"] = len(pages) > 1 and sum(pages) == len(core.list_namespaced_event(NAMESPACE).items)

watching = watch.Watch()
for event in watching.stream(core.list_namespaced_pod, NAMESPACE, label_selector="name=payment", timeout_seconds=5):
    seen["watch"] = event["type"]
    watching.stop()

changed = apps.patch_namespaced_deployment("payment", NAMESPACE, {"metadata": {"annotations": {"by": "client"}}})
seen["patch"] = changed.metadata.annotations["by"]
seen["scale"] = apps.patch_namespaced_deployment_scale("payment", NAMESPACE, {"spec": {"replicas": 1}}).spec.replicas

command = {"stderr": True, "stdout": True, "tty": False}
execute = core.connect_get_namespaced_pod_exec
seen["exec"] = stream(execute, pod, NAMESPACE, command=["echo", "hello"], stdin=False, **command)
failing = stream(execute, pod, NAMESPACE, command=["fail", "3"], stdin=False, _preload_content=False, **command)
failing.run_forever(timeout=10)
seen["exit code"] = failing.returncode
typing = stream(execute, pod, NAMESPACE, command=["cat"], stdin=True, _preload_content=False, **command)
typing.write_stdin("typed\n")
seen["stdin"] = typing.readline_stdout(timeout=10)
typing.close()

seen["logs"] = core.read_namespaced_pod_log(pod, NAMESPACE, tail_lines=1)
following = watch.Watch().stream(core.read_namespaced_pod_log, pod, NAMESPACE, tail_lines=1)
seen["follow"] = [next(following), next(following)]

forwarded = portforward(core.connect_get_namespaced_pod_portforward, pod, NAMESPACE, ports="80").socket(80)
forwarded.setblocking(True)
forwarded.settimeout(10)
forwarded.sendall(b"echo me")
seen["port-forward"] = forwarded.recv(100).decode()

configmaps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "b"}}
seen["apply"] = configmaps.server_side_apply(body=wanted, namespace=NAMESPACE, field_manager="me").data.a
sys.stdout.write(json.dumps(seen))
