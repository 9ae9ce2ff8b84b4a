"""The same API with TLS, and through the proxy for clients whose host is fixed to Datadog's."""

from __future__ import annotations

import ssl

import httpx
import pytest
import trustme

from .conftest import KEYS, Server


@pytest.fixture
async def secure(tmp_path):
    authority = trustme.CA()
    names = ("127.0.0.1", "*.us5.datadoghq.com")
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls.pem"))
    server = Server(tmp_path / "telemetry")
    server._environment |= {"TLS_CERTIFICATE": str(tmp_path / "tls.pem"), "PROXY_PORT": "0"}
    await server.start()
    _, tls, proxy = (tmp_path / "telemetry.ready").read_text().split()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    yield server, f"https://127.0.0.1:{tls}", f"http://127.0.0.1:{proxy}", trust
    assert await server.stop() == 0


async def test_both_ports_and_the_proxy_lead_to_one_store(secure):
    server, url, proxy, trust = secure
    async with httpx.AsyncClient(verify=trust, headers=KEYS) as client:
        sent = await client.post(f"{url}/api/v2/logs", json=[{"message": "over TLS", "service": "x"}])
        assert sent.status_code == 202
        wrong = await client.get(f"{url}/api/v1/monitor", headers={"DD-API-KEY": "wrong"})
        assert wrong.status_code == 403
    (found,) = await server.logs("service:x")
    assert found["message"] == "over TLS"
    async with httpx.AsyncClient(verify=trust, headers=KEYS, proxy=proxy) as client:
        assert (await client.get("https://api.us5.datadoghq.com/api/v1/validate")).json() == {"valid": True}
        with pytest.raises(httpx.ProxyError, match="403"):
            await client.get("https://example.com/")
