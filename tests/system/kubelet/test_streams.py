from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drillyard.cluster.client import ApiError, ProcessSession, StreamOptions

from .conftest import Cluster, is_ready, main_status
from .test_pods import WEB, _processes

IDLE = {"command": ["sleep", "1000"]}


async def _collect(session: ProcessSession) -> tuple[dict[str, bytes], int]:
    got = {"stdout": b"", "stderr": b""}
    async with asyncio.timeout(10):
        async for stream, data in session.output():
            got[stream] += data
        code = await session.exit_code()
    await session.hang_up()
    return got, code


async def _exec(cluster: Cluster, *command: str, **options: Any) -> ProcessSession:
    return await cluster.node.exec("default", "box", "main", command, StreamOptions(**options))


async def test_exec_gives_both_streams_and_the_exit_code(cluster: Cluster) -> None:
    await cluster.run_pod("box", "busybox", **IDLE)
    await cluster.pod_when("box", is_ready)
    session = await _exec(cluster, "sh", "-c", "echo out; echo err >&2; exit 5")
    assert await _collect(session) == ({"stdout": b"out\n", "stderr": b"err\n"}, 5)


async def test_exec_passes_stdin_and_its_end(cluster: Cluster) -> None:
    await cluster.run_pod("box", "busybox", **IDLE)
    await cluster.pod_when("box", is_ready)
    session = await _exec(cluster, "cat", stdin=True)
    data = b"x" * 3_000_000

    async def write() -> None:
        await session.write_stdin(data)
        await session.close_stdin()

    writing = asyncio.create_task(write())
    got, code = await _collect(session)
    await writing
    assert (len(got["stdout"]), code) == (len(data), 0)


async def test_a_terminal_is_one_and_knows_its_size(cluster: Cluster) -> None:
    await cluster.run_pod("box", "busybox", **IDLE)
    await cluster.pod_when("box", is_ready)
    session = await _exec(cluster, "sh", stdin=True, stderr=False, tty=True)
    session.resize(101, 33)
    await session.write_stdin(b"ls -C /dev/null; test -t 0 && echo it is a $((1+1))-way terminal; exit 3\n")
    got, code = await _collect(session)
    assert b"it is a 2-way terminal" in got["stdout"]
    assert code == 3


async def test_a_program_that_the_image_lacks_is_not_found(cluster: Cluster) -> None:
    await cluster.run_pod("box", "busybox", **IDLE)
    await cluster.pod_when("box", is_ready)
    with pytest.raises(ApiError, match=r'exec: "curl": executable file not found in \$PATH'):
        await _exec(cluster, "curl", "http://x")


async def test_a_client_that_hangs_up_ends_its_command(cluster: Cluster) -> None:
    await cluster.run_pod("box", "busybox", **IDLE)
    await cluster.pod_when("box", is_ready)
    session = await _exec(cluster, "sh", "-c", "trap '' HUP; echo ready; sleep 999; sleep 998")
    async for _, data in session.output():
        assert data == b"ready\n"
        break
    await session.hang_up()
    await session.hang_up()
    assert await asyncio.wait_for(session.exit_code(), 5) == 137
    assert not [one for one in _processes("sleep 99") if one.status() != "zombie"]


async def test_exec_in_a_container_that_does_not_run_is_refused(cluster: Cluster) -> None:
    await cluster.run_pod("box", "no/such")
    await cluster.pod_when("box", lambda pod: main_status(pod)["state"]["waiting"])
    with pytest.raises(ApiError, match="container not found"):
        await _exec(cluster, "sh")


async def test_a_short_command_run_interactively_loses_nothing(cluster: Cluster) -> None:
    await cluster.run_pod(
        "once",
        "busybox",
        command=["sh", "-c", "echo hello; cat; exit 4"],
        stdin=True,
        stdinOnce=True,
        spec={"restartPolicy": "Never"},
    )
    await cluster.pod_when("once", is_ready)
    assert await cluster.logs("once") == ""  # It has not begun: it waits for us.
    session = await cluster.node.attach("default", "once", "main", StreamOptions(stdin=True))
    await session.write_stdin(b"typed\n")
    await session.close_stdin()
    got, code = await _collect(session)
    assert (got["stdout"], code) == (b"hello\ntyped\n", 0)  # Attaching succeeded; how it ended, the pod says.
    ended = await cluster.pod_when("once", lambda pod: main_status(pod)["state"].get("terminated"))
    assert main_status(ended)["state"]["terminated"]["exitCode"] == 4
    with pytest.raises(ApiError):
        await cluster.node.attach("default", "once", "main", StreamOptions())


async def test_a_shell_with_a_terminal_is_attached_to(cluster: Cluster) -> None:
    await cluster.run_pod("shell", "busybox", stdin=True, stdinOnce=True, tty=True, spec={"restartPolicy": "Never"})
    await cluster.pod_when("shell", is_ready)
    session = await cluster.node.attach("default", "shell", "main", StreamOptions(stdin=True, stderr=False, tty=True))
    session.resize(80, 24)
    await session.write_stdin(b"echo $((40+2)); exit 7\n")
    got, code = await _collect(session)
    assert b"42\r\n" in got["stdout"]
    assert code == 0
    assert "42\n" in await cluster.logs("shell")


async def test_nobody_has_to_attach(cluster: Cluster) -> None:
    await cluster.run_pod(
        "once", "busybox", command=["echo", "hi"], stdin=True, stdinOnce=True, spec={"restartPolicy": "Never"}
    )
    await cluster.pod_when("once", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert await cluster.logs("once") == "hi\n"


async def test_a_port_is_forwarded_into_the_pod_and_a_wrong_one_refused(cluster: Cluster) -> None:
    await cluster.run_pod("web", "web", **WEB)
    await cluster.pod_when("web", is_ready)
    connection = await cluster.node.port_forward("default", "web", 80)
    await connection.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    await connection.write_eof()
    assert (await connection.read()).startswith(b"HTTP/1.1 200")
    await connection.close()
    with pytest.raises(ConnectionRefusedError):
        await cluster.node.port_forward("default", "web", 81)
    with pytest.raises(ApiError):
        await cluster.node.port_forward("default", "nobody", 80)


async def test_usage_shows_what_a_container_burns(cluster: Cluster) -> None:
    await cluster.run_pod("spin", "spin")
    await cluster.pod_when("spin", is_ready)
    await cluster.node.usage()
    await asyncio.sleep(1.1)
    [usage] = await cluster.node.usage()
    assert (usage.namespace, usage.pod, usage.containers[0].name) == ("default", "spin", "main")
    assert usage.containers[0].cpu_nanocores > 200_000_000
    assert 1_000_000 < usage.containers[0].memory_bytes < 100_000_000


async def test_a_frozen_pod_stops_answering_and_goes_on_when_thawed(cluster: Cluster) -> None:
    probe = {**WEB["readinessProbe"], "failureThreshold": 1}
    await cluster.run_pod("web", "web", ports=WEB["ports"], readinessProbe=probe)
    await cluster.pod_when("web", is_ready)
    cluster.node.freeze("default", "web")
    await cluster.pod_when("web", lambda pod: not is_ready(pod), timeout_s=15)
    cluster.node.thaw("default", "web")
    pod = await cluster.pod_when("web", is_ready)
    assert main_status(pod)["restartCount"] == 0
    cluster.node.freeze("default", "web")
    await cluster.api.delete("pods", "default", "web")
    await cluster.gone("web")
