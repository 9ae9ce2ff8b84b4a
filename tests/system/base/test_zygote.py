from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from drillyard.base.spawner import Spawner, SpawnError, SpawnSpec
from drillyard.base.zygote_link import ZygoteLink

from .conftest import HERE, output_of, start


async def test_a_fork_gets_its_own_world(spawner: Spawner, tmp_path: Path) -> None:
    code, out, err = await output_of(
        spawner, entry="pod_entries:show", argv=["a", "b"], env={"ONLY": "this"}, cwd=str(tmp_path), title="orders"
    )
    seen = json.loads(out)
    assert (code, err) == (7, "to stderr\n")
    assert seen["argv"] == ["a", "b"]
    assert seen["env"] == {"ONLY": "this"}
    assert seen["cwd"] == str(tmp_path)
    assert seen["session"] == seen["pid"]
    assert len(seen["fds"]) <= 5  # stdin, stdout, stderr, the lifeline, and the listing itself


async def test_two_forks_draw_different_numbers(spawner: Spawner) -> None:
    outputs = await asyncio.gather(*(output_of(spawner, entry="pod_entries:show") for _ in range(5)))
    assert len({json.loads(out)["random"] for _, out, _ in outputs}) == 5


async def test_an_entry_that_fails_leaves_its_traceback_and_code_1(spawner: Spawner) -> None:
    code, _, err = await output_of(spawner, entry="pod_entries:fail")
    assert code == 1
    assert err.startswith("Traceback")
    assert err.endswith("RuntimeError: the kettle is empty\n")


async def test_an_entry_that_exits_with_words_prints_them(spawner: Spawner) -> None:
    assert await output_of(spawner, entry="pod_entries:leave") == (1, "", "leaving early\n")


async def test_a_foreign_program_is_executed_with_its_streams(spawner: Spawner) -> None:
    assert await output_of(spawner, argv=["sh", "-c", "echo out; echo err >&2; exit 4"], env={"PATH": os.defpath}) == (
        4,
        "out\n",
        "err\n",
    )


async def test_a_missing_program_is_127_with_one_sentence(spawner: Spawner) -> None:
    code, _, err = await output_of(spawner, argv=["no-such-program"], env={"PATH": os.defpath})
    assert (code, err) == (127, "no-such-program: not found\n")


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
async def test_a_fork_becomes_another_user(spawner: Spawner) -> None:
    code, out, _ = await output_of(spawner, entry="pod_entries:show", user=(65534, 65534), cwd="/")
    assert (code, json.loads(out)["user"]) == (7, 65534)


async def test_a_start_that_is_given_up_as_it_succeeds_leaves_no_process(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod that is deleted in this very moment would never end else."""
    started: list[int] = []
    take = ZygoteLink._take

    def take_and_cancel(link: ZygoteLink, message: dict[str, int]) -> None:
        take(link, message)
        if "pid" in message:
            started.append(message["pid"])
            starting.cancel()

    monkeypatch.setattr(ZygoteLink, "_take", take_and_cancel)
    starting = asyncio.create_task(spawner.spawn(SpawnSpec(argv=["sleep", "99"], env={"PATH": os.defpath})))
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(10):
        while psutil.pid_exists(started[0]):
            await asyncio.sleep(0.02)


async def test_a_signal_reaches_the_process_and_its_code_comes_back(spawner: Spawner) -> None:
    process, read = await start(spawner, entry="pod_entries:polite")
    assert await _line(read) == b"ready\n"
    process.signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 5) == 3
    process.signal(signal.SIGKILL)  # Harmless: it has ended.
    os.close(read)


async def test_a_process_takes_its_children_with_it(spawner: Spawner) -> None:
    process, read = await start(spawner, entry="pod_entries:rest", env={"PATH": os.defpath})
    _, child = map(int, (await _line(read)).split())
    process.signal(signal.SIGKILL)
    assert await asyncio.wait_for(process.wait(), 5) == -signal.SIGKILL
    assert await _gone(child)
    os.close(read)


async def test_a_killed_zygote_leaves_no_orphan_and_the_next_spawn_starts_another(spawner: Spawner) -> None:
    process, read = await start(spawner, entry="pod_entries:rest", env={"PATH": os.defpath})
    pids = [int(pid) for pid in (await _line(read)).split()]
    assert spawner.pid is not None
    os.kill(spawner.pid, signal.SIGKILL)
    assert await asyncio.wait_for(process.wait(), 5) == -signal.SIGKILL
    assert [pid for pid in pids if not await _gone(pid)] == []
    code, _, _ = await output_of(spawner, entry="pod_entries:show")
    assert code == 7
    os.close(read)


async def test_a_killed_requester_leaves_no_orphan() -> None:
    program = (
        "import asyncio, os, sys\n"
        "from drillyard.base.spawner import Spawner, SpawnSpec\n"
        "async def main():\n"
        "    async with Spawner(preload=['pod_entries']) as spawner:\n"
        "        await spawner.spawn(SpawnSpec(entry='pod_entries:rest', env=dict(os.environ), stdout=1))\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    requester = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": HERE}
    )
    assert requester.stdout is not None
    pids = [int(pid) for pid in (await asyncio.to_thread(requester.stdout.readline)).split()]
    assert len(pids) == 2
    zygote = psutil.Process(pids[0]).ppid()
    requester.kill()
    requester.wait()
    requester.stdout.close()
    assert [pid for pid in (*pids, zygote) if not await _gone(pid)] == []


async def test_a_module_that_does_not_import_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SpawnError, match="No module named 'no_such_module'"):
        await Spawner(preload=["no_such_module"]).start()
    assert "no_such_module" in capfd.readouterr().err


async def test_a_closed_spawner_starts_nothing(spawner: Spawner) -> None:
    await spawner.stop()
    await spawner.stop()
    with pytest.raises(SpawnError, match="closed"):
        await spawner.spawn(SpawnSpec(entry="pod_entries:show"))


async def test_many_forks_at_once_all_come_back(spawner: Spawner) -> None:
    began = time.monotonic()
    results = await asyncio.gather(
        *(output_of(spawner, entry="pod_entries:show", env={"N": str(n)}) for n in range(30))
    )
    assert [json.loads(out)["env"]["N"] for _, out, _ in results] == [str(n) for n in range(30)]
    assert time.monotonic() - began < 15


async def _line(fd: int) -> bytes:
    def read() -> bytes:
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(fd, 1)):
            line += byte
        return line

    return await asyncio.wait_for(asyncio.to_thread(read), 10)


async def _gone(pid: int, timeout_s: float = 3) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        await asyncio.sleep(0.01)
    return False
