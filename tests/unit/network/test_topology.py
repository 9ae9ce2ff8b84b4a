from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import DrillyardError
from drillyard.cluster.network import topology
from drillyard.cluster.network.address_pool import AddressPool
from drillyard.cluster.network.port_pool import PortPool
from drillyard.cluster.network.topology import Client, EdgeKey


def service(name: str, address: str, *ports: int, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": address, "ports": [{"port": port, "name": f"p{port}"} for port in ports], **spec},
    }


def slice_of(address: str, port: int, *, name: str, ready: bool | None = True) -> dict[str, Any]:
    return {
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
        "ports": [{"name": name, "port": port}],
    }


def test_a_pod_knows_its_own_namespace_by_short_names_and_others_by_long_ones() -> None:
    clients = [Client("u1", "shop", "orders-1", ip="10.244.0.2", listen={80: 23001})]
    services = [service("payment", "10.96.0.9", 80), service("bank", "10.96.0.8", 80, namespace="bank")]
    ports = {EdgeKey("u1", "shop/payment", 80): 24001, EdgeKey("u1", "bank/bank", 80): 24002}
    table = topology.table_of(clients[0], services, clients, ports, {}, {}, {})
    assert {"payment", "payment.shop", "payment.shop.svc", "payment.shop.svc.cluster.local"} < table["names"].keys()
    assert "bank" not in table["names"]
    assert table["names"]["bank.bank"] == "10.96.0.8"
    assert table["connect"] == {"10.244.0.2:80": 23001, "10.96.0.9:80": 24001, "10.96.0.8:80": 24002}
    assert table["listen"] == {"80": 23001}
    assert 'connect-to = "payment:80:127.0.0.1:24001"\n' in topology.curl_settings(table)


@pytest.mark.parametrize(
    ("ready", "backends"), [(True, [("127.0.0.1", 23001)]), (None, [("127.0.0.1", 23001)]), (False, [])]
)
def test_only_ready_endpoints_are_backends(ready: bool | None, backends: list[tuple[str, int]]) -> None:
    port = {"name": "p80", "port": 80}
    slices = [slice_of("10.244.0.2", 8080, name="p80", ready=ready)]
    assert topology.backends_of(port, slices, {("10.244.0.2", 8080): 23001}, {"10.244.0.2": 1}) == backends


def test_an_endpoint_outside_the_cluster_is_reached_as_it_is_and_a_dead_pod_is_not() -> None:
    port = {"name": "p80", "port": 80}
    slices = [slice_of("192.0.2.7", 8080, name="p80"), slice_of("10.244.0.99", 8080, name="p80")]
    assert topology.backends_of(port, slices, {}, {}) == [("192.0.2.7", 8080)]


def test_a_headless_service_resolves_to_a_pod() -> None:
    client = Client("u1", "shop", "a", ip="10.244.0.2")
    table = topology.table_of(client, [service("db", "None", 5432)], [client], {}, {"shop/db": "10.244.0.3"}, {}, {})
    assert table["names"]["db"] == "10.244.0.3"


def test_undeclared_target_ports_of_a_pods_services_are_found() -> None:
    pod = {"metadata": {"namespace": "shop", "labels": {"name": "orders"}}}
    mine = service("orders", "10.96.0.9", 80, selector={"name": "orders"})
    mine["spec"]["ports"][0]["targetPort"] = 8079
    other = service("orders", "10.96.0.8", 81, namespace="other", selector={"name": "orders"})
    assert topology.selected_target_ports(pod, [mine, other]) == {8079}


def test_a_pods_workload_is_its_deployment() -> None:
    owner = {"kind": "ReplicaSet", "name": "orders-5d4f", "controller": True}
    pod = {"metadata": {"name": "orders-5d4f-x", "labels": {"pod-template-hash": "5d4f"}, "ownerReferences": [owner]}}
    assert topology.workload_of(pod) == "orders"
    assert topology.workload_of({"metadata": {"name": "shell"}}) == "shell"


@given(st.lists(st.integers(1, 9), min_size=1, unique=True), st.text())
def test_a_sticky_client_keeps_its_backend_when_others_leave(ports: list[int], client: str) -> None:
    backends = [("127.0.0.1", port) for port in ports]
    chosen = topology.sticky(backends, client)
    assert topology.sticky(chosen + [one for one in backends if one != chosen[0]][:-1], client) == chosen


def test_a_port_is_given_once_and_again_only_last() -> None:
    pool = PortPool(range(100, 103), is_free=lambda port: port != 101)
    assert [pool.take(), pool.take()] == [100, 102]
    with pytest.raises(DrillyardError, match="No free port"):
        pool.take()
    pool.give_back(100)
    assert pool.take() == 100


def test_an_address_that_was_given_back_is_the_last_to_be_given_again() -> None:
    pool, used = AddressPool(), set[str]()
    for _ in range(252):
        used.add(pool.take(used))
    used.discard("10.244.0.2")
    assert pool.take(used) == "10.244.0.254"
    used.add("10.244.0.254")
    assert pool.take(used) == "10.244.0.2"
    with pytest.raises(DrillyardError, match="All 253 pod addresses are in use"):
        pool.take({*used, "10.244.0.2"})


def test_a_preferred_port_is_taken_only_where_it_is_free() -> None:
    pool = PortPool(range(100, 103), is_free=lambda port: port != 2025)
    assert pool.take(2025) == 100
    assert pool.take(102) == 102
    assert pool.take() == 101


def test_a_pool_that_is_used_up_asks_for_more() -> None:
    others = [range(300, 301), range(200, 202)]
    pool = PortPool(range(100, 101), is_free=lambda port: True, more=others.pop)
    assert [pool.take() for _ in range(4)] == [100, 200, 201, 300]
    pool.give_back(201)
    assert pool.take() == 201
