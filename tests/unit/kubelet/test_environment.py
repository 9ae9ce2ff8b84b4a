from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.client import ApiError
from drillyard.cluster.kubelet.environment import (
    ConfigError,
    PodFacts,
    Sources,
    container_environment,
    expand,
    field_value,
    resource_value,
    service_variables,
)

POD = {
    "metadata": {"name": "orders-1", "namespace": "shop", "uid": "u1", "labels": {"app": "orders", "tier": 'a"b'}},
    "spec": {"containers": []},
}
FACTS = PodFacts(POD, "10.244.0.2", "node-1", "10.244.0.1", {"cpu": "2", "memory": "1Gi"})


class OneMap:
    """An API with one ConfigMap and one Secret."""

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        found = {
            ("configmaps", "conf"): {"data": {"colour": "red"}},
            ("secrets", "keys"): {"data": {"api": "c2VjcmV0"}},
        }
        if (kind, name) not in found:
            raise ApiError(404, "NotFound", f"{kind} {name} not found")
        return found[kind, name]


SOURCES = Sources(OneMap(), "shop")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)$(B)y", "x12y"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(NONE)", "$(NONE)"),
        ("$A ${A} $( A)", "$A ${A} $( A)"),
        ("$", "$"),
    ],
)
def test_references_expand_as_kubernetes_expands_them(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expanded


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_a_dollar_stays(text: str) -> None:
    assert expand(text, {"A": "1"}) == text


async def test_later_variables_win_and_may_refer_to_earlier_ones() -> None:
    container = {
        "name": "main",
        "envFrom": [
            {"configMapRef": {"name": "conf"}, "prefix": "MY_"},
            {"secretRef": {"name": "none", "optional": True}},
        ],
        "env": [
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
            {"name": "URL", "value": "http://$(DB_HOST)/$(KEY)?$(LATER)"},
            {"name": "LATER", "value": "x"},
            {"name": "MY_colour", "value": "blue"},
            {"name": "MAYBE", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "none", "optional": True}}},
        ],
    }
    values = await container_environment(container, FACTS, SOURCES, {"DB_HOST": "10.96.0.1"})
    assert values == {
        "DB_HOST": "10.96.0.1",
        "MY_colour": "blue",
        "KEY": "secret",
        "URL": "http://10.96.0.1/secret?$(LATER)",
        "LATER": "x",
    }


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found'),
        ({"configMapKeyRef": {"name": "conf", "key": "k"}}, "couldn't find key k in ConfigMap shop/conf"),
        ({"secretKeyRef": {"name": "keys", "key": "k"}}, "couldn't find key k in Secret shop/keys"),
        ({"fieldRef": {"fieldPath": "spec.secret"}}, "unsupported fieldPath: spec.secret"),
    ],
)
async def test_a_reference_in_vain_is_told_in_the_kubelets_words(source: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        await container_environment({"name": "main", "env": [{"name": "A", "valueFrom": source}]}, FACTS, SOURCES, {})


def test_the_downward_api_knows_the_pod() -> None:
    assert field_value(FACTS, "metadata.labels['app']") == "orders"
    assert field_value(FACTS, "metadata.labels['none']") == ""
    assert field_value(FACTS, "metadata.labels") == 'app="orders"\ntier="a\\"b"'
    assert field_value(FACTS, "status.podIP") == "10.244.0.2"


def test_resource_fields_round_up_and_fall_back_to_the_node() -> None:
    container = {"resources": {"limits": {"cpu": "250m"}, "requests": {"memory": "1500Ki"}}}
    assert resource_value(FACTS, container, {"resource": "limits.cpu"}) == "1"
    assert resource_value(FACTS, container, {"resource": "limits.cpu", "divisor": "1m"}) == "250"
    assert resource_value(FACTS, container, {"resource": "requests.memory", "divisor": "1Mi"}) == "2"
    assert resource_value(FACTS, container, {"resource": "limits.memory", "divisor": "1Mi"}) == "1024"


def test_service_variables_are_those_of_the_namespace_and_of_the_api() -> None:
    def service(namespace: str, name: str, address: str, port: int) -> dict[str, Any]:
        ports = [{"name": "http", "port": port}]
        return {"metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": address, "ports": ports}}

    services = [
        service("shop", "orders-db", "10.96.0.2", 5432),
        service("bank", "bank", "10.96.0.3", 80),
        service("default", "kubernetes", "10.96.0.1", 443),
        service("shop", "headless", "None", 80),
    ]
    found = service_variables(services, "shop", links=True)
    assert found["ORDERS_DB_SERVICE_HOST"] == "10.96.0.2"
    assert found["ORDERS_DB_PORT"] == "tcp://10.96.0.2:5432"
    assert found["ORDERS_DB_PORT_5432_TCP_ADDR"] == "10.96.0.2"
    assert found["KUBERNETES_SERVICE_PORT"] == "443"
    assert not [name for name in found if name.startswith(("BANK", "HEADLESS"))]
    assert {name.split("_")[0] for name in service_variables(services, "shop", links=False)} == {"KUBERNETES"}
