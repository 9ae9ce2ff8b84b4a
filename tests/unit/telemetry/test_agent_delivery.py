"""From the log file to the intake: in order, once, and nothing lost."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.telemetry.agent.intake import Delivery
from drillyard.telemetry.agent.offsets import Offsets
from drillyard.telemetry.agent.sender import Sender
from drillyard.telemetry.agent.spool import Spool
from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.tags import Origin
from drillyard.telemetry.agent.tailer import Tailer

ORIGIN = Origin("service", "source", ("a:b",))


class FakeIntake:
    """Keeps what arrives; `answer` says what becomes of it."""

    def __init__(self):
        self.answer = Delivery.DONE
        self.trouble = ""
        self.arrived = []
        self.tries = 0

    async def post(self, url, body, headers=None):
        self.tries += 1
        if self.answer is Delivery.DONE:
            self.arrived += [log["message"] for log in json.loads(gzip.decompress(body))]
        return self.answer


class Node:
    """A folder of pod logs with an agent's reading half over it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "pods" / "shop_a_u1" / "main" / "0.log"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.intake = FakeIntake()
        self.clock = VirtualClock()
        self.stats = Stats()
        self.start()

    def start(self):
        self.offsets = Offsets(self.folder / "offsets.json")
        self.spool = Spool(self.folder / "buffer")
        self.tailer = Tailer(self.folder / "pods", self.offsets)
        self.sender = Sender(self.intake, "http://intake", "node", self.spool, self.offsets, self.stats, self.clock)

    def write(self, *texts, flag="F"):
        with self.path.open("a") as file:
            file.writelines(f"2025-11-05T20:00:00.000000000Z stdout {flag} {text}\n" for text in texts)

    def rotate(self, name):
        os.rename(self.path, self.path.with_name(f"0.log.{name}"))

    def poll(self):
        self.tailer.scan()
        for line in self.tailer.read():
            self.sender.put(line, ORIGIN)

    async def send(self):
        self.poll()
        return await self.sender.send_once()

    def crash(self):
        self.tailer.close()
        self.start()


@pytest.fixture
def node(tmp_path):
    made = Node(tmp_path)
    yield made
    made.tailer.close()


async def test_new_lines_are_sent_once(node):
    node.write("one", "two")
    await node.send()
    node.write("three")
    await node.send()
    assert node.intake.arrived == ["one", "two", "three"]
    assert (node.stats.logs_processed, node.stats.logs_sent) == (3, 3)


async def test_a_restarted_agent_goes_on_where_the_intake_was(node):
    node.write("one")
    await node.send()
    node.write("two")
    node.poll()  # Read, but never acknowledged.
    node.crash()
    await node.send()
    assert node.intake.arrived == ["one", "two"]


async def test_a_line_in_parts_is_put_together(node):
    node.write("a", "b", flag="P")
    await node.send()
    node.write("c")
    await node.send()
    assert node.intake.arrived == ["abc"]


async def test_half_a_line_waits_for_its_end(node):
    with node.path.open("a") as file:
        file.write("2025-11-05T20:00:00Z stdout F hal")
    await node.send()
    with node.path.open("a") as file:
        file.write("f\n")
    await node.send()
    assert node.intake.arrived == ["half"]


async def test_rotation_loses_nothing_and_keeps_the_order(node):
    node.write("one")
    await node.send()
    node.write("two")
    node.rotate("1")
    node.write("three")
    await node.send()
    await node.send()
    assert node.intake.arrived == ["one", "two", "three"]


async def test_two_rotations_while_the_agent_was_down_lose_nothing(node):
    node.write("one")
    await node.send()
    node.tailer.close()
    for number, text in enumerate(["two", "three"]):
        node.write(text)
        node.rotate(str(number))
        os.utime(node.path.with_name(f"0.log.{number}"), (1_000 + number, 1_000 + number))
    node.write("four")
    node.start()
    for _ in range(3):
        await node.send()
    assert sorted(node.intake.arrived) == ["four", "one", "three", "two"]
    assert node.intake.arrived[:3] == ["one", "two", "three"]


async def test_rotations_while_nothing_is_read_lose_nothing_not_even_what_is_deleted(node):
    node.write("one")
    node.tailer.scan()
    for number in range(3):
        node.write(f"file {number}")
        node.rotate(str(number))
        node.write(f"next {number}")
        os.utime(node.path, ns=(10**18 + number, 10**18 + number))
        node.tailer.scan()
    for number in range(3):
        node.path.with_name(f"0.log.{number}").unlink()
    for _ in range(6):
        await node.send()
    assert node.intake.arrived == ["one", "file 0", "next 0", "file 1", "next 1", "file 2", "next 2"]


async def test_two_rotations_between_two_looks_lose_nothing(node):
    node.write("one")
    node.tailer.scan()
    for number in range(2):
        node.write(f"file {number}")
        node.rotate(str(number))
    node.write("last")
    for _ in range(4):
        await node.send()
    assert sorted(node.intake.arrived) == ["file 0", "file 1", "last", "one"]


