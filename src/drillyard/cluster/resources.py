"""
The kinds that this cluster serves: names, groups, verbs, subresources.

One table drives discovery, request paths, OpenAPI, storage and both clients. A kind that nothing here acts on
(StatefulSet, Ingress, NetworkPolicy, …) is not in it: the server answers 404 rather than store it and ignore it.
"""

from __future__ import annotations

from dataclasses import dataclass

_ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Subresource:
    """A path below an object, such as `pods/log`. `kind` is that of its body, as discovery shows it."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = "v1"


@dataclass(frozen=True)
class Resource:
    """One row of the table. `storage` is the key under which its objects are kept: two versions may share one."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    verbs: tuple[str, ...] = _ALL_VERBS
    storage: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """`deployments.apps`, as error messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        return self.storage or self.plural

    @property
    def stored(self) -> bool:
        """False for virtual kinds: reviews, which are answered, and metrics, which are measured."""
        return "list" in self.verbs and self.group != "metrics.k8s.io"

    def subresource(self, name: str) -> Subresource | None:
        return next((sub for sub in self.subresources if sub.name == name), None)


def _status(kind: str, group: str = "", version: str = "v1") -> Subresource:
    return Subresource("status", kind, ("get", "patch", "update"), group, version)


_SCALE = Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling", "v1")
_STREAM = ("create", "get")
_PROXIED = ("create", "delete", "get", "patch", "update")
_POD_SUBRESOURCES = (
    Subresource("attach", "PodAttachOptions", _STREAM),
    Subresource("binding", "Binding", ("create",)),
    Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
    Subresource("exec", "PodExecOptions", _STREAM),
    Subresource("log", "Pod", ("get",)),
    Subresource("portforward", "PodPortForwardOptions", _STREAM),
    Subresource("proxy", "PodProxyOptions", _PROXIED),
    _status("Pod"),
)
_HPA = "horizontalpodautoscalers"
_RBAC = "rbac.authorization.k8s.io"
_AUTHZ = "authorization.k8s.io"

RESOURCES: tuple[Resource, ...] = (
    Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",)),
    Resource("", "v1", "endpoints", "Endpoints", short_names=("ep",)),
    Resource("", "v1", "events", "Event", short_names=("ev",)),
    Resource(
        "",
        "v1",
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        verbs=tuple(verb for verb in _ALL_VERBS if verb != "deletecollection"),
        subresources=(Subresource("finalize", "Namespace", ("update",)), _status("Namespace")),
    ),
    Resource("", "v1", "nodes", "Node", namespaced=False, short_names=("no",), subresources=(_status("Node"),)),
    Resource("", "v1", "pods", "Pod", short_names=("po",), categories=("all",), subresources=_POD_SUBRESOURCES),
    # None can be made; the list is there because `kubectl cluster-info dump` stops at a kind that it cannot list.
    Resource(
        "",
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        short_names=("rc",),
        verbs=("get", "list", "watch"),
    ),
    Resource("", "v1", "secrets", "Secret"),
    Resource(
        "",
        "v1",
        "serviceaccounts",
        "ServiceAccount",
        short_names=("sa",),
        subresources=(Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io"),),
    ),
    Resource(
        "",
        "v1",
        "services",
        "Service",
        short_names=("svc",),
        categories=("all",),
        subresources=(Subresource("proxy", "ServiceProxyOptions", _PROXIED), _status("Service")),
    ),
    Resource(
        "apps",
        "v1",
        "daemonsets",
        "DaemonSet",
        short_names=("ds",),
        categories=("all",),
        subresources=(_status("DaemonSet", "apps"),),
    ),
    Resource(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        short_names=("deploy",),
        categories=("all",),
        subresources=(_SCALE, _status("Deployment", "apps")),
    ),
    Resource(
        "apps",
        "v1",
        "replicasets",
        "ReplicaSet",
        short_names=("rs",),
        categories=("all",),
        subresources=(_SCALE, _status("ReplicaSet", "apps")),
    ),
    Resource("events.k8s.io", "v1", "events", "Event", short_names=("ev",)),
    Resource(
        "autoscaling",
        "v2",
        _HPA,
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=("all",),
        subresources=(_status("HorizontalPodAutoscaler", "autoscaling", "v2"),),
    ),
    Resource(
        "autoscaling",
        "v1",
        _HPA,
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=("all",),
        subresources=(_status("HorizontalPodAutoscaler", "autoscaling"),),
    ),
    Resource("batch", "v1", "jobs", "Job", categories=("all",), subresources=(_status("Job", "batch"),)),
    Resource("coordination.k8s.io", "v1", "leases", "Lease"),
    Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Resource(_RBAC, "v1", "roles", "Role"),
    Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=("create",)),
    Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False, verbs=("create",)),
    Resource(_AUTHZ, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=("create",)),
    Resource(_AUTHZ, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=("create",)),
    Resource(_AUTHZ, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", False, verbs=("create",)),
    Resource(_AUTHZ, "v1", "subjectaccessreviews", "SubjectAccessReview", False, verbs=("create",)),
    Resource("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", False, verbs=("get", "list"), storage="nodemetrics"),
    Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", verbs=("get", "list"), storage="podmetrics"),
)

_BY_PATH = {(resource.group, resource.version, resource.plural): resource for resource in RESOURCES}
_BY_PLURAL = {resource.plural: resource for resource in reversed(RESOURCES)}
_BY_QUALIFIED = {resource.qualified: resource for resource in reversed(RESOURCES)}
_BY_QUALIFIED |= {f"{resource.qualified}/{resource.version}": resource for resource in RESOURCES}
_BY_KIND = {(resource.group, resource.kind): resource for resource in reversed(RESOURCES)}


def find(group: str, version: str, plural: str) -> Resource | None:
    """The row that a request path names, if this cluster serves it."""
    return _BY_PATH.get((group, version, plural))


def named(plural: str) -> Resource:
    """
    The row that `Api` calls by its plural: the first one, so core events and autoscaling/v2. Raises KeyError.

    Another one is called by plural and group, `pods.metrics.k8s.io`, or version, `….autoscaling/v1`.
    """
    return _BY_PLURAL.get(plural) or _BY_QUALIFIED[plural]


def of_kind(group: str, kind: str) -> Resource | None:
    """The preferred row of a kind, as owner references and scale targets name it."""
    return _BY_KIND.get((group, kind))


def group_versions() -> list[tuple[str, str]]:
    """Every served group and version, each once, core first, the preferred version of a group before others."""
    return list(dict.fromkeys((resource.group, resource.version) for resource in RESOURCES))
