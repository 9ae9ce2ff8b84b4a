"""
Namespaces: what each one gets when it is born, and emptying it before it goes.
"""

from __future__ import annotations

from collections.abc import Mapping

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.controllers.availability import is_going
from drillyard.cluster.controllers.controller import Concerns, itself
from drillyard.cluster.informer import Key
from drillyard.cluster.resources import RESOURCES

_AGAIN_S = 0.2
_PODS_LAST = tuple(
    dict.fromkeys(
        sorted(
            (row.plural for row in RESOURCES if row.stored and row.namespaced),
            key=lambda plural: (plural == "events", plural == "pods"),
        )
    )
)


class NamespaceController:
    """Fills new namespaces and empties dying ones. `ca_pem` is the certificate that pods trust, "" for none."""

    name = "namespace-controller"

    def __init__(self, api: Api, clock: Clock, ca_pem: str = "") -> None:
        self._api, self._ca_pem = api, ca_pem

    @property
    def watches(self) -> Mapping[str, Concerns]:
        return {"namespaces": itself}

    async def reconcile(self, key: Key) -> float | None:
        _, name = key
        try:
            namespace = await self._api.get("namespaces", None, name)
        except ApiError as refused:
            if refused.status == 404:
                return None
            raise
        if is_going(namespace):
            return await self._empty(namespace)
        await self._furnish(name)
        return None

    async def _furnish(self, name: str) -> None:
        account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        await self._create("serviceaccounts", name, account)
        if self._ca_pem:
            certificate: Object = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "kube-root-ca.crt"},
                "data": {"ca.crt": self._ca_pem},
            }
            await self._create("configmaps", name, certificate)

    async def _create(self, kind: str, namespace: str, obj: Object) -> None:
        try:
            await self._api.create(kind, namespace, obj)
        except ApiError as refused:
            if refused.reason not in ("AlreadyExists", "Forbidden"):
                raise

    async def _empty(self, namespace: Object) -> float | None:
        """Deletes what is left; pods take their grace. Asks to be called again until nothing is."""
        name = namespace["metadata"]["name"]
        for kind in _PODS_LAST:
            for obj in (await self._api.list(kind, name)).items:
                if not is_going(obj):
                    await self._delete(kind, name, obj["metadata"]["name"])
        for kind in _PODS_LAST:
            if (await self._api.list(kind, name)).items:
                return _AGAIN_S
        namespace["spec"]["finalizers"] = []
        await self._api.update("namespaces", None, namespace, subresource="finalize")
        return None

    async def _delete(self, kind: str, namespace: str, name: str) -> None:
        try:
            await self._api.delete(kind, namespace, name, propagation="Background")
        except ApiError as refused:
            if refused.status != 404:
                raise
