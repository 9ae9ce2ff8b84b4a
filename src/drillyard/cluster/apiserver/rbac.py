"""
Who may do what: Roles and ClusterRoles, bound to users, groups and service accounts (rbac.authorization.k8s.io/v1).

Deny by default; rules only ever add. Members of system:masters pass without looking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillyard.cluster.apiserver.auth import MASTERS, User
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import ApiError, Object

_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True)
class Attributes:
    """One access to judge. `namespace` "" means the whole cluster; `resource` may be `pods/log`; or a bare `path`."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Authorizer:
    """Judges by the bindings that are stored at that moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, user: User, asked: Attributes) -> str:
        """The reason why it is allowed, for people to read; "" when it is not."""
        if MASTERS in user.groups:
            return "a member of system:masters may do everything"
        for binding, rule in self.rules_of(user, asked.namespace):
            if _covers(rule, asked):
                role = binding["roleRef"]
                kind, name = binding["kind"], binding["metadata"]["name"]
                return f'RBAC: allowed by {kind} "{name}" of {role["kind"]} "{role["name"]}" to "{user.name}"'
        return ""

    def must_allow(self, user: User, asked: Attributes) -> None:
        """Raises ApiError 403 in a real API server's words."""
        if self.allows(user, asked):
            return
        if asked.path:
            message = f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"'
            raise ApiError(403, "Forbidden", message, {})
        scope = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        plural = asked.resource.partition("/")[0]
        qualified = f"{plural}.{asked.group}" if asked.group else plural
        shown = f'{qualified} "{asked.name}"' if asked.name else qualified
        message = (
            f'{shown} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.resource}" '
            f'in API group "{asked.group}" {scope}'
        )
        details = {"kind": plural, **({"group": asked.group} if asked.group else {})}
        if asked.name:
            details["name"] = asked.name
        raise ApiError(403, "Forbidden", message, details)

    def rules_of(self, user: User, namespace: str) -> Iterator[tuple[Object, Object]]:
        """Every rule that holds for the user in the namespace ("": those that hold everywhere), with its binding."""
        for stored in self._store.list("clusterrolebindings"):
            if _binds(stored.obj, user, ""):
                yield from self._rules(stored.obj, "ClusterRoleBinding", "")
        if namespace:
            for stored in self._store.list("rolebindings", namespace):
                if _binds(stored.obj, user, namespace):
                    yield from self._rules(stored.obj, "RoleBinding", namespace)

    def _rules(self, binding: Object, kind: str, namespace: str) -> Iterator[tuple[Object, Object]]:
        role = binding["roleRef"]
        if role["kind"] == "ClusterRole":
            found = self._store.get("clusterroles", "", role["name"])
        else:
            found = self._store.get("roles", namespace, role["name"])
        for rule in (found.obj.get("rules") or ()) if found else ():
            yield {**binding, "kind": kind}, rule


def _binds(binding: Object, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "User":
                found = subject["name"] == user.name
            case "Group":
                found = subject["name"] in user.all_groups
            case _:
                found = f"{_ACCOUNT}{subject.get('namespace') or namespace}:{subject['name']}" == user.name
        if found:
            return True
    return False


def _covers(rule: Object, asked: Attributes) -> bool:
    if not {"*", asked.verb} & set(rule.get("verbs") or ()):
        return False
    if asked.path:
        return any(
            url in ("*", asked.path) or (url.endswith("*") and asked.path.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or ()
        )
    if not {"*", asked.group} & set(rule.get("apiGroups") or ()):
        return False
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    below = asked.resource.partition("/")[2]
    wanted = {"*", asked.resource, *([f"*/{below}"] if below else [])}
    return bool(wanted & set(rule.get("resources") or ()))
