"""
What is known about metrics beforehand: type, unit and a sentence, as Datadog's integrations ship them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """`unit` is Datadog's name of it, empty for plain numbers."""

    description: str
    unit: str = ""
    integration: str = "kubernetes"
    type: str = "gauge"


KNOWN = {
    "kubernetes_state.deployment.replicas": Known("The number of replicas of a deployment"),
    "kubernetes_state.deployment.replicas_available": Known("The number of available replicas of a deployment"),
    "kubernetes_state.deployment.replicas_desired": Known("The number of desired replicas of a deployment"),
    "kubernetes_state.deployment.replicas_ready": Known("The number of ready replicas of a deployment"),
    "kubernetes_state.deployment.replicas_unavailable": Known("The number of unavailable replicas of a deployment"),
    "kubernetes_state.deployment.replicas_updated": Known("The number of updated replicas of a deployment"),
    "kubernetes_state.pod.ready": Known("Whether the pod is ready (tag condition)"),
    "kubernetes_state.container.ready": Known("Whether the container is ready"),
    "kubernetes_state.container.running": Known("Whether the container is running"),
    "kubernetes_state.container.restarts": Known("How often the container has been restarted"),
    "kubernetes.containers.running": Known("The number of running containers", "container"),
    "kubernetes.containers.restarts": Known("How often the container has been restarted"),
    "kubernetes.pods.running": Known("The number of running pods"),
    "kubernetes_state.deployment.condition": Known("Whether the deployment's condition has that status"),
    "kubernetes_state.pod.status_phase": Known("Whether the pod is in that phase (tag pod_phase)"),
    "kubernetes_state.replicaset.replicas": Known("The number of replicas of a ReplicaSet"),
    "kubernetes_state.replicaset.replicas_desired": Known("The number of desired replicas of a ReplicaSet"),
    "kubernetes_state.replicaset.replicas_ready": Known("The number of ready replicas of a ReplicaSet"),
    "kubernetes_state.hpa.min_replicas": Known("The least number of replicas of the autoscaler"),
    "kubernetes_state.hpa.max_replicas": Known("The greatest number of replicas of the autoscaler"),
    "kubernetes_state.hpa.desired_replicas": Known("The number of replicas that the autoscaler wants"),
    "kubernetes_state.hpa.current_replicas": Known("The number of replicas that the autoscaler sees"),
    "kubernetes_state.hpa.condition": Known("Whether the autoscaler's condition has that status"),
    "kubernetes_state.endpoint.address_available": Known("The number of ready addresses of a Service"),
    "kubernetes_state.endpoint.address_not_ready": Known("The number of addresses of a Service that are not ready"),
    "kubernetes_state.container.cpu_requested": Known("The CPU that the container requests", "core"),
    "kubernetes_state.container.cpu_limit": Known("The CPU limit of the container", "core"),
    "kubernetes_state.container.memory_requested": Known("The memory that the container requests", "byte"),
    "kubernetes_state.container.memory_limit": Known("The memory limit of the container", "byte"),
    "kubernetes.cpu.usage.total": Known("The CPU that the container uses", "nanocore"),
    "kubernetes.cpu.requests": Known("The CPU that the container requests", "core"),
    "kubernetes.cpu.limits": Known("The CPU limit of the container", "core"),
    "kubernetes.memory.usage": Known("The memory that the container uses (in a yard: PSS)", "byte"),
    "kubernetes.memory.working_set": Known("The container's working set (in a yard: PSS)", "byte"),
    "kubernetes.memory.rss": Known("The container's resident memory (in a yard: PSS)", "byte"),
    "kubernetes.memory.usage_pct": Known("The part of its memory limit that the container uses", "fraction"),
    "kubernetes.memory.requests": Known("The memory that the container requests", "byte"),
    "kubernetes.memory.limits": Known("The memory limit of the container", "byte"),
    "container.cpu.usage": Known("The CPU that the container uses", "nanocore", "container"),
    "container.memory.usage": Known("The memory that the container uses (in a yard: PSS)", "byte", "container"),
    "container.memory.working_set": Known("The container's working set (in a yard: PSS)", "byte", "container"),
    "container.memory.rss": Known("The container's resident memory (in a yard: PSS)", "byte", "container"),
    "system.load.1": Known("The average load over a minute", "", "system"),
    "system.load.5": Known("The average load over five minutes", "", "system"),
    "system.load.15": Known("The average load over a quarter of an hour", "", "system"),
    "system.cpu.num_cores": Known("The number of cores", "core", "system"),
    "system.cpu.user": Known("The time that the cores ran programs", "percent", "system"),
    "system.cpu.system": Known("The time that the cores ran the kernel", "percent", "system"),
    "system.cpu.idle": Known("The time that the cores did nothing", "percent", "system"),
    "system.cpu.iowait": Known("The time that the cores waited for disks", "percent", "system"),
    "system.cpu.stolen": Known("The time that the machine below gave to others", "percent", "system"),
    "system.mem.total": Known("The memory of the machine", "byte", "system"),
    "system.mem.free": Known("The memory that nothing uses", "byte", "system"),
    "system.mem.used": Known("The memory in use, the cache included", "byte", "system"),
    "system.mem.usable": Known("The memory that programs can still get", "byte", "system"),
    "system.mem.pct_usable": Known("The part of the memory that programs can still get", "fraction", "system"),
    "system.net.bytes_rcvd": Known("Bytes received a second", "byte", "system"),
    "system.net.bytes_sent": Known("Bytes sent a second", "byte", "system"),
    "rabbitmq.queue.messages": Known("Messages in the queue, ready and unacknowledged", "message", "rabbitmq"),
    "rabbitmq.queue.messages_ready": Known("Messages ready to be delivered", "message", "rabbitmq"),
    "rabbitmq.queue.messages_unacknowledged": Known(
        "Messages delivered and not yet acknowledged", "message", "rabbitmq"
    ),
    "rabbitmq.queue.consumers": Known("Consumers of the queue", "", "rabbitmq"),
    "rabbitmq.queue.consumer_utilisation": Known("The time that consumers could take messages", "fraction", "rabbitmq"),
    "rabbitmq.queue.memory": Known("The memory that the queue uses", "byte", "rabbitmq"),
    "rabbitmq.queue.messages.publish.count": Known("Messages published so far", "message", "rabbitmq"),
    "rabbitmq.queue.messages.deliver_get.count": Known("Messages delivered so far", "message", "rabbitmq"),
    "rabbitmq.queue.messages.ack.count": Known("Messages acknowledged so far", "message", "rabbitmq"),
    "rabbitmq.queue.messages.redeliver.count": Known("Messages delivered again so far", "message", "rabbitmq"),
    "rabbitmq.queue.messages.redeliver.rate": Known("Messages delivered again a second", "message", "rabbitmq"),
    "rabbitmq.queue.messages.publish.rate": Known("Messages published a second", "message", "rabbitmq"),
    "rabbitmq.queue.messages.deliver_get.rate": Known("Messages delivered a second", "message", "rabbitmq"),
    "rabbitmq.queue.messages.ack.rate": Known("Messages acknowledged a second", "message", "rabbitmq"),
}