async def test_a_successor_waits_until_nothing_is_left_in_the_rotated_file(node, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.agent.tail.CHUNK", 100)
    texts = [f"line {number}" for number in range(20)]
    node.write(*texts[:15])
    node.tailer.scan()
    node.rotate("1")
    node.write(*texts[15:])
    for number in range(30):
        await node.send()
        if number % 4 == 3:
            node.crash()
    assert node.intake.arrived == texts


async def test_files_that_came_after_one_that_is_gone_are_read_after_a_restart(node):
    node.write("one")
    await node.send()
    node.tailer.close()
    for number in range(3):
        node.write(f"file {number}")
        node.rotate(str(number))
        os.utime(node.path.with_name(f"0.log.{number}"), (1_000 + number, 1_000 + number))
    node.path.with_name("0.log.0").unlink()  # With the rest of what the agent had begun.
    node.write("last")  # Perhaps in a file with the inode of the one that is gone.
    node.start()
    for _ in range(5):
        await node.send()
    assert node.intake.arrived == ["one", "file 1", "file 2", "last"]


async def test_a_container_that_writes_more_than_one_read_takes_is_read_on_at_once(node, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.agent.tail.CHUNK", 100)
    node.write(*[f"line {number}" for number in range(9)])
    reads = 0
    node.poll()
    while node.tailer.behind:
        reads += 1
        node.poll()
    node.poll()
    await node.sender.send_once()
    assert reads >= 3
    assert len(node.intake.arrived) == 9


async def test_what_a_full_agent_has_to_let_go_is_counted(node, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.agent.tailer.WAITING_FILES_MAX", 2)
    node.write("one")
    node.tailer.scan()
    size = node.path.stat().st_size
    os.utime(node.path, ns=(10**18 - 1, 10**18 - 1))
    for number in range(4):
        node.rotate(str(number))
        node.write("one")
        os.utime(node.path, ns=(10**18 + number, 10**18 + number))
        node.tailer.scan()
    assert (node.tailer.bytes_lost, node.tailer.open_files) == (2 * size, 3)


async def test_a_line_between_two_parts_of_the_other_stream_is_none_of_them(node):
    with node.path.open("a") as file:
        file.write("2025-11-05T20:00:00Z stdout P out-\n2025-11-05T20:00:00Z stderr F err\n")
    await node.send()
    node.crash()  # What stdout has not finished is read again, and stderr's line with it.
    with node.path.open("a") as file:
        file.write("2025-11-05T20:00:01Z stdout F side\n")
    await node.send()
    assert node.intake.arrived == ["err", "err", "out-side"]


async def test_a_full_disk_ends_no_agent_and_loses_nothing(node, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    node.intake.answer = Delivery.LATER
    node.write("one", "two")
    with monkeypatch.context() as patched:
        patched.setattr(Spool, "add", full)
        patched.setattr("drillyard.telemetry.agent.offsets.write_atomically", full)
        assert not await node.send()
        node.sender.buffer()
        assert node.stats.disk_trouble == "No space left on device"
        node.write("three")
        assert not await node.send()
    node.intake.answer = Delivery.DONE
    assert await node.send()
    assert (node.intake.arrived, node.stats.disk_trouble) == (["one", "two", "three"], "")


async def test_truncation_in_place_starts_over(node):
    node.write("a long first line")
    await node.send()
    node.path.write_text("")
    node.write("new")
    await node.send()
    assert node.intake.arrived == ["a long first line", "new"]


async def test_the_last_words_of_a_deleted_pod_are_sent(node):
    node.write("one")
    await node.send()
    node.write("last")
    os.unlink(node.path)
    for _ in range(5):
        await node.send()
    assert node.intake.arrived == ["one", "last"]
    assert node.tailer.open_files == 0


async def test_while_the_intake_is_away_lines_wait_on_the_disk_in_their_order(node):
    node.intake.answer = Delivery.LATER
    node.write("one")
    assert not await node.send()
    node.write("two")
    assert not await node.send()
    os.unlink(node.path)
    node.crash()
    node.intake.answer = Delivery.DONE
    while not node.spool.empty:
        await node.sender.send_once()
    assert node.intake.arrived == ["one", "two"]


async def test_what_the_intake_refuses_for_good_is_dropped_and_counted(node):
    node.intake.answer = Delivery.NEVER
    node.write("bad")
    await node.send()
    node.intake.answer = Delivery.DONE
    node.write("good")
    await node.send()
    assert (node.intake.arrived, node.stats.logs_dropped) == (["good"], 1)


async def test_retries_back_off_from_a_quarter_to_five_seconds(node):
    node.intake.answer = Delivery.LATER
    node.write("one")
    node.poll()
    running = asyncio.create_task(node.sender.run())
    await node.clock.advance(0)
    tries = []
    for _ in range(100):
        before = node.intake.tries
        await node.clock.advance(0.25)
        if node.intake.tries > before:
            tries.append(node.clock.elapsed_s)
    running.cancel()
    assert tries[:6] == [0.25, 0.75, 1.75, 3.75, 7.75, 12.75]
    assert node.stats.retry_count >= len(tries)


async def test_a_damaged_offsets_file_means_sending_again(node):
    node.write("one")
    await node.send()
    (node.folder / "offsets.json").write_text("[1, 2")
    node.crash()
    await node.send()
    assert node.intake.arrived == ["one", "one"]


def test_a_half_written_payload_is_not_one(tmp_path):
    spool = Spool(tmp_path)
    spool.add(b"whole")
    (tmp_path / "000000000002.payload.tmp").write_bytes(b"ha")
    again = Spool(tmp_path)
    assert again.oldest() == b"whole"
    again.drop_oldest()
    assert again.empty
    assert list(tmp_path.iterdir()) == []


async def test_two_pods_lines_of_one_millisecond_are_sent_in_the_order_of_writing(node):
    late, early = "2025-11-05T20:00:00.000900000Z", "2025-11-05T20:00:00.000100000Z"
    node.path.write_text(f"{late} stdout F answered\n")
    other = node.folder / "pods" / "shop_b_u2" / "main" / "0.log"
    other.parent.mkdir(parents=True)
    other.write_text(f"{early} stdout F asked\n")

    await node.send()

    assert node.intake.arrived == ["asked", "answered"]
