"""The rules of the house that no linter knows; each failure says what to do instead."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
UNIT_TESTS = sorted((ROOT / "tests" / "unit").rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text())
    return [(node.lineno, ast.unparse(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_only_the_command_line_and_a_programs_own_announcements_print() -> None:
    found = []
    for path in SOURCES:
        if "/cli/" in str(path):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                said = {keyword.arg for keyword in node.keywords}
                if not said & {"flush", "file"}:
                    found.append(f"{relative(path)}:{node.lineno}")
    assert not found, f"write to a stream that the caller chose, or announce with flush=True: {found}"


def test_unit_tests_do_not_wait() -> None:
    found = [f"{relative(path)}:{line}" for path in UNIT_TESTS for line, name in calls(path) if name == "time.sleep"]
    assert not found, f"take a VirtualClock instead of sleeping: {found}"


def test_every_choice_comes_from_a_seed() -> None:
    found = [
        f"{relative(path)}:{line}"
        for path in SOURCES
        for line, name in calls(path)
        if re.fullmatch(r"random\.(random|choice|choices|randint|randrange|shuffle|sample|uniform)", name)
    ]
    assert not found, f"use a random.Random with the drill's seed instead of the module's own: {found}"


def test_nothing_is_called_by_a_name_that_says_nothing() -> None:
    found = [relative(path) for path in SOURCES if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES]
    assert not found, f"name the file after its noun: {found}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "open the file with the problem that it solves"


def test_every_folder_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "whats-here.md").read_text()
    rooms = sorted(path.name for path in (ROOT / "src" / "drillyard").iterdir() if (path / "__init__.py").exists())
    missing = [room for room in rooms if f"drillyard/{room}`" not in guide]
    assert not missing, f"add a line to docs/whats-here.md: {missing}"


def test_nothing_names_a_machine() -> None:
    names = re.compile(r"/(work|root|farm)/[A-Za-z.]")
    texts = [
        path
        for path in ROOT.rglob("*")
        if path.suffix in {".py", ".md", ".sh", ".yaml", ".toml"} and ".venv" not in path.parts
    ]
    found = [
        relative(path) for path in texts if path != Path(__file__) and names.search(path.read_text(errors="replace"))
    ]
    assert not found, f"paths of one machine: {found}"


def test_no_import_goes_in_a_circle() -> None:
    """Imports inside functions and those that only the type checker follows count too."""
    graph = grimp.build_graph("drillyard", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    circle: list[str] = []
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert not circle, f"let the lower file ask through a Protocol, or split by noun: {' <- '.join(circle)}"
