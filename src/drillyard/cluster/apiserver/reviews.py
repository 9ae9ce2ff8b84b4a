"""
Questions about access: `kubectl auth can-i`, `auth whoami`, whose a token is (authorization.k8s.io/v1,
authentication.k8s.io/v1).
"""

from __future__ import annotations

from typing import Any

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.auth import MASTERS, Tokens, User
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import Resource


def review(resource: Resource, namespace: str, body: Any, user: User, authorizer: Authorizer, tokens: Tokens) -> Object:
    """The review with its status filled in. Raises ApiError 422 for a question that is none."""
    spec = body.get("spec") or {}
    answer: Object = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {"creationTimestamp": None},
    }
    match resource.kind:
        case "SelfSubjectReview":
            return {**answer, "status": {"userInfo": _user_info(user)}}
        case "TokenReview":
            return {**answer, "spec": spec, "status": _owner(str(spec.get("token", "")), tokens)}
        case "SelfSubjectRulesReview":
            return {**answer, "spec": spec, "status": _rules(user, str(spec.get("namespace", "")), authorizer)}
        case "SelfSubjectAccessReview":
            subject = user
        case _:
            subject = User(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
            if not subject.name and not subject.groups:
                problem = status.required("spec.user", "at least one of user or group must be specified")
                raise status.invalid(resource.group, resource.kind, "", [problem])
    reason = authorizer.allows(subject, _attributes(resource, namespace, spec))
    found = {"allowed": bool(reason), **({"reason": reason} if reason else {})}
    return {**answer, "spec": spec, "status": found}


def _attributes(resource: Resource, namespace: str, spec: Object) -> Attributes:
    if path := (spec.get("nonResourceAttributes") or {}).get("path"):
        return Attributes(verb=str(spec["nonResourceAttributes"].get("verb", "get")), path=str(path))
    asked = spec.get("resourceAttributes")
    if not isinstance(asked, dict):
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        problem = status.required("spec.resourceAttributes", detail)
        raise status.invalid(resource.group, resource.kind, "", [problem])
    plural, below = str(asked.get("resource", "")), asked.get("subresource")
    return Attributes(
        verb=str(asked.get("verb", "")),
        group=str(asked.get("group", "")),
        resource=f"{plural}/{below}" if below else plural,
        namespace=namespace or str(asked.get("namespace", "")),
        name=str(asked.get("name", "")),
    )


def _user_info(user: User) -> Object:
    shown: Object = {"username": user.name, "groups": list(user.all_groups)}
    return {**shown, "uid": user.uid} if user.uid else shown


def _owner(token: str, tokens: Tokens) -> Object:
    try:
        return {"authenticated": True, "user": _user_info(tokens.user_of(f"Bearer {token}"))}
    except ApiError:
        return {"user": {}, "error": "[invalid bearer token, unknown]"}


def _rules(user: User, namespace: str, authorizer: Authorizer) -> Object:
    everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}] if MASTERS in user.groups else []
    rules = everything + [rule for _, rule in authorizer.rules_of(user, namespace)]
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }
