"""`cli("params resnet20 --depth 1")` runs the command line in this process, as a shell would."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from archlab.cli import main

NETS = Path(__file__).parent.parent / "resolve" / "nets.py"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path) -> Callable[[str], Run]:
    """Run in an empty folder that holds `nets.py`; an exception that escapes fails the test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS.read_text())

    def run(line: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["archlab", *shlex.split(line)])
        try:
            main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        out, err = capsys.readouterr()
        return Run(code, out, err)

    return run
