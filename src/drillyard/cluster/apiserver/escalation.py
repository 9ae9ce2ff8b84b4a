"""
Nobody grants what they do not hold: writing a role needs its permissions, writing a binding those of the role it names.

Whoever may `escalate` roles, or `bind` the role, is exempt: https://kubernetes.io/docs/reference/access-authn-authz/rbac/.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import Object
from drillyard.cluster.resources import Resource

GROUP = "rbac.authorization.k8s.io"


def must_not_escalate(
    store: Store, authorizer: Authorizer, user: User, resource: Resource, namespace: str, obj: Object
) -> None:
    """Judges a role or binding as it would be stored. Raises ApiError 403 with what is not held."""
    name = obj["metadata"].get("name", "")
    if resource.plural in ("roles", "clusterroles"):
        verb, plural, rules = "escalate", resource.plural, obj.get("rules") or []
    else:
        role = obj["roleRef"]
        verb, plural = "bind", "clusterroles" if role["kind"] == "ClusterRole" else "roles"
        found = store.get(plural, "" if plural == "clusterroles" else namespace, role["name"])
        rules, name = (found.obj.get("rules") or [] if found else []), role["name"]
    if authorizer.allows(user, Attributes(verb, GROUP, plural, namespace, name)):
        return
    for rule in rules:
        for asked in _permissions(rule, namespace):
            if not authorizer.allows(user, asked):
                what = f"{asked.verb} {asked.resource or asked.path}"
                groups = " ".join(f'"{group}"' for group in user.all_groups)
                why = (
                    f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently '
                    f"held: {what}" + (f' in API group "{asked.group}"' if asked.resource else "")
                )
                raise status.forbidden(resource, obj["metadata"].get("name", ""), why)


def _permissions(rule: Object, namespace: str) -> Iterator[Attributes]:
    """Every single access that a rule grants."""
    verbs = rule.get("verbs") or ()
    for verb, group, plural in product(verbs, rule.get("apiGroups") or (), rule.get("resources") or ()):
        for name in rule.get("resourceNames") or ("",):
            yield Attributes(verb, group, plural, namespace, name)
    for verb, path in product(verbs, rule.get("nonResourceURLs") or ()):
        yield Attributes(verb, path=path)
