"""What stands in containers for programs of this machine: curl and Locust, where they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.yard import images
from drillyard.yard.container_tools import locust, scripts


@pytest.mark.parametrize("installed", [True, False])
def test_locusts_image_is_there_or_says_what_to_install(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locust, "is_installed", lambda: installed)

    image = next(one for one in images.catalogue(tmp_path) if one.name == "locustio/locust")
    scripts.write(tmp_path)

    assert image.absent == "" if installed else "drillyard[locust]" in image.absent
    assert (tmp_path / "locust").exists() is installed
    if installed:
        assert f"nice -n {locust.NICENESS} " in (tmp_path / "locust").read_text()


def test_without_curl_no_script_pretends_that_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    scripts.write(tmp_path)

    assert not (tmp_path / "curl").exists()


def test_a_script_never_leads_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts.write(tmp_path)
    before = (tmp_path / "curl").exists()
    monkeypatch.setenv("PATH", str(tmp_path))

    scripts.write(tmp_path)

    assert (tmp_path / "curl").exists() is before
    assert not before or f" {tmp_path}/curl" not in (tmp_path / "curl").read_text()
