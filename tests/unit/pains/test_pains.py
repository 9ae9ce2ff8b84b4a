"""The pains of the lab that the incidents come from: each has a test, and those that nobody else tests are tested here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from drillyard.cli.main import register

from .page import PAGE, page, pains

app = register()

ROOT = Path(__file__).parents[3]
DOCS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".sh", ".html", ".css", ".js", ".sql", ".json"}


def tracked() -> list[Path]:
    """The files of the repository; without git, those that an unpacked one has."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return [path for folder in ("src", "tests", "docs", "scripts") for path in (ROOT / folder).rglob("*.*")]
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_all_34_are_there() -> None:
    assert len({one["pain"] for one in pains()}) == 34


@pytest.mark.parametrize("one", pains(), ids=lambda one: one["pain"])
def test_every_pain_has_a_test_that_exists(one: dict[str, Any]) -> None:
    assert one["tests"]
    for name in one["tests"]:
        path, _, function = name.partition("::")
        text = (ROOT / path).read_text()
        assert re.search(r"def test_" if function == "*" else rf"def {re.escape(function)}\b", text), name


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text() == page(), "`make docs` writes docs/pains.md again"


def test_no_file_is_empty_or_garbled() -> None:
    texts = [path for path in tracked() if path.suffix in TEXTS and path.is_file() and path.stat().st_size < 2_000_000]
    wrong = []
    for path in texts:
        raw = path.read_bytes()
        empty = not raw.strip() and path.name not in ("__init__.py", "py.typed")
        mojibake = any(sign.encode() in raw for sign in ("\u00e2\u20ac", "\u00c3\u00a9", "\u00c3\u00bc"))
        if empty or raw.startswith(b"\xef\xbb\xbf") or mojibake:
            wrong.append(str(path.relative_to(ROOT)))
    assert texts
    assert wrong == []


def test_the_probes_of_every_service_are_pinned() -> None:
    """As the documents measured them, before they were slowed down against noise: none waits longer than 5 s."""
    folder = ROOT / "src" / "drillyard" / "yard" / "manifests" / "sock-shop"
    probes = []
    for path in sorted(folder.glob("*.yaml")):
        for one in yaml.safe_load_all(path.read_text()):
            if one["kind"] == "Deployment":
                first = one["spec"]["template"]["spec"]["containers"][0]
                probes.append((one["metadata"]["name"], first["readinessProbe"]["periodSeconds"]))
    assert len(probes) == 14
    assert [probe for probe in probes if not 0 < probe[1] <= 5] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_in_the_docs_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())

    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_command_in_the_docs_exists(path: Path) -> None:
    group: Any = typer.main.get_command(app)
    asked = re.findall(r"(?:`|^|\$ |bin/)drill ([a-z][a-z-]+)", path.read_text(), re.M)

    assert [name for name in asked if name not in group.commands] == []
