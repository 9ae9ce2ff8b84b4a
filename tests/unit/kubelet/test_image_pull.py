"""An image that this machine cannot offer is refused as a pull that failed, with the sentence that helps."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from drillyard.cluster.kubelet.image_pull import ImagePull
from drillyard.cluster.kubelet.images import Image, ImageCatalogue


class _Waited(Exception):
    pass


def pull(name: str) -> list[tuple[str, str]]:
    """What the kubelet says of the image until its first back-off: the states' reasons and messages."""
    states: list[tuple[str, str]] = []
    record: Any = SimpleNamespace(state=None)

    async def sleep(_: float) -> None:
        raise _Waited

    async def event(*_: str) -> None:
        return

    context: Any = SimpleNamespace(
        node=SimpleNamespace(
            images=ImageCatalogue([Image("locustio/locust", absent="pip install 'drillyard[locust]'")]),
            clock=SimpleNamespace(sleep=sleep),
            settings=SimpleNamespace(backoff_scale=1.0),
        ),
        publish=lambda: states.append((record.state.reason, record.state.message)),
        event=event,
    )
    with pytest.raises(_Waited):
        asyncio.run(ImagePull({"image": name}, record, context, "spec.containers{x}").image())
    return states


def test_an_absent_image_says_what_to_install() -> None:
    (first, message), (second, _) = pull("locustio/locust:2.32.1")

    assert (first, second) == ("ErrImagePull", "ImagePullBackOff")
    assert message.endswith("docker.io/locustio/locust:2.32.1: not found: pip install 'drillyard[locust]'")


def test_an_unknown_image_says_no_more_than_a_registry_does() -> None:
    assert pull("nobody/nothing")[0][1].endswith("docker.io/nobody/nothing:latest: not found")
