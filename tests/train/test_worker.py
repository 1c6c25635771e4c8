"""The process of one run: it survives kill −9, saves at Ctrl-C, and does not outlive its parent."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from archlab.errors import RunError
from archlab.lock import locked
from archlab.runs import record
from archlab.train.run import execute

pytestmark = pytest.mark.slow


def test_kill_9_in_the_middle_changes_no_weight(
    planned, images, source, largest_difference
) -> None:
    """One run in this process to the end; one in others, killed with SIGKILL and begun again."""
    straight, broken = (
        planned(name, steps=60, eval_every=30, checkpoint_every=7) for name in ("a", "b")
    )
    record.write_plan(broken, replace(record.read_plan(broken), data=source))
    worker = start(broken)
    wait_for((broken / record.CHECKPOINT).exists)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    assert record.read_outcome(broken).status == "interrupted"
    assert start(broken).wait() == 0
    execute(straight, images=images)
    assert largest_difference(straight, broken) == 0.0
    assert {path.name for path in broken.iterdir()} == {path.name for path in straight.iterdir()}


def test_ctrl_c_saves_and_a_lost_parent_too(planned, source) -> None:
    folder = planned("run", steps=10_000, eval_every=10_000, checkpoint_every=10_000)
    record.write_plan(folder, replace(record.read_plan(folder), data=source))
    worker = start(folder)
    wait_for((folder / record.PROGRESS).exists)
    worker.send_signal(signal.SIGINT)
    assert worker.wait() == 0
    first = record.read_outcome(folder)
    assert (first.status, first.step > 0) == ("interrupted", True)
    # A parent that dies without a word: the worker notices, saves and ends.
    code = f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-m', "\
           f"'archlab.train.worker', {str(folder)!r}, '0', 'resnet20', str(os.getpid())]); "\
           "sys.stdin.read()"  # fmt: skip
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment(),
                              stdin=subprocess.PIPE)  # fmt: skip
    wait_for(lambda: record.read_outcome(folder).step > first.step)
    parent.kill()
    parent.communicate()
    wait_for(lambda: released(folder))
    assert record.read_outcome(folder).step > first.step
    assert record.read_outcome(folder).status == "interrupted"


def test_sigterm_saves(planned, source) -> None:
    folder = planned("run", steps=10_000, eval_every=10_000, checkpoint_every=10_000)
    record.write_plan(folder, replace(record.read_plan(folder), data=source))
    worker = start(folder)
    wait_for((folder / record.PROGRESS).exists)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert record.read_outcome(folder).status == "interrupted"
    assert (folder / record.CHECKPOINT).is_file()


def test_an_orphan_that_has_not_begun_ends_at_once(planned, source) -> None:
    """It is still importing torch, which takes a second or more, when its parent is gone."""
    folder = planned("run", steps=10_000)
    words = f"archlab.train.worker {folder} 0 resnet20"
    parent = subprocess.Popen(
        ["sh", "-c", f"'{sys.executable}' -m {words} $$ & echo $!; exec sleep 60"],
        env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    worker = psutil.Process(int(parent.stdout.readline()))
    wait_for(lambda: any(word.endswith("worker") for word in worker.cmdline()))
    parent.kill()
    parent.communicate()
    worker.wait(5)
    assert not (folder / record.PROGRESS).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_before_there_is_anything_to_save_ends_at_once(planned, source, number) -> None:
    """Imports take seconds, and whoever asks, such as a sweep after Ctrl-C, waits for the end."""
    folder = planned("run", steps=10_000)
    worker = start(folder)
    maps = psutil.Process(worker.pid).memory_maps
    wait_for(lambda: any("libtorch" in each.path for each in maps()))
    worker.send_signal(number)
    assert worker.wait(1) == 0
    assert not (folder / record.PROGRESS).exists()


def test_a_plan_of_somebody_names_no_code(planned, source, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "payload.py").write_text("open('it_ran', 'w')\n")
    folder = planned("run", steps=10)
    record.write_plan(folder, replace(record.read_plan(folder), model="payload.py:Net"))
    with pytest.raises(RunError, match="whoever wrote the file"):
        execute(folder)
    assert start(folder).wait() == 2
    assert not (tmp_path / "it_ran").exists()


def start(folder: Path) -> subprocess.Popen[bytes]:
    words = ["archlab.train.worker", str(folder), "0", "resnet20", str(os.getpid())]
    return subprocess.Popen([sys.executable, "-m", *words], env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def wait_for(condition) -> None:
    deadline = time.monotonic() + 300  # only so that a fault ends the test: starts take seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def released(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except RunError:
        return False
