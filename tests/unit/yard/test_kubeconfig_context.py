"""Kubeconfigs as kubectl and clouds write them; what is sent is seen at the client's own seams."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from drillyard.base.errors import DrillyardError
from drillyard.cluster.http_api import HttpApi
from drillyard.yard import kubeconfig_context

AUTHORITY = trustme.CA()
PEM = AUTHORITY.cert_pem.bytes()


def config(folder: Path, name: str = "config", **changed: Any) -> Path:
    user = changed.pop("user", {"token": "secret"})
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority-data": base64.b64encode(PEM).decode()}
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {**cluster, **changed.pop("cluster", {})}}],
        "users": [{"name": "u", "user": user}],
        **changed,
    }
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return path


async def connected(*paths: Path, context: str = "") -> HttpApi:
    api = kubeconfig_context.connect(paths, context)
    await api.close()
    return api


async def test_the_current_context_is_the_default(tmp_path: Path) -> None:
    api = await connected(config(tmp_path))
    assert api.token == "secret"


async def test_certificates_and_tokens_may_be_files_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(PEM)
    (tmp_path / "token").write_text("from a file\n")
    cluster = {"certificate-authority-data": None, "certificate-authority": "ca.pem"}
    api = await connected(config(tmp_path, cluster=cluster, user={"tokenFile": "token"}))
    assert api.token == "from a file"


async def test_a_client_certificate_needs_no_token(tmp_path: Path) -> None:
    leaf = AUTHORITY.issue_cert("somebody@cluster")
    user = {
        "client-certificate-data": base64.b64encode(leaf.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(leaf.private_key_pem.bytes()).decode(),
    }
    api = await connected(config(tmp_path, user=user))
    assert api.token == ""


async def test_an_exec_plugin_is_asked_for_the_token(tmp_path: Path) -> None:
    answer = '{"kind": "ExecCredential", "status": {"token": "of the plugin"}}'
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable}
    plugin |= {"args": ["-c", f"import os; os.environ['KUBERNETES_EXEC_INFO']; print('{answer}')"]}  # type: ignore[dict-item]
    api = await connected(config(tmp_path, user={"exec": plugin}))
    assert api.token == "of the plugin"


async def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first = config(tmp_path, "first", contexts=[{"name": "here", "context": {"cluster": "c", "user": "second"}}])
    second = config(tmp_path, "second", users=[{"name": "second", "user": {"token": "of the second"}}])
    assert (await connected(first, tmp_path / "absent", second)).token == "of the second"


@pytest.mark.parametrize(
    ("changed", "context", "sentence"),
    [
        ({}, "there", 'has no context "there".\n  There are: here.'),
        ({"users": []}, "", 'has no user "u"'),
        ({"user": {"username": "me", "password": "mine"}}, "", "uses username, which drill does not understand"),
        ({"cluster": {"certificate-authority-data": "no certificate"}}, "", "cannot be used"),
        ({"user": {"exec": {"apiVersion": "v1", "command": "no-such-plugin"}}}, "", "no-such-plugin was not found"),
        (
            {
                "user": {
                    "exec": {"apiVersion": "v1", "command": sys.executable, "args": ["-c", "raise SystemExit('no')"]}
                }
            },
            "",
            "failed: no",
        ),
        ({"clusters": "none"}, "", "cannot be used"),
    ],
)
async def test_what_cannot_be_used_is_said(
    changed: dict[str, Any], context: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(DrillyardError) as refused:
        kubeconfig_context.connect([config(tmp_path, **changed)], context)
    assert sentence in str(refused.value)


async def test_no_file_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(DrillyardError, match="no file that exists"):
        kubeconfig_context.connect([tmp_path / "absent"])
