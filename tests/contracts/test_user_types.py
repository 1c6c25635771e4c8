"""Types as a user's checker sees them: right calls pass `mypy --strict`, wrong ones are found."""

import importlib.util
from pathlib import Path

import pytest
from mypy import api

SCRIPT = Path(__file__).parent / "user_script.py"
WRONG = """
import archlab
archlab.flops("resnet20").totals.mac
archlab.render("resnet20", mode=3)
archlab.bottleneck("192", 32)
n: str = archlab.params("resnet20").totals.params
"""


def check(path: Path, tmp_path: Path) -> tuple[list[str], int]:
    """`--config-file=` : none of this project's settings; the package as an installed one."""
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}", "--follow-imports=silent"]
    out, err, code = api.run([*options, str(path)])
    assert err == ""
    return [line for line in out.splitlines() if "error:" in line], code


@pytest.mark.slow
def test_a_users_script_is_typed(tmp_path) -> None:
    assert check(SCRIPT, tmp_path) == ([], 0)
    (tmp_path / "wrong.py").write_text(WRONG)
    errors, code = check(tmp_path / "wrong.py", tmp_path)
    lines = {int(line.split(":")[1]) for line in errors}
    assert (lines, code) == ({3, 4, 5, 6}, 1)


def test_the_script_runs(tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("user_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    macs, training = module.numbers(tmp_path)
    assert macs == 36 * 4 * 27  # 6 × 6 places, 4 channels out, 3 × 3 × 3 weights
    assert training > 0
    assert (tmp_path / "net.svg").is_file()
