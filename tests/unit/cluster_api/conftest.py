"""
Objects in memory with a virtual clock: everything of the API server but HTTP.
"""

from __future__ import annotations

import random

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver.local import LocalApi
from drillyard.cluster.apiserver.metrics import Metrics
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.store import Store


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def objects(clock: VirtualClock) -> Objects:
    return Objects(Store(), clock, random.Random(3))


@pytest.fixture
async def api(objects: Objects) -> LocalApi:
    found = LocalApi(objects, Metrics(objects.store), "test")
    await found.create("namespaces", None, {"metadata": {"name": "shop"}})
    return found
