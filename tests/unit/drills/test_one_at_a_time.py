"""Two drills at once in one yard would break each other's claims: the second is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.drills.one_at_a_time import one_at_a_time
from drillyard.yard.home import YardFolder


def test_a_second_drill_is_refused_while_the_first_is_played(tmp_path: Path) -> None:
    folder = YardFolder(tmp_path, "one")
    folder.path.mkdir(parents=True)

    with one_at_a_time(folder), pytest.raises(DrillyardError, match="A drill is being played"), one_at_a_time(folder):
        pass
    with one_at_a_time(folder):
        pass
