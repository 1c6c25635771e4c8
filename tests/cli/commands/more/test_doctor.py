"""`archlab doctor`: the table and the exit code, also where torch is broken."""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def report(*options: str, **environment: str) -> tuple[int, dict]:
    command = [sys.executable, "-m", "archlab", "doctor", "--format", "json", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_here_all_that_is_required_is_in_order(cli) -> None:
    run = cli("doctor")
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[0].split() == ["part", "name", "state", "found"]
    assert run.out.splitlines()[-1] == "All that archlab needs is in order."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libcudart.so.12 is not there')", "ImportError: libcudart.so.12"),
        ("import os; os.abort()", "its import ends Python with code -6"),
    ],
)
def test_a_broken_torch(tmp_path, code, words) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(code)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    status, document = report(PYTHONPATH=path)
    rows = {row["name"]: row for row in document["rows"]}
    assert (status, document["status"]) == (1, "broken")
    assert "torch" in document["broken"]
    assert words in rows["torch"]["found"]
    assert rows["numpy"]["state"] == "ok"  # what comes after is still looked at
    minimum = next(line for line in project()["dependencies"] if line.startswith("torch>="))
    assert shlex.split(rows["torch"]["get"])[1:] == [
        "-m", "pip", "install", "--force-reinstall", "--no-deps", minimum,
    ]  # fmt: skip
