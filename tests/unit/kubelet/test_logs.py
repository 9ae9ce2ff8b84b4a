from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillyard.cluster.client import LogOptions
from drillyard.cluster.kubelet import container_log
from drillyard.cluster.kubelet.container_log import ContainerLog, LineCutter
from drillyard.cluster.kubelet.log_reader import read_log

NOW = datetime(2025, 11, 5, 20, 4, tzinfo=UTC)
START_NS = int(datetime(2025, 11, 5, 20, 3, 55, tzinfo=UTC).timestamp()) * 1_000_000_000


def _log(path: Path, *, step_ns: int = 1_000_000_000) -> ContainerLog:
    moments = iter(range(START_NS, START_NS + 10_000 * step_ns, step_ns))
    return ContainerLog(path, now_ns=lambda: next(moments))


async def _read(path: Path, live: ContainerLog | None = None, **options: object) -> str:
    pieces = [piece async for piece in read_log(path, LogOptions(**options), NOW, live)]  # type: ignore[arg-type]
    return b"".join(pieces).decode()


def test_lines_are_written_as_the_cri_says(tmp_path: Path) -> None:
    log = _log(tmp_path / "0.log")
    log.write("stdout", b"hello\nhal")
    log.write("stderr", b"oops\n")
    log.write("stdout", b"f\nno end")
    log.end()
    log.end()
    assert (tmp_path / "0.log").read_text().splitlines() == [
        "2025-11-05T20:03:55.000000000Z stdout F hello",
        "2025-11-05T20:03:56.000000000Z stderr F oops",
        "2025-11-05T20:03:57.000000000Z stdout F half",
        "2025-11-05T20:03:58.000000000Z stdout F no end",
    ]


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_byte_is_lost_however_the_stream_is_cut(chunks: list[bytes]) -> None:
    cutter = LineCutter()
    lines = [line for chunk in chunks for line in cutter.feed(chunk)] + cutter.finish()
    joined = b"".join(text + (b"" if more else b"\n") for text, more in lines)
    whole = b"".join(chunks)
    assert joined == whole + (b"" if not whole or whole.endswith(b"\n") else b"\n")


def test_a_long_line_is_cut_into_parts_of_16_kib() -> None:
    lines = LineCutter().feed(b"x" * 40_000 + b"\n")
    assert [(len(text), more) for text, more in lines] == [(16_384, True), (16_384, True), (7_232, False)]


async def test_a_long_line_is_read_as_one(tmp_path: Path) -> None:
    log = _log(tmp_path / "0.log")
    log.write("stdout", b"y" * 40_000 + b"\nnext\n")
    log.end()
    assert await _read(tmp_path / "0.log") == "y" * 40_000 + "\nnext\n"
    stamped = await _read(tmp_path / "0.log", timestamps=True)
    assert stamped.count("2025-11-05T20:03:55") == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(lines=st.lists(st.text(alphabet="ab\u00e9", max_size=5), max_size=30), tail=st.integers(0, 35))
async def test_tail_gives_the_last_lines(tmp_path: Path, lines: list[str], tail: int) -> None:
    path = tmp_path / "0.log"
    path.unlink(missing_ok=True)
    log = _log(path)
    for line in lines:
        log.write("stdout", f"{line}\n".encode())
    log.end()
    wanted = lines[len(lines) - min(tail, len(lines)) :]
    assert await _read(path, tail_lines=tail) == "".join(f"{line}\n" for line in wanted)


async def test_since_and_limit_cut_the_log(tmp_path: Path) -> None:
    log = _log(tmp_path / "0.log")
    for number in range(5):
        log.write("stdout", f"{number}\n".encode())
    log.end()
    since = NOW - timedelta(seconds=3)  # 20:03:57
    assert await _read(tmp_path / "0.log", since_time=since) == "2\n3\n4\n"
    assert await _read(tmp_path / "0.log", since_s=3) == "2\n3\n4\n"
    assert await _read(tmp_path / "0.log", limit_bytes=3) == "0\n1"


async def test_following_crosses_a_rotation_and_ends_with_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_log, "FILE_BYTES", 200)
    log = _log(tmp_path / "0.log", step_ns=1_000_000)
    log.write("stdout", b"first\n")
    reading = asyncio.create_task(_read(tmp_path / "0.log", log, follow=True))
    for number in range(40):
        await asyncio.sleep(0)
        log.write("stdout", f"line {number}\n".encode())
    await asyncio.sleep(0)
    log.end()
    text = await reading
    assert text.splitlines() == ["first", *(f"line {number}" for number in range(40))]
    assert len(list(tmp_path.iterdir())) == 3


async def test_a_full_disk_costs_lines_and_not_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = _log(tmp_path / "0.log")

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    real, log._file = log._file, Full()  # type: ignore[assignment]
    log.write("stdout", b"lost\n")
    log.write("stdout", b"lost too\n")
    log._file = real
    log.write("stdout", b"kept\n")
    log.end()
    assert await _read(tmp_path / "0.log") == "kept\n"
    assert caplog.text.count("log lines are lost") == 1
