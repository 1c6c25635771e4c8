"""Types as a user's checker sees them: right calls pass `mypy --strict`, wrong ones are found."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "user_script.py"
WRONG = """
import archlab
archlab.flops("resnet20").totals.mac
archlab.render("resnet20", mode=3)
archlab.bottleneck("192", 32)
n: str = archlab.params("resnet20").totals.params
"""


@pytest.mark.slow
def test_a_users_script_is_typed(tmp_path) -> None:
    """One process: mypy keeps 900 MB of what it read of torch."""
    (tmp_path / "wrong.py").write_text(WRONG)
    files = [str(SCRIPT), "wrong.py"]
    # `--config-file=`: none of this project's settings; the package as an installed one.
    options = ["--strict", "--config-file=", "--cache-dir=cache", "--follow-imports=silent"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *files], cwd=tmp_path, check=False,
        capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 1)
    places = [line.split(":")[:2] for line in done.stdout.splitlines() if "error:" in line]
    assert {name for name, _ in places} == {"wrong.py"}
    assert {int(number) for _, number in places} == {3, 4, 5, 6}


def test_the_script_runs(tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("user_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    macs, training = module.numbers(tmp_path)
    assert macs == 36 * 4 * 27  # 6 × 6 places, 4 channels out, 3 × 3 × 3 weights
    assert training > 0
    assert (tmp_path / "net.svg").is_file()
