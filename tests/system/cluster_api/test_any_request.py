"""
Whatever bytes come over the wire, the answer is a refusal in the API's own words or an object: never a 500, never silence.
"""

from __future__ import annotations

import asyncio
import json
import random
import re

import pytest

from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer

from .conftest import ADMIN_TOKEN

REQUESTS = 300
METHODS = ["GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]
PARTS = ["api", "apis", "v1", "apps", "pods", "namespaces", "default", "deployments", "configmaps", "scale", "status",
         "exec", "log", "portforward", "eviction", "finalize", "nodes", "..", ".", "%2e%2e", "%00", "%2F", "%", "%zz",
         "a" * 300, "%F0%9F%8D%BA", "metrics.k8s.io", "v1beta1", "selfsubjectaccessreviews", "openapi", "v2", "v3",
         "events", "authentication.k8s.io", "tokenreviews", "rbac.authorization.k8s.io", "roles", "x y", "?", ";", "c"]  # fmt: skip
QUERIES = ["watch=1&timeoutSeconds=1", "limit=1", "limit=x", "continue=x", "continue=%00", "resourceVersion=1",
           "resourceVersion=99999999999999999999", "labelSelector=%28", "labelSelector=a+in+%28", "fieldSelector=a%3Db",
           "dryRun=All", "fieldManager=", "force=maybe", "command=", "command=%00", "stdin=1", "ports=0", "container=",
           "gracePeriodSeconds=-1", "gracePeriodSeconds=1e9", "propagationPolicy=Never", "tailLines=-5", "sinceTime=x",
           "includeObject=Everything", "sendInitialEvents=true", "resourceVersionMatch=Exact", "%", "=", "&&&",
           "tailLines=99999999999999999999999", "sinceSeconds=99999999999", "timeoutSeconds=99999999999999999"]  # fmt: skip
KINDS = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", "%%",
         "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
         "application/apply-patch+yaml"]  # fmt: skip
ACCEPTS = ["*/*", "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io", "text/html", ";;;", "", "x/y;as=",
           "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"]  # fmt: skip
VALUES = [None, True, -1, 2**70, 1.5, "", "\x00", "\ud800", [], {}, [[]], {"": {}}, "a" * 5000, [None] * 50,
          "2025-13-45T99:00:00Z", {"name": "c"}, {"name": ["c"]}, {"name": {"$": 1}}]  # fmt: skip
KEYS = ["kind", "apiVersion", "metadata", "spec", "data", "status", "op", "path", "value", "name", "labels", "template",
        "containers", "selector", "replicas", "$patch", "$setElementOrder/containers", "ownerReferences", "finalizers",
        "resourceVersion", "managedFields", "", "\x00", "subjects", "roleRef", "rules", "target", "token"]  # fmt: skip
BODIES = [b"", b"{", b"null", b"\xff\xfe", b"k8s\x00", b"k8s\x00\x0a\x04\x0a\x00\x12", b"a: &a [*a]", b"a: *b", b"- " * 900,
          b'{"a":' * 900, b"[" * 5000, b"!!python/object:os.system []", b"\x00" * 99, b"1e999", b'{"a":1,"a":2}']  # fmt: skip


def value(source: random.Random, depth: int = 0) -> object:
    if depth > 4 or source.random() < 0.3:
        return source.choice(VALUES)
    if source.random() < 0.25:
        return [value(source, depth + 1) for _ in range(source.randrange(3))]
    return {source.choice(KEYS): value(source, depth + 1) for _ in range(source.randrange(5))}


def request(source: random.Random) -> bytes:
    """One HTTP request with most of it wrong."""
    path = source.choice(["/", "//", ""]) + "/".join(source.choice(PARTS) for _ in range(source.randrange(1, 8)))
    if source.random() < 0.6:
        kind = source.choice(["pods", "configmaps", "services", "events", "serviceaccounts", "endpoints"])
        path = f"/api/v1/namespaces/default/{kind}" + source.choice(["", "/c", f"/{source.choice(PARTS)}"])
        path += source.choice(["", "", f"/{source.choice(PARTS)}"])
    if source.random() < 0.5:
        path += "?" + "&".join(source.choice(QUERIES) for _ in range(source.randrange(1, 4)))
    body = source.choice(BODIES) if source.random() < 0.3 else json.dumps(value(source)).encode()
    headers = {
        "Host": "x",
        "Connection": "close",
        "Authorization": f"Bearer {ADMIN_TOKEN}" if source.random() < 0.95 else source.choice(["", "Bearer", "\t"]),
        "Accept": source.choice(ACCEPTS),
        "Content-Type": source.choice(KINDS),
        "Content-Length": str(len(body)),
    }
    if source.random() < 0.1:
        headers["Impersonate-User"] = source.choice(["joe", "", "%"])
    if source.random() < 0.1:
        headers |= {"Upgrade": source.choice(["websocket", "SPDY/3.1"]), "Connection": "Upgrade"}
    lines = [f"{source.choice(METHODS)} {path.replace(' ', '%20')} HTTP/1.1"]
    return "\r\n".join([*lines, *(f"{name}: {text}" for name, text in headers.items()), "", ""]).encode() + body


async def answer(port: int, sent: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            if head.split()[1] == b"101" or sent.startswith(b"HEAD"):
                body = b""
            else:
                body = await (reader.readexactly(int(length[1])) if length else reader.read())
    finally:
        writer.close()
    return int(head.split()[1]), body


async def test_any_request_is_answered_or_refused(caplog: pytest.LogCaptureFixture) -> None:
    server = ApiServer(tokens={ADMIN_TOKEN: User("admin", ("system:masters",))})
    port = await server.start()
    source = random.Random(11)
    waiting = [request(source) for _ in range(REQUESTS)]

    async def client() -> None:
        while waiting:
            sent = waiting.pop()
            code, body = await answer(port, sent)
            assert code < 500 or code == 503, (sent, body)
            if code >= 400 and body.startswith(b"{"):
                refusal = json.loads(body)
                assert (refusal["kind"], refusal["code"]) == ("Status", code), sent
                assert refusal["message"], sent

    await asyncio.gather(*(client() for _ in range(16)))
    await server.stop()
    assert "Traceback" not in caplog.text
