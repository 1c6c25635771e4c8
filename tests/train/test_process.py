"""The process of a run: its command and threads, and why one that has ended failed."""

import os
import subprocess
import sys
import tempfile

import pytest

from archlab.train import process


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", ""),
        ("import sys; print('a warning', file=sys.stderr)", ""),
        ("import sys; sys.exit('line one\\nthe disk is full')", "the disk is full"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "its process was killed by signal 9"),
    ],
)
def test_the_reason_is_the_last_line(code, reason) -> None:
    errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by `failure`
    ended = subprocess.Popen([sys.executable, "-c", code], stderr=errors)
    assert process.failure(ended, errors) == reason
    assert errors.closed


def test_a_run_has_one_thread(tmp_path, monkeypatch) -> None:
    """In the place of Python stands a program that says how it was called, and fails."""
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$OMP_NUM_THREADS $MKL_NUM_THREADS $*" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr(process.sys, "executable", str(program))
    called = process.failure(*process.start(tmp_path / "run", "resnet20", gradients=5))
    words = f"{tmp_path / 'run'} 5 resnet20 {os.getpid()}"
    assert called == f"1 1 -P -m archlab.train.worker {words}"


def test_a_file_of_the_current_folder_is_not_run(tmp_path, monkeypatch) -> None:
    (tmp_path / "json.py").write_text("from pathlib import Path; Path('ran').touch(); 1 / 0")
    monkeypatch.chdir(tmp_path)
    assert "run.json" in process.failure(*process.start(tmp_path / "run", "resnet20"))
    assert not (tmp_path / "ran").exists()
