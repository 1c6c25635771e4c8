"""The step for CI on the page of exit codes passes archlab's code on, and says what it means."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from snippets import ROOT, blocks

PAGE = ROOT / "docs" / "exit-codes.md"
CODES = [int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)]


def test_each_code_has_one_row() -> None:
    assert CODES == [0, 1, 2, 70, 74, 129, 130, 141, 143]


@pytest.mark.parametrize("code", CODES)
def test_the_step_for_ci_ends_as_archlab_does(code: int, tmp_path: Path) -> None:
    (block,) = (block for block in blocks(PAGE) if block.language == "yaml")
    ((step,),) = (yaml.safe_load(block.text),)
    archlab = tmp_path / "archlab"
    archlab.write_text(f"#!/bin/sh\nexit {code}\n")
    archlab.chmod(0o755)
    path = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    # -e: as GitHub runs a step, which ends at the first command that fails.
    ran = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == code
    assert ran.stdout.startswith("::") == (code != 0)
    assert (str(code) in ran.stdout) == (code in (70, 74, 141))
