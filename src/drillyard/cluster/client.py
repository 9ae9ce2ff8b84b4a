"""
Where the four parts of the cluster meet: the Kubernetes API as a few Python methods, and what the node offers.

Controllers, kubelet and network know the API server only through `Api`; the API server knows the node only through
`NodeAgent`; the kubelet knows the network only through `PodNetwork`. So each part is replaceable by the real one, and
each is tested against a small stand-in.

Objects are plain JSON dicts as the Kubernetes API writes them (https://kubernetes.io/docs/reference/kubernetes-api/).
Kinds are named by their plural: "pods", "deployments". What a caller gets is its own copy: it may change it freely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Object = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
PatchType = Literal["merge", "json", "strategic", "apply"]
Propagation = Literal["Background", "Foreground", "Orphan"]


class ApiError(Exception):
    """
    A refusal of the Kubernetes API, as its Status object says it.

    `status` is the HTTP code, `reason` the machine's word for it: 404 NotFound, 409 AlreadyExists or Conflict,
    410 Expired, 422 Invalid. `details` and `metadata` are the Status's own, where it has them.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: Object | None = None, *, metadata: Object | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata: Object = metadata or {}


@dataclass(frozen=True)
class ObjectList:
    """A list and the version of the store that it shows; a watch from there misses nothing."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True)
class WatchEvent:
    """One change. A DELETED event carries the object as it was last seen, with the deletion's version."""

    type: EventType
    object: Object


class Api(Protocol):
    """The Kubernetes API. Every method raises ApiError when the server refuses."""

    async def list(
        self, kind: str, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> ObjectList:
        """Every object of the kind (None: all namespaces) that both selectors, in kubectl's syntax, let through."""

    def watch(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """
        Changes after `resource_version`, in order, without gaps; without one, what exists comes first as ADDED.

        Raises ApiError 410 when the version is too old: list again. A remote watch may end at any time; a local one
        ends only when the server stops or the reader falls too far behind.
        """

    async def get(self, kind: str, namespace: str | None, name: str) -> Object: ...

    async def create(self, kind: str, namespace: str | None, obj: Object) -> Object:
        """Stores a new object and returns it with its uid and version. 409 AlreadyExists."""

    async def update(self, kind: str, namespace: str | None, obj: Object, *, subresource: str | None = None) -> Object:
        """Replaces the object (with "status" its status only). 409 Conflict: `metadata.resourceVersion` is stale."""

    async def patch(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        patch: Object | Sequence[Object],
        *,
        type: PatchType = "merge",
        subresource: str | None = None,
    ) -> Object: ...

    async def delete(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        grace_s: int | None = None,
        propagation: Propagation | None = None,
        uid: str | None = None,
    ) -> None:
        """
        Deletes it, at once or (a running pod with grace, finalizers) by marking it. `uid` guards against a namesake.

        A pod with grace only gets `deletionTimestamp`; the kubelet deletes it for good with `grace_s=0`.
        """


@dataclass(frozen=True)
class LogOptions:
    """What `kubectl logs` can ask (query parameters of `pods/log`)."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_s: int | None = None
    since_time: datetime | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True)
class StreamOptions:
    """What an exec or attach connects. With `tty` there is one output stream, and stderr is False."""

    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


class ProcessSession(Protocol):
    """One exec or attach: bytes in, bytes out, an exit code. `hang_up` is always called in the end."""

    def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Chunks as they come; ends when the process has ended and everything it wrote was given out."""

    async def write_stdin(self, data: bytes) -> None:
        """Waits while the process does not read; drops the data once the process is gone."""

    async def close_stdin(self) -> None: ...

    def resize(self, columns: int, rows: int) -> None: ...

    async def exit_code(self) -> int:
        """Waits for the end: the exit code, or 128 + signal number."""

    async def hang_up(self) -> None:
        """The client is gone: an exec'd process gets HUP, then KILL; an attached container runs on. Harmless twice."""


class TcpConnection(Protocol):
    """One forwarded TCP connection into a pod."""

    async def read(self) -> bytes:
        """The next bytes; b"" at the pod's end of file."""

    async def write(self, data: bytes) -> None: ...

    async def write_eof(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class ContainerUsage:
    """What one container uses now, for metrics.k8s.io."""

    name: str
    cpu_nanocores: int
    memory_bytes: int


@dataclass(frozen=True)
class PodUsage:
    """The usage of one pod's containers, averaged over `window_s` up to `timestamp`."""

    namespace: str
    pod: str
    timestamp: datetime
    window_s: float
    containers: tuple[ContainerUsage, ...] = field(default=())


class NodeAgent(Protocol):
    """
    What only the kubelet knows. Methods raise ApiError with the text a kubelet would give.

    400 BadRequest: `container "x" in pod "y" is waiting to start: ContainerCreating`, or
    `previous terminated container "x" in pod "y" not found`. 404 NotFound: the pod does not run here.
    The API server has checked beforehand that the pod exists, is bound to a node, and has that container.
    """

    def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Log bytes; an error is raised before the first chunk. With `follow` it ends when the container does."""

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], options: StreamOptions
    ) -> ProcessSession:
        """Starts a process in the container. 500 InternalError with the runtime's text for a missing program."""

    async def attach(self, namespace: str, pod: str, container: str, options: StreamOptions) -> ProcessSession:
        """Joins the container's own first process."""

    async def port_forward(self, namespace: str, pod: str, port: int) -> TcpConnection:
        """Connects to a port of the pod. Raises OSError (connection refused) as the connection itself would."""

    async def usage(self) -> Sequence[PodUsage]: ...


@dataclass(frozen=True)
class PodAddress:
    """
    Where a pod is: its cluster address, and the table for the `PODNET` variable of its processes.

    `listen` maps its container ports to loopback ports, for as long as it is attached.
    """

    ip: str
    table: str
    listen: Mapping[int, int] = field(default_factory=dict)


class PodNetwork(Protocol):
    """What the kubelet needs of the network for each pod."""

    async def attach(self, pod: Mapping[str, Any], ports: Sequence[int]) -> PodAddress:
        """Gives the pod an address and its container ports a way in. Harmless twice for the same uid."""

    async def detach(self, pod_uid: str) -> None:
        """Takes them back. Harmless for an unknown uid."""
