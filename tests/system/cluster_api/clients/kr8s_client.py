"""kr8s against the cluster of KUBECONFIG; prints one JSON object of what it saw."""

from __future__ import annotations

import json
import socket
import sys
import warnings

import kr8s
from kr8s.objects import Deployment, Pod

NAMESPACE = "sock-shop"

warnings.simplefilter("ignore")  # It knows Kubernetes up to some version, and says so.
pods = list(kr8s.get("pods", namespace=NAMESPACE, label_selector="name=payment"))
seen: dict[str, object] = {"list": len(pods)}
for event, _ in kr8s.watch("pods", namespace=NAMESPACE, label_selector="name=payment"):
    seen["watch"] = event
    break

payment = Deployment.get("payment", namespace=NAMESPACE)
payment.annotate({"by": "kr8s"})
seen["patch"] = payment.annotations["by"]
payment.scale(2)
payment.wait("condition=Available", timeout=20)
payment.scale(1)
seen["scale"] = payment.replicas

pod = Pod.get(pods[0].name, namespace=NAMESPACE)
seen["exec"] = pod.exec(["echo", "hello"]).stdout.decode()
seen["exit code"] = pod.exec(["fail", "3"], check=False).returncode
seen["logs"] = "\n".join(pod.logs(tail_lines=1)) + "\n"
with pod.portforward(80) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as forwarded:
    forwarded.sendall(b"echo me")
    seen["port-forward"] = forwarded.recv(100).decode()
seen["whoami"] = kr8s.whoami()
sys.stdout.write(json.dumps(seen))
