from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock

_SPEC = importlib.util.spec_from_file_location("fake_shop", Path(__file__).with_name("fake_shop.py"))
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def shop() -> Any:
    """A FakeShop (fake_shop.py beside this file)."""
    return _MODULE.FakeShop()
