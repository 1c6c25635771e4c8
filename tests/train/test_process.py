"""The process of a run: its command and threads, and why one that has ended failed."""

import os
import subprocess
import sys

import pytest

from archlab.errors import WriteError
from archlab.train import process


def ended(code: str, errors) -> str:
    with errors.open("wb") as file:
        child = subprocess.Popen([sys.executable, "-c", code], stderr=file)
    return process.failure(child, errors)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit('the disk is full')", "the disk is full"),
        ("import sys; sys.exit('line one\\nit is full')", "it is full (all of it: {errors})"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "its process was killed by signal 9 (SIGKILL)"),
        (
            "import os, sys; sys.stderr.write('a word'); sys.stderr.flush(); "
            "os.kill(os.getpid(), 11)",
            "its process was killed by signal 11 (SIGSEGV); see {errors}",
        ),
    ],
)
def test_the_reason_is_the_last_line_or_the_signal(tmp_path, code, reason) -> None:
    errors = tmp_path / "stderr.txt"
    assert ended(code, errors) == reason.format(errors=errors)


@pytest.mark.parametrize(("code", "kept"), [("pass", ""), ("print('a warning', file=2)", "a war")])
def test_a_run_that_ended_well_keeps_no_empty_file(tmp_path, code, kept) -> None:
    errors = tmp_path / "stderr.txt"
    code = code.replace("file=2", "file=__import__('sys').stderr")
    assert ended(code, errors) == ""
    assert errors.exists() == bool(kept)
    assert not kept or errors.read_text() == "a warning\n"


def test_the_last_line_of_a_flood_is_found(tmp_path) -> None:
    code = "import sys; sys.stderr.write('x' * 10_000_000 + '\\nthe end\\n'); sys.exit(1)"
    assert ended(code, tmp_path / "stderr.txt").startswith("the end (all of it:")


def test_a_folder_that_cannot_be_written(tmp_path) -> None:
    with pytest.raises(WriteError, match=r"stderr\.txt cannot be written: No such file"):
        process.start(tmp_path / "nowhere", "resnet20")


def test_a_run_has_one_thread(tmp_path, monkeypatch) -> None:
    """In the place of Python stands a program that says how it was called, and fails."""
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$OMP_NUM_THREADS $MKL_NUM_THREADS $*" >&2\nexit 1\n')
    program.chmod(0o755)
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(process.sys, "executable", str(program))
    called = process.failure(*process.start(tmp_path / "run", "resnet20", gradients=5))
    words = f"{tmp_path / 'run'} 5 resnet20 {os.getpid()}"
    assert called == f"1 1 -P -X faulthandler -m archlab.train.worker {words}"


def test_a_new_session_takes_the_place_of_the_errors_before(tmp_path) -> None:
    (tmp_path / "stderr.txt").write_text("of before\n" * 1000)
    assert "run.json" in process.failure(*process.start(tmp_path, "resnet20"))
    assert "of before" not in (tmp_path / "stderr.txt").read_text()


def test_a_file_of_the_current_folder_is_not_run(tmp_path, monkeypatch) -> None:
    (tmp_path / "json.py").write_text("from pathlib import Path; Path('ran').touch(); 1 / 0")
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "run.json" in process.failure(*process.start(tmp_path / "run", "resnet20"))
    assert not (tmp_path / "ran").exists()
