from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drillyard.record import Record

_SPEC = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Record]:
    """Writes the record of a made-up drill (made_up.py beside this file), with a twist or without."""

    def write(twist: Any = None, **options: Any) -> Record:
        return _MODULE.written(tmp_path, twist, **options)  # type: ignore[no-any-return]

    return write
