"""`kill 1` in a container means its first process, in the forms in which people type it; never the machine's."""

from __future__ import annotations

import pytest

from drillyard.cluster.kubelet.first_process import EveryProcess, lead_to


@pytest.mark.parametrize(
    ("typed", "led"),
    [
        (["kill", "1"], ["kill", "4711"]),
        (["/bin/kill", "-TERM", "1"], ["/bin/kill", "-TERM", "4711"]),
        (["kill", "-1", "1"], ["kill", "-1", "4711"]),
        (["kill", "-s", "1", "1"], ["kill", "-s", "1", "4711"]),
        (["kill", "-9", "7", "1"], ["kill", "-9", "7", "4711"]),
        (["kill", "--", "1"], ["kill", "--", "4711"]),
        (["kill", "-1", "12"], ["kill", "-1", "12"]),
        (["kill", "-l"], ["kill", "-l"]),
        (["kill"], ["kill"]),
        (["sh", "-c", "kill 1; sleep 1"], ["sh", "-c", "kill 4711; sleep 1"]),
        (["sh", "-c", "kill -HUP 1 && echo 1"], ["sh", "-c", "kill -HUP 4711 && echo 1"]),
        (["bash", "-c", "(kill -9   1)"], ["bash", "-c", "(kill -9   4711)"]),
        (["sh", "-c", "pkill 1; skill 1"], ["sh", "-c", "pkill 1; skill 1"]),
        (["echo", "kill", "1"], ["echo", "kill", "1"]),
        ([], []),
    ],
)
def test_process_1_is_the_containers_first(typed: list[str], led: list[str]) -> None:
    assert lead_to(4711, typed) == led


@pytest.mark.parametrize("typed", [["kill", "-9", "-1"], ["kill", "--", "-1"], ["sh", "-c", "kill -9 -1"]])
def test_every_process_of_the_machine_is_refused(typed: list[str]) -> None:
    with pytest.raises(EveryProcess):
        lead_to(4711, typed)
