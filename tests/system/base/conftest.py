"""A spawner whose zygote can import the entries beside these tests, and a pipe that is read to its end."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnSpec

HERE = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))


@pytest.fixture
async def spawner() -> AsyncIterator[Spawner]:
    running = Spawner(preload=["pod_entries"], env={**os.environ, "PYTHONPATH": HERE})
    async with running:
        yield running


async def output_of(spawner: Spawner, **spec: object) -> tuple[int, str, str]:
    """Runs to the end: exit code, stdout, stderr."""
    loop = asyncio.get_running_loop()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        process = await spawner.spawn(SpawnSpec(stdout=out_write, stderr=err_write, **spec))  # type: ignore[arg-type]
    finally:
        os.close(out_write)
        os.close(err_write)
    texts = await asyncio.gather(*(loop.run_in_executor(None, _drain, fd) for fd in (out_read, err_read)))
    return await asyncio.wait_for(process.wait(), 10), texts[0], texts[1]


async def start(spawner: Spawner, **spec: object) -> tuple[SpawnedProcess, int]:
    """Starts with a pipe for stdout; returns its read end, from which the test reads readiness."""
    read, write = os.pipe()
    try:
        return await spawner.spawn(SpawnSpec(stdout=write, stderr=sys.stderr.fileno(), **spec)), read  # type: ignore[arg-type]
    finally:
        os.close(write)


def _drain(fd: int) -> str:
    with os.fdopen(fd, "rb") as file:
        return file.read().decode()
