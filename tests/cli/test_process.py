"""The command line as a process: how it starts, what it imports, how it ends in a pipe."""

import os
import subprocess
import sys

import pytest


def run(*line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *line],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
    )


def test_python_m_archlab() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--depth", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "269,722" in done.stdout


def test_bad_input_ends_with_2_and_one_line() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--format", "jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "archlab: --format 'jsn' is unknown. Did you mean json? "
        "Allowed: tree, table, csv, json, md."
    ]


def test_debug_prints_the_traceback() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--format", "jsn", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "OptionError" in done.stderr


@pytest.mark.parametrize(
    "line", ["import archlab", "import archlab.cli", "import archlab.analyze, archlab.view"]
)
def test_torch_is_not_imported(line) -> None:
    done = run("-c", f"{line}; import sys; print([m for m in sys.modules if m == 'torch'])")
    assert done.stdout == "[]\n", done.stderr


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['archlab', 'flops', '--help']\n"
        "import archlab.cli\n"
        "try:\n    archlab.cli.main()\n"
        "except SystemExit:\n    print('torch' in sys.modules)"
    )
    assert run("-c", code).stdout.endswith("False\n")


def test_a_terminal_without_unicode() -> None:
    done = run("-m", "archlab", "bottleneck", "--in", "8", "--out", "8", "--reduce", "2",
               PYTHONIOENCODING="ascii")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "576" in done.stdout


def test_a_reader_that_leaves_early() -> None:
    command = f"{sys.executable} -m archlab models | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
