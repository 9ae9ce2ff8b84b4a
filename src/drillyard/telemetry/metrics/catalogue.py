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
    "rabbitmq.queue.messages": Known("Messages in the queue, ready and unacknowledged", "message", "rabbitmq"),
    "rabbitmq.queue.messages_ready": Known("Messages ready to be delivered", "message", "rabbitmq"),
    "rabbitmq.queue.messages_unacknowledged": Known(
        "Messages delivered and not yet acknowledged", "message", "rabbitmq"
    ),
    "rabbitmq.queue.consumers": Known("Consumers of the queue", "", "rabbitmq"),
    "rabbitmq.queue.messages.publish.rate": Known("Messages published a second", "message", "rabbitmq"),
    "rabbitmq.queue.messages.deliver_get.rate": Known("Messages delivered a second", "message", "rabbitmq"),
    "rabbitmq.queue.messages.ack.rate": Known("Messages acknowledged a second", "message", "rabbitmq"),
}
