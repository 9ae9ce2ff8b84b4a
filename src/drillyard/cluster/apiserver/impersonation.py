"""
`kubectl --as`: acting as somebody else, for whoever may impersonate users and groups.
"""

from __future__ import annotations

from multidict import CIMultiDictProxy

from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.rbac import Attributes, Authorizer
from drillyard.cluster.apiserver.status import bad_request
from drillyard.cluster.apiserver.token_request import service_account

_ACCOUNT = "system:serviceaccount:"


def acting_user(user: User, headers: CIMultiDictProxy[str], authorizer: Authorizer) -> User:
    """The user that the request shall be judged as. Raises ApiError 403, and 400 for groups without a user."""
    name, groups = headers.get("Impersonate-User", ""), tuple(headers.getall("Impersonate-Group", []))
    if not name:
        if groups:
            raise bad_request("Impersonate-Group needs an Impersonate-User")
        return user
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        namespace, account = name.split(":")[2:]
        wanted = Attributes("impersonate", resource="serviceaccounts", namespace=namespace, name=account)
        found = service_account(namespace, account)
    else:
        wanted = Attributes("impersonate", resource="users", name=name)
        found = User(name)
    authorizer.must_allow(user, wanted)
    for group in groups:
        authorizer.must_allow(user, Attributes("impersonate", resource="groups", name=group))
    return User(name, groups or found.groups)
