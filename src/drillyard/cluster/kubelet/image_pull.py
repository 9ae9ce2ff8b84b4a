"""
Finds a container's image, with the events and the back-off of a real pull. Nothing is downloaded: an image is known or
not.
"""

from __future__ import annotations

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.backoff import Backoff
from drillyard.cluster.kubelet.container_state import ContainerRecord, Waiting
from drillyard.cluster.kubelet.images import Image, InvalidImageNameError, parse_reference
from drillyard.cluster.kubelet.pod_context import EventKind, PodContext


class ImagePull:
    """The image of one container, asked for before each start."""

    def __init__(self, container: Object, record: ContainerRecord, context: PodContext, field_path: str) -> None:
        self._container, self._record, self._context = container, record, context
        self._path = field_path
        self._backoff = Backoff(context.node.settings.backoff_scale)

    async def image(self) -> Image:
        """Waits, with back-off, until the image is there."""
        name, policy = self._container["image"], self._container.get("imagePullPolicy") or "IfNotPresent"
        while True:
            try:
                reference = parse_reference(name)
            except InvalidImageNameError:
                text = f'couldn\'t parse image name "{name}": invalid reference format'
                text = f'Failed to apply default image tag "{name}": {text}'
                await self._refuse("InvalidImageName", text, "InspectFailed", text)
                continue
            image = self._context.node.images.find(reference)
            if image is not None and not image.absent:
                await self._say_pulled(name, policy)
                self._record.image, self._record.image_id = reference.canonical, reference.image_id
                return image
            if policy == "Never":
                text = f'Container image "{name}" is not present with pull policy of Never'
                await self._refuse("ErrImageNeverPull", text, "ErrImageNeverPull", text)
                continue
            await self._event("Normal", "Pulling", f'Pulling image "{name}"')
            full, why = reference.canonical, f": {image.absent}" if image else ""
            reason = (
                f'failed to pull image "{name}": rpc error: code = NotFound desc = failed to pull and unpack image '
                f'"{full}": failed to resolve reference "{full}": {full}: not found{why}'
            )
            await self._event("Warning", "Failed", f"F{reason[1:]}")
            await self._event("Warning", "Failed", "Error: ErrImagePull")
            self._wait("ErrImagePull", reason[reason.index("rpc error") :])
            await self._event("Normal", "BackOff", f'Back-off pulling image "{name}"')
            await self._event("Warning", "Failed", "Error: ImagePullBackOff")
            self._wait("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {reason}')
            await self._context.node.clock.sleep(self._backoff.next_s())

    async def _say_pulled(self, name: str, policy: str) -> None:
        if policy == "Always":
            await self._event("Normal", "Pulling", f'Pulling image "{name}"')
            text = f'Successfully pulled image "{name}" in 1ms (1ms including waiting). Image size: 0 bytes.'
            await self._event("Normal", "Pulled", text)
        else:
            await self._event("Normal", "Pulled", f'Container image "{name}" already present on machine')

    async def _refuse(self, state: str, text: str, event: str, event_text: str) -> None:
        await self._event("Warning", event, event_text)
        await self._event("Warning", "Failed", f"Error: {state}")
        self._wait(state, text)
        await self._context.node.clock.sleep(self._backoff.next_s())

    def _wait(self, reason: str, message: str) -> None:
        self._record.state = Waiting(reason, message)
        self._context.publish()

    async def _event(self, type: EventKind, reason: str, message: str) -> None:
        await self._context.event(type, reason, message, self._path)
