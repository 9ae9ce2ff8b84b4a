"""
Who may do what, and what a URL means.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver import bootstrap
from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.apiserver.request import ApiRequest, form_of, parse
from drillyard.cluster.apiserver.reviews import review
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import named

JOE = User("joe", ("developers",))


def grant(objects: Objects, kind: str, namespace: str, role: Object, /, **subject: str) -> None:
    binding: Object = {"metadata": {"name": f"b{objects.store.version}"}, "roleRef": role, "subjects": [subject]}
    objects.create(named(kind), namespace, binding, WriteOptions())


@pytest.fixture
def authorizer(objects: Objects) -> Authorizer:
    bootstrap.fill(objects)
    return Authorizer(objects.store)


def test_nobody_may_anything_until_a_role_says_so(objects: Objects, authorizer: Authorizer) -> None:
    asked = Attributes("list", "", "pods", "default")
    assert authorizer.allows(JOE, asked) == ""
    with pytest.raises(ApiError) as refused:
        authorizer.must_allow(JOE, asked)
    assert refused.value.message == (
        'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    grant(objects, "rolebindings", "default", {"kind": "ClusterRole", "name": "view"}, kind="Group", name="developers")
    assert authorizer.allows(JOE, asked)
    assert not authorizer.allows(JOE, Attributes("list", "", "pods", "kube-system"))
    assert not authorizer.allows(JOE, Attributes("list", "", "secrets", "default"))
    assert not authorizer.allows(JOE, Attributes("create", "", "pods/exec", "default"))
    assert authorizer.allows(JOE, Attributes("get", "", "pods/log", "default"))


def test_a_rule_may_name_single_objects_and_subresources(objects: Objects, authorizer: Authorizer) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["patch"], "resourceNames": ["web"]}
    objects.create(named("roles"), "default", {"metadata": {"name": "scaler"}, "rules": [rule]}, WriteOptions())
    role = {"kind": "Role", "name": "scaler"}
    grant(objects, "rolebindings", "default", role, kind="ServiceAccount", name="bot", namespace="default")
    bot = User("system:serviceaccount:default:bot")
    assert authorizer.allows(bot, Attributes("patch", "apps", "deployments/scale", "default", "web"))
    assert not authorizer.allows(bot, Attributes("patch", "apps", "deployments/scale", "default", "db"))
    assert not authorizer.allows(bot, Attributes("patch", "apps", "deployments", "default", "web"))


def test_masters_may_everything(authorizer: Authorizer) -> None:
    assert authorizer.allows(User("root", ("system:masters",)), Attributes("delete", "", "nodes", "", "n1"))


def test_a_token_is_for_one_user() -> None:
    tokens = Tokens.of({"secret": JOE})
    assert tokens.user_of("Bearer secret") is JOE
    for header in ("", "Bearer", "Bearer wrong", "Basic secret", "secret"):
        with pytest.raises(ApiError) as refused:
            tokens.user_of(header)
        assert refused.value.status == 401


def test_a_token_can_be_asked_whose_it_is(authorizer: Authorizer) -> None:
    tokens, row = Tokens.of({"secret": JOE}), named("tokenreviews")

    def asked(token: str) -> Object:
        found: Object = review(row, "", {"spec": {"token": token}}, User("root"), authorizer, tokens)["status"]
        return found

    groups = ["developers", "system:authenticated"]
    assert asked("secret") == {"authenticated": True, "user": {"username": "joe", "groups": groups}}
    assert not asked("other").get("authenticated")


def test_a_token_with_a_lifetime_ends() -> None:
    clock = VirtualClock()
    tokens = Tokens.of({"root": User("root")}, clock)
    tokens.add("short", JOE, lifetime_s=600)
    clock.elapsed_s = 599
    assert tokens.user_of("Bearer short") is JOE
    clock.elapsed_s = 600
    with pytest.raises(ApiError):
        tokens.user_of("Bearer short")
    assert tokens.user_of("Bearer root").name == "root"


def test_what_paths_mean() -> None:
    found = parse("GET", "/api/v1/namespaces/shop/pods/p/log", {})
    assert found == ApiRequest("get", named("pods"), "shop", "p", "log")
    assert parse("GET", "/api/v1/pods", {"watch": "1"}).verb == "watch"
    assert parse("GET", "/api/v1/namespaces/shop", {}).resource.kind == "Namespace"
    assert parse("PUT", "/api/v1/namespaces/shop/finalize", {}).subresource == "finalize"
    assert parse("DELETE", "/apis/apps/v1/namespaces/shop/deployments", {}).verb == "deletecollection"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/foos", 404),
        ("GET", "/apis/apps/v1/namespaces/shop/statefulsets", 404),
        ("GET", "/api/v1/namespaces/shop/nodes", 404),
        ("GET", "/api/v1/namespaces/shop/pods/p/log/x", 404),
        ("GET", "/api/v1/namespaces/shop/configmaps/c/status", 404),
        ("PUT", "/api/v1/namespaces/shop/pods/p/log", 405),
        ("POST", "/api/v1/namespaces/shop/pods/p", 405),
        ("PATCH", "/api/v1/namespaces/shop/pods", 405),
        ("BREW", "/api/v1/pods/p", 404),
        ("GET", "/api/v1/pods/p", 404),
    ],
)
def test_paths_that_mean_nothing(method: str, path: str, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        parse(method, path, {})
    assert refused.value.status == code


@given(st.text(alphabet="/apis1.vnmecod", max_size=40), st.sampled_from(["GET", "POST", "PATCH", "DELETE", "X"]))
def test_any_path_is_a_request_or_a_refusal(path: str, method: str) -> None:
    try:
        parse(method, "/api" + path, {})
    except ApiError as refused:
        assert refused.status in (404, 405)


def test_the_form_is_the_first_that_we_can_give() -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io"
    assert form_of(table) == ("table", "v1")
    assert form_of("application/vnd.kubernetes.protobuf,application/json") == ("json", "v1")
    assert form_of("") == form_of("*/*") == ("json", "v1")
    assert form_of("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io") == ("partial", "v1")
    with pytest.raises(ApiError):
        form_of("application/vnd.kubernetes.protobuf")
