"""A folder in which a page's snippets run, with the examples and the records of the tutorial."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from snippets import ROOT


@pytest.fixture(autouse=True)
def _one_process(one_process: None) -> None:
    """Commands of the pages run in this process."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(ROOT / "docs" / "tutorial" / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path
